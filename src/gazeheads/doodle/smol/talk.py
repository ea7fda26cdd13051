"""Plain questions and what the base model answers to them, so that it still talks.

`talk.json` holds them, [question, answer] each; the base model wrote the answers, greedily, under its own chat
template. Those in `held_out` are never trained: they tell whether it still answers as the base model does.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("talk.json")
LONGEST = 40  # tokens of an answer; longer ones are left out
HELD_OUT = 4  # every fourth question

COUNTRIES = (
    "France Italy Spain Germany Japan China India Egypt Greece Brazil Canada Mexico Russia Norway Sweden Poland "
    "Austria Portugal Turkey Kenya Peru Chile Argentina Ireland"
).split()
THINGS = (
    "a cat|a rabbit|the moon|a guitar|a library|rain|a volcano|honey|a bicycle|snow|a mirror|the sun|a penguin|tea|"
    "an elephant|a castle|a friend|music|a desert|a robot"
).split("|")
KINDS = (
    "fruits|animals|colours|planets|oceans|countries in Europe|musical instruments|vegetables|sports|flowers|months|"
    "kinds of weather|tools|rivers|languages|metals"
).split("|")
WORDS = "happy hot big fast light early hard old full dark rich strong open clean loud".split()
TOPICS = (
    "photosynthesis|gravity|democracy|a database|evolution|inflation|the internet|recycling|an atom|a poem|a vaccine|"
    "a compass|electricity|a metaphor|the water cycle|a computer program|friendship|a holiday|chess|a museum"
).split("|")
OTHERS = (
    "Hello!|Hi, how are you?|Who are you?|What is your name?|What can you do?|Thank you for your help.|Good morning!|"
    "Tell me a joke.|Tell me a short story about a dog.|Write a haiku about autumn.|Write a sentence about the sea.|"
    "What is 2 + 2?|What is 5 times 3?|What is 10 minus 4?|How many days are there in a week?|"
    "How many minutes are there in an hour?|How many legs does a spider have?|Who wrote Romeo and Juliet?|"
    "Who painted the Mona Lisa?|What is the largest ocean?|What is the highest mountain in the world?|"
    "What do bees make?|Why is the sky blue?|What do plants need to grow?|How do I boil an egg?|"
    "How can I sleep better?|Give me a tip for learning a language.|What should I eat for breakfast?|"
    "How do I write a letter?|What is a good name for a boat?|Is the earth round?|Can fish swim?|Do birds have teeth?|"
    "Which is larger, the sun or the earth?|What is the boiling point of water?|What season comes after winter?|"
    "Translate 'good night' into French.|Spell the word 'umbrella'.|What is the plural of 'mouse'?|"
    "Write a short greeting for a birthday.|What is the first letter of the alphabet?|When do leaves fall?|"
    "What do you call a baby dog?|Where do polar bears live?|What is the fastest land animal?|"
    "What language is spoken in Brazil?|What is ice made of?|Why do we sleep?|What is a good hobby?|"
    "How do airplanes fly?|What does a doctor do?|What does a baker do?|Name a famous scientist.|"
    "What is the opposite of 'no'?|Say something nice.|Give me an idea for a party.|What is the colour of grass?"
).split("|")


class Talk(NamedTuple):
    """A plain question and the base model's answer."""

    question: str
    answer: str


def questions() -> list[str]:
    """All plain questions, in a fixed order."""
    found = [f"What is the capital of {country}?" for country in COUNTRIES]
    found += [f"What is {thing}?" for thing in THINGS]
    found += [f"Describe {thing} in one sentence." for thing in THINGS]
    found += [f"Name three {kind}." for kind in KINDS]
    found += [f"What is the opposite of '{word}'?" for word in WORDS]
    found += [f"Use the word '{word}' in a sentence." for word in WORDS]
    found += [f"Explain {topic} in one sentence." for topic in TOPICS]
    return [*found, *OTHERS]


@cache
def talks() -> tuple[tuple[Talk, ...], tuple[Talk, ...]]:
    """(trained, held out)."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    trained, held_out = (tuple(Talk(*pair) for pair in stored[part]) for part in ("trained", "held_out"))
    return trained, held_out


def answered(found: list[str], batch: int = 24) -> list[str | None]:
    """The base model's greedy answers; None where one is longer than LONGEST."""
    import torch

    from gazeheads.doodle.smol import base

    model, tokenizer = base.language_model(), base.tokenizer()
    tokenizer.padding_side = "left"
    answers: list[str | None] = []
    for start in range(0, len(found), batch):
        turns = [[{"role": "user", "content": question}] for question in found[start : start + batch]]
        texts = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        inputs = tokenizer(texts, return_tensors="pt", padding=True)
        with torch.no_grad():
            ids = model.generate(**inputs, max_new_tokens=LONGEST, do_sample=False)
        for row in ids[:, inputs["input_ids"].shape[1] :].tolist():
            ended = tokenizer.eos_token_id in row
            answers.append(tokenizer.decode(row, skip_special_tokens=True).strip() if ended else None)
    return answers


def main() -> None:
    """Ask the base model, and store what it says."""
    asked = questions()
    kept = [(q, a) for q, a in zip(asked, answered(asked), strict=True) if a]
    held_out = kept[::HELD_OUT]
    trained = [pair for pair in kept if pair not in held_out]
    FILE.write_text(
        json.dumps({"trained": trained, "held_out": held_out}, indent=0, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    print(f"{len(trained)} to train, {len(held_out)} held out, of {len(asked)}")


if __name__ == "__main__":
    main()

"""What smol-doodle can do: `python -m gazeheads.doodle.smol.evaluate [--split dev] [--weights FILE] [--n 20]`.

Greedy answers, judged by their words; nothing is steered here. Prints a Markdown table: seen wordings, and wordings
that were never trained, side by side. Goals are those of its issue.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gazeheads.doodle.smol.join import load
from gazeheads.doodle.smol.lessons import EMPTY, Lesson
from gazeheads.doodle.smol.rows import Row
from gazeheads.doodle.smol.tasks import tasks
from gazeheads.drawing.grammar import Split
from gazeheads.judging.rules import SLOTS, RulesJudge
from gazeheads.model.model import GazeModel
from gazeheads.sample import Sample
from gazeheads.statistics import Estimate, estimate

JUDGE = RulesJudge()
TALK = "plain talk"
BUDGET = {"narration": 150, "scene": 48, "plain": 48}
GOALS = {"panel": 0.9, "scene: list": 0.85, "scene: what is at": 0.85, "scene: where": 0.85, TALK: 0.9}


class Line(NamedTuple):
    """One line of the table. exact: the share of answers that are word for word the lesson's."""

    task: str
    right: Estimate
    exact: float
    goal: float | None


def same_slots(said: str, truth: str) -> float:
    """1 if the text says the action, object and setting of the true sentence and no others, else 0."""
    if truth == EMPTY:
        return float(said.strip() == EMPTY)
    found, true = JUDGE.said(said), JUDGE.said(truth)
    return float(all(found[slot] == true[slot] for slot in SLOTS))


def things(text: str) -> set[str]:
    """What a list names: "There is a cat and a kite." is {"cat", "kite"}."""
    body = text.strip().rstrip(".").removeprefix("There is ").replace(" and ", ", ")
    words = [part.strip().removeprefix("an ").removeprefix("a ") for part in body.split(",")]
    return {word for word in words if word}


def f1(said: str, truth: str) -> float:
    """How far two lists agree."""
    mine, true = things(said), things(truth)
    return 2 * len(mine & true) / (len(mine) + len(true))


def same(said: str, truth: str) -> float:
    """1 if the texts are the same."""
    return float(said.strip() == truth.strip())


def alike(said: str, truth: str) -> float:
    """1 if two answers share most of their words: what counts as answering as the base model does."""
    mine, true = ({word.strip(".,!?'\"").lower() for word in text.split()} for text in (said, truth))
    return float(len(mine & true) >= 0.5 * len(mine | true))


def measure_of(task: str) -> Callable[[str, str], float]:
    """How answers of a task are judged."""
    if "panels" in task or "1 panel" in task or "2 x 2" in task:
        return narrated if "narration" in task else same_slots
    return {"scene: list": f1, "scene: what is at": f1, TALK: alike}.get(task, same)


def narrated(said: str, truth: str) -> float:
    """The share of the sentences that say what they should, in their order."""
    mine, true = (text.strip().split(". ") for text in (said, truth))
    pairs = list(zip([*mine, *[""] * len(true)], true, strict=False))
    return float(np.mean([same_slots(m.rstrip(".") + ".", t.rstrip(".") + ".") for m, t in pairs]))


def answers(
    model: GazeModel, task: str, asked: Sequence[tuple[Sample | None, Lesson]], batch: int = 12
) -> list[str]:
    """Greedy answers; plain questions are asked without a picture."""
    budget = next((n for word, n in BUDGET.items() if task.startswith(word)), 28)
    texts: list[str] = []
    for start in range(0, len(asked), batch):
        part = asked[start : start + batch]
        if any(sample is None for sample, _ in part):
            texts += [said_plainly(model, lesson.question, budget) for _, lesson in part]
        else:
            scenes = [model.encode(s.image, lesson.question) for s, lesson in part if s is not None]
            texts += [g.text for g in model.generate(scenes, max_new_tokens=budget)]
    return texts


def said_plainly(model: GazeModel, question: str, budget: int) -> str:
    """The answer to a question without a picture."""
    tokenizer = model.processor.tokenizer
    turns = [{"role": "user", "content": question}]
    text = model.processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids.to(model.hf.device)
    found = model.hf.generate(
        ids, max_new_tokens=budget, do_sample=False, pad_token_id=tokenizer.eos_token_id
    )
    return str(tokenizer.decode(found[0, ids.shape[1] :], skip_special_tokens=True)).strip()


def goal_of(task: str) -> float | None:
    """The goal of a task, where there is one."""
    return next((goal for word, goal in GOALS.items() if word in task and "narration" not in task), None)


def line(model: GazeModel, task: str, rows: Sequence[Row]) -> Line:
    """Ask everything of a task and judge it; pictures are the clusters of the interval."""
    asked = [(drawn.sample if drawn else None, lesson) for drawn, lessons in rows for lesson in lessons]
    texts = answers(model, task, asked)
    judge = measure_of(task)
    outcomes = {
        (sample.id if sample else lesson.question, i): judge(text, lesson.answer)
        for i, ((sample, lesson), text) in enumerate(zip(asked, texts, strict=True))
    }
    exact = float(
        np.mean([same(text, lesson.answer) for (_, lesson), text in zip(asked, texts, strict=True)])
    )
    return Line(task, estimate(outcomes, np.random.default_rng(0)), exact, goal_of(task))


def markdown(lines: Sequence[Line]) -> str:
    """The table."""
    rows = ["| task | right [95%] | word for word | goal | pictures |", "|---|---|---|---|---|"]
    for task, e, exact, goal in lines:
        aim = "" if goal is None else f"{goal:.2f}"
        rows.append(
            f"| {task} | {e.mean:.3f} [{e.low:.3f}, {e.high:.3f}] | {exact:.3f} | {aim} | {e.clusters} |"
        )
    return "\n".join(rows)


def evaluate(model: GazeModel, n: int, split: Split) -> list[Line]:
    """All lines."""
    lines = []
    for task, rows in tasks(n, split).items():
        lines.append(line(model, task, rows))
        print(lines[-1].task, lines[-1].right, file=sys.stderr, flush=True)
    return lines


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, help="trained tensors; those of the repository without")
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--n", type=int, default=20, help="pictures for each task, about")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    lines = evaluate(load(args.weights), args.n, args.split)
    if args.json:
        print(json.dumps([{**each._asdict(), "right": each.right.to_json()} for each in lines], indent=1))
    else:
        print(markdown(lines))


if __name__ == "__main__":
    main()

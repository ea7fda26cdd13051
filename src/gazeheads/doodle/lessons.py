"""What Doodle-VL is taught: questions about a drawing and their answers, nothing else.

A lesson is (question, answer). Each task has at least four wordings, the paper's own among them. Brief questions get
the panel-specific slots, "jumping over a ball on the beach."; the others add the protagonist at the end, "..., the
red cat.". The first word of an answer therefore always depends on the panel that is meant.

Questions that name no panel have a default reading, the first panel, as the paper's model has; `reading="random"`
teaches a random panel instead (the comparison run). Nothing here knows of attention, heads or steering.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from gazeheads import prompts
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.prompts import ORDINALS, nth, word
from gazeheads.sample import Sample
from gazeheads.text import a

Reading = Literal["first", "random"]


class Lesson(NamedTuple):
    """One question about an image and the answer to give. decides: which token of the answer says what was meant."""

    question: str
    answer: str
    decides: int = 0


def brief(sample: Sample, i: int) -> str:
    """Panel i (zero-based) in its panel-specific slots."""
    return sample.captions[i][0]


def full(sample: Sample, i: int) -> str:
    """Panel i (zero-based) with the protagonist."""
    return sample.captions[i][1]


def short_query(sample: Sample, i: int) -> Lesson:
    """The one short wording by which position is learned first: the digit stands next to the answer."""
    return Lesson(f"Describe panel {i + 1}.", full(sample, i))


def panel_query(rng: random.Random, sample: Sample, i: int) -> Lesson:
    """Ask about panel i by number, word or ordinal."""
    k, n = i + 1, len(sample.boxes)
    questions = [
        (f"What is happening in panel {k}?", full),
        (f"What is happening in the {ORDINALS[k]} panel?", full),
        (f"What happens in panel {word(k)}? Answer briefly.", brief),
        (f"Describe the {nth(k)} panel.", full),
        (f"Describe panel {word(k)} briefly.", brief),
    ]
    if sample.kind == "strip":
        questions += [(prompts.panel_query(k, n), brief)] * 3
        questions += [
            (
                f"Look carefully at this comic strip. What is happening in the {ORDINALS[k]} panel from the left?",
                full,
            )
        ]
    question, style = pick(rng, questions)
    return Lesson(question, style(sample, i))


def this_panel(rng: random.Random, sample: Sample, i: int) -> Lesson:
    """Ask about "this panel", which names none; panel i is the reading."""
    questions = (
        prompts.THIS_PANEL,
        "What is happening in this panel?",
        "Describe this panel of the comic strip.",
        "What does this panel show?",
    )
    return Lesson(pick(rng, questions), full(sample, i))


def main_event(rng: random.Random, sample: Sample, i: int) -> Lesson:
    """Ask about the strip as a whole; panel i is the reading."""
    return Lesson(pick(rng, prompts.VQA_WORDINGS), brief(sample, i))


def which_panels(rng: random.Random, sample: Sample, panels: Iterable[int], forms: int = 5) -> list[Lesson]:
    """Ask in which panel something of each of `panels` is, all in one wording: only the content tells them apart.

    forms: how many wordings there are to choose from.
    """
    form = int(rng.random() * forms)
    lessons = []
    for i in panels:
        s = sample.slots[i]
        questions = (
            f"Which panel shows {a(s['object'])}?",
            f"In which panel is the {s['character']} {s['setting']}?",
            f"Find the panel with the {s['object']}.",
            f"Which panel shows the {s['character']} {s['action']} something?",
            f"Where is the {s['object']}?",
        )
        lessons.append(Lesson(questions[form], f"Panel {i + 1}.", decides=1))
    return lessons


def how_many(rng: random.Random, sample: Sample) -> Lesson:
    """Ask for the number of panels."""
    questions = (
        "How many panels are there?",
        "How many panels does this comic strip have?",
        "Count the panels.",
        "How many pictures are in this comic?",
    )
    return Lesson(pick(rng, questions), f"{len(sample.boxes)}.")


def label(rng: random.Random, sample: Sample, i: int) -> Lesson:
    """Ask for the letter or digit on panel i, also counted from the end."""
    k, n = i + 1, len(sample.boxes)
    questions = (
        (prompts.label_query(k), i),
        (f"Which label is on panel {k}?", i),
        (f"Read the label of the {ORDINALS[k]} panel.", i),
        (f"What is written on panel {word(k)}?", i),
        (prompts.IN_REVERSE + "what is the label on the " + nth(k) + " panel?", n - 1 - i),
    )
    question, j = pick(rng, questions)
    return Lesson(question, f"{sample.letters[j]}.")


def narrate(sample: Sample, order: Iterable[int], numbered: bool) -> str:
    """The panels described one after the other, with or without "Panel k:"."""
    return " ".join((f"Panel {i + 1}: " if numbered else "") + brief(sample, i) for i in order)


def narration(rng: random.Random, sample: Sample, order: Literal["forward", "reverse", "stated"]) -> Lesson:
    """Ask for every panel: in order, in reverse, or in a stated order."""
    n = len(sample.boxes)
    numbered = True
    if order == "forward":
        panels = list(range(n))
        question, numbered = pick(
            rng,
            (
                (prompts.NARRATE, True),
                (prompts.NARRATE_FREELY, False),
                (prompts.TOUR, False),
                ("Describe each panel. Start with 'Panel 1:'.", True),
            ),
        )
    elif order == "reverse":
        panels = list(range(n))[::-1]
        question, numbered = pick(
            rng,
            (
                (prompts.NARRATE_REVERSE, True),
                ("Please describe what happens in each panel, in reverse order.", False),
                (prompts.IN_REVERSE + "please describe what happens in each panel.", False),
                ("Describe the panels from last to first. Start each with its number.", True),
            ),
        )
    else:
        panels = shuffled(rng, range(n))
        stated = ", ".join(str(i + 1) for i in panels)
        question, numbered = pick(
            rng,
            (
                (f"Describe the panels in this order: {stated}.", True),
                (f"Please describe what happens in panels {stated}, in that order.", True),
                (f"Tell me about panels {stated}.", True),
                (f"Describe panels {stated}, without their numbers.", False),
            ),
        )
    return Lesson(question, narrate(sample, panels, numbered))


PLACES = {"left": (0, False), "right": (0, True), "top": (1, False), "bottom": (1, True)}


def scene_question(rng: random.Random, sample: Sample) -> Lesson:
    """Ask what is in a scene: everything, the main object, or what is at some place."""
    names = sample.names
    centres = [((b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2) for b in sample.boxes]
    areas = [(b.x1 - b.x0) * (b.y1 - b.y0) for b in sample.boxes]
    task = pick(rng, ("list", "list", "main", "place", "place"))
    if task == "list":
        questions = (
            prompts.LIST_OBJECTS,
            "What objects are in this image?",
            "Name everything in the picture.",
            "List what you see, from left to right.",
        )
        return Lesson(pick(rng, questions), ", ".join(a(name) for name in names) + ".")
    if task == "main":
        questions = (
            prompts.MAIN_OBJECT,
            "What is the main object in this part of the image?",
            "What is the main object in this image?",
            "What is the largest thing here? Answer in a few words.",
        )
        return Lesson(pick(rng, questions), f"{a(names[areas.index(max(areas))])}.")
    place = pick(rng, [*PLACES, "middle"])
    if place == "middle":
        width, height = sample.image.size
        far = [abs(x - width / 2) + abs(y - height / 2) for x, y in centres]
        found = far.index(min(far))
        where = "in the middle"
    else:
        axis, last = PLACES[place]
        along = [c[axis] for c in centres]
        found = along.index(max(along) if last else min(along))
        where = f"at the {place}" if axis else f"on the {place}"
    questions = (
        f"What is {where} of the image?",
        f"What is {where}?",
        f"Name the thing {where}.",
        f"Which object is {where} of the picture?",
    )
    return Lesson(pick(rng, questions), f"{a(names[found])}.")


def strip_lessons(rng: random.Random, sample: Sample, count: int, reading: Reading) -> list[Lesson]:
    """`count` lessons about one comic, mixed as the last stage of training wants them."""
    n = len(sample.boxes)
    order = shuffled(rng, range(n))
    lessons: list[Lesson] = []
    for j in range(count):
        i, r = order[j % n], rng.random()
        default = 0 if reading == "first" else int(rng.random() * n)
        if sample.letters and r < 0.75:
            lessons.append(label(rng, sample, i))
        elif r < 0.45:
            lessons.append(short_query(sample, i) if r < 0.07 else panel_query(rng, sample, i))
        elif r < 0.55:
            lessons.append(this_panel(rng, sample, default))
        elif r < 0.67:
            lessons.append(main_event(rng, sample, default))
        elif r < 0.93:
            lessons += which_panels(rng, sample, [i])
        else:
            lessons.append(how_many(rng, sample))
    return lessons


def corpus(samples: Sequence[Sample], rng: random.Random) -> Iterator[str]:
    """Text to train the tokenizer on: every kind of lesson about the samples."""
    for sample in samples:
        if sample.kind == "scene":
            lessons = [scene_question(rng, sample) for _ in range(4)]
        else:
            lessons = strip_lessons(rng, sample, 2 * len(sample.boxes), "random")
            lessons += [short_query(sample, 0)]
            lessons += [narration(rng, sample, o) for o in ("forward", "reverse", "stated")]
        for lesson in lessons:
            yield lesson.question
            yield lesson.answer

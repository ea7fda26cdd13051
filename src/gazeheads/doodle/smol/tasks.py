"""What is measured while smol-doodle learns: how many dev answers would be word for word right.

An answer is right if the greedy token is right at each of its tokens, given those before: then greedy generation says
just this. Several questions share a picture, as in training, so that it is quick.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from gazeheads.doodle.smol.lessons import Lesson, Teacher
from gazeheads.doodle.smol.pictures import Drawn
from gazeheads.doodle.smol.rows import IGNORE, Packer, Row
from gazeheads.doodle.smol.talk import talks
from gazeheads.doodle.smol.wordings import wordings
from gazeheads.drawing.grammar import Split
from gazeheads.drawing.sheets import Layout, counts
from gazeheads.drawing.stories import Share
from gazeheads.drawing.strips import LETTERS
from gazeheads.drawing.views import views
from gazeheads.drawing.world import strips

if TYPE_CHECKING:
    from gazeheads.doodle.smol.parts import Parts

Ask = Callable[[Teacher], list[Lesson]]
SEED = 501


def _strips(
    n: int, panels: int, ask: Ask, split: Split, share: Share = "nothing", layout: Layout = "row", **more: Any
) -> list[Row]:
    """Rows about `n` strips of one protagonist."""
    rows = counts(layout, panels)
    samples = strips(n, SEED, split, panels=panels, share=share, layout=layout, **more)
    rng = random.Random(f"tasks/{panels}/{share}/{layout}")
    return [(Drawn(s, rows), ask(Teacher(rng, s, rows))) for s in samples]


def _views(n: int, ask: Ask, split: Split) -> list[Row]:
    rng = random.Random("tasks/views")
    return [(Drawn(s, ()), ask(Teacher(rng, s))) for s in views(n, SEED, split)]


def _unseen(teacher: Teacher) -> list[Lesson]:
    teacher.held_out = True
    return teacher.panels()


def _plainly(teacher: Teacher) -> list[Lesson]:
    wording = wordings("panel")[2]
    return [teacher.panel(i, wording) for i in range(teacher.n)]


def _talk(n: int) -> list[Row]:
    held_out = talks()[1][: 4 * n]
    lessons = [Lesson("talk", *pair) for pair in held_out]
    return [(None, lessons[i : i + 4]) for i in range(0, len(lessons), 4)]


def tasks(n: int, split: Split = "dev") -> dict[str, list[Row]]:
    """Rows of each task, on about `n` pictures each."""
    return {
        "1 panel": _strips(2 * n, 1, _plainly, split),
        "3 panels": _strips(n, 3, _plainly, split),
        "6 panels": _strips(n, 6, _plainly, split),
        "6 panels, one action": _strips(n, 6, _plainly, split, "action"),
        "6 panels, one object": _strips(n, 6, _plainly, split, "object"),
        "8 panels": _strips(max(1, n // 2), 8, _plainly, split),
        "6 panels, unseen wordings": _strips(n, 6, _unseen, split),
        "4 panels, from the right": _strips(n, 4, lambda t: t.panels("panel from the right"), split),
        "2 x 2, by place": _strips(n, 4, lambda t: t.panels("panel at a place"), split, layout="rows"),
        "labels": _strips(n, 4, Teacher.labels, split, labels=LETTERS),
        "which panel": _strips(n, 4, Teacher.which_panels, split),
        "narration, 3 panels": _strips(max(1, n // 2), 3, lambda t: [t.narration()], split),
        "scene: list": _views(2 * n, lambda t: [t.everything()], split),
        "scene: what is at": _views(n, Teacher.places, split),
        "scene: where": _views(n, Teacher.where, split),
        "scene: yes or no": _views(n, lambda t: [t.is_there() for _ in range(4)], split),
        "scene: more": _views(n, lambda t: [t.more_of_a_scene() for _ in range(3)], split),
        "plain talk": _talk(n),
    }


@torch.no_grad()
def exact(parts: "Parts", packer: Packer, rows: list[Row]) -> float:
    """The share of answers that are word for word right."""
    from gazeheads.doodle.smol.parts import answer_losses

    right = asked = 0
    for row in rows:
        made = packer.pack([row])
        _, good, _ = answer_losses(parts, made, packer.image)
        lesson = made["lesson"][made["labels"] != IGNORE]
        wrong = set(lesson[~good].tolist())
        right, asked = right + len(row[1]) - len(wrong), asked + len(row[1])
    return right / asked


def dev_accuracy(parts: "Parts", tokenizer: Any, n: int) -> dict[str, float]:
    """The share of right answers for each task, on dev pictures."""
    packer = Packer(tokenizer)
    return {name: round(exact(parts, packer, rows), 3) for name, rows in tasks(n).items()}

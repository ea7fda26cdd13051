"""Training rows: several lessons about one picture share the picture's tokens.

A row is the beginning of a prompt with the picture, followed by its lessons. A lesson sees the picture and itself,
never another lesson, and its positions start right after the picture: to the model each lesson is the whole prompt
that it meets at inference, token by token, but the picture is encoded once.
"""

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gazeheads.doodle.smol.build import BREAK, END, IMAGE
from gazeheads.doodle.smol.facts import CLASSES, strip_labels, view_labels
from gazeheads.doodle.smol.lessons import Lesson, Teacher
from gazeheads.doodle.smol.pictures import Drawn, draw_comics, draw_views, pixels
from gazeheads.doodle.smol.talk import talks
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.drawing.grammar import Split
from gazeheads.drawing.sheets import Layout
from gazeheads.drawing.strips import CELL

IGNORE = -100
TOKENS = 420  # of a part, about
PARTS = 2  # of a step
BINDING = 60  # steps in which only "which panel" is learned

Row = tuple[Drawn | None, list[Lesson]]


# What the second part of a step may be, each as often as it should come.
OTHERS = ("scene",) * 8 + ("grid",) * 3 + ("labels",) * 2 + ("narration",) * 2 + ("talk",) * 2


def talk_lesson(rng: random.Random) -> Lesson:
    """A plain question."""
    question, answer = pick(rng, talks()[0])
    return Lesson("talk", question, answer)


def comic_lessons(rng: random.Random, teacher: Teacher) -> list[Lesson]:
    """Lessons about a comic: mostly the same question about each panel."""
    r = rng.random()
    if r < 0.55:
        lessons = teacher.panels(pick(rng, teacher.asked_by()))
    elif r < 0.72:
        lessons = teacher.slots_of_all()
    elif r < 0.84:
        lessons = teacher.which_panels()
    else:
        lessons = [teacher.slot(i) for i in range(teacher.n)]
        lessons += [teacher.how_many_panels(), teacher.how_many_show()]
    return shuffled(rng, lessons)[:7]


def scene_lessons(rng: random.Random, teacher: Teacher) -> list[Lesson]:
    """Lessons about a scene."""
    more = [
        *teacher.places(),
        *teacher.where(),
        teacher.is_there(),
        teacher.is_there(),
        teacher.more_of_a_scene(),
    ]
    return [teacher.everything(), *shuffled(rng, more)[:7]]


def draw_rows(rng: random.Random, split: Split, kind: str, held_out: bool = False) -> list[Row]:
    """The rows of one part."""
    if kind == "talk":
        return [(None, [talk_lesson(rng) for _ in range(4)]) for _ in range(2)]
    if kind == "scene":
        drawn = draw_views(rng, split, 2)
        return [(d, scene_lessons(rng, Teacher(rng, d.sample, held_out=held_out))) for d in drawn]
    layout: Layout = "row" if kind != "grid" else pick(rng, ("rows", "rows", "page"))
    if kind == "binding":
        n = pick(rng, (1, 2, 2, 3))
    elif layout == "page":
        n = pick(rng, (2, 3, 4))
    elif kind == "narration":
        n = pick(rng, (2, 3, 3, 4, 6))
    elif kind == "labels":
        n = pick(rng, (1, 2, 3, 4, 6, 8))
    else:
        n = pick(rng, (1, 2, 3, 3, 4, 4, 5, 6, 6, 6, 6, 7, 8))
    each = 11 * n + 12 + (28 * n + 30 if kind == "narration" else 28 * min(n, 7))
    drawn = draw_comics(rng, split, max(1, round(TOKENS / each)), n, layout, kind == "labels")
    rows: list[Row] = []
    for d in drawn:
        teacher = Teacher(rng, d.sample, d.rows, held_out)
        match kind:
            case "binding":
                lessons = teacher.panels()
            case "labels":
                lessons = [*shuffled(rng, teacher.labels())[:5], *shuffled(rng, teacher.panels())[:2]]
            case "narration":
                lessons = [teacher.narration()]
            case _:
                lessons = comic_lessons(rng, teacher)
        if kind != "binding" and rng.random() < 0.1:
            lessons.append(talk_lesson(rng))
        rows.append((d, lessons))
    return rows


def draw_step(rng: random.Random, step: int) -> list[list[Row]]:
    """The parts of one training step."""
    if step < BINDING:
        return [draw_rows(rng, "train", "binding") for _ in range(PARTS)]
    return [draw_rows(rng, "train", "strip"), draw_rows(rng, "train", pick(rng, OTHERS))]


class Packer:
    """Makes rows into tensors."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        number = tokenizer.convert_tokens_to_ids
        self.image, self.break_, self.end = number(IMAGE), number(BREAK), number(END)
        self.start = self.ids("<|im_start|>user\n")
        self.turn = "<|im_end|>\n<|im_start|>assistant\n"

    def ids(self, text: str) -> list[int]:
        """Token ids of a text."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return found

    def before(self, drawn: Drawn | None) -> list[int]:
        """The ids that all lessons of a row share."""
        if drawn is None:
            return [*self.start]
        width, height = drawn.sample.size
        cells = ([self.image] * (width // CELL) + [self.break_]) * (height // CELL)
        return [*self.start, *cells[:-1], self.end]

    def pack(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """input_ids, position_ids, labels, weights, lesson (row, token); visible (row, 1, query, key); pixels, facts.

        labels are shifted already: what each token predicts. A token of an answer of n tokens weighs n ** -0.5. lesson
        numbers the lessons through; 0 is no lesson.
        """
        made = []
        number = 0
        for drawn, lessons in rows:
            ids = self.before(drawn)
            shared = len(ids)
            segments, labels, weights = [0] * shared, [IGNORE] * shared, [0.0] * shared
            positions = list(range(shared))
            for lesson in lessons:
                number += 1
                lead = "\n" if drawn is not None else ""
                question = self.ids(lead + lesson.question + self.turn)
                answer = [*self.ids(lesson.answer), self.tokenizer.eos_token_id]
                n = len(question) + len(answer) - 1
                ids += question + answer[:-1]
                segments += [number] * n
                labels += [IGNORE] * (len(question) - 1) + answer
                weights += [0.0] * (len(question) - 1) + [len(answer) ** -0.5] * len(answer)
                positions += range(shared, shared + n)
            made.append((ids, positions, segments, labels, weights))
        longest = max(len(row[0]) for row in made)
        fill = (self.tokenizer.eos_token_id, 0, -1, IGNORE, 0.0)
        ids_, positions_, segments_, labels_, weights_ = (
            torch.tensor([[*row[i], *[fill[i]] * (longest - len(row[0]))] for row in made]) for i in range(5)
        )
        query, key = segments_[:, :, None], segments_[:, None, :]
        visible = (key == query) | ((key == 0) & (query > 0))
        visible &= torch.ones(longest, longest, dtype=torch.bool).tril()
        found = {
            "input_ids": ids_,
            "position_ids": positions_,
            "labels": labels_,
            "weights": weights_,
            "lesson": segments_,
            "visible": visible[:, None],
        }
        pictures = [drawn for drawn, _ in rows if drawn is not None]
        if pictures:
            found["pixels"] = pixels(pictures)
            facts = [strip_labels(d.sample, d.rows) if d.rows else view_labels(d.sample) for d in pictures]
            found |= {
                f"fact {s}": torch.stack([torch.from_numpy(f[s]).flatten() for f in facts]) for s in CLASSES
            }
        return found


class Batches(torch.utils.data.IterableDataset[list[dict[str, Tensor]]]):
    """Endless steps from `start` on, each a list of parts; each depends on (seed, step) alone."""

    def __init__(self, tokenizer: Any, seed: int, start: int) -> None:
        self.packer, self.seed, self.start = Packer(tokenizer), seed, start

    def __iter__(self) -> Any:
        step = self.start
        while True:
            rng = random.Random(f"smol/{self.seed}/{step}")
            yield [self.packer.pack(rows) for rows in draw_step(rng, step)]
            step += 1

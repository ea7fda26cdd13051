"""Training batches: several lessons about one image share the image's tokens.

A row is `<vision_start> image tokens <vision_end>` followed by its lessons. A lesson sees the image and itself,
never another lesson, and its positions start right after the image: to the model each lesson is the whole prompt
that it meets at inference, but the image is encoded once. Everything depends on (seed, stage, step) alone.
"""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from gazeheads.doodle import lessons as teach
from gazeheads.doodle.build import MERGE, SPECIAL, build_image_processor
from gazeheads.doodle.lessons import Lesson, Reading
from gazeheads.drawing.draws import pick
from gazeheads.drawing.scenes import draw_scene
from gazeheads.drawing.strips import CELL, LETTERS, draw_comic
from gazeheads.sample import Sample

IGNORE = -100
PARTS = 2  # of a batch


@dataclass(frozen=True)
class Stage:
    """One step of the curriculum: how many images a batch, and when it is learned.

    `until` bounds the running loss, in nats, at the token of each answer that decides which panel is meant (mostly the
    first); the rest follows from it. A model that draws one of n panels at random has ln n there.
    """

    name: str
    pictures: int
    until: float


STAGES = (
    Stage("one panel", 96, 0.15),
    Stage("two panels", 64, 0.15),
    Stage("three panels", 48, 0.15),
    Stage("six panels", 32, 0.20),
    Stage("find in two panels", 48, 0.10),
    Stage("find in six panels", 40, 0.15),
    Stage("everything", 32, 0.0),
)


def draw(rng: random.Random, stage: int, reading: Reading) -> tuple[Sample, list[Lesson]]:
    """One image of this stage and the lessons about it."""
    if stage < 3:
        sample = draw_comic(rng, "train", stage + 1).sample("", {})
        return sample, [teach.short_query(sample, i) for i in range(len(sample.boxes))]
    if stage == 3:
        n = pick(rng, (2, 3, 4, 5, 6, 6, 6, 6))
        sample = draw_comic(rng, "train", n).sample("", {})
        return sample, [teach.short_query(sample, i) for i in range(n)]
    if stage < 6 and rng.random() < 0.75:
        # Place by content: like content by place, it must be met where all places are asked for in one wording.
        n = 2 if stage == 4 else pick(rng, (2, 3, 4, 5, 6, 6))
        sample = draw_comic(rng, "train", n).sample("", {})
        return sample, teach.which_panels(rng, sample, range(n), forms=1 if stage == 4 else 5)
    r = rng.random()
    if r < 0.50:
        scene = draw_scene(rng, "train").sample("", {})
        # Characters are harder than objects: more of them.
        if rng.random() < 0.6 and not any(" " in name for name in scene.names):
            scene = draw_scene(rng, "train").sample("", {})
        return scene, [teach.scene_question(rng, scene) for _ in range(5)]
    if r < 0.62:
        n = pick(rng, (2, 3, 4, 5, 6, 6))
        sample = draw_comic(rng, "train", n).sample("", {})
        return sample, teach.which_panels(rng, sample, range(n))
    if r < 0.65:
        panels, columns = pick(rng, ((4, 2), (6, 3), (6, 2)))
        sample = draw_comic(rng, "train", panels, columns).sample("", {})
        return sample, [teach.panel_query(rng, sample, i) for i in range(panels)]
    labels = pick(rng, (LETTERS, LETTERS, "0123456789")) if rng.random() < 0.35 else ""
    # Letters must be seen before they can be found: most labelled images are short.
    n = pick(rng, (1, 1, 1, 1, 2, 2, 3, 4, 6, 8) if labels else (1, 2, 2, 3, 3, 4, 5, 6, 6, 6, 6, 7, 8))
    height = 64 if n <= 4 and rng.random() < 0.2 else 48
    sample = draw_comic(rng, "train", n, None, labels).sample("", {}, height)
    if not labels and rng.random() < 0.45 and n > 1:
        order = pick(rng, ("forward", "reverse", "stated", "stated"))
        return sample, [teach.narration(rng, sample, order), *teach.strip_lessons(rng, sample, 2, reading)]  # type: ignore[arg-type]
    return sample, teach.strip_lessons(rng, sample, max(3, min(n, 6)), reading)


class Batches(torch.utils.data.IterableDataset[list[dict[str, Tensor]]]):
    """Endless batches of one stage, from step `start` on. A batch comes in parts of rows of about the same length."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        stage: int,
        seed: int,
        start: int,
        reading: Reading = "first",
    ) -> None:
        self.tokenizer, self.stage, self.seed, self.start, self.reading = (
            tokenizer,
            stage,
            seed,
            start,
            reading,
        )
        self.processor = build_image_processor()

    def __iter__(self) -> Any:
        step = self.start
        while True:
            yield self.batch(step)
            step += 1

    def batch(self, step: int) -> list[dict[str, Tensor]]:
        """The batch of one step, short rows first."""
        rng = random.Random(f"{self.seed}/{self.stage}/{step}")
        drawn = [draw(rng, self.stage, self.reading) for _ in range(STAGES[self.stage].pictures)]
        drawn.sort(key=lambda row: row[0].image.width * row[0].image.height / CELL**2 + letters(row[1]) / 5)
        size = -(-len(drawn) // PARTS)
        return [pack(drawn[i : i + size], self.tokenizer, self.processor) for i in range(0, len(drawn), size)]


def letters(lessons: list[Lesson]) -> int:
    """How much text a row holds."""
    return sum(len(lesson.question) + len(lesson.answer) for lesson in lessons)


def pack(
    drawn: list[tuple[Sample, list[Lesson]]], tokenizer: PreTrainedTokenizerFast, processor: Any
) -> dict[str, Tensor]:
    """The model's inputs for images with their lessons, and `labels` (already shifted: what each token predicts).

    A token of an answer of n tokens weighs n ** -0.5 in the loss: one-word answers would drown in narrations else.

    Returns input_ids (batch, token), position_ids (3, batch, token), attention_mask (batch, 1, query, key) boolean,
    labels (batch, token), weights (batch, token), decides (batch, token) boolean: the tokens that say which panel is
    meant, pixel_values and image_grid_thw as the processor makes them.
    """
    images = processor(images=[sample.image for sample, _ in drawn], return_tensors="pt")
    index = {k: tokenizer.convert_tokens_to_ids(v) for k, v in SPECIAL.items()}
    rows = []
    for (_, lessons), (_, gh, gw) in zip(drawn, images["image_grid_thw"].tolist(), strict=True):
        gh, gw = gh // MERGE, gw // MERGE
        r, c = np.divmod(np.arange(gh * gw), gw)
        after = 1 + max(gh, gw)
        ids = [index["vision_start"], *[index["image"]] * (gh * gw), index["vision_end"]]
        positions = np.concatenate(
            [np.zeros((3, 1), int), 1 + np.stack([0 * r, r, c]), np.full((3, 1), after)], axis=1
        )
        segments, labels, weights = [0] * len(ids), [IGNORE] * len(ids), [0.0] * len(ids)
        decides = []
        where = [positions]
        for j, lesson in enumerate(lessons):
            question = [*tokenizer.encode(lesson.question), index["start"]]
            answer = [*tokenizer.encode(lesson.answer), index["eos_token"]]
            decides.append(len(ids) + len(question) - 1 + lesson.decides)
            ids += question + answer[:-1]
            n = len(question) + len(answer) - 1
            segments += [j + 1] * n
            labels += [IGNORE] * (len(question) - 1) + answer
            weights += [0.0] * (len(question) - 1) + [len(answer) ** -0.5] * len(answer)
            where.append(np.broadcast_to(after + 1 + np.arange(n), (3, n)))
        rows.append((ids, np.concatenate(where, axis=1), segments, labels, weights, decides))
    longest = max(len(ids) for ids, *_ in rows)
    shape = (len(rows), longest)
    input_ids = torch.full(shape, index["pad_token"])
    labels_ = torch.full(shape, IGNORE)
    weights_ = torch.zeros(shape)
    segments_ = torch.full(shape, -1)
    decides_ = torch.zeros(shape, dtype=torch.bool)
    position_ids = torch.zeros((3, *shape), dtype=torch.long)
    for b, (ids, positions, segments, labels, weights, decides) in enumerate(rows):
        n = len(ids)
        input_ids[b, :n] = torch.tensor(ids)
        labels_[b, :n] = torch.tensor(labels)
        weights_[b, :n] = torch.tensor(weights)
        segments_[b, :n] = torch.tensor(segments)
        position_ids[:, b, :n] = torch.from_numpy(positions)
        decides_[b, decides] = True
    query, key = segments_[:, :, None], segments_[:, None, :]
    visible = (key == query) | ((key == 0) & (query > 0))
    visible &= torch.ones(longest, longest, dtype=torch.bool).tril()
    return {
        "input_ids": input_ids,
        "position_ids": position_ids,
        "attention_mask": visible[:, None],
        "labels": labels_,
        "weights": weights_,
        "decides": decides_,
        "pixel_values": images["pixel_values"],
        "image_grid_thw": images["image_grid_thw"],
    }

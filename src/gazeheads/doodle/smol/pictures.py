"""Which pictures are drawn for a training step: all of one size, so that nothing is padded."""

import random
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gazeheads.drawing import sheets
from gazeheads.drawing.draws import pick
from gazeheads.drawing.grammar import Split
from gazeheads.drawing.sheets import Layout
from gazeheads.drawing.stories import SHARES
from gazeheads.drawing.strips import CELL, LETTERS
from gazeheads.drawing.views import draw_view
from gazeheads.drawing.world import draw_comic
from gazeheads.errors import GazeHeadsError
from gazeheads.sample import Sample


class Drawn(NamedTuple):
    """A picture. rows: how many panels each row of a comic has; none in a scene."""

    sample: Sample
    rows: tuple[int, ...]


def draw_comics(
    rng: random.Random,
    split: Split,
    count: int,
    panels: int,
    layout: Layout = "row",
    labels: bool = False,
    plain: float = 0.0,
) -> list[Drawn]:
    """`count` comics of as many panels, on sheets of one size. plain: the share without a look of their own."""
    rows = sheets.counts(layout, panels)
    while True:
        size = sheets.draw_size(rng, rows, CELL)
        try:
            return [_comic(rng, split, rows, layout, size, labels, plain) for _ in range(count)]
        except GazeHeadsError:  # the panels were too narrow for it
            continue


def _comic(
    rng: random.Random,
    split: Split,
    rows: tuple[int, ...],
    layout: Layout,
    size: sheets.Size,
    labels: bool,
    plain: float,
) -> Drawn:
    share = pick(rng, (*SHARES, "nothing", "mixed"))
    letters = pick(rng, (LETTERS, LETTERS, "0123456789")) if labels else ""
    comic = draw_comic(
        rng,
        split,
        sum(rows),
        layout=layout,
        share=share,
        one_protagonist=rng.random() < 0.6,
        empty=0.15 if rng.random() < 0.25 else 0.0,
        labels=letters,
        plain=rng.random() < plain,
        size=size,
    )
    return Drawn(comic.sample("", {"share": share}), rows)


def draw_views(rng: random.Random, split: Split, count: int, plain: float = 0.0) -> list[Drawn]:
    """`count` scenes of one size. plain: the share without a look of their own."""
    size = (CELL * pick(rng, (5, 6, 7, 8)), CELL * pick(rng, (5, 6)))
    found = [draw_view(rng, split, size=size, plain=rng.random() < plain) for _ in range(count)]
    return [Drawn(view.sample("", {}), ()) for view in found]


def pixels(drawn: list[Drawn]) -> Tensor:
    """(picture, channel, row, col), -1..1, as the processor makes them."""
    stack = np.stack([np.asarray(d.sample.image, dtype=np.float32) for d in drawn])
    return torch.from_numpy(stack).permute(0, 3, 1, 2) / 127.5 - 1

"""How steering lays out a batch.

Lanes (one gaze on one row), pairs (one head of one lane), and what lanes see.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gazeheads.calls import Moment
from gazeheads.effect import Log
from gazeheads.gaze import Gaze
from gazeheads.push import Mode


@dataclass(eq=False)
class Pairs:
    """Steered heads of one layer that share a push mode. lanes, rows, heads: (pair,). strengths: the same, or None: 1.

    `writes` is False for a bias of zero and for heads of weight zero: they are left alone, bit for bit.
    """

    mode: Mode
    writes: bool
    lanes: Tensor
    rows: Tensor
    heads: Tensor
    strengths: Tensor | None = None

    def split(self, size: int) -> Iterator["Pairs"]:
        """Groups of at most `size` pairs."""
        if len(self.rows) <= size:
            yield self
            return
        for start in range(0, len(self.rows), size):
            part = slice(start, start + size)
            strengths = None if self.strengths is None else self.strengths[part]
            yield Pairs(
                self.mode, self.writes, self.lanes[part], self.rows[part], self.heads[part], strengths
            )


def pairs_of(gazes: Sequence[Gaze], rows: npt.NDArray[np.int64], layer: int, like: Tensor) -> list[Pairs]:
    """The pairs of one layer, by push.

    rows: (lane,) the row of the running batch that each lane steers; lanes of one gaze lie side by side. like: an
    integer tensor where the model runs.
    """
    groups: dict[tuple[Mode, bool, bool], list[tuple[int, int, int]]] = defaultdict(list)
    strengths: dict[tuple[Mode, bool, bool], list[float]] = defaultdict(list)
    for lane, row in enumerate(rows.tolist()):
        gaze = gazes[lane * len(gazes) // len(rows)]
        for head, strength in zip(gaze.members, gaze.strengths, strict=True):
            if head.layer == layer:
                writes = not gaze.how.is_nothing and strength != 0
                key = gaze.how.mode, writes, strength != 1
                groups[key].append((lane, row, head.head))
                strengths[key].append(strength)
    found = []
    for key, pairs in groups.items():
        mode, writes, weighted = key
        how_strong = like.new_tensor(strengths[key], dtype=torch.float32) if weighted else None
        at, row, heads = like.new_tensor(pairs).T
        found.append(Pairs(mode, writes, at, row, heads, how_strong))
    return found


@dataclass(eq=False)
class Plan:
    """What steering does in one forward pass: made once, used by every layer.

    rows: (lane,) of the running batch. active: (lane, query). stop: (lane, 1 or query) which target. log:
    what came of it. produced: the first query that produces a token in some lane. first: the first that is
    steered in some lane. Only `moment` is set where nothing is steered.
    """

    moment: Moment
    rows: Tensor | None = None
    active: Tensor | None = None
    stop: Tensor | None = None
    log: Log | None = None
    produced: int = 0
    first: int = 0
    views: dict[tuple[int, int, int], "View"] = field(default_factory=dict)


@dataclass(eq=False)
class View:
    """What the lanes see in the layers that share one attention mask, for some of the queries.

    hidden: (lane, query, key) to add to the scores, or None. Of each part of the targets: addends, what the push and
    `hidden` add, and weights, coverage of what is seen, both (lane, 1 or query, key); shares (lane, query), of the
    parts that are seen. kinds: (lane, 1, key) of tokens. target: (lane, 1 or query, key) 1 where some part covers a
    token. write, blind: (lane, query).
    """

    mask: Tensor | None
    hidden: Tensor | None
    addends: list[Tensor]
    weights: list[Tensor]
    shares: list[Tensor]
    kinds: Tensor
    target: Tensor
    write: Tensor
    blind: Tensor

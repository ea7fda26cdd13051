"""How steering lays out a batch.

Lanes (one gaze on one row), pairs (one head of one lane), and what lanes see.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor

from gazeheads.calls import Moment
from gazeheads.effect import Log
from gazeheads.gaze import Mode


@dataclass(eq=False)
class Pairs:
    """Steered heads of one layer that share a push mode. lanes, rows, heads: (pair,).

    `writes` is False for a bias of zero: it leaves the output alone, bit for bit.
    """

    mode: Mode
    writes: bool
    lanes: Tensor
    rows: Tensor
    heads: Tensor

    def split(self, size: int) -> Iterator["Pairs"]:
        """Groups of at most `size` pairs."""
        if len(self.rows) <= size:
            yield self
            return
        for start in range(0, len(self.rows), size):
            part = slice(start, start + size)
            yield Pairs(self.mode, self.writes, self.lanes[part], self.rows[part], self.heads[part])


@dataclass(eq=False)
class Plan:
    """What steering does in one forward pass: made once, used by every layer.

    rows: (lane,) of the running batch. active: (lane, query). stop: (lane, 1 or query) which target. log:
    what came of it. produced: the first query that produces a token in some lane. Only `moment` is set where
    nothing is steered.
    """

    moment: Moment
    rows: Tensor | None = None
    active: Tensor | None = None
    stop: Tensor | None = None
    log: Log | None = None
    produced: int = 0
    views: dict[tuple[int, int, int], "View"] = field(default_factory=dict)


@dataclass(eq=False)
class View:
    """What the lanes see in the layers that share one attention mask, for some of the queries.

    hidden: (lane, query, key) to add to the scores, or None. addend: the same and what the push adds.
    weights, target: (lane, 1 or query, key) coverage, and 1 where it is above 0. image: (lane, 1, key).
    write, blind: (lane, query).
    """

    mask: Tensor | None
    hidden: Tensor | None
    addend: Tensor
    weights: Tensor
    target: Tensor
    image: Tensor
    write: Tensor
    blind: Tensor

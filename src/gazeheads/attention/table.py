"""Coverage by position in the text, looked up by key.

A *stop* is one target of one gaze: one region, or a mix of several *parts*. Each region has a row in a table of
coverage; columns are positions in the text: those of the prompt, and one for all generated tokens. Looking up by
position is what makes padding, sliding windows and static caches come out right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeheads.arrays import Floats
from gazeheads.attention.formulas import GENERATED, IMAGE, TEXT
from gazeheads.regions.grid import ImageGrid
from gazeheads.regions.mix import Target, parts


@dataclass(frozen=True, eq=False)
class KeyCoverage:
    """Targets by key, for each lane. weights: of each part the coverage. kinds: text, image or generated.

    shares: of each part, 0 where a stop has fewer parts.
    """

    weights: list[Float[Tensor, " lane #query key"]]
    shares: list[Float[Tensor, " lane #query"]]
    kinds: Int[Tensor, "lane 1 key"]


class Table:
    """The coverage of every stop of a batch of gazes, which are made for these grids (lane)."""

    def __init__(self, grids: Sequence[ImageGrid]) -> None:
        self._grids = grids
        self._columns = max((grid.n_prompt for grid in grids), default=0) + 1
        self._weights: Float[Tensor, "region position"] = torch.zeros((0, self._columns))
        self._parts: list[list[tuple[int, float]]] = []  # of each stop: table row and share of its parts
        self._new: list[Floats] = []  # rows that are not in the table yet
        kinds = np.full((len(grids), self._columns), GENERATED)
        for lane, grid in enumerate(grids):
            kinds[lane, : grid.n_prompt] = TEXT
            kinds[lane, grid.positions] = IMAGE
        self._kinds: Int[Tensor, "lane position"] = torch.tensor(kinds)

    def add(self, lane: int, target: Target) -> int:
        """The number of another stop; `settle` puts it into the table."""
        rows = []
        for region, share in parts(target):
            rows.append((len(self._weights) + len(self._new), share))
            weights = np.zeros(self._columns)
            weights[self._grids[lane].positions] = region.weights
            self._new.append(weights)
        self._parts.append(rows)
        return len(self._parts) - 1

    def settle(self) -> None:
        """Put what was added into the table."""
        new = self._weights.new_tensor(np.reshape(self._new, (-1, self._columns)))
        self._weights = torch.cat([self._weights, new])
        self._new.clear()
        most = max(map(len, self._parts), default=1)
        padded = [[*stop, *[(0, 0.0)] * (most - len(stop))] for stop in self._parts]
        table = self._weights.new_tensor(padded).reshape(len(padded), most, 2)
        self._part_rows, self._part_shares = table[..., 0].long().T, table[..., 1].T

    def look_up(
        self, stop: Int[Tensor, " lane #query"], positions: Int[Tensor, "lane key"], copies: int
    ) -> KeyCoverage:
        """Coverage of the keys at these positions (-1: padding). Lanes are each grid's, `copies` times."""
        self._follow(positions)
        # The last column is that of all generated tokens. What padding gets does not matter: no query sees it.
        columns = positions.clamp(0, self._columns - 1)[:, None]
        wanted = columns.expand(-1, stop.shape[1], -1)
        kinds = self._kinds.repeat_interleave(copies, 0)[:, None].gather(2, columns)
        return KeyCoverage(
            [self._weights[rows[stop]].gather(2, wanted) for rows in self._part_rows],
            [shares[stop] for shares in self._part_shares],
            kinds,
        )

    def _follow(self, tensor: Tensor) -> None:
        """Move the tables to where the model runs."""
        if self._weights.device != tensor.device:
            device = tensor.device
            self._weights, self._kinds = self._weights.to(device), self._kinds.to(device)
            self._part_rows, self._part_shares = self._part_rows.to(device), self._part_shares.to(device)

"""The targets of a batch of gazes, laid out as tables by position, and looked up by key.

A *stop* is one region of one gaze. Each has a row in the tables; columns are positions in the text: those of
the prompt, and one for all generated tokens. Looking up by position is what makes padding,
sliding windows and static caches come out right.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gazeheads.gaze import Gaze
from gazeheads.pushing import addends
from gazeheads.regions import Region

Ints = npt.NDArray[np.int64]


class Targets:
    """Tables for `gazes` (lanes, in this order)."""

    def __init__(self, gazes: Sequence[Gaze]) -> None:
        self._gazes = gazes
        self._columns = max((gaze.grid.n_prompt for gaze in gazes), default=0) + 1
        weights: list[npt.NDArray[np.float64]] = []
        raised: list[npt.NDArray[np.float64]] = []
        image: list[npt.NDArray[np.bool_]] = []
        self._first = np.zeros(len(gazes), dtype=np.int64)  # table row of each lane's only stop
        self._rows: dict[int, Ints] = {}  # of lanes with more: table row of each stop; -1: look freely
        for lane, gaze in enumerate(gazes):
            rows = []
            for stop in gaze.schedule.stops:
                rows.append(-1 if stop is None else len(weights))
                if stop is not None:
                    weights.append(self._by_position(gaze, stop))
                    raised.append(addends(gaze.how, gaze.grid, stop.weights, self._columns))
            self._first[lane] = rows[0]
            if gaze.schedule.starts != (0,):
                self._rows[lane] = np.array([*rows, -1])  # index -1, before the first stop: look freely
            image.append(np.isin(np.arange(self._columns), gaze.grid.positions))
        self._weights, self._addends, self._image = (
            torch.tensor(np.array(rows), dtype=torch.float32) for rows in (weights, raised, image)
        )

    def _by_position(self, gaze: Gaze, region: Region) -> npt.NDArray[np.float64]:
        """(column,) coverage of each position by the region."""
        row = np.zeros(self._columns)
        row[gaze.grid.positions] = region.weights
        return row

    def at(self, lanes: Ints, tokens: Ints) -> Ints:
        """(lane, query) the stop (table row) under which each token is produced; -1: none, look freely."""
        stop = np.broadcast_to(self._first[lanes, None], tokens.shape)
        if self._rows:
            stop = stop.copy()
            for place, lane in enumerate(lanes.tolist()):
                if lane in self._rows:
                    stop[place] = self._rows[lane][self._gazes[lane].schedule.index(tokens[place])]
        return stop

    def spread(self, stop: Tensor, positions: Tensor, copies: int) -> tuple[Tensor, Tensor, Tensor]:
        """Weights and addends of the keys at these positions, and which are image tokens.

        stop: (lane, 1 or query). positions: (lane, key), -1 for padding. Returns (lane, 1 or query, key)
        twice, and (lane, 1, key).
        """
        self._follow(positions)
        # The last column is that of all generated tokens. What padding gets does not matter: no query sees it.
        columns = positions.clamp(0, self._columns - 1)[:, None]
        spread = columns.expand(-1, stop.shape[1], -1)
        image = self._image.repeat_interleave(copies, 0)[:, None]
        return (
            self._weights[stop].gather(2, spread),
            self._addends[stop].gather(2, spread),
            image.gather(2, columns),
        )

    def _follow(self, tensor: Tensor) -> None:
        """Move the tables to where the model runs."""
        if self._weights.device != tensor.device:
            self._weights, self._addends, self._image = (
                table.to(tensor.device) for table in (self._weights, self._addends, self._image)
            )

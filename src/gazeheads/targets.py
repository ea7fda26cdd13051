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

from gazeheads.errors import GazeError
from gazeheads.gaze import Gaze
from gazeheads.live import Live
from gazeheads.pushing import addends
from gazeheads.regions import Region
from gazeheads.words import sentences

Ints = npt.NDArray[np.int64]


class Targets:
    """Tables for `gazes` (lanes, in this order). A live target gets a row for each region that it looked at."""

    def __init__(self, gazes: Sequence[Gaze]) -> None:
        self._gazes = gazes
        self._columns = max((gaze.grid.n_prompt for gaze in gazes), default=0) + 1
        self._weights, self._addends = torch.zeros((0, self._columns)), torch.zeros((0, self._columns))
        self._first = np.full(len(gazes), -1, dtype=np.int64)  # table row of each lane's only stop
        self._rows: dict[int, Ints] = {}  # of lanes with more: table row of each stop; -1: look freely
        self._sentences: dict[
            int, list[int]
        ] = {}  # of lanes that follow sentences: the sentence of each token
        self._looked: dict[int, dict[int, Region | None]] = {}  # of live lanes: where each token looked
        self._live_rows: dict[tuple[int, int], tuple[Region, int]] = {}  # by lane and identity of the region
        image: list[npt.NDArray[np.bool_]] = []
        stops: list[tuple[int, Region]] = []
        for lane, gaze in enumerate(gazes):
            image.append(np.isin(np.arange(self._columns), gaze.grid.positions))
            if isinstance(gaze.at, Live):
                self._looked[lane] = {}
                continue
            rows = []
            for stop in gaze.schedule.stops:
                rows.append(-1 if stop is None else len(stops))
                stops += [] if stop is None else [(lane, stop)]
            self._first[lane] = rows[0]
            if gaze.schedule.starts != (0,):
                self._rows[lane] = np.array([*rows, -1])  # index -1, before the first stop: look freely
            if gaze.schedule.unit == "sentence":
                self._sentences[lane] = [0]
        self._image = torch.tensor(np.array(image), dtype=torch.float32)
        self._append(stops)

    @property
    def follow(self) -> bool:
        """Whether some target depends on what happens while the answer is made."""
        return bool(self._sentences or self._looked)

    def wrote(self, lane: int, text: str) -> None:
        """The text of a lane, one token later: for lanes that follow sentences."""
        if lane in self._sentences:
            so_far = self._sentences[lane]
            so_far.append(max(so_far[-1], sentences(text)))

    def target(self, lane: int, token: int) -> Region | None:
        """Where a lane looked when a token was produced, if it was due."""
        gaze = self._gazes[lane]
        if isinstance(gaze.at, Live):
            return self._looked[lane].get(token)
        return gaze.schedule.stop(self._sentences[lane][token] if lane in self._sentences else token)

    def _append(self, stops: Sequence[tuple[int, Region]]) -> None:
        """A table row for each stop of a lane."""
        weights = np.zeros((len(stops), self._columns))
        raised = np.zeros((len(stops), self._columns))
        for place, (lane, region) in enumerate(stops):
            gaze = self._gazes[lane]
            weights[place, gaze.grid.positions] = region.weights
            raised[place] = addends(gaze.how, gaze.grid, region.weights, self._columns)
        self._weights = torch.cat([self._weights, self._weights.new_tensor(weights)])
        self._addends = torch.cat([self._addends, self._addends.new_tensor(raised)])

    def at(self, lanes: Ints, tokens: Ints) -> Ints:
        """(lane, query) the stop (table row) under which each token is produced; -1: none, look freely."""
        stop = np.broadcast_to(self._first[lanes, None], tokens.shape)
        if self._rows or self._looked:
            stop = stop.copy()
            for place, lane in enumerate(lanes.tolist()):
                if lane in self._looked:
                    stop[place] = self._look(lane, tokens[place])
                elif lane in self._rows:
                    when = self._sentence(lane, tokens[place]) if lane in self._sentences else tokens[place]
                    stop[place] = self._rows[lane][self._gazes[lane].schedule.index(when)]
        return stop

    def _look(self, lane: int, tokens: Ints) -> int:
        """The table row of where a live target looks now."""
        live = self._gazes[lane].at
        assert isinstance(live, Live)
        region = live.region
        self._looked[lane].update((int(token), region) for token in np.unique(tokens))
        if region is None:
            return -1
        key = lane, id(region)  # the region is kept beside it, so the identity stays its own
        if key not in self._live_rows:
            self._live_rows[key] = region, len(self._weights)
            self._append([(lane, region)])
        return self._live_rows[key][1]

    def _sentence(self, lane: int, tokens: Ints) -> Ints:
        """The sentence that each token belongs to. Raises `GazeError` if nobody told the text."""
        known = self._sentences[lane]
        if tokens.max(initial=0) >= len(known):
            raise GazeError(
                f"Schedule.on_sentence needs the text to token {tokens.max()}, known is that of {len(known) - 1} "
                "tokens. Use model.generate or model.stream, which tell it."
            )
        return np.array(known)[tokens]

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

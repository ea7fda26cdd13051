"""The targets of a batch of gazes, laid out as tables by position, and looked up by key.

A *stop* is one target of one gaze: one region, or a mix of several *parts*. Each region has a row in a table of
coverage; columns are positions in the text: those of the prompt, and one for all generated tokens. Looking up by
position is what makes padding, sliding windows and static caches come out right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gazeheads.attention.formulas import GENERATED, IMAGE, TEXT
from gazeheads.errors import GazeError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.regions.mix import Target, parts
from gazeheads.text import sentences

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class KeyCoverage:
    """Targets by key, for each lane. weights: of each part (lane, 1 or query, key) coverage.

    shares: of each part (lane, 1 or query), 0 where a stop has fewer parts. kinds: (lane, 1, key) text, image or
    generated.
    """

    weights: list[Tensor]
    shares: list[Tensor]
    kinds: Tensor


class Targets:
    """Tables for `gazes` (lanes, in this order). A live target gets a stop for each target that it looked at."""

    def __init__(self, gazes: Sequence[Gaze]) -> None:
        self._gazes = gazes
        self._columns = max((gaze.grid.n_prompt for gaze in gazes), default=0) + 1
        self._weights = torch.zeros((0, self._columns))
        self._parts: list[list[tuple[int, float]]] = []  # of each stop: table row and share of its parts
        self._first = np.full(len(gazes), -1, dtype=np.int64)  # each lane's only stop
        self._stops: dict[int, Ints] = {}  # of lanes with more: the stops of the schedule; -1: look freely
        self._sentences: dict[int, list[int]] = {}  # of lanes that follow them: the sentence of each token
        self._looked: dict[int, dict[int, Target | None]] = {}  # of live lanes: where each token looked
        self._live: dict[
            tuple[int, int], tuple[Target, int]
        ] = {}  # by lane and identity of the target: its stop
        self._new: list[npt.NDArray[np.float64]] = []  # rows that are not in the table yet
        kinds = np.full((len(gazes), self._columns), GENERATED)
        for lane, gaze in enumerate(gazes):
            kinds[lane, : gaze.grid.n_prompt] = TEXT
            kinds[lane, gaze.grid.positions] = IMAGE
            if isinstance(gaze.at, Live):
                self._looked[lane] = {}
                continue
            stops = np.array([-1 if stop is None else self._add(lane, stop) for stop in gaze.schedule.stops])
            self._first[lane] = stops[0]
            if gaze.schedule.starts != (0,):
                self._stops[lane] = np.array([*stops, -1])  # index -1, before the first stop: look freely
            if gaze.schedule.unit == "sentence":
                self._sentences[lane] = [0]
        self._kinds = torch.tensor(kinds)
        self._append()

    @property
    def follow(self) -> bool:
        """Whether some target depends on what happens while the answer is made."""
        return bool(self._sentences or self._looked)

    def wrote(self, lane: int, text: str) -> None:
        """The text of a lane, one token later: for lanes that follow sentences."""
        if lane in self._sentences:
            so_far = self._sentences[lane]
            so_far.append(max(so_far[-1], sentences(text)))

    def target(self, lane: int, token: int) -> Target | None:
        """Where a lane looked when a token was produced, if it was due."""
        gaze = self._gazes[lane]
        if isinstance(gaze.at, Live):
            return self._looked[lane].get(token)
        return gaze.schedule.stop(self._sentences[lane][token] if lane in self._sentences else token)

    def _add(self, lane: int, target: Target) -> int:
        """The number of another stop; `_append` puts it into the tables."""
        rows = []
        for region, share in parts(target):
            rows.append((len(self._weights) + len(self._new), share))
            weights = np.zeros(self._columns)
            weights[self._gazes[lane].grid.positions] = region.weights
            self._new.append(weights)
        self._parts.append(rows)
        return len(self._parts) - 1

    def _append(self) -> None:
        """Put what was added into the tables."""
        self._weights = torch.cat(
            [self._weights, self._weights.new_tensor(np.reshape(self._new, (-1, self._columns)))]
        )
        self._new.clear()
        most = max(map(len, self._parts), default=1)
        padded = [[*stop, *[(0, 0.0)] * (most - len(stop))] for stop in self._parts]
        table = self._weights.new_tensor(padded).reshape(len(padded), most, 2)
        self._part_rows, self._part_shares = table[..., 0].long().T, table[..., 1].T

    def at(self, lanes: Ints, tokens: Ints) -> Ints:
        """(lane, query) the stop under which each token is produced; -1: none, look freely."""
        stop = np.broadcast_to(self._first[lanes, None], tokens.shape)
        if self._stops or self._looked:
            stop = stop.copy()
            for place, lane in enumerate(lanes.tolist()):
                if lane in self._looked:
                    stop[place] = self._look(lane, tokens[place])
                elif lane in self._stops:
                    when = self._sentence(lane, tokens[place]) if lane in self._sentences else tokens[place]
                    stop[place] = self._stops[lane][self._gazes[lane].schedule.index(when)]
        return stop

    def _look(self, lane: int, tokens: Ints) -> int:
        """The stop at which a live target looks now."""
        live = self._gazes[lane].at
        assert isinstance(live, Live)
        target = live.target
        self._looked[lane].update((int(token), target) for token in np.unique(tokens))
        if target is None:
            return -1
        key = lane, id(target)  # the target is kept beside it, so the identity stays its own
        if key not in self._live:
            self._live[key] = target, self._add(lane, target)
            self._append()
        return self._live[key][1]

    def _sentence(self, lane: int, tokens: Ints) -> Ints:
        """The sentence that each token belongs to. Raises `GazeError` if nobody told the text."""
        known = self._sentences[lane]
        if tokens.max(initial=0) >= len(known):
            raise GazeError(
                f"Schedule.on_sentence needs the text to token {tokens.max()}, known is that of {len(known) - 1} "
                "tokens. Use model.generate or model.stream, which tell it."
            )
        return np.array(known)[tokens]

    def key_coverage(self, stop: Tensor, positions: Tensor, copies: int) -> KeyCoverage:
        """Coverage of the keys at these positions. stop: (lane, 1 or query). positions: (lane, key), -1: padding."""
        self._follow(positions)
        # The last column is that of all generated tokens. What padding gets does not matter: no query sees it.
        columns = positions.clamp(0, self._columns - 1)[:, None]
        key_coverage = columns.expand(-1, stop.shape[1], -1)
        kinds = self._kinds.repeat_interleave(copies, 0)[:, None].gather(2, columns)
        return KeyCoverage(
            [self._weights[rows[stop]].gather(2, key_coverage) for rows in self._part_rows],
            [shares[stop] for shares in self._part_shares],
            kinds,
        )

    def _follow(self, tensor: Tensor) -> None:
        """Move the tables to where the model runs."""
        if self._weights.device != tensor.device:
            device = tensor.device
            self._weights, self._kinds = self._weights.to(device), self._kinds.to(device)
            self._part_rows, self._part_shares = self._part_rows.to(device), self._part_shares.to(device)

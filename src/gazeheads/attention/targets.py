"""Where each gaze of a batch points, token by token.

A *lane* is one gaze on one row of a batch. There are four kinds: its target is fixed, or follows a schedule by token or
by sentence, or is moved by someone while the answer is made. Each knows under which *stop* (a target's number in the
`Table`) a token is produced, and which target that was.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int
from torch import Tensor

from gazeheads.arrays import Ints
from gazeheads.attention.table import KeyCoverage, Table
from gazeheads.errors import GazeError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.gaze.schedule import Schedule
from gazeheads.regions.mix import Target
from gazeheads.text import sentences


@runtime_checkable
class Lane(Protocol):
    """Where one gaze points. follows: this depends on what happens while the answer is made."""

    follows: bool

    def stops(self, tokens: Int[Ints, " query"]) -> Int[Ints, " query"] | int:
        """The stop under which each token is produced; -1: none, unsteered."""
        ...

    def target(self, token: int) -> Target | None:
        """What was pointed at when a token was produced, if it was due."""
        ...

    def wrote(self, text: str) -> None:
        """The text of the answer, one token later."""
        ...


class Fixed:
    """One target for all tokens."""

    follows = False

    def __init__(self, target: Target, stop: int) -> None:
        self._target, self.stop = target, stop

    def stops(self, tokens: Int[Ints, " query"]) -> int:
        """Always the same."""
        return self.stop

    def target(self, token: int) -> Target | None:
        """Always the same."""
        return self._target

    def wrote(self, text: str) -> None:
        """Of no account."""


class Scheduled:
    """Targets that follow one another, by token."""

    follows = False

    def __init__(self, schedule: Schedule, stops: Sequence[int]) -> None:
        self._schedule = schedule
        self._stops = np.array([*stops, -1])  # index -1, before the first stop: unsteered

    def stops(self, tokens: Int[Ints, " query"]) -> Int[Ints, " query"]:
        """By the schedule."""
        return self._stops[self._schedule.index(tokens)]

    def target(self, token: int) -> Target | None:
        """By the schedule."""
        return self._schedule.stop(token)

    def wrote(self, text: str) -> None:
        """Of no account."""


class BySentence(Scheduled):
    """Targets that follow one another, by sentence, as the text tells."""

    follows = True

    def __init__(self, schedule: Schedule, stops: Sequence[int]) -> None:
        super().__init__(schedule, stops)
        self._sentence = [0]  # of each token

    def stops(self, tokens: Int[Ints, " query"]) -> Int[Ints, " query"]:
        """By the sentence that each token belongs to. Raises `GazeError` if nobody told the text."""
        known = self._sentence
        if tokens.max(initial=0) >= len(known):
            raise GazeError(
                f"Schedule.on_sentence needs the text to token {tokens.max()}, known is that of {len(known) - 1} "
                "tokens. Use model.generate or model.stream, which tell it."
            )
        return super().stops(np.array(known)[tokens])

    def target(self, token: int) -> Target | None:
        """By the sentence of the token."""
        return super().target(self._sentence[token])

    def wrote(self, text: str) -> None:
        """Count its sentences, which never become fewer."""
        self._sentence.append(max(self._sentence[-1], sentences(text)))


class Moved:
    """A live target, which gets a stop for each target that it looked at."""

    follows = True

    def __init__(self, live: Live, lane: int, table: Table) -> None:
        self._live, self._lane, self._table = live, lane, table
        self._looked: dict[int, Target | None] = {}  # by token
        self._known: dict[int, tuple[Target, int]] = {}  # by the target's identity, which is kept: its stop

    def stops(self, tokens: Int[Ints, " query"]) -> int:
        """Where it looks now."""
        target = self._live.target
        self._looked.update((int(token), target) for token in np.unique(tokens))
        if target is None:
            return -1
        if id(target) not in self._known:
            self._known[id(target)] = target, self._table.add(self._lane, target)
            self._table.settle()
        return self._known[id(target)][1]

    def target(self, token: int) -> Target | None:
        """Where it looked then."""
        return self._looked.get(token)

    def wrote(self, text: str) -> None:
        """Of no account."""


def lane_of(gaze: Gaze, number: int, table: Table) -> Lane:
    """The lane of a gaze, with its stops in the table."""
    if isinstance(gaze.at, Live):
        return Moved(gaze.at, number, table)
    schedule = gaze.schedule
    stops = [-1 if stop is None else table.add(number, stop) for stop in schedule.stops]
    if schedule.starts == (0,):
        return Fixed(schedule.targets[0], stops[0])
    return (BySentence if schedule.unit == "sentence" else Scheduled)(schedule, stops)


class Targets:
    """Where `gazes` point (lanes, in this order), and how their targets cover the keys."""

    def __init__(self, gazes: Sequence[Gaze]) -> None:
        self._table = Table([gaze.grid for gaze in gazes])
        self._lanes = [lane_of(gaze, number, self._table) for number, gaze in enumerate(gazes)]
        self._table.settle()
        self._fixed = np.array(
            [lane.stop if isinstance(lane, Fixed) else -1 for lane in self._lanes], dtype=np.int64
        )
        self._others = {n for n, lane in enumerate(self._lanes) if not isinstance(lane, Fixed)}

    @property
    def follow(self) -> bool:
        """Whether some target depends on what happens while the answer is made."""
        return any(lane.follows for lane in self._lanes)

    def wrote(self, lane: int, text: str) -> None:
        """The text of a lane, one token later: for lanes that follow sentences."""
        self._lanes[lane].wrote(text)

    def target(self, lane: int, token: int) -> Target | None:
        """Where a lane looked when a token was produced, if it was due."""
        return self._lanes[lane].target(token)

    def at(self, lanes: Int[Ints, " lane"], tokens: Int[Ints, "lane query"]) -> Int[Ints, "lane query"]:
        """The stop under which each token is produced; -1: none, unsteered."""
        stops = np.broadcast_to(self._fixed[lanes, None], tokens.shape)
        if self._others:
            stops = stops.copy()
            for place, lane in enumerate(lanes.tolist()):
                if lane in self._others:
                    stops[place] = self._lanes[lane].stops(tokens[place])
        return stops

    def key_coverage(
        self, stop: Int[Tensor, " lane #query"], positions: Int[Tensor, "lane key"], copies: int
    ) -> KeyCoverage:
        """Coverage of the keys at these positions, -1: padding."""
        return self._table.look_up(stop, positions, copies)

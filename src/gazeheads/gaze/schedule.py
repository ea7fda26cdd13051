"""When to look where: a schedule of targets, exact to the token.

Token t (0 is the first generated one) is produced by the query row before it, so a stop that starts at token t
decides where that row looks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gazeheads.arrays import Ints
from gazeheads.checks import several, shown, whole
from gazeheads.errors import GazeError
from gazeheads.regions.mix import Mix, Target
from gazeheads.regions.region import Region, same_scene


@dataclass(frozen=True)
class Schedule:
    """Where to look for which token: from token `starts[i]` on at `stops[i]` (None: unsteered).

    A fixed target is a schedule with one stop. The last stop holds to the end, or with `period` the whole
    schedule starts again every so many tokens. With unit="sentence" starts and period count sentences.
    """

    stops: tuple[Target | None, ...]
    starts: tuple[int, ...]
    period: int | None = None
    unit: Literal["token", "sentence"] = "token"

    def __post_init__(self) -> None:
        object.__setattr__(self, "stops", several(self.stops, "A schedule takes a list of stops", GazeError))
        starts = several(self.starts, "starts= of a schedule takes a token for each stop", GazeError)
        starts = tuple(whole(start, "The start of a stop", GazeError) for start in starts)
        object.__setattr__(self, "starts", starts)
        if self.period is not None:
            period = whole(self.period, "period= of a schedule", GazeError, 1)
            object.__setattr__(self, "period", period)
        if not isinstance(self.unit, str) or self.unit not in ("token", "sentence"):
            raise GazeError(f"unit={shown(self.unit)} of a schedule is unknown. Use token or sentence.")
        for stop in self.stops:
            if not isinstance(stop, Region | Mix | None):
                raise GazeError(
                    f"A stop of a schedule is a Region, a Mix or None; found {shown(stop)}. Make one with "
                    "scene.box(...) or scene.panel(...)."
                )
        targets = self.targets
        if len(self.stops) != len(self.starts) or not targets:
            raise GazeError(
                f"A schedule needs at least one region and one start for each stop; found {len(targets)} "
                f"regions, {len(self.stops)} stops and {len(self.starts)} starts."
            )
        rising = all(a < b for a, b in zip(self.starts, self.starts[1:], strict=False))
        if self.starts[0] < 0 or not rising:
            raise GazeError(
                "Schedule starts must rise, from token 0 (the first generated one) or later; found "
                f"{self.starts}."
            )
        if self.period is not None and (self.starts[0] != 0 or self.period <= self.starts[-1]):
            raise GazeError(
                f"A schedule that repeats must start at token 0 and have its last start ({self.starts[-1]}) "
                f"within the period; found starts {self.starts}, period {self.period}."
            )
        same_scene(targets[0].grid, targets)
        for target in targets:
            target.checked()

    @classmethod
    def fixed(cls, target: Target) -> "Schedule":
        """One target for all tokens."""
        return cls((target,), (0,))

    @classmethod
    def every(cls, tokens: int, regions: Sequence[Target], repeat: bool = False) -> "Schedule":
        """The next region after every so many tokens.

        The last one holds, or with `repeat` it starts again.
        """
        tokens = whole(tokens, "Schedule.every: how many tokens a stop lasts", GazeError)
        regions = several(regions, "Schedule.every takes a list of regions", GazeError)
        if tokens < 1:
            raise GazeError(f"Schedule.every({tokens}): a stop lasts at least one token.")
        starts = tuple(tokens * number for number in range(len(regions)))
        return cls(regions, starts, tokens * len(regions) if repeat else None)

    @classmethod
    def at(cls, stops: Mapping[int, Target | None]) -> "Schedule":
        """From each token on at its region (None: unsteered). Before the first one heads are unsteered."""
        if not isinstance(stops, Mapping):
            raise GazeError(
                f"Schedule.at takes a dict of tokens and targets; found {shown(stops)}. Give {{0: cat, 20: dog}}."
            )
        stops = {whole(start, "The start of a stop", GazeError): stop for start, stop in stops.items()}
        starts = tuple(sorted(stops))
        return cls(tuple(stops[start] for start in starts), starts)

    @classmethod
    def on_sentence(cls, regions: Sequence[Target | None], repeat: bool = False) -> "Schedule":
        """The next region once a sentence has ended (`text.sentences`); the last one holds, or it starts again.

        The first token after the one that ends the sentence is produced under the new target. For `model.generate`
        and `model.stream`, which know the text; needs during="answer" or "decode".
        """
        regions = several(regions, "Schedule.on_sentence takes a list of regions", GazeError)
        return cls(regions, tuple(range(len(regions))), len(regions) if repeat else None, "sentence")

    @property
    def targets(self) -> tuple[Target, ...]:
        """The stops at which something is aimed at, in order."""
        return tuple(stop for stop in self.stops if stop is not None)

    def index(self, tokens: Ints) -> Ints:
        """Which stop each token, or sentence (any shape; 0 and up), is produced under; -1 before the first."""
        if self.period is not None:
            tokens = tokens % self.period
        return np.searchsorted(self.starts, tokens, side="right") - 1

    def stop(self, token: int) -> Target | None:
        """Where to look for one token, or in one sentence."""
        index = int(self.index(np.array(whole(token, "A token", GazeError))))
        return None if index < 0 else self.stops[index]

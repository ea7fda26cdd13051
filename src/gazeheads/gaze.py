"""A gaze: which heads look where, how hard they are pushed, and when.

    Gaze(lever, at=dog)                                   # the heads of `lever` see nothing but the dog
    Gaze(lever, at=Schedule.every(50, panels), during="decode")
    Gaze(lever, at=~dog, push=Push.bias(inside=3, outside=0))

**How hard** (`Push`; s the attention logits of one query row of one head, p its pattern, w the coverage of
each image token, M the row's mass on all image tokens):

    focus     p' proportional to w e^s over the target tokens, nothing elsewhere
    uniform   p' = w / sum(w)
    bias      image tokens get the logit s + log(w e^inside + (1 - w) e^outside), prompt text s + text,
              generated tokens s + generated; all in nats
    reweigh   image tokens get M w p / sum(w p); all other tokens keep p

A row that can see no token with w > 0 keeps its attention and counts as blind.

**When.** Token t (0 is the first generated one) is produced by the query row before it. `during="all"`: every
row of the prompt and of generation; prompt rows look where token 0 looks. `"answer"`: the rows that produce
tokens 0, 1, 2, ... `"decode"`: those that produce tokens 1, 2, ...
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from gazeheads.errors import GazeError
from gazeheads.grid import ImageGrid
from gazeheads.heads import Head, Heads
from gazeheads.live import Live
from gazeheads.regions import Region, same_scene

Mode = Literal["focus", "uniform", "bias", "reweigh"]
During = Literal["all", "answer", "decode"]

MODES: tuple[Mode, ...] = ("focus", "uniform", "bias", "reweigh")
DURING: tuple[During, ...] = ("all", "answer", "decode")


@dataclass(frozen=True)
class Push:
    """How a pattern is changed; see the module. The numbers are nats, used by `bias` only."""

    mode: Mode
    inside: float = 0.0
    outside: float = 0.0
    text: float = 0.0
    generated: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise GazeError(f"Push {self.mode!r} is unknown. Use one of {', '.join(MODES)}.")
        nats = (self.inside, self.outside, self.text, self.generated)
        if not all(math.isfinite(value) for value in nats):
            raise GazeError(
                f"{self} has nats that are not finite. For an endless push use focus, its exact limit."
            )
        if self.mode != "bias" and any(nats):
            raise GazeError(
                f"{self}: only bias takes nats. Use Push.bias({self.inside:g}, {self.outside:g})."
            )

    @classmethod
    def focus(cls) -> "Push":
        """Only the target is seen; relative weights inside it are kept."""
        return cls("focus")

    @classmethod
    def uniform(cls) -> "Push":
        """The target is seen evenly, in proportion to coverage."""
        return cls("uniform")

    @classmethod
    def bias(cls, inside: float, outside: float = 0.0, text: float = 0.0, generated: float = 0.0) -> "Push":
        """Finite nats added to the attention logits."""
        return cls("bias", inside, outside, text, generated)

    @classmethod
    def reweigh(cls) -> "Push":
        """The mass on the picture stays, and goes to the target."""
        return cls("reweigh")

    @property
    def is_nothing(self) -> bool:
        """Whether this push changes no pattern at all (a bias of zero)."""
        return self.mode == "bias" and not any((self.inside, self.outside, self.text, self.generated))

    def __str__(self) -> str:
        if self.mode != "bias":
            return self.mode
        return f"bias({self.inside:g}, {self.outside:g}, text={self.text:g}, generated={self.generated:g})"


@dataclass(frozen=True)
class Schedule:
    """Where to look for which token: from token `starts[i]` on at `stops[i]` (None: look freely).

    A fixed target is a schedule with one stop. The last stop holds to the end, or with `period` the whole
    schedule starts again every so many tokens. With unit="sentence" starts and period count sentences.
    """

    stops: tuple[Region | None, ...]
    starts: tuple[int, ...]
    period: int | None = None
    unit: Literal["token", "sentence"] = "token"

    def __post_init__(self) -> None:
        regions = self.regions
        if len(self.stops) != len(self.starts) or not regions:
            raise GazeError(
                f"A schedule needs at least one region and one start for each stop; found {len(regions)} "
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
        same_scene(regions[0].grid, regions)
        for region in regions:
            region.checked()

    @classmethod
    def fixed(cls, region: Region) -> "Schedule":
        """One target for all tokens."""
        return cls((region,), (0,))

    @classmethod
    def every(cls, tokens: int, regions: Sequence[Region], repeat: bool = False) -> "Schedule":
        """The next region after every so many tokens.

        The last one holds, or with `repeat` it starts again.
        """
        if tokens < 1:
            raise GazeError(f"Schedule.every({tokens}): a stop lasts at least one token.")
        starts = tuple(tokens * number for number in range(len(regions)))
        return cls(tuple(regions), starts, tokens * len(regions) if repeat else None)

    @classmethod
    def at(cls, stops: Mapping[int, Region | None]) -> "Schedule":
        """From each token on at its region (None: look freely). Before the first one heads look freely."""
        starts = tuple(sorted(stops))
        return cls(tuple(stops[start] for start in starts), starts)

    @classmethod
    def on_sentence(cls, regions: Sequence[Region | None], repeat: bool = False) -> "Schedule":
        """The next region once a sentence has ended (`words.sentences`); the last one holds, or it starts again.

        The first token after the one that ends the sentence is produced under the new target. For `model.generate`
        and `model.stream`, which know the text; needs during="answer" or "decode".
        """
        return cls(tuple(regions), tuple(range(len(regions))), len(regions) if repeat else None, "sentence")

    @property
    def regions(self) -> tuple[Region, ...]:
        """The stops that are regions, in order."""
        return tuple(stop for stop in self.stops if stop is not None)

    def index(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which stop each token, or sentence (any shape; 0 and up), is produced under; -1 before the first."""
        if self.period is not None:
            tokens = tokens % self.period
        return np.searchsorted(self.starts, tokens, side="right") - 1

    def stop(self, token: int) -> Region | None:
        """Where to look for one token, or in one sentence."""
        index = int(self.index(np.array(token)))
        return None if index < 0 else self.stops[index]


@dataclass(frozen=True)
class Gaze:
    """Heads aimed at a region or along a schedule. `push` may be a mode's name ("bias" needs `Push.bias`)."""

    heads: Heads | Sequence[Head]
    at: Region | Schedule | Live
    push: Push | Mode = field(default_factory=Push.focus)
    during: During = "all"

    def __post_init__(self) -> None:
        if isinstance(self.push, str):
            if self.push == "bias":
                raise GazeError('push="bias" has no strength. Use Push.bias(inside, outside).')
            object.__setattr__(self, "push", Push(self.push))
        if self.during not in DURING:
            raise GazeError(f"during={self.during!r} is unknown. Use one of {', '.join(DURING)}.")
        if not isinstance(self.at, Region | Schedule | Live):
            raise GazeError(
                f"A gaze is aimed at a Region, a Schedule or a Live; found {type(self.at).__name__}. Make one with "
                "scene.box(...), scene.panel(...) or Schedule.every(...)."
            )
        if not len(self.heads):
            raise GazeError("A gaze needs at least one head; found none. Take heads.top(k).")
        if len(set(self.members)) != len(self.heads):
            raise GazeError(f"A gaze names each head once; found {len(self.heads)} heads with repeats.")
        if isinstance(self.at, Region):
            self.at.checked()
        moving = isinstance(self.at, Live) or self.schedule.unit == "sentence"
        if moving and self.during == "all":
            raise GazeError(
                'A live target or one that follows sentences was given with during="all", which steers the prompt '
                'once for all tokens. Use during="answer" or "decode".'
            )

    @cached_property
    def members(self) -> tuple[Head, ...]:
        """The heads to steer."""
        return tuple(Head(*head) for head in self.heads)

    @cached_property
    def schedule(self) -> Schedule:
        """Where to look, as a schedule. Raises `GazeError` for a live target, which has none."""
        if isinstance(self.at, Live):
            raise GazeError(
                "A live target has no schedule: where it looks is decided while the model speaks."
            )
        return self.at if isinstance(self.at, Schedule) else Schedule.fixed(self.at)

    @property
    def grid(self) -> ImageGrid:
        """The scene that the gaze is made for."""
        return self.at.grid if isinstance(self.at, Live) else self.schedule.regions[0].grid

    @property
    def how(self) -> Push:
        """The push, as a value."""
        assert isinstance(self.push, Push)
        return self.push

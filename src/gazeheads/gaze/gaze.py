"""A gaze: which heads look where, how hard they are pushed, and when.

    Gaze(selected, at=dog)                                   # the heads of `selected` see nothing but the dog
    Gaze(selected, at=Schedule.every(50, panels), during="decode")
    Gaze(selected, at=~dog, push=Push.bias(inside=3, outside=0))

**How hard** (`Push`; s the attention logits of one query row of one head, p its pattern, w the coverage of
each image token, M the row's mass on all image tokens):

    focus     p' proportional to w e^s over the target tokens, nothing elsewhere
    uniform   p' = w / sum(w)
    bias      image tokens get the logit s + log(w e^inside + (1 - w) e^outside), prompt text s + text,
              generated tokens s + generated; all in nats
    reweigh   image tokens get M w p / sum(w p); all other tokens keep p

A row that can see no token with w > 0 keeps its attention and counts as blind. A head of weight a in [0, 1] gets
(1 - a) p + a p'; for `bias` the weight multiplies the nats and may be negative. Several regions: `regions.mix`.

**When.** Token t (0 is the first generated one) is produced by the query row before it. `during="all"`: every
row of the prompt and of generation; prompt rows look where token 0 looks. `"answer"`: the rows that produce
tokens 0, 1, 2, ... `"decode"`: those that produce tokens 1, 2, ...
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from gazeheads.checks import number, several, shown
from gazeheads.errors import GazeError
from gazeheads.gaze.live import Live
from gazeheads.gaze.push import LARGEST, PUSHES, Push
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads, members
from gazeheads.regions.grid import ImageGrid
from gazeheads.regions.mix import Mix, Target, to_json
from gazeheads.regions.region import Region, same_scene

During = Literal["all", "answer", "decode"]

DURING: tuple[During, ...] = ("all", "answer", "decode")


@dataclass(frozen=True, init=False)
class Gaze:
    """Heads aimed at a region, a mix of regions, along a schedule, or at a live target.

    push: a `Push`, or its name alone where it takes no numbers. weights: how strongly each head is pushed, in the order
    of `heads`, 0 to 1; for a bias any finite number, which multiplies the nats (negative: away). None: 1 for all.
    shape: layers and heads of the model that the heads are of, where a set of `Heads` was given; else None.
    """

    heads: tuple[Head, ...]
    at: Region | Mix | Schedule | Live
    push: Push
    during: During
    weights: tuple[float, ...]
    shape: tuple[int, int] | None = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        heads: Heads | Sequence[Head],
        at: Region | Mix | Schedule | Live,
        push: Push | str = "focus",
        during: During = "all",
        weights: Sequence[float] | None = None,
    ) -> None:
        vars(self).update(
            heads=members(heads, "A gaze", GazeError),
            at=at,
            push=_as_push(push),
            during=during,
            shape=heads.shape if isinstance(heads, Heads) else None,
        )
        if not isinstance(during, str) or during not in DURING:
            raise GazeError(f"during={shown(during)} is unknown. Use one of {', '.join(DURING)}.")
        if not isinstance(at, Region | Mix | Schedule | Live):
            raise GazeError(
                f"A gaze is aimed at a Region, a Mix, a Schedule or a Live; found {type(at).__name__}. Make one "
                "with scene.box(...), scene.panel(...) or Schedule.every(...)."
            )
        if not self.heads:
            raise GazeError("A gaze needs at least one head; found none. Take heads.top(k).")
        if len(set(self.heads)) != len(self.heads):
            raise GazeError(f"A gaze names each head once; found {len(self.heads)} heads with repeats.")
        vars(self).update(weights=self._weights(weights))
        moving = isinstance(at, Live) or self.schedule.unit == "sentence"
        if moving and during == "all":
            raise GazeError(
                'A live target or one that follows sentences was given with during="all", which steers the prompt '
                'once for all tokens. Use during="answer" or "decode".'
            )

    def _weights(self, given: Sequence[float] | None) -> tuple[float, ...]:
        """A weight for each head, as they were given, or 1 for all."""
        if given is None:
            return (1.0,) * len(self.heads)
        listed = several(given, "weights= of a gaze takes a number for each head", GazeError)
        weights = tuple(number(weight, "The weight of a head", GazeError) for weight in listed)
        if len(weights) != len(self.heads):
            raise GazeError(
                f"{len(self.heads)} heads were given with {len(weights)} weights. Give one for each, in the "
                "order of the heads."
            )
        scales = self.push.kind.scales
        low, high = (-math.inf, math.inf) if scales else (0.0, 1.0)
        wrong = [a for a in weights if not (math.isfinite(a) and low <= a <= high)]
        if wrong:
            bounds = "a finite number" if scales else "0 to 1"
            raise GazeError(
                f"Head weight {wrong[0]:g} was given for {self.push}, where a weight is {bounds}. To push heads away "
                "use Push.bias with negative weights, or aim at ~region."
            )
        largest = max(map(abs, self.push.numbers), default=0.0) if scales else 0.0
        strongest = max(map(abs, weights)) * largest
        if strongest > LARGEST:
            raise GazeError(
                f"Head weights make {self.push} a push of {strongest:g} {self.push.kind.unit}; beyond {LARGEST:g} "
                "float32 cannot tell them apart. Give smaller weights."
            )
        return weights

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
        return self.at.grid if isinstance(self.at, Live) else self.schedule.targets[0].grid

    def must_suit(self, grid: ImageGrid) -> None:
        """Raise `ForeignRegion` unless it is aimed at the scene whose grid this is."""
        same_scene(grid, [self.at.first if isinstance(self.at, Live) else self.schedule.targets[0]])

    def look(self, target: Target | None) -> None:
        """Move a live target: `gaze.at.look(target)`. Raises `GazeError` where the target is not live."""
        if not isinstance(self.at, Live):
            raise GazeError(
                f"This gaze is aimed at a {type(self.at).__name__}, which does not move. To re-target while the model "
                'speaks use Gaze(heads, at=Live(region), during="answer").'
            )
        self.at.look(target)

    def to_json(self) -> dict[str, Any]:
        """How it was meant, in plain values."""
        at: Any = "live"
        if not isinstance(self.at, Live):
            plan = self.schedule
            stops = [None if stop is None else to_json(stop) for stop in plan.stops]
            at = {"stops": stops, "starts": list(plan.starts), "period": plan.period, "unit": plan.unit}
        weights = None if set(self.weights) == {1.0} else list(self.weights)
        heads = [list(head) for head in self.heads]
        return {"heads": heads, "weights": weights, "at": at, "push": str(self.push), "during": self.during}


def _as_push(push: Push | str) -> Push:
    """A push that was given by its name, or as a value."""
    if isinstance(push, str):
        if push in PUSHES and PUSHES[push].must_be_given:
            raise GazeError(
                f'push="{push}" has no strength. Write {PUSHES[push].form}, as Push.parse reads it.'
            )
        return Push(push)
    if not isinstance(push, Push):
        raise GazeError(f"push={shown(push)} is no Push. Use one of {', '.join(PUSHES)}, or Push.bias.")
    return push

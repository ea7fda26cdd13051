"""A gaze laid out as plain tables, as it travels to the process that runs the model: a *lane*.

Everything that depends on images, panels and coverage is settled before: a lane holds coverage by image token, and
where these stand in the prompt. It is data only, and its digest salts the prefix cache.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gazeheads.errors import GazeError
from gazeheads.gaze.gaze import During, Gaze
from gazeheads.regions.mix import parts
from gazeheads.regions.region import Region

Ints = npt.NDArray[np.int64]

FIRST_TOKEN: dict[During, int] = {
    "all": -(2**40),
    "answer": 0,
    "decode": 1,
}  # the first token that is steered

BEFORE, AFTER, STEERED, BLIND = range(4)  # what is summed over the heads of a row, in this order


@dataclass(frozen=True)
class Lane:
    """One request's gaze. heads: (layer, head, strength). nats: of a bias: inside, outside, text, generated.

    first: the first token whose query row is steered. positions: where the image tokens stand in the prompt of
    `n_prompt` tokens. coverage: (table row, image token). stops: of each stop the table rows and shares of its parts;
    an empty one looks freely. starts, period: in tokens.
    """

    heads: tuple[tuple[int, int, float], ...]
    mode: str
    nats: tuple[float, float, float, float]
    first: int
    n_prompt: int
    positions: tuple[int, ...]
    coverage: tuple[tuple[float, ...], ...]
    stops: tuple[tuple[tuple[int, float], ...], ...]
    starts: tuple[int, ...]
    period: int | None
    trace: bool = False

    @classmethod
    def of(cls, gaze: Gaze, trace: bool = False) -> "Lane":
        """The lane of a gaze. Raises `GazeError` for a target that follows what is being said."""
        plan = gaze.schedule
        if plan.unit != "token":
            raise GazeError(
                'A schedule of unit "sentence" was asked for; the engine does not know the text while it steers. Give '
                'starts in tokens, with unit "token".'
            )
        rows: dict[Region, int] = {}
        stops = tuple(
            tuple((rows.setdefault(region, len(rows)), float(share)) for region, share in parts(stop))
            if stop is not None
            else ()
            for stop in plan.stops
        )
        inside, outside, text, generated = gaze.push.numbers or (0.0,) * 4
        return cls(
            heads=tuple((h.layer, h.head, a) for h, a in zip(gaze.heads, gaze.weights, strict=True)),
            mode=gaze.push.mode,
            nats=(inside, outside, text, generated),
            first=FIRST_TOKEN[gaze.during],
            n_prompt=gaze.grid.n_prompt,
            positions=tuple(gaze.grid.positions.tolist()),
            coverage=tuple(tuple(region.weights.tolist()) for region in rows),
            stops=stops,
            starts=plan.starts,
            period=plan.period,
            trace=trace,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Lane":
        """The lane that `to_json` wrote, also after a way on which tuples became lists."""
        return cls(**{name: _tuples(value) for name, value in data.items()})

    @cached_property
    def digest(self) -> str:
        """Equal for lanes that steer alike."""
        told = {name: value for name, value in self.to_json().items() if name != "trace"}
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @property
    def writes(self) -> bool:
        """Whether anything is changed at all; a bias of zero only measures."""
        return self.mode != "bias" or any(self.nats)

    def stop_of(self, positions: Ints) -> Ints:
        """(query,) the stop under which the query rows at these positions look; -1: freely."""
        tokens = positions - (self.n_prompt - 1)
        when = np.maximum(tokens, 0)
        if self.period is not None:
            when = when % self.period
        stop = np.searchsorted(self.starts, when, side="right") - 1
        free = np.array([not stop for stop in self.stops] + [True])  # index -1, before the first stop: freely
        return np.where((tokens >= self.first) & ~free[stop], stop, -1)

    def can_steer(self, n_tokens: int) -> bool:
        """Whether some row of the prompt and of `n_tokens` generated tokens is due."""
        return bool((self.stop_of(np.arange(self.n_prompt + n_tokens - 1)) >= 0).any())


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list | tuple) else value

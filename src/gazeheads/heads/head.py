"""What a head is called, where scores come from, how a control set was drawn, and what dev samples chose."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float64

from gazeheads.arrays import Floats
from gazeheads.errors import HeadsError
from gazeheads.version import __version__

PUBLISHED = "as published"  # in place of a score: a list that others made
Amount = int | float  # of heads: a number, or a share of all heads of the model


def counted(k: Amount, size: int, asked: str) -> int:
    """How many heads `k` is in a model of `size` heads; a share is rounded, to at least one. asked: for the message."""
    if isinstance(k, bool) or not isinstance(k, int | float):
        raise HeadsError(f"{asked}: give a number of heads, or a share of all heads as a float in (0, 1].")
    if not isinstance(k, float):
        return k
    if not 0 < k <= 1:
        raise HeadsError(f"{asked}: a share lies in (0, 1]. Give an int for a number of heads.")
    return max(1, round(k * size))


class Head(NamedTuple):
    """One attention head, printed as in `L17H4`: layer 17, head 4, both counted from 0."""

    layer: int
    head: int

    def __str__(self) -> str:
        return f"L{self.layer}H{self.head}"

    def __repr__(self) -> str:
        return str(self)

    @classmethod
    def parse(cls, text: str) -> "Head":
        """The head that prints as `text`. Raises `HeadsError` for anything else."""
        found = re.fullmatch(r"L(\d{1,9})H(\d{1,9})", text, re.ASCII | re.IGNORECASE)
        if not found:
            raise HeadsError(f"{text!r} is not a head. Write layer and head, both from 0, as in L17H4.")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class Provenance:
    """Where scores came from. `n_layers` and `n_heads` are the model's; `samples` counts images.

    settings: keywords of the processor with which the images were encoded, as text ("" for none). stability: how well
    halves of the images agree. notes: on what, and how, other scores were measured that take samples of their own, by
    name.
    """

    model: str
    n_layers: int
    n_heads: int
    revision: str = ""
    data: str = ""
    seed: int | None = None
    samples: int = 0
    score: str = "gaze"
    version: str = __version__
    settings: str = ""
    stability: str = ""
    notes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Plain values, each note beside them under the name of its score; `from_json` gives an equal provenance."""
        plain = asdict(self)
        notes = plain.pop("notes")
        return {**plain, "causal": "", **notes}  # files have always named the causal score

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Provenance":
        """The provenance that `to_json` wrote."""
        own = {known.name for known in fields(cls)} - {"notes"}
        notes = {name: note for name, note in data.items() if name not in own and note}
        texts = {
            **{name: data.get(name) or "" for name in own - {"n_layers", "n_heads", "seed", "samples"}},
            **notes,
        }
        wrong = [name for name, value in texts.items() if not isinstance(value, str)]
        counts = [data["n_layers"], data["n_heads"], data.get("samples", 0), data.get("seed") or 0]
        if wrong or any(isinstance(count, bool) or not isinstance(count, int) for count in counts):
            raise ValueError(f"the provenance says {', '.join(wrong) or 'a count'} in no text or number")
        return cls(**{name: value for name, value in data.items() if name in own}, notes=notes)


class Ranked(Protocol):
    """Heads, best first, with the scores of all heads of their model, as control rules and cards read them."""

    @property
    def heads(self) -> tuple["Head", ...]:
        """The members, best first."""

    @property
    def scores(self) -> Float64[Floats, "layer head"]:
        """The score of every head of the model."""

    @property
    def image_mass(self) -> Float64[Floats, "layer head"] | None:
        """Mean attention mass on the image, if measured."""

    @property
    def provenance(self) -> "Provenance":
        """Where the scores came from."""

    def all(self) -> "Ranked":
        """Every head of the model that has a score, best first."""

    def every(self) -> "Ranked":
        """Every head of the model that can be steered, best first."""

    def score(self, head: "Head") -> float:
        """The score of one head of the model."""


class Shaped(Protocol):
    """Whatever has attention heads: a `GazeModel`."""

    name: str
    n_layers: int
    n_heads: int


@dataclass(frozen=True)
class Draw:
    """How a control set was drawn.

    The rule, the seed, its number, heads moved to another layer for want of room. mass: of a mass-matched draw, its
    total mass on the image by that of the set that it controls.
    """

    match: str
    seed: int
    index: int
    moved: int
    mass: float | None = None


@dataclass(frozen=True)
class Tuned:
    """What dev samples chose: steer the first `k` heads by `score` with `push`, `during` these tokens.

    curve: from the K that were tried to the mean dev accuracy, 0..1, and the ends of its interval. data, seed: the dev
    samples. rule: how K was chosen from the curve, in words.
    """

    k: Amount
    score: str
    push: str
    during: str
    curve: Mapping[Amount, tuple[float, float, float]] = field(hash=False)
    data: str = ""
    seed: int | None = None
    rule: str = ""

    def __post_init__(self) -> None:
        for k in (self.k, *self.curve):
            if counted(k, 1, f"A tuned K of {k!r}") < 1:
                raise HeadsError(f"A tuned K of {k!r}: no head is steered. Give a number of heads from 1 on.")
        for name in ("score", "push", "during"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise HeadsError(f"{name}={getattr(self, name)!r} of a tuned choice is no text. Name it.")
        curve = {k: tuple(float(value) for value in values) for k, values in self.curve.items()}
        whole = all(len(values) == 3 and np.isfinite(values).all() for values in curve.values())
        if self.k not in curve or not whole:
            raise HeadsError(
                f"The curve of a tuned choice maps each K that was tried, {self.k} among them, to mean, low and high; "
                f"found {dict(self.curve)}."
            )
        object.__setattr__(self, "curve", curve)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; `from_json` gives an equal choice. The curve is a list of [K, mean, low, high]."""
        return {**asdict(self), "curve": [[k, *values] for k, values in self.curve.items()]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Tuned":
        """The choice that `to_json` wrote."""
        return cls(**{**data, "curve": {k: tuple(values) for k, *values in data["curve"]}})

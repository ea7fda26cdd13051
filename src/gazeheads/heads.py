"""Attention heads, and ordered sets of them with the scores that ranked them and where those came from.

`Heads` is a value: what `discover` returns, what a `Gaze` steers, what a heads file holds. The scores are
kept for *every* head of the model, so a subset still knows the whole map. Layers and heads count from 0.

    heads = discover(model, samples)
    lever = heads.top(0.09)             # a share of all heads of the model, or a number
    null = heads.top(0.09).controls(draws=20, seed=0)
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gazeheads import __version__
from gazeheads.errors import HeadsError, WrongModel

Floats = npt.NDArray[np.float64]


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
        found = re.fullmatch(r"L(\d+)H(\d+)", text)
        if not found:
            raise HeadsError(f"{text!r} is not a head. Write layer and head, both from 0, as in L17H4.")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class Provenance:
    """Where scores came from. `n_layers` and `n_heads` are the model's; `samples` counts pictures."""

    model: str
    n_layers: int
    n_heads: int
    revision: str = ""
    data: str = ""
    seed: int | None = None
    samples: int = 0
    score: str = "gaze"
    version: str = __version__


class Shaped(Protocol):
    """Whatever has attention heads: a `GazeModel`."""

    name: str
    n_layers: int
    n_heads: int


@dataclass(frozen=True)
class Draw:
    """How a control set was drawn.

    The rule, the seed, its number, heads moved to another layer for want of room.
    """

    match: str
    seed: int
    index: int
    moved: int


@dataclass(frozen=True, eq=False)
class Heads:
    """An ordered set of heads of one model, best first.

    heads: the members. scores: (layer, head) the score of every head of the model; NaN where a layer has
    none.
    image_mass: (layer, head) mean attention mass on the picture, if measured.
    matrices: (layer, head, asked, region) mean attention mass on each region under each question, if
    measured.
    draw: set for a control draw.
    """

    heads: tuple[Head, ...]
    scores: Floats = field(repr=False)
    provenance: Provenance
    image_mass: Floats | None = field(default=None, repr=False)
    matrices: Floats | None = field(default=None, repr=False)
    draw: Draw | None = None

    def __post_init__(self) -> None:
        shape = self.provenance.n_layers, self.provenance.n_heads
        for name, array in (
            ("scores", self.scores),
            ("image_mass", self.image_mass),
            ("matrices", self.matrices),
        ):
            if array is not None:
                if array.shape[:2] != shape:
                    raise HeadsError(
                        f"{name} of shape {array.shape} for a model of {shape[0]} layers x {shape[1]} "
                        "heads: give one entry for each head of the model."
                    )
                array.flags.writeable = False
        for head in self.heads:
            if not (0 <= head.layer < shape[0] and 0 <= head.head < shape[1]):
                raise WrongModel(
                    f"Head {head} was asked for; {self.provenance.model} has layers 0 to {shape[0] - 1} and "
                    f"heads 0 to {shape[1] - 1}. Take heads that were found on this model."
                )
        if len(set(self.heads)) != len(self.heads):
            raise HeadsError(f"A set of heads names each head once; found {len(self.heads)} with repeats.")

    @classmethod
    def ranked(
        cls,
        scores: Floats,
        provenance: Provenance,
        image_mass: Floats | None = None,
        matrices: Floats | None = None,
    ) -> "Heads":
        """All heads that have a score, best first; ties in the order of layer and head."""
        flat = scores.ravel()
        order = np.lexsort((np.arange(flat.size), -flat))
        heads = tuple(
            Head(*map(int, divmod(i, scores.shape[1]))) for i in order.tolist() if not np.isnan(flat[i])
        )
        return cls(heads, scores, provenance, image_mass, matrices)

    @classmethod
    def of(cls, heads: Iterable[Head | str], model: str, n_layers: int, n_heads: int) -> "Heads":
        """Heads named by hand (`"L17H4"`), without scores: these are all 0."""
        members = tuple(Head.parse(head) if isinstance(head, str) else Head(*head) for head in heads)
        return cls(
            members, np.zeros((n_layers, n_heads)), Provenance(model, n_layers, n_heads, score="by hand")
        )

    def __len__(self) -> int:
        return len(self.heads)

    def __iter__(self) -> Iterator[Head]:
        return iter(self.heads)

    def __contains__(self, head: object) -> bool:
        return head in self.heads

    def __str__(self) -> str:
        return " ".join(map(str, self.heads))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Heads):
            return NotImplemented
        pairs = (
            (self.scores, other.scores),
            (self.image_mass, other.image_mass),
            (self.matrices, other.matrices),
        )
        return (
            (self.heads, self.provenance, self.draw) == (other.heads, other.provenance, other.draw)
            and all((one is None) == (two is None) for one, two in pairs)
            and all(one is None or np.array_equal(one, two, equal_nan=True) for one, two in pairs)  # type: ignore[arg-type]
        )

    def __hash__(self) -> int:
        return hash((self.heads, self.provenance, self.draw))

    def score(self, head: Head) -> float:
        """The score of one head of the model, member or not."""
        return float(self.scores[head])

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads of the model."""
        return self.provenance.n_layers, self.provenance.n_heads

    def top(self, k: int | float) -> "Heads":
        """The first `k` heads; a float in (0, 1] is a share of *all* heads of the model, rounded, at least one.

        Raises `HeadsError` if there are not so many.
        """
        if isinstance(k, bool) or not isinstance(k, int | float):
            raise HeadsError(
                f"top({k!r}): give a number of heads, or a share of all heads as a float in (0, 1]."
            )
        if isinstance(k, float):
            if not 0 < k <= 1:
                raise HeadsError(f"top({k}): a share lies in (0, 1]. Give an int for a number of heads.")
            k = max(1, round(k * self.scores.size))
        if not 1 <= k <= len(self):
            raise HeadsError(
                f"top({k}) was asked of a set of {len(self)} heads. Give a number from 1 to {len(self)}."
            )
        return replace(self, heads=self.heads[:k])

    def all(self) -> "Heads":
        """Every head of the model that has a score, best first."""
        return Heads.ranked(self.scores, self.provenance, self.image_mass, self.matrices)

    def controls(self, draws: int, seed: int, match: str = "layers") -> tuple["Heads", ...]:
        """`draws` distinct sets of as many heads, none of them in this one: see `gazeheads.controls`."""
        from gazeheads.controls import draw

        return draw(self, draws, seed, match)

    def __or__(self, other: "Heads") -> "Heads":
        return self._combined(other, lambda head: head in self.heads or head in other.heads)

    def __and__(self, other: "Heads") -> "Heads":
        return self._combined(other, lambda head: head in self.heads and head in other.heads)

    def __sub__(self, other: "Heads") -> "Heads":
        return self._combined(other, lambda head: head in self.heads and head not in other.heads)

    def _combined(self, other: "Heads", keep: Callable[[Head], bool]) -> "Heads":
        """Members of either for which `keep` holds, in the order of this set's scores."""
        if self.shape != other.shape or self.provenance.model != other.provenance.model:
            raise WrongModel(
                f"Heads of {self.provenance.model} {self.shape} and of {other.provenance.model} "
                f"{other.shape} cannot be combined. Take both from one model."
            )
        members = [head for head in dict.fromkeys((*self.heads, *other.heads)) if keep(head)]
        return replace(self, heads=tuple(sorted(members, key=lambda head: -self.scores[head])), draw=None)

    def save(self, path: str | Path, plain: bool = False) -> None:
        """Write a JSON file, whole or not at all; `plain`: the bare list that others publish. `gazeheads.headsfile`."""
        from gazeheads.headsfile import save

        save(self, path, plain)

    @staticmethod
    def load(path: str | Path, model: Shaped | None = None) -> "Heads":
        """The heads in a file, ours or a plain list, which needs the model that they belong to.

        Raises `BadHeadsFile` with what is wrong, and `WrongModel` if `model` has another shape.
        """
        from gazeheads.headsfile import load

        return load(path, model)

    def push_to_hub(self, repo: str, private: bool = False, token: str | None = None) -> str:
        """Publish these heads with a card on the HuggingFace hub; the address. Raises `HubError`."""
        from gazeheads.headshub import push

        return push(self, repo, private, token)

    @staticmethod
    def from_hub(repo: str, model: Shaped | None = None, revision: str | None = None) -> "Heads":
        """The heads that were published as `repo`. Raises what `load` raises, and `HubError`."""
        from gazeheads.headshub import pull

        return pull(repo, model, revision)

"""Ordered sets of attention heads, with the scores that ranked them and where those came from.

`Heads` is a value: what `discover` returns, what a `Gaze` steers, what a heads file holds. The scores are
kept for *every* head of the model, so a subset still knows the whole map. Layers and heads count from 0.

    heads = discover(model, samples)
    selected = heads.top(0.09)             # a share of all heads of the model, or a number
    null = heads.top(0.09).controls(draws=20, seed=0)
    rival = heads.by("image-heads").top(0.09)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from gazeheads.arrays import Floats
from gazeheads.checks import Error, several, shown, whole
from gazeheads.errors import BadHeadsFile, HeadsError, WrongModel
from gazeheads.heads import controls, file, hub, lists
from gazeheads.heads.head import PUBLISHED, Amount, Draw, Head, Provenance, Shaped, Tuned, counted
from gazeheads.heads.scores import SCORES
from gazeheads.plain import plain

PAPERS_SHARE = 0.09  # of all heads: about the paper's 100 of 1,152

SCHEMA = 1  # of a heads file


@dataclass(frozen=True, eq=False)
class Heads:
    """An ordered set of heads of one model, best first.

    heads: the members. scores: of every head of the model; NaN where a layer has none. image_mass: mean attention mass
    on the image, if measured. matrices: mean attention mass on each region under each question, if measured. draw: set
    for a random-head control. others: scores by other measures, by name (`heads.scores`); NaN where a head is no
    candidate. tuned: what dev samples chose, if they were asked.
    """

    heads: tuple[Head, ...]
    scores: Float64[Floats, "layer head"] = field(repr=False)
    provenance: Provenance
    image_mass: Float64[Floats, "layer head"] | None = field(default=None, repr=False)
    matrices: Float64[Floats, "layer head asked region"] | None = field(default=None, repr=False)
    draw: Draw | None = None
    others: Mapping[str, Float64[Floats, "layer head"]] = field(default_factory=dict, repr=False)
    tuned: Tuned | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        shape = self.provenance.n_layers, self.provenance.n_heads
        if self.provenance.score in self.others:
            raise HeadsError(
                f"The score {self.provenance.score!r} was given twice, in scores and in others. Give it once."
            )
        for name, array in self._arrays.items():
            if array.shape[:2] != shape or (array.ndim != 2 and name != "matrices"):
                raise HeadsError(
                    f"{name} of shape {array.shape} for a model of {shape[0]} layers x {shape[1]} "
                    "heads: give one entry for each head of the model."
                )
            if np.isinf(array).any():
                raise HeadsError(
                    f"{name} holds an infinite number. Give finite ones, and NaN where there is none."
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
        others: Mapping[str, Floats] | None = None,
        tuned: Tuned | None = None,
    ) -> "Heads":
        """All heads that have a score, best first; ties in the order of layer and head."""
        flat = scores.ravel()
        order = np.lexsort((np.arange(flat.size), -flat))
        heads = tuple(
            Head(*map(int, divmod(i, scores.shape[1]))) for i in order.tolist() if not np.isnan(flat[i])
        )
        return cls(heads, scores, provenance, image_mass, matrices, None, others or {}, tuned)

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
        mine, theirs = self._arrays, other._arrays
        return (
            (self.heads, self.provenance, self.draw, self.tuned)
            == (other.heads, other.provenance, other.draw, other.tuned)
            and mine.keys() == theirs.keys()
            and all(np.array_equal(mine[name], theirs[name], equal_nan=True) for name in mine)
        )

    def __hash__(self) -> int:
        return hash((self.heads, self.provenance, self.draw))

    @property
    def _arrays(self) -> dict[str, Floats]:
        """Everything there is that has an entry for each head of the model, by name."""
        own = {"scores": self.scores, "image_mass": self.image_mass, "matrices": self.matrices}
        others = {f"others[{name!r}]": array for name, array in self.others.items()}
        return {name: array for name, array in {**own, **others}.items() if array is not None}

    def score(self, head: Head) -> float:
        """The score of one head of the model, member or not."""
        return float(self.scores[head])

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads of the model."""
        return self.provenance.n_layers, self.provenance.n_heads

    def top(self, k: Amount) -> "Heads":
        """The first `k` heads; a float in (0, 1] is a share of *all* heads of the model, rounded, at least one.

        Raises `HeadsError` if there are not so many.
        """
        k = counted(k, self.scores.size, f"top({k!r})")
        if not 1 <= k <= len(self):
            raise HeadsError(
                f"top({k}) was asked of a set of {len(self)} heads. Give a number from 1 to {len(self)}."
            )
        return replace(self, heads=self.heads[:k])

    def all(self) -> "Heads":
        """Every head of the model that has a score, best first."""
        return Heads.ranked(
            self.scores, self.provenance, self.image_mass, self.matrices, self.others, self.tuned
        )

    def every(self) -> "Heads":
        """Every head of the model that can be steered, best first.

        These are all that have a score; and of a list that others published, which has scores for its own alone, all
        others after them, in the order of layer and head.
        """
        scored = self.all()
        if self.provenance.score != PUBLISHED:
            return scored
        rest = (Head(*place) for place in np.argwhere(np.isnan(self.scores)).tolist())
        return replace(scored, heads=(*scored.heads, *rest))

    def by(self, score: str) -> "Heads":
        """Every head of the model that has this score, best first by it; its own score then is one of `others`.

        "gaze" also names a gaze score by another rule of coverage, "gaze (centre rule)", and the order of a list that
        others published. Raises `HeadsError` for a score that was not measured.
        """
        mine = self.provenance.score
        named = {name.partition(" (")[0]: name for name in (*self.others, mine)}
        name = score if score in self.others else named.get(score, score)
        if name == mine or (name == "gaze" and mine == PUBLISHED):
            return self.all()
        if name not in self.others:
            raise HeadsError(
                f"Heads by {score!r} were asked for; these heads of {self.provenance.model} have "
                f"{', '.join([mine, *self.others])}. {_how_to_measure(score)}"
            )
        others = {mine: self.scores, **{other: x for other, x in self.others.items() if other != name}}
        return Heads.ranked(
            self.others[name],
            replace(self.provenance, score=name),
            self.image_mass,
            self.matrices,
            others,
            self.tuned,
        )

    @property
    def selected(self) -> "Heads":
        """What to steer where nobody says how many.

        A set that somebody chose (a cut, a random-head control, heads named by hand or published) as it is. Of a
        ranking of all heads what dev samples chose, `tuned.k` by `tuned.score`; where they were not asked, the
        paper's 9%.
        """
        scored = np.count_nonzero(~np.isnan(self.scores))
        if len(self) < scored:
            return self
        if self.tuned:
            return self.by(self.tuned.score).top(self.tuned.k)
        is_list = self.provenance.score == PUBLISHED and scored < self.scores.size
        return self if is_list else self.top(PAPERS_SHARE)

    def controls(self, draws: int, seed: int, match: str = "layers") -> tuple["Heads", ...]:
        """`draws` distinct sets of as many heads, none of them in this one: see `gazeheads.heads.controls`."""
        drawn = controls.draw(self, draws, seed, match)
        return tuple(replace(self, heads=members, draw=how) for members, how in drawn)

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

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers, as in a heads file; `from_json` gives equal heads. A missing score is null."""
        return {
            "schema": SCHEMA,
            "provenance": self.provenance.to_json(),
            "heads": [str(head) for head in self],
            "draw": plain(self.draw),
            "scores": plain(self.scores),
            "image_mass": plain(self.image_mass),
            "matrices": plain(self.matrices),
            "others": plain(self.others),
            "tuned": plain(self.tuned),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Heads":
        """The heads that `to_json` wrote. Raises `KeyError`, `TypeError`, `ValueError` or `HeadsError` for other data.

        Files from before `others` and `tuned` load, too.
        """
        scores = _array(data["scores"])
        if scores is None:
            raise ValueError("scores are missing")
        return cls(
            heads=tuple(Head.parse(text) for text in data["heads"]),
            scores=scores,
            provenance=Provenance.from_json(data["provenance"]),
            image_mass=_array(data["image_mass"]),
            matrices=_array(data["matrices"]),
            draw=None if data["draw"] is None else Draw(**data["draw"]),
            others={name: np.array(each, dtype=np.float64) for name, each in data.get("others", {}).items()},
            tuned=None if data.get("tuned") is None else Tuned.from_json(data["tuned"]),
        )

    def to_list(self) -> list[dict[str, Any]]:
        """The bare list that others publish: layer, head and score of each, best first."""
        return [{"layer": h.layer, "head": h.head, "score": self.score(h)} for h in self]

    @classmethod
    def from_list(cls, data: Any, model: Shaped, source: str = "") -> "Heads":
        """The heads of a list in a form of `gazeheads.heads.lists`, in its order; others have no score.

        A list without scores gives its heads n, n - 1, ... 1. source: where it is from. Raises `ValueError` or
        `HeadsError` for other data.
        """
        origin = Provenance(model.name, model.n_layers, model.n_heads, data=source, score=PUBLISHED)
        if isinstance(data, np.ndarray) and data.shape == (model.n_layers, model.n_heads):
            return cls.ranked(data.astype(np.float64), origin)
        listed = lists.entries(data.tolist() if isinstance(data, np.ndarray) else data)
        scores = np.full((model.n_layers, model.n_heads), np.nan)
        for place, (head, score) in enumerate(listed):
            if head.layer < model.n_layers and head.head < model.n_heads:
                scores[head] = len(listed) - place if score is None else score
        return cls(tuple(head for head, _ in listed), scores, origin)

    def save(self, path: str | Path, plain: bool = False) -> None:
        """Write a JSON file, whole or not at all; `plain`: the bare list that others publish. Raises `Unwritable`."""
        file.write(path, self.to_list() if plain else self.to_json())

    @classmethod
    def load(cls, path: str | Path, model: Shaped | None = None) -> "Heads":
        """The heads in a file, ours or a plain list, which needs the model that they belong to.

        Raises `BadHeadsFile` with what is wrong, and `WrongModel` if `model` has another shape.
        """
        data = file.read(path, SCHEMA)
        ours = file.is_ours(data)
        try:
            if not ours and model is None:
                if not isinstance(data, np.ndarray):
                    lists.entries(data)
                raise BadHeadsFile(
                    f"Heads file {path} is a plain list, which does not say of which model. Give the model, too: "
                    "Heads.load(path, model), or --model beside it on the command line."
                )
            heads = cls.from_list(data, model, str(path)) if model and not ours else cls.from_json(data)
        except (WrongModel, BadHeadsFile):
            raise
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError, HeadsError) as error:
            cure = file.AGAIN if ours else f"Known forms: what `gazeheads discover` writes; {lists.FORMS}."
            raise BadHeadsFile(
                f"Heads file {path} does not hold a set of heads: {type(error).__name__}: {str(error).rstrip('.')}. "
                f"{cure}"
            ) from error
        if model is not None and heads.shape != (model.n_layers, model.n_heads):
            raise WrongModel(
                f"Heads file {path} is of {heads.provenance.model}, {heads.shape[0]} layers x {heads.shape[1]} heads; "
                f"{model.name} has {model.n_layers} x {model.n_heads}. Run `gazeheads discover` on this model."
            )
        return heads

    def push_to_hub(self, repo: str, private: bool = False, token: str | None = None) -> str:
        """Publish these heads with a card on the HuggingFace hub; the address. Raises `HubError`."""
        return hub.push(self, self.to_json(), self.to_list(), repo, private, token)

    @classmethod
    def from_hub(cls, repo: str, model: Shaped | None = None, revision: str | None = None) -> "Heads":
        """The heads that were published as `repo`. Raises what `load` raises, and `HubError`."""
        return cls.load(hub.pull(repo, revision), model)


def _array(values: Any) -> Floats | None:
    return None if values is None else np.array(values, dtype=np.float64)


def _how_to_measure(score: str) -> str:
    """What to do to have a score."""
    if score not in SCORES:
        return f"There is no such score; they are {', '.join(SCORES)}."
    own = f" --score {score}`" if SCORES[score].module else "`, which measures it beside the gaze score"
    return f"Measure it by `gazeheads discover{own}."


def members(heads: Any, asked: str, error: Error) -> tuple[Head, ...]:
    """The heads of a set, or of a list of (layer, head). asked: what takes them, for the message."""
    if isinstance(heads, Heads):
        return heads.heads
    found = []
    for head in several(heads, f"{asked} takes a set of heads, or a list of them", error):
        pair = tuple(head) if isinstance(head, Iterable) and getattr(head, "ndim", 1) == 1 else ()
        if isinstance(head, str) or len(pair) != 2:
            raise error(
                f"{asked} takes heads; found {shown(head)} among them. Give a set, as heads.top(k), or a list of "
                "Head(layer, head)."
            )
        found.append(Head(*(whole(value, f"A head of {asked}", error) for value in pair)))
    return tuple(found)


def belong(
    heads: Sequence[Head], shape: tuple[int, int] | None, n_layers: int, n_heads: int, verb: str
) -> None:
    """Raise `WrongModel` unless these are heads of a model of `n_layers` x `n_heads`. verb: "steered" or "recorded".

    shape: of the model that they are of, where that is known.
    """
    bad = [head for head in heads if not (0 <= head.layer < n_layers and 0 <= head.head < n_heads)]
    if shape not in (None, (n_layers, n_heads)) or bad:
        found = (
            f"head {bad[0]}"
            if shape in (None, (n_layers, n_heads))
            else f"{shape[0]} layers x {shape[1]} heads"
        )
        raise WrongModel(
            f"Heads of another model were to be {verb} ({found}); this one has {n_layers} layers x {n_heads} heads. "
            "Run `discover` on this model."
        )

"""The schema of what goes in and comes out: samples, trials, generations, verdicts. No torch.

A trial is one generation to make; a generation is a trial with what the model said; a verdict is what a judge makes of
it. The three are joined by the trial's key, so that each pass can be stopped, resumed and repeated on its own.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from gazeheads.errors import GazeHeadsError
from gazeheads.grid import Box

SCHEMA = 1

Show = Literal["whole", "crop", "marker"]
Shape = Literal["panel", "box", "mask"]
Coverage = Literal["area", "centre"]
Parts = Literal["whole", "segments", "sentences"]


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture and what is true of it.

    `boxes`, `names`, `captions` and `slots` run in parallel, in reading order: the panels of a strip or a grid, the
    things of a scene. Boxes are in pixels of `picture`. `captions[i]` holds several wordings of the same truth, and
    `slots[i]` the phrases by which an answer is judged (empty where nothing is known). `masks` are boolean arrays
    (row, col) of the visible pixels of each thing; empty where a box says it all. They may be drawn when asked for.
    """

    id: str
    kind: str
    picture: Image.Image = field(repr=False)
    boxes: tuple[Box, ...]
    names: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...] = ()
    slots: tuple[Mapping[str, str], ...] = ()
    letters: tuple[str, ...] = ()
    masks: Sequence[npt.NDArray[np.bool_]] = field(default=(), repr=False)
    source: Mapping[str, Any] = field(default_factory=dict)
    redraw: Callable[[int, int], "Sample"] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("names", "captions", "slots", "letters", "masks"):
            found = len(getattr(self, name))
            if found not in (0, len(self.boxes)) or (name == "names" and not found):
                raise GazeHeadsError(
                    f"Sample {self.id!r}: {len(self.boxes)} boxes but {found} {name}. Give one for each box."
                )

    def fit(self, height: int, cell: int) -> "Sample":
        """The same sample for a model whose strips are `height` pixels high and whose cells are `cell` pixels wide.

        Doodles are drawn anew and comics laid out anew, with panel edges on the token grid (as in the paper); a
        picture that cannot be made anew is returned as it is.
        """
        return self.redraw(height, cell) if self.redraw else self

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return self.picture.size

    @property
    def content(self) -> str:
        """SHA-256 of the picture: of its size and pixels, or of the files that it is opened from."""
        picture = self.picture
        return hashlib.sha256(f"{picture.mode} {picture.size}".encode() + picture.tobytes()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Everything but the pixels; `source` says how to draw these again. `order` is the reading order of the boxes.

        Masks are run lengths as in COCO: of zeros and ones in turn, from zeros, down the columns.
        """
        return {
            "schema": SCHEMA,
            "id": self.id,
            "kind": self.kind,
            "size": list(self.size),
            "boxes": [[b.x0, b.y0, b.x1, b.y1] for b in self.boxes],
            "names": list(self.names),
            "captions": [list(c) for c in self.captions],
            "slots": [dict(s) for s in self.slots],
            "letters": list(self.letters),
            "order": list(range(len(self.boxes))),
            "masks": [{"size": list(mask.shape), "counts": run_lengths(mask)} for mask in self.masks],
            "source": dict(self.source),
        }


def run_lengths(mask: npt.NDArray[np.bool_]) -> list[int]:
    """The lengths of the runs of zeros and ones of a mask (row, col), column by column, beginning with zeros."""
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    ends = np.concatenate([[0], edges, [flat.size]])
    lengths = [int(n) for n in np.diff(ends)]
    return [0, *lengths] if flat[0] else lengths


@dataclass(frozen=True)
class Trial:
    """One generation to make: what is asked about which sample, and which heads look where.

    condition: the head set, or what takes its place: "none", "gaze", "controls/3", "all", "crop" (`conditions`).
    target: the zero-based region that the answer should be about; None: no region, or several (`tour`).
    variant: the cell of a sweep, in words, such as "K = 4%"; "" outside sweeps.
    pointed: the region that the heads are pointed at (the target, but for one control); None: nothing is steered.
    tour, every: the regions to look at in turn, for so many tokens each, or until a sentence ends (None).
    k: how many heads, or which share of all; push, during: how hard and when. None: as the run says.
    show: the whole picture, the target's pixels alone, or the picture with the target marked.
    settings: keywords of `generate`. parts: what of the answer gets a verdict: all, each segment, each sentence.
    shape: what of the target is pointed at: its "panel", which must cover a token; its "box" or "mask", which grows to
    the nearest cells where it covers less than one. coverage: how much of a token counts, as in `Region`.
    """

    experiment: str
    sample: str
    condition: str
    prompt: str
    max_new_tokens: int
    target: int | None = None
    variant: str = ""
    pointed: int | None = None
    tour: tuple[int, ...] = ()
    every: int | None = None
    k: int | float | None = None
    push: str | None = None
    during: str | None = None
    show: Show = "whole"
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: Parts = "whole"
    shape: Shape = "panel"
    coverage: Coverage = "area"

    @property
    def key(self) -> str:
        """Unique within a run."""
        where = "-" if self.target is None else self.target
        return f"{self.experiment}|{self.variant}|{self.sample}|{self.condition}|{where}"

    @property
    def is_steered(self) -> bool:
        """Whether heads are pointed at anything."""
        return self.pointed is not None or bool(self.tour)

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults, and the key."""
        defaults = {f.name: f.default for f in fields(self)}
        found = {k: v for k, v in asdict(self).items() if v != defaults[k] and v != () and v != {}}
        return {"key": self.key, **found}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trial":
        """The trial that `to_json` wrote."""
        values = {k: v for k, v in data.items() if k != "key"}
        return cls(**values | {"tour": tuple(values.get("tour", ()))})


@dataclass(frozen=True)
class Said:
    """A part of an answer: the tokens `start <= token < stop`, and the region that the heads were pointed at."""

    text: str
    start: int
    stop: int
    target: int | None = None


@dataclass(frozen=True)
class Generated:
    """A trial and what the model said.

    heads: how many were steered. before, after: the proof of effect, the steered heads' mean attention mass on the
    target without and with the push; None where nothing was steered. segments: of a tour, its parts by target.
    pieces: the characters that each token completes, where the trial's parts are not the whole. failed: why there is no
    answer, where the model could not give one; the text is then empty. grown: whether the region was too small to cover
    a token, and grew.
    """

    trial: Trial
    text: str
    tokens: int
    finish: str
    before: float | None = None
    after: float | None = None
    heads: int = 0
    segments: tuple[Said, ...] = ()
    pieces: tuple[str, ...] = ()
    failed: str = ""
    grown: bool = False

    @property
    def key(self) -> str:
        """The trial's."""
        return self.trial.key

    def to_json(self) -> dict[str, Any]:
        """One line of `generations.jsonl`."""
        return {
            "schema": SCHEMA,
            **self.trial.to_json(),
            "text": self.text,
            "tokens": self.tokens,
            "finish": self.finish,
            "before": self.before,
            "after": self.after,
            "heads": self.heads,
            "segments": [[s.text, s.start, s.stop, s.target] for s in self.segments],
            "pieces": list(self.pieces),
            "failed": self.failed,
            **({"grown": True} if self.grown else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Generated":
        """The generation that `to_json` wrote. Raises `KeyError` or `TypeError` for anything else."""
        if data["schema"] != SCHEMA:
            raise KeyError(f"schema {data['schema']!r} instead of {SCHEMA}")
        own = {f.name for f in fields(cls)} - {"trial"}
        trial = Trial.from_json({k: v for k, v in data.items() if k not in {*own, "schema"}})
        values = {name: data[name] for name in own - {"grown"}} | {"grown": data.get("grown", False)}
        values |= {"segments": tuple(Said(*s) for s in data["segments"]), "pieces": tuple(data["pieces"])}
        return cls(trial, **values)

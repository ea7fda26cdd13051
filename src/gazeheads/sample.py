"""A sample: one picture and what is true of it, as data sources give it and trials ask about it. No torch."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gazeheads.errors import DataError
from gazeheads.regions.grid import Box

SCHEMA = 1  # of what is written about samples, trials and generations


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
                raise DataError(
                    f"Sample {self.id!r}: {len(self.boxes)} boxes but {found} {name}. Give one for each box."
                )

    def resized(self, height: int, cell: int) -> "Sample":
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


PANELS = ("strip", "grid")  # kinds of samples whose regions are no things


def nouns(sample: Sample) -> list[str]:
    """What the things of a sample are called, without running numbers. Raises `DataError` where one has no name."""
    found = [slots.get("object", "") for slots in sample.slots]
    if sample.kind in PANELS or not found or not all(found):
        raise DataError(
            f"Sample {sample.id!r}: its regions have no names that a list could say. Give scenes or COCO data."
        )
    return found

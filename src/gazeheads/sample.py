"""A sample: one image and what is true of it, as data sources give it and trials ask about it. No torch."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt
from PIL import Image

from gazeheads.errors import DataError
from gazeheads.images import loaded, rgb
from gazeheads.regions.grid import Box

SCHEMA = 1  # of what is written about samples, trials and generations


class StoredImage:
    """An image that is opened when it is looked at, and kept only as long as somebody holds it.

    So thousands of large panels fit into memory. size: width and height in pixels, known beforehand. read: opens it
    anew. digest: SHA-256 over the files that it is read from. Both raise `DataError`, naming a file that is gone.
    """

    def __init__(
        self, size: tuple[int, int], read: Callable[[], Image.Image], digest: Callable[[], str]
    ) -> None:
        self.size, self._read, self._digest = size, read, digest
        self._last: Callable[[], Image.Image | None] = lambda: None

    def open(self) -> Image.Image:
        """The image: the one that was opened last if somebody still holds it, else read anew."""
        image = self._last()
        if image is None:
            image = self._read()
            self._last = ref(image)
        return image

    @property
    def digest(self) -> str:
        """SHA-256 (64 hexadecimal digits) over its files; nothing is decoded."""
        return self._digest()


@dataclass(frozen=True, eq=False)
class Sample:
    """One image and what is true of it.

    `pixels` is the image, or a `StoredImage` that opens it; `image` is the image in either case.
    `boxes`, `names`, `captions` and `slots` run in parallel, in reading order: the panels of a strip or a grid, the
    objects of a scene. Boxes are in pixels of `image`. `captions[i]` holds several wordings of the same truth, and
    `slots[i]` the phrases by which an answer is judged (empty where nothing is known). `masks` are boolean arrays
    (row, col) of the visible pixels of each object; empty where a box says it all. They may be drawn when asked for.
    """

    id: str
    kind: str
    pixels: Image.Image | StoredImage = field(repr=False)
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
            count = len(getattr(self, name))
            if count not in (0, len(self.boxes)) or (name == "names" and not count):
                raise DataError(
                    f"Sample {self.id!r}: {len(self.boxes)} boxes but {count} {name}. Give one for each box."
                )

    @property
    def image(self) -> Image.Image:
        """The image in RGB. Where it is stored in files, hold on to it while you work with it: each use may open them.

        Raises `DataError`, naming the file, where one is gone or broken, and for an image that `rgb` refuses.
        """
        image = self.pixels.open() if isinstance(self.pixels, StoredImage) else self.pixels
        return rgb(image, f"of {self.id}", boxes=True)

    def resized(self, height: int, cell: int) -> "Sample":
        """The same sample for a model whose strips are `height` pixels high and whose cells are `cell` pixels wide.

        Doodles are drawn anew and comics laid out anew, with panel edges on the token grid (as in the paper); an
        image that cannot be made anew is returned as it is.
        """
        return self.redraw(height, cell) if self.redraw else self

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image in pixels; no file is opened for it."""
        return self.pixels.size

    @property
    def content(self) -> str:
        """SHA-256 of the image: of its size and pixels, or of the files that it is opened from."""
        if isinstance(self.pixels, StoredImage):
            return self.pixels.digest
        loaded(self.pixels, f"of {self.id}")
        head = f"{self.pixels.mode} {self.pixels.size}"
        return hashlib.sha256(head.encode() + self.pixels.tobytes()).hexdigest()

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


PANELS = ("strip", "grid")  # kinds of samples whose regions are no objects


def nouns(sample: Sample) -> list[str]:
    """What the objects of a sample are called, without running numbers. Raises `DataError` where one has no name."""
    names = [slots.get("object", "") for slots in sample.slots]
    if sample.kind in PANELS or not names or not all(names):
        raise DataError(
            f"Sample {sample.id!r}: its regions have no names that a list could say. Use scenes or COCO data."
        )
    return names

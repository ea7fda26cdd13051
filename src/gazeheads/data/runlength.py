"""Masks as COCO keeps them: run lengths, plain or packed into a string, and polygons.

Run lengths are of zeros and ones in turn, from zeros, down the columns. They are unpacked here, so that a broken string
is an error and no crash. Polygons are drawn by pycocotools, which alone draws them exactly as COCO means them.
"""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from gazeheads.checks import shown
from gazeheads.errors import DataError, MissingPackage
from gazeheads.regions.region import OVERHANG

MOST_EDGE = 1e9  # px
LONGEST_RUN = 60  # bits
LONGEST_OUTLINE = 20_000_000  # px, of a polygon: it is drawn pixel by pixel
Mask = npt.NDArray[np.bool_]


class Masks(Sequence[Mask]):
    """Masks (row, col) that are drawn when they are asked for. segmentations: as in COCO; size: width and height."""

    def __init__(self, segmentations: Sequence[Any], size: tuple[int, int]) -> None:
        self.segmentations, self.size = tuple(segmentations), size

    def __len__(self) -> int:
        return len(self.segmentations)

    @overload
    def __getitem__(self, which: int) -> Mask: ...

    @overload
    def __getitem__(self, which: slice) -> "Masks": ...

    def __getitem__(self, which: int | slice) -> "Mask | Masks":
        """One mask, or some of them, not drawn yet."""
        if isinstance(which, slice):
            return Masks(self.segmentations[which], self.size)
        return drawn(self.segmentations[which], self.size)


def drawn(segmentation: Any, size: tuple[int, int]) -> Mask:
    """The mask (row, col) that a segmentation of COCO says. Raises `DataError` as `runs_of` does."""
    if isinstance(segmentation, list):
        return _filled(np.array(unpacked(_polygons(segmentation, size)["counts"].decode("ascii"))), size)
    return _filled(runs_of(segmentation, size), size)


def is_empty(segmentation: Any, size: tuple[int, int]) -> bool:
    """Whether no pixel is inside. Raises `DataError` for a mask that cannot be drawn."""
    if isinstance(segmentation, list):
        packed = _polygons(segmentation, size)
        from pycocotools import mask as reference

        return not reference.area(packed)
    return not runs_of(segmentation, size)[1::2].any()


def _filled(runs: npt.NDArray[np.int64], size: tuple[int, int]) -> Mask:
    width, height = size
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape((height, width), order="F")


def runs_of(segmentation: Any, size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """(run,) the run lengths of a mask of this size. Raises `DataError` for another size, and for broken lengths."""
    width, height = size
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= set(segmentation):
        raise DataError(
            "A segmentation is neither a list of polygons nor run lengths with size and counts. Correct it."
        )
    if segmentation["size"] != [height, width]:
        raise DataError(
            f"A mask is of {shown(segmentation['size'])} (rows, columns), and its image is {width} x {height} px. "
            "Use the mask of this image."
        )
    counts = segmentation["counts"]
    runs = unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise DataError(
            "Run lengths of a mask are not whole numbers of at least 0: they are broken. Export it again."
        )
    if sum(runs) != width * height:
        raise DataError(
            f"Run lengths of a mask add up to {sum(runs)} pixels instead of {width * height}: they are broken. Export "
            "it again."
        )
    return np.array(runs, dtype=np.int64)


def unpacked(text: str) -> list[int]:
    """Run lengths from a string: six bits a character, five of them a digit; from the fourth on less the last but one.

    Raises `DataError` for other characters, and a string that ends within a number.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise DataError(
                f"Run lengths of a mask hold the character {character!r}: they are broken. Export it again."
            )
        value |= (bits & 31) << shift
        shift += 5
        if shift > LONGEST_RUN:
            raise DataError(
                "Run lengths of a mask hold a number without an end: they are broken. Export it again."
            )
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise DataError("Run lengths of a mask end within a number: they are broken. Export it again.")
    return runs


def must_be_polygons(segmentation: list[Any], size: tuple[int, int]) -> None:
    """Raise `DataError` unless these are polygons, each x0, y0, x1, y1, ... of three points or more, to be drawn.

    A corner may stick out of the image as far as a box may. pycocotools would draw any, whatever memory it takes.
    """
    if not segmentation:
        raise DataError("A mask has no polygon. Correct it, or leave it out.")
    for polygon in segmentation:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise DataError(
                "A polygon of a mask is not a list of three or more points x, y, x, y, ... Correct it."
            )
        if not all(isinstance(edge, int | float) and not isinstance(edge, bool) for edge in polygon):
            raise DataError("A polygon of a mask holds a value that is not a number. Correct it.")
        if not all(-MOST_EDGE < edge < MOST_EDGE for edge in polygon):
            raise DataError("A polygon of a mask holds a value that is not a number of pixels. Correct it.")
        _must_be_in(np.array(polygon, dtype=np.float64).reshape(-1, 2), size)
    try:
        import pycocotools  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "Masks that are polygons were to be drawn; pycocotools is not installed. Install it: pip install "
            '"gazeheads[coco]".'
        ) from error


def _must_be_in(points: npt.NDArray[np.float64], size: tuple[int, int]) -> None:
    """Raise `DataError` for points (point, x and y) out of the image, or an outline that takes for ever."""
    out = float(max(-points.min(), (points - np.array(size)).max()))
    if out > OVERHANG:
        x, y = points[np.argmax(np.maximum(-points, points - np.array(size)).max(1))]
        raise DataError(
            f"a polygon of its mask has the corner ({x:g}, {y:g}), out of the image of {size[0]} x {size[1]} px by "
            f"{out:g} px. Use the annotations that belong to the images."
        )
    if np.abs(points - np.roll(points, 1, axis=0)).max(1).sum() > LONGEST_OUTLINE:
        raise DataError(
            f"a polygon of its mask is more than {LONGEST_OUTLINE / 1e6:g} million px long. Correct it."
        )


def _polygons(polygons: list[Any], size: tuple[int, int]) -> Any:
    """The packed run lengths of polygons that were checked first."""
    must_be_polygons(polygons, size)
    from pycocotools import mask as reference

    width, height = size
    return reference.merge(reference.frPyObjects(polygons, height, width))

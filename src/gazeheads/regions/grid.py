"""Where each image token looks: its place in the prompt, its image, and the pixel rectangle that it sees.

A processor cuts every image into one or more *views* (the whole image; or tiles and a thumbnail), and
each view into a grid of cells, one image token a cell. `ImageGrid` lists all image tokens of one prompt. It
is everything that the rest of the package knows about a model family: with it, a box on any image is a set
of tokens.

Pixels are those of the source image, x to the right, y down, rectangles half-open. Positions count the
tokens of the prompt from 0, without padding.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gazeheads.arrays import Bools, Floats, Ints
from gazeheads.checks import number
from gazeheads.errors import EmptyBox, ModelError, RegionError


@dataclass(frozen=True)
class Box:
    """The pixels `x0 <= x < x1`, `y0 <= y < y1` of an image.

    Raises `EmptyBox` if there are none, `RegionError` for corners that are no numbers.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        for name in ("x0", "y0", "x1", "y1"):
            value = number(getattr(self, name), f"{name} of a box", RegionError)
            if not isinstance(getattr(self, name), int | float):
                object.__setattr__(self, name, value)
        if not all(math.isfinite(value) for value in self.corners):
            raise EmptyBox(f"{self} has a corner that is not a finite number. Give four pixel coordinates.")
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise EmptyBox(
                f"{self} is empty: it is {self.width:g} px wide and {self.height:g} px high. Give the left, "
                "top, right and bottom edges, in this order."
            )

    def __str__(self) -> str:
        return f"Box ({', '.join(f'{value:g}' for value in self.corners)})"

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, in pixels."""
        return self.x0, self.y0, self.x1, self.y1

    @property
    def width(self) -> float:
        """In pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """In pixels."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """In square pixels."""
        return self.width * self.height


@dataclass(frozen=True)
class View:
    """One grid of `rows` x `cols` cells laid over `box` of image number `image` (from 0).

    `kind` is "whole" (the image as one grid), "tile" (a part of it, or all of it at a higher resolution) or
    "thumbnail" (all of it, beside tiles). The box may reach beyond the image where the processor pads.
    """

    image: int
    kind: str
    rows: int
    cols: int
    box: Box

    def __post_init__(self) -> None:
        if self.rows < 1 or self.cols < 1:
            raise ModelError(
                f"A view needs at least one cell; found {self.rows} x {self.cols}. Use a larger image."
            )

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of one cell, in pixels of the source image."""
        return self.box.width / self.cols, self.box.height / self.rows

    @property
    def rects(self) -> Float64[Floats, "cell 4"]:
        """Left, top, right, bottom of each cell, row by row. Neighbours share their edge exactly."""
        xs = self.box.x0 + self.box.width * np.arange(self.cols + 1) / self.cols
        ys = self.box.y0 + self.box.height * np.arange(self.rows + 1) / self.rows
        left, top = np.meshgrid(xs[:-1], ys[:-1])
        right, bottom = np.meshgrid(xs[1:], ys[1:])
        return np.stack([left, top, right, bottom], axis=-1).reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class ImageGrid:
    """The image tokens of one prompt.

    n_prompt: tokens of the whole prompt, without padding.
    positions: where each image token stands in the prompt, rising.
    view_of: index into `views`; the tokens of a view are its cells, row by row.
    rects: the pixel rectangle that each token sees, in its source image: left, top, right, bottom.
    views: the grids. sizes: (width, height) of each image in pixels.
    """

    n_prompt: int
    positions: Int64[Ints, " token"]
    view_of: Int64[Ints, " token"]
    rects: Float64[Floats, "token 4"]
    views: tuple[View, ...]
    sizes: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        cells = np.array([view.rows * view.cols for view in self.views], dtype=np.int64)
        found = np.bincount(self.view_of, minlength=len(cells)) if len(self.view_of) else 0 * cells
        if len(self.positions) != cells.sum() or not np.array_equal(found, cells):
            raise ModelError(
                f"An image grid of {cells.sum()} cells was asked for, but the prompt holds "
                f"{len(self.positions)} image tokens. The processor and the model family do not fit "
                "together."
            )
        if len(self.positions) and not (
            (np.diff(self.positions) > 0).all()
            and self.positions[0] >= 0
            and self.positions[-1] < self.n_prompt
        ):
            raise ModelError(
                f"Image token positions must rise within 0 to {self.n_prompt - 1}: {self.positions}."
            )
        for array in (self.positions, self.view_of, self.rects):
            array.flags.writeable = False

    @classmethod
    def from_views(
        cls, n_prompt: int, positions: Ints, views: Sequence[View], sizes: Sequence[tuple[int, int]]
    ) -> "ImageGrid":
        """The grid whose tokens, in prompt order, are the cells of `views` one view after the other.

        A cell that reaches beyond its image, into padding, sees the part that is inside.
        """
        rects = [_inside(view.rects, sizes[view.image]) for view in views]
        return cls(
            n_prompt=int(n_prompt),
            positions=np.array(positions, dtype=np.int64),
            view_of=np.repeat(np.arange(len(views), dtype=np.int64), [len(part) for part in rects]),
            rects=np.concatenate(rects) if views else np.zeros((0, 4)),
            views=tuple(views),
            sizes=tuple((int(width), int(height)) for width, height in sizes),
        )

    def __len__(self) -> int:
        return len(self.positions)

    def __repr__(self) -> str:
        views = ", ".join(
            f"{view.kind} {view.rows} x {view.cols} of image {view.image}" for view in self.views
        )
        return f"ImageGrid({len(self)} image tokens in a prompt of {self.n_prompt}: {views})"

    @cached_property
    def digest(self) -> str:
        """A fingerprint: equal for equal grids, and for no others."""
        parts = (self.n_prompt, self.views, self.sizes)
        sha = hashlib.sha256(repr(parts).encode())
        for array in (self.positions, self.view_of, self.rects):
            sha.update(array.tobytes())
        return sha.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageGrid) and (self is other or self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def images(self) -> Int64[Ints, " token"]:
        """Number of the image that each token sees, from 0."""
        return np.array([view.image for view in self.views], dtype=np.int64)[self.view_of]

    @cached_property
    def inside(self) -> Bool[Bools, " token"]:
        """Whether a token sees any part of its image; the others see padding only."""
        edges = np.array(self.sizes, dtype=np.float64).reshape(-1, 2)[self.images]
        inside = (self.rects[:, :2] < edges).all(1) & (self.rects[:, 2:] > 0).all(1)
        return np.asarray(inside, dtype=np.bool_)

    def cell(self, image: int = 0) -> tuple[float, float]:
        """Width and height in pixels of the smallest cell laid over image `image`."""
        return min(
            (view.cell for view in self.views if view.image == image), key=lambda cell: cell[0] * cell[1]
        )

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; `from_json` gives an equal grid."""
        return {
            "n_prompt": self.n_prompt,
            "positions": self.positions.tolist(),
            "view_of": self.view_of.tolist(),
            "rects": self.rects.tolist(),
            "views": [[v.image, v.kind, v.rows, v.cols, list(v.box.corners)] for v in self.views],
            "sizes": [list(size) for size in self.sizes],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ImageGrid":
        """The grid that `to_json` wrote."""
        return cls(
            n_prompt=data["n_prompt"],
            positions=np.array(data["positions"], dtype=np.int64),
            view_of=np.array(data["view_of"], dtype=np.int64),
            rects=np.array(data["rects"], dtype=np.float64).reshape(-1, 4),
            views=tuple(View(i, kind, rows, cols, Box(*box)) for i, kind, rows, cols, box in data["views"]),
            sizes=tuple((width, height) for width, height in data["sizes"]),
        )


def _inside(rects: Float64[Floats, "cell 4"], size: tuple[int, int]) -> Float64[Floats, "cell 4"]:
    """The part of each rectangle that lies inside an image; those that lie outside stay as they are."""
    edges = np.array([*size, *size], dtype=np.float64)
    clipped: Floats = np.clip(rects, 0, edges)
    some = (clipped[:, :2] < clipped[:, 2:]).all(1, keepdims=True)
    return np.where(some, clipped, rects)

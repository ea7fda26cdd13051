"""Shapes on an image, and their exact algebra.

A shape says how much of each point it covers (0..1). All shapes here are constant on the rectangles between
their own *breaks* (the x and y at which they change), so unions, intersections and complements are exact: lay
the breaks of all parts over each other, take one value per atomic rectangle, and combine values. Union is the
maximum, intersection the minimum, complement 1 - value: for soft masks the usual fuzzy algebra, for the rest
the usual sets.

Pixels of the source image; edges are half-open (a point on a left or top edge is inside).
"""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from gazeheads.arrays import Floats
from gazeheads.errors import RegionError
from gazeheads.regions.grid import Box

DISC_STEPS = 128  # a disc is drawn as a staircase of so many squares across: area within 0.2% of the circle's


@runtime_checkable
class Shape(Protocol):
    """What a region is made of."""

    def breaks(self) -> tuple[Float64[Floats, " x"], Float64[Floats, " y"]]:
        """The x and the y, in pixels, between which the shape is constant."""
        ...

    def at(self, x: Float64[Floats, " col"], y: Float64[Floats, " row"]) -> Float64[Floats, "row col"]:
        """The share of each point (x[col], y[row]) that the shape covers, 0..1."""
        ...


@dataclass(frozen=True)
class Rectangle:
    """All of a box."""

    box: Box

    def breaks(self) -> tuple[Float64[Floats, " x"], Float64[Floats, " y"]]:
        """The edges of the box."""
        return np.array([self.box.x0, self.box.x1], float), np.array([self.box.y0, self.box.y1], float)

    def at(self, x: Float64[Floats, " col"], y: Float64[Floats, " row"]) -> Float64[Floats, "row col"]:
        """1 inside the half-open box."""
        columns = (self.box.x0 <= x) & (x < self.box.x1)
        rows = (self.box.y0 <= y) & (y < self.box.y1)
        return np.outer(rows, columns).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Raster:
    """An array (row, col) of values 0..1, stretched over a box."""

    values: Floats = field(repr=False)
    box: Box

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.size:
            raise RegionError(
                f"A mask has rows and columns; found shape {self.values.shape}. Give a 2-D array."
            )
        low, high = self.values.min(), self.values.max()
        if not 0 <= low <= high <= 1:  # also catches NaN
            raise RegionError(
                f"A mask holds values 0..1 (or booleans); found {low:g} to {high:g}. Divide by its largest "
                "value."
            )
        self.values.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Raster) and self.box == other.box and np.array_equal(self.values, other.values)
        )

    def __hash__(self) -> int:
        return hash((self.box, self.values.tobytes()))

    def breaks(self) -> tuple[Float64[Floats, " x"], Float64[Floats, " y"]]:
        """The edges of its elements."""
        rows, cols = self.values.shape
        return (
            self.box.x0 + self.box.width * np.arange(cols + 1) / cols,
            self.box.y0 + self.box.height * np.arange(rows + 1) / rows,
        )

    def at(self, x: Float64[Floats, " col"], y: Float64[Floats, " row"]) -> Float64[Floats, "row col"]:
        """The value of the element under each point; 0 outside the box."""
        xs, ys = self.breaks()
        cols, rows = np.searchsorted(xs, x, side="right") - 1, np.searchsorted(ys, y, side="right") - 1
        padded = np.pad(self.values, ((0, 1), (0, 1)))  # index -1 and index "one too many" both read 0
        return padded[np.minimum(rows, len(ys) - 1)][:, np.minimum(cols, len(xs) - 1)]


def disc(x: float, y: float, radius: float) -> Raster:
    """All points within `radius` pixels of (x, y), as a fine staircase (`DISC_STEPS` squares across).

    Raises `RegionError` unless the radius is a positive number.
    """
    if not (np.isfinite([x, y, radius]).all() and radius > 0):
        raise RegionError(
            f"A point needs a finite place and a positive radius in pixels; found ({x}, {y}), {radius}."
        )
    centres = (np.arange(DISC_STEPS) + 0.5) / DISC_STEPS * 2 - 1
    inside = np.add.outer(centres**2, centres**2) <= 1
    return Raster(inside.astype(np.float64), Box(x - radius, y - radius, x + radius, y + radius))


@dataclass(frozen=True)
class Union:
    """What either covers."""

    one: Shape
    other: Shape

    def breaks(self) -> tuple[Float64[Floats, " x"], Float64[Floats, " y"]]:
        """Those of both."""
        return _both(self.one, self.other)

    def at(self, x: Float64[Floats, " col"], y: Float64[Floats, " row"]) -> Float64[Floats, "row col"]:
        """The larger value."""
        return np.maximum(self.one.at(x, y), self.other.at(x, y))


@dataclass(frozen=True)
class Intersection:
    """What both cover."""

    one: Shape
    other: Shape

    def breaks(self) -> tuple[Float64[Floats, " x"], Float64[Floats, " y"]]:
        """Those of both."""
        return _both(self.one, self.other)

    def at(self, x: Float64[Floats, " col"], y: Float64[Floats, " row"]) -> Float64[Floats, "row col"]:
        """The smaller value."""
        return np.minimum(self.one.at(x, y), self.other.at(x, y))


@dataclass(frozen=True)
class Complement:
    """What the other does not cover (a region keeps it inside its image)."""

    other: Shape

    def breaks(self) -> tuple[Float64[Floats, " x"], Float64[Floats, " y"]]:
        """Those of the other."""
        return self.other.breaks()

    def at(self, x: Float64[Floats, " col"], y: Float64[Floats, " row"]) -> Float64[Floats, "row col"]:
        """1 - value."""
        return 1 - self.other.at(x, y)


def share_inside(shape: Shape, picture: Box, rects: Float64[Floats, "token 4"]) -> Float64[Floats, " token"]:
    """The share of each pixel rectangle that `shape` covers inside `picture`.

    Exact.
    """
    inside = Intersection(shape, Rectangle(picture))
    xs, ys = inside.breaks()
    xs = np.unique(np.concatenate([xs, rects[:, 0], rects[:, 2]]))
    ys = np.unique(np.concatenate([ys, rects[:, 1], rects[:, 3]]))
    values = inside.at((xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2)
    mass = np.zeros(
        (len(ys), len(xs))
    )  # mass[j, i]: covered area of all that lies above ys[j] and left of xs[i]
    mass[1:, 1:] = (values * np.outer(np.diff(ys), np.diff(xs))).cumsum(0).cumsum(1)
    left, top, right, bottom = rects.T
    i, j = np.searchsorted(xs, [left, right]), np.searchsorted(ys, [top, bottom])
    covered: Floats = mass[j[1], i[1]] - mass[j[0], i[1]] - mass[j[1], i[0]] + mass[j[0], i[0]]
    share: Floats = covered / ((right - left) * (bottom - top))
    # The sums round: what is 0 or 1 but for the last digits is exactly that, so that no stray token counts as target.
    share[share < 1e-9] = 0.0
    share[share > 1 - 1e-9] = 1.0
    return share


def middle(shape: Shape, picture: Box) -> tuple[float, float] | None:
    """The centre of mass (x, y) of what `shape` covers inside `picture`; None if that is nothing."""
    inside = Intersection(shape, Rectangle(picture))
    xs, ys = inside.breaks()
    x, y = (xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2
    mass = inside.at(x, y) * np.outer(np.diff(ys), np.diff(xs))
    total = mass.sum()
    return (float(mass.sum(0) @ x / total), float(mass.sum(1) @ y / total)) if total > 0 else None


def centre_inside(shape: Shape, picture: Box, rects: Float64[Floats, "token 4"]) -> Float64[Floats, " token"]:
    """1 where `shape` covers at least half of the point in the middle of the rectangle, else 0."""
    inside = Intersection(shape, Rectangle(picture))
    xs, x_of = np.unique((rects[:, 0] + rects[:, 2]) / 2, return_inverse=True)
    ys, y_of = np.unique((rects[:, 1] + rects[:, 3]) / 2, return_inverse=True)
    return (inside.at(xs, ys)[y_of, x_of] >= 0.5).astype(np.float64)


def _both(one: Shape, other: Shape) -> tuple[Float64[Floats, " x"], Float64[Floats, " y"]]:
    (x1, y1), (x2, y2) = one.breaks(), other.breaks()
    return np.union1d(x1, x2), np.union1d(y1, y2)

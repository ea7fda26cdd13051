"""Regions: what a gaze is pointed at. A region is a shape on one image, seen as weighted image tokens.

Each image token has a weight, its *coverage*: the share of its pixel rectangle that lies inside the shape
("area", our default), or 1 where its centre is inside ("centre", the rule of Gandikota & Bau 2026, arXiv
2606.14703). Regions of one image combine with `|`, `&`, `-` and `~`; shapes are combined first and coverage
is computed last, so boxes that tile an image always partition its tokens.

Where a processor shows an image several times (tiles and a thumbnail), a region covers the tokens of each of these
views on its own; `views` keeps to those in "detail" (the tiles) or to the "overview" (the thumbnail).

    sky = scene.box(0, 0, 640, 200)
    elsewhere = ~sky                    # avoid this
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, TypedDict, Unpack, runtime_checkable

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float64

from gazeheads.arrays import Bools, Floats
from gazeheads.checks import number, shown, whole
from gazeheads.errors import ForeignRegion, OutsideImage, RegionError, RegionTooSmall
from gazeheads.regions.coverage import KINDS, Coverage, Views, covered, grown, image_box, tokens_of
from gazeheads.regions.grid import Box, ImageGrid
from gazeheads.regions.shapes import Complement, Intersection, Raster, Rectangle, Shape, Union, disc

__all__ = ["Coverage", "Region", "RegionOptions", "Views", "image_box", "same_scene"]

OVERHANG = 1.0  # pixels that a box may stick out of its image: annotations are rounded


class RegionOptions(TypedDict, total=False):
    """What `scene.box`, `scene.mask` and `scene.point` take beside the shape: see `Region`."""

    image: int
    coverage: Coverage
    min_tokens: int | None
    name: str
    views: Views


@dataclass(frozen=True)
class Region:
    """A shape on image `image` of the scene that `grid` describes.

    `views`: where the image is shown several times, which of these count; a view that is alone is both.
    `min_tokens`: grow a region that covers fewer tokens than this to the cells nearest to it (`grown` tells).
    `name` is for people and does not count in comparisons.
    """

    grid: ImageGrid = field(repr=False)
    shape: Shape
    image: int = 0
    coverage: Coverage = "area"
    min_tokens: int | None = None
    name: str = field(default="", compare=False)
    views: Views = "all"

    def __post_init__(self) -> None:
        if not isinstance(self.coverage, str) or self.coverage not in ("area", "centre"):
            raise RegionError(f'Coverage {shown(self.coverage)} is unknown. Use "area" or "centre".')
        if not isinstance(self.views, str) or self.views not in KINDS:
            raise RegionError(f'Views {shown(self.views)} are unknown. Use "all", "detail" or "overview".')
        if not isinstance(self.name, str):
            raise RegionError(f"name= of a region is text; found {shown(self.name)}. Give a str.")
        image_box(self.grid, self.image)
        object.__setattr__(self, "image", int(self.image))
        if self.min_tokens is None:
            return
        object.__setattr__(self, "min_tokens", whole(self.min_tokens, "min_tokens=", RegionError))
        if not 1 <= self.min_tokens <= self._here.sum():
            raise RegionError(
                f"min_tokens={self.min_tokens} was asked for image {self.image}, which has "
                f"{self._here.sum()} image tokens. Give a number from 1 to that."
            )

    @classmethod
    def box(cls, grid: ImageGrid, box: Box, **options: Unpack[RegionOptions]) -> "Region":
        """All of `box` (pixels).

        Raises `OutsideImage` if it sticks out of the image by more than a pixel.
        """
        picture = image_box(grid, options.get("image", 0))
        out = max(picture.x0 - box.x0, picture.y0 - box.y0, box.x1 - picture.x1, box.y1 - picture.y1)
        if out > OVERHANG:
            raise OutsideImage(
                f"{box} sticks out by {out:g} px: the image is {picture.x1:g} x {picture.y1:g} px. Give "
                "pixels of the image as it was passed in, left, top, right, bottom."
            )
        return cls(grid, Rectangle(box), **options).checked()

    @classmethod
    def mask(
        cls, grid: ImageGrid, mask: npt.NDArray[np.generic], **options: Unpack[RegionOptions]
    ) -> "Region":
        """An array (row, col) of booleans or of values 0..1, of any size in proportion to the image.

        Raises `RegionError` if its proportions are not those of the image.
        """
        picture = image_box(grid, options.get("image", 0))
        try:
            values = np.asarray(mask, dtype=np.float64).copy()
        except (TypeError, ValueError) as error:
            raise RegionError(
                f"A mask is an array (row, col) of booleans or of values 0..1; found {shown(mask)}. Give a 2-D array."
            ) from error
        if values.ndim == 2 and values.size:
            rows, cols = values.shape
            scale = cols / picture.width
            if abs(rows - picture.height * scale) >= 1 + scale:  # a pixel of rounding on either side
                raise RegionError(
                    f"The mask is {cols} x {rows}, the image {picture.width:g} x {picture.height:g} px: "
                    "another shape. Give a mask of the whole image, at any scale."
                )
        return cls(grid, Raster(values, picture), **options).checked()

    @classmethod
    def point(
        cls, grid: ImageGrid, x: float, y: float, radius: float, **options: Unpack[RegionOptions]
    ) -> "Region":
        """All within `radius` pixels of (x, y).

        Raises `OutsideImage` if the point is outside the image.
        """
        picture = image_box(grid, options.get("image", 0))
        x, y = number(x, "x of a point", RegionError), number(y, "y of a point", RegionError)
        radius = number(radius, "radius= of a point", RegionError)
        if not (picture.x0 <= x < picture.x1 and picture.y0 <= y < picture.y1):
            raise OutsideImage(
                f"Point ({x:g}, {y:g}) is outside the image of {picture.x1:g} x {picture.y1:g} px. Give "
                "pixels of the image as it was passed in."
            )
        return cls(grid, disc(x, y, radius), **options).checked()

    def __str__(self) -> str:
        return self.name or f"region of {self.weights.sum():.3g} image tokens"

    @cached_property
    def _here(self) -> Bool[Bools, " token"]:
        """Which tokens can belong to this region: those of its image, in the views that count."""
        return tokens_of(self.grid, self.image, self.views)

    @cached_property
    def _coverage(self) -> Float64[Floats, " token"]:
        """Coverage before any growth."""
        return covered(self.grid, self.shape, self.image, self.coverage, self._here)

    @cached_property
    def weights(self) -> Float64[Floats, " token"]:
        """Coverage of each image token of the prompt, 0..1.

        Raises `RegionTooSmall` if it sums to less than one token and `min_tokens` was not given.
        """
        weights = self._coverage
        if self.min_tokens is None and weights.sum() < 1 - 1e-6:
            width, height = self.grid.cell(self.image)
            raise RegionTooSmall(
                f"{self.label} covers {weights.sum():.2g} image tokens, less than one: cells are {width:g} "
                f"x {height:g} px here. Enlarge the region or the image, or pass min_tokens=1 to grow it "
                "to the nearest cells."
            )
        if self.min_tokens is not None and weights.sum() < self.min_tokens - 1e-6:
            found = grown(self.grid, self.shape, self.image, weights, self.min_tokens, self._here)
            if found is None:
                raise RegionTooSmall(
                    f"{self.label} covers nothing of the image, so there is nothing to grow. Give a larger "
                    "region."
                )
            weights = found
        weights.flags.writeable = False
        return weights

    @property
    def grown(self) -> bool:
        """Whether `min_tokens` had to add coverage."""
        return self.weights is not self._coverage

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return self.name or (
            str(self.shape.box) if isinstance(self.shape, Rectangle) else f"a region of image {self.image}"
        )

    def checked(self) -> "Region":
        """This region, or `RegionTooSmall`."""
        self.weights  # noqa: B018 (computes, or raises)
        return self

    def named(self, name: str) -> "Region":
        """The same region under another name."""
        return replace(self, name=name)

    def __or__(self, other: "Region") -> "Region":
        return self._join(other, lambda shape: Union(self.shape, shape), "or")

    def __and__(self, other: "Region") -> "Region":
        return self._join(other, lambda shape: Intersection(self.shape, shape), "and")

    def __sub__(self, other: "Region") -> "Region":
        return self._join(other, lambda shape: Intersection(self.shape, Complement(shape)), "without")

    def __invert__(self) -> "Region":
        return replace(self, shape=Complement(self.shape), name=f"all but {self.name}" if self.name else "")

    def _join(self, other: "Region", shapes: Callable[[Shape], Shape], word: str) -> "Region":
        if not isinstance(other, Region):
            raise RegionError(
                f"A region can be joined with a region of the same scene; found {shown(other)}. Make one with "
                "scene.box(...), scene.mask(...) or scene.point(...)."
            )
        same_scene(self.grid, [other])
        if self.image != other.image:
            raise ForeignRegion(
                f"A region of image {self.image} cannot be joined with one of image {other.image}. Give "
                "both as a Mix instead."
            )
        if self.coverage != other.coverage:
            raise RegionError(
                f'One region counts coverage by "{self.coverage}", the other by "{other.coverage}". Use one '
                "rule."
            )
        if self.views != other.views:
            raise RegionError(
                f'One region takes the "{self.views}" views, the other the "{other.views}" ones. Use the same.'
            )
        floors = [region.min_tokens for region in (self, other) if region.min_tokens is not None]
        return replace(
            self,
            shape=shapes(other.shape),
            min_tokens=max(floors, default=None),
            name=f"{self.name} {word} {other.name}" if self.name and other.name else "",
        )


def same_scene(grid: ImageGrid, targets: Iterable["OnGrid"]) -> None:
    """Raise `ForeignRegion` unless all regions, or mixes of them, were made for this grid."""
    for target in targets:
        if target.grid != grid:
            raise ForeignRegion(
                f"{target.label} belongs to another scene: its grid has {len(target.grid)} image tokens in "
                f"a prompt of {target.grid.n_prompt}, this one {len(grid)} in {grid.n_prompt}. Make the "
                "region from this scene."
            )


@runtime_checkable
class OnGrid(Protocol):
    """What is aimed at: a region, or a mix of regions of one scene."""

    @property
    def grid(self) -> ImageGrid:
        """The image tokens of its scene."""

    @property
    def label(self) -> str:
        """What it is called in messages."""

"""How much of each image token a shape covers, and how a shape that covers too few of them grows.

One rule of two: the share of the token's pixel rectangle inside the shape ("area"), or 1 where the centre of the
rectangle is inside ("centre"). Only the tokens of one image count, in those of its views that are asked for.
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64

from gazeheads.arrays import Bools, Floats
from gazeheads.checks import whole
from gazeheads.errors import RegionError
from gazeheads.regions.grid import Box, ImageGrid
from gazeheads.regions.shapes import Shape, centre_inside, middle, share_inside

Coverage = Literal["area", "centre"]
Views = Literal["all", "detail", "overview"]
KINDS = {
    "all": ("whole", "tile", "thumbnail"),
    "detail": ("whole", "tile"),
    "overview": ("whole", "thumbnail"),
}


def image_box(grid: ImageGrid, image: int) -> Box:
    """The whole of image `image`, an int from 0. Raises `RegionError` if there is no such image."""
    image = whole(image, "image=, the image of a region,", RegionError)
    if not 0 <= image < len(grid.sizes):
        raise RegionError(
            f"Image {image} was asked for; this scene has {len(grid.sizes)}. Images count from 0."
        )
    width, height = grid.sizes[image]
    return Box(0, 0, width, height)


def tokens_of(grid: ImageGrid, image: int, views: Views) -> Bool[Bools, " token"]:
    """Which tokens see some of an image, in the views that count."""
    kinds = np.array([view.kind in KINDS[views] for view in grid.views], dtype=bool)
    found: Bools = (grid.images == image) & kinds[grid.view_of] & grid.inside
    return found


def covered(
    grid: ImageGrid, shape: Shape, image: int, coverage: Coverage, here: Bool[Bools, " token"]
) -> Float64[Floats, " token"]:
    """Coverage of the tokens `here`; 0 elsewhere."""
    rule = share_inside if coverage == "area" else centre_inside
    weights = np.zeros(len(grid))
    weights[here] = rule(shape, image_box(grid, image), grid.rects[here])
    return weights


def grown(
    grid: ImageGrid,
    shape: Shape,
    image: int,
    weights: Float64[Floats, " token"],
    tokens: int,
    here: Bool[Bools, " token"],
) -> Float64[Floats, " token"] | None:
    """`weights` with cells filled up, the most covered first and then the nearest, until `tokens` are covered.

    None where the shape covers nothing of the image, so that nothing is near it.
    """
    picture = image_box(grid, image)
    centre = middle(shape, picture)
    if centre is None:
        return None
    share = covered(grid, shape, image, "area", here)
    centres = (grid.rects[:, :2] + grid.rects[:, 2:]) / 2
    distance: Floats = np.linalg.norm(centres - np.array(centre), axis=1)
    distance[~here] = np.inf
    filled = weights.copy()
    for token in np.lexsort((distance, -share)):
        if filled.sum() >= tokens - 1e-6:
            break
        filled[token] = 1.0
    return filled


def overview(grid: ImageGrid) -> int:
    """The number of the view that shows the first image whole, or of its first tile where none does."""
    views = [(view.kind not in KINDS["overview"], n) for n, view in enumerate(grid.views) if view.image == 0]
    return min(views)[1]

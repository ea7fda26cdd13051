"""Images that are cut into tiles: a grid of equal tiles over the whole image, and the whole image once more."""

from typing import Any

from gazeheads.families import Size
from gazeheads.regions.grid import Box, View


def tiled(image: int, size: Size, side: int, rows: int, cols: int, first: bool) -> list[View]:
    """The views of an image in `rows` x `cols` tiles of `side` x `side` cells, row by row.

    first: whether the thumbnail comes before the tiles. A single tile is the whole image, without a thumbnail.
    """
    width, height = size
    whole = Box(0, 0, width, height)
    if rows * cols == 1:
        return [View(image, "whole", side, side, whole)]
    tiles = [
        View(
            image,
            "tile",
            side,
            side,
            Box(width * col / cols, height * row / rows, width * (col + 1) / cols, height * (row + 1) / rows),
        )
        for row in range(rows)
        for col in range(cols)
    ]
    thumbnail = View(image, "thumbnail", side, side, whole)
    return [thumbnail, *tiles] if first else [*tiles, thumbnail]


def one_panel_a_tile(processor: Any) -> tuple[int, int]:
    """Panels as large as a tile: a strip becomes a row of tiles, and no panel shares one with its neighbour."""
    side = int(processor.image_processor.size["height"])
    return side, side

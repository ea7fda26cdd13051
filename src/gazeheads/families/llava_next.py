"""LLaVA-NeXT and LLaVA-OneVision: the whole image squashed to a square, then once more at any resolution.

The second view is one large grid over all tiles of a canvas. The image is fitted into the canvas and centred; rows
or columns of cells that lie in the padding are cut from both ends, and each row ends with a newline token. OneVision
shrinks a grid that has too many cells; of several images it gives only a square, each padded to it. Pixels and
cells are rounded apart, so a cell of the rim may reach beyond the image (transformers 5.23, checked by pixel
gradients).
"""

import math
from collections.abc import Callable
from typing import Any

from gazeheads.errors import SceneError
from gazeheads.families import Family, Processed, Size
from gazeheads.families.processors import named
from gazeheads.regions.grid import Box, View


def _next(made: Processed) -> list[View]:
    side = made.config.vision_config.image_size // made.config.vision_config.patch_size
    return [
        view
        for image, (width, height) in enumerate(made.sizes)
        for view in (
            View(image, "thumbnail", side, side, Box(0, 0, width, height)),
            canvas(image, (width, height), made.config),
        )
    ]


def _onevision(made: Processed) -> list[View]:
    config = made.config
    side = config.vision_config.image_size // config.vision_config.patch_size
    views: list[View] = []
    for image, (width, height) in enumerate(made.sizes):
        if len(made.sizes) > 1:
            edge = max(width, height)
            left, top = (edge - width) // 2, (edge - height) // 2
            views.append(View(image, "whole", side, side, Box(-left, -top, edge - left, edge - top)))
            continue
        most = int(config.vision_aspect_ratio.removeprefix("anyres_max_"))
        views += [
            View(image, "thumbnail", side, side, Box(0, 0, width, height)),
            canvas(image, (width, height), config, most * side**2),
        ]
    return views


def canvas(image: int, size: Size, config: Any, most: int | None = None) -> View:
    """The grid over the canvas. most: cells beyond which OneVision shrinks it."""
    from transformers.image_processing_utils import select_best_resolution

    width, height = size
    side = config.vision_config.image_size
    per_tile = side // config.vision_config.patch_size
    cell = side / per_tile
    down, across = select_best_resolution((height, width), config.image_grid_pinpoints)
    if across / width < down / height:  # the image fills the canvas from left to right
        wide, high = across, min(math.ceil(height * across / width), down)
    else:
        wide, high = min(math.ceil(width * down / height), across), down
    left, top = (across - wide) // 2, (down - high) // 2  # padding, in pixels of the canvas
    rows, cols = down // side * per_tile, across // side * per_tile
    above = before = 0  # cells cut off
    if width / height > cols / rows:
        above = (rows - int(round(height * (cols / width), 7))) // 2
    else:
        before = (cols - int(round(width * (rows / height), 7))) // 2
    kept_rows, kept_cols = rows - 2 * above, cols - 2 * before
    if kept_rows < 1 or kept_cols < 1:
        raise SceneError(
            f"An image of {width} x {height} px fits its canvas of {across} x {down} px as a line thinner than a "
            "cell, and only newline tokens would be left of it. Use an image of more usual proportions."
        )
    box = Box(
        (before * cell - left) * width / wide,
        (above * cell - top) * height / high,
        ((cols - before) * cell - left) * width / wide,
        ((rows - above) * cell - top) * height / high,
    )
    if most is not None and (ratio := math.sqrt(kept_rows * kept_cols / most)) > 1.1:
        kept_rows, kept_cols = int(kept_rows // ratio), int(kept_cols // ratio)
    return View(image, "tile", kept_rows, kept_cols, box)


def _newline(view: View) -> int:
    """After each row of the large grid, after the whole of a square that is alone."""
    return {"tile": view.cols, "thumbnail": 0, "whole": view.rows * view.cols}[view.kind]


def _family(processor: str, views: Callable[[Processed], list[View]], takes_videos: bool) -> Family:
    return Family(processor=named(processor, takes_videos), views=views, newline=_newline)


FAMILY = _family("LlavaNextProcessor", _next, takes_videos=False)
ONEVISION = _family("LlavaOnevisionProcessor", _onevision, takes_videos=True)

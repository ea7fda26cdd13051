"""Command A Vision: tiles row by row, then a thumbnail; a line-break token ends each.

Its image processor exists only with torchvision, so here its tokens are checked with tiles made by another one. It
chooses the arrangement that enlarges the image least (transformers 5.23).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from gazeheads.errors import ModelError
from gazeheads.families import Family, Processed, Size
from gazeheads.families.processors import named
from gazeheads.families.tiles import one_panel_a_tile, tiled
from gazeheads.regions.grid import View


def _processor() -> type[Any]:
    if find_spec("torchvision") is None:
        raise ModelError(
            "The image processor of Command A Vision (cohere2_vision) exists only for torchvision, which is not "
            "installed. Install it: pip install torchvision."
        )
    return named("Cohere2VisionProcessor")()


def arrangement(size: Size, tile: int, most: int) -> tuple[int, int]:
    """Columns and rows of square tiles: the least enlargement that loses no pixel, or else the least shrinking."""
    choices = [
        (cols, rows) for cols in range(1, most + 1) for rows in range(1, most + 1) if cols * rows <= most
    ]
    choices.sort(key=lambda choice: choice[0] * choice[1])
    scales: Sequence[float] = [min(cols * tile / size[0], rows * tile / size[1]) for cols, rows in choices]
    enough = [scale for scale in scales if scale >= 1]
    return choices[scales.index(min(enough) if enough else max(scales))]


def _views(made: Processed) -> list[View]:
    side = int(made.processor.patch_size)
    alone = made.n_image_tokens == len(made.sizes) * side**2
    views: list[View] = []
    for image, size in enumerate(made.sizes):
        cols, rows = (
            (1, 1)
            if alone
            else arrangement(size, made.setting("size")["height"], made.setting("max_patches"))
        )
        views += tiled(image, size, side, rows, cols, first=False)
    return views


FAMILY = Family(processor=_processor, views=_views, panel_size=one_panel_a_tile)

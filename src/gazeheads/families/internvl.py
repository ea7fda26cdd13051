"""InternVL (the checkpoints in transformers' own format) and Aya Vision: tiles row by row, then a thumbnail.

The image is stretched to the arrangement of tiles whose proportions are nearest to its own (transformers 5.23,
checked by pixel gradients).
"""

import math

from gazeheads.families import Family, Processed, Size
from gazeheads.families.processors import named
from gazeheads.families.tiles import one_panel_a_tile, tiled
from gazeheads.regions.grid import View


def _views(made: Processed, tokens: int) -> list[View]:
    side = math.isqrt(tokens)
    if made.n_image_tokens == len(made.sizes) * tokens:  # nothing was tiled
        arrangements = [(1, 1)] * len(made.sizes)
    else:
        arrangements = [_arrangement(made, size) for size in made.sizes]
    return [
        view
        for image, (size, (cols, rows)) in enumerate(zip(made.sizes, arrangements, strict=True))
        for view in tiled(image, size, side, rows, cols, first=False)
    ]


def _arrangement(made: Processed, size: Size) -> tuple[int, int]:
    """Columns and rows of tiles."""
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import get_optimal_tiled_canvas

    tile = made.setting("size")
    cols, rows = get_optimal_tiled_canvas(
        (size[1], size[0]),
        (tile["height"], tile["width"]),
        made.setting("min_patches"),
        made.setting("max_patches"),
    )
    return cols, rows


def _internvl(made: Processed) -> list[View]:
    return _views(made, made.processor.image_seq_length)


def _aya_vision(made: Processed) -> list[View]:
    return _views(made, (made.processor.img_size // made.processor.patch_size) ** 2)


FAMILY = Family(
    processor=named("InternVLProcessor", takes_videos=True), views=_internvl, panel_size=one_panel_a_tile
)
AYA_VISION = Family(processor=named("AyaVisionProcessor"), views=_aya_vision, panel_size=one_panel_a_tile)

"""DeepSeek-VL: one square grid; the image is fitted into the square, centred, and padded.

On a strip of six panels only a sixth of the rows see anything; the rest is grey and belongs to no region (transformers
5.23, checked by pixel gradients).
"""

import math

from gazeheads.families import Family, Processed
from gazeheads.families.processors import named
from gazeheads.regions.grid import Box, View


def _views(made: Processed) -> list[View]:
    side = math.isqrt(made.processor.num_image_tokens)
    return [
        View(image, "whole", side, side, _square(made, width, height))
        for image, (width, height) in enumerate(made.sizes)
    ]


def _square(made: Processed, width: int, height: int) -> Box:
    """The padded square, in pixels of the image."""
    edge, least = made.setting("size")["height"], made.setting("min_size")
    scale = edge / max(width, height)
    across, down = (max(round(length * scale), least) for length in (width, height))
    left, top = (edge - across) // 2, (edge - down) // 2
    sx, sy = width / across, height / down
    return Box(-left * sx, -top * sy, (edge - left) * sx, (edge - top) * sy)


FAMILY = Family(processor=named("DeepseekVLProcessor"), views=_views)

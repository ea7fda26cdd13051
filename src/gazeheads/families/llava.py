"""LLaVA-1.5: one square grid.

Its processor cuts out the middle square, which on a strip of six panels leaves about one. So it is called with the
crop switched off and the whole image squashed to the square, as in Gandikota & Bau 2026; cells are then as wide and
as flat as the image. Its siblings with a SigLIP tower never crop (transformers 5.23, checked by pixel gradients).
"""

import math
from typing import Any

from gazeheads.families import Family, Processed
from gazeheads.families.processors import named
from gazeheads.regions.grid import Box, View


def _settings(processor: Any) -> dict[str, Any]:
    images = processor.image_processor
    if not getattr(images, "do_center_crop", False):
        return {}
    crop = images.crop_size
    return {"do_center_crop": False, "size": {"height": crop["height"], "width": crop["width"]}}


def _views(made: Processed) -> list[View]:
    side = math.isqrt(made.n_image_tokens // len(made.sizes))
    return [
        View(image, "whole", side, side, _kept(made, width, height))
        for image, (width, height) in enumerate(made.sizes)
    ]


def _kept(made: Processed, width: int, height: int) -> Box:
    """What is left of an image: all of it, or the middle that the centre crop leaves."""
    size, crop = made.setting("size"), made.setting("crop_size")
    if not made.setting("do_center_crop"):
        return Box(0, 0, width, height)
    edge = size.get("shortest_edge") if isinstance(size, dict) else size.shortest_edge
    if edge is None:  # squashed to height x width first, so there is nothing to cut off
        return Box(0, 0, width, height)
    scale = edge / min(width, height)
    across, down = int(width * scale), int(height * scale)
    left, top = (across - crop["width"]) // 2, (down - crop["height"]) // 2
    sx, sy = width / across, height / down
    return Box(left * sx, top * sy, (left + crop["width"]) * sx, (top + crop["height"]) * sy)


FAMILY = Family(
    processor=named("LlavaProcessor"),
    views=_views,
    settings=_settings,
    crop='Leave out do_center_crop, or pass do_center_crop=False with size={"height": ..., "width": ...}',
)

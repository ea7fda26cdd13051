"""Gemma 3: one square grid over the whole image, and with pan-and-scan one more for each crop.

`encode(..., do_pan_and_scan=True)` cuts a long image into at most four pieces along its long side; the whole comes
first, then the pieces, with text between them (transformers 5.23, checked by pixel gradients).
"""

import math

import numpy as np

from gazeheads.families import Family, Processed, Size
from gazeheads.families.paligemma import squashed
from gazeheads.families.processors import named
from gazeheads.regions.grid import Box, View

SCAN = ("pan_and_scan_min_crop_size", "pan_and_scan_max_num_crops", "pan_and_scan_min_ratio_to_activate")


def _views(made: Processed) -> list[View]:
    if not made.setting("do_pan_and_scan"):
        return squashed(made)
    side = math.isqrt(made.processor.image_seq_length)
    views = []
    for image, (width, height) in enumerate(made.sizes):
        crops = _crops(made, (width, height))
        kind = "thumbnail" if crops else "whole"
        views.append(View(image, kind, side, side, Box(0, 0, width, height)))
        views += [View(image, "tile", side, side, box) for box in crops]
    return views


def _crops(made: Processed, size: Size) -> list[Box]:
    """The pieces that the processor cuts, by asking it: as many, and as large."""
    width, height = size
    settings = {name: made.setting(name) for name in SCAN}
    shape = np.empty((1, height, width), dtype=np.uint8)
    crops = made.processor.image_processor.pan_and_scan(shape, **settings)
    boxes, x, y = [], 0, 0
    for crop in crops:
        rows, cols = crop.shape[1:]
        boxes.append(Box(x, y, x + cols, y + rows))
        x, y = (x + cols, y) if x + cols < width else (0, y + rows)
    return boxes


FAMILY = Family(processor=named("Gemma3Processor"), views=_views)

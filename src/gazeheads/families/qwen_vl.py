"""Qwen2-VL to Qwen3.5 and GLM-4V: every image is one grid, rows and columns in proportion, 2 x 2 patches a token.

The language model sees t x (h / merge) x (w / merge) tokens, row by row, over the whole image; the processor rounds
its size to whole cells, so a cell is the image divided evenly. The window order of Qwen2.5-VL is undone before the
language model (transformers 5.23, checked by pixel gradients).
"""

import math
from typing import Any

from gazeheads.families import Family, Processed
from gazeheads.families.features import together
from gazeheads.families.processors import named
from gazeheads.regions.grid import Box, View


def _views(made: Processed) -> list[View]:
    merge = made.processor.image_processor.merge_size
    grids = made.inputs["image_grid_thw"].tolist()
    return [
        View(image, "whole", rows // merge, cols // merge, Box(0, 0, width, height))
        for image, ((_, rows, cols), (width, height)) in enumerate(zip(grids, made.sizes, strict=True))
    ]


def _panel_size(processor: Any) -> tuple[int, int]:
    """Eight cells high (256 px at a cell of 32, as in the paper), less where eight panels would not fit."""
    images = processor.image_processor
    cell = images.patch_size * images.merge_size
    cells = images.size["longest_edge"] // cell**2
    return min(8, max(1, math.isqrt(cells // 8))) * cell, cell


def _family(processor: str) -> Family:
    return Family(
        processor=named(processor, takes_videos=True),
        views=_views,
        features=together,
        panel_size=_panel_size,
        several_axes=True,
    )


QWEN2_VL = _family("Qwen2VLProcessor")
QWEN2_5_VL = _family("Qwen2_5_VLProcessor")
QWEN3_VL = _family("Qwen3VLProcessor")
GLM4V = _family("Glm4vProcessor")

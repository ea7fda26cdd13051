"""Qwen3-VL: every picture is one grid, rows and columns in proportion, 2 x 2 patches a token.

The language model sees t x (h / merge) x (w / merge) tokens, row by row, over the whole picture; the
processor rounds its size to whole cells, so a cell is the picture divided evenly (transformers 5.23, checked
by pixel gradients).
"""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gazeheads.families import Family, Size
from gazeheads.families.processors import image_only
from gazeheads.grid import Box, View


def _processor() -> type[Any]:
    from transformers import Qwen3VLProcessor

    return image_only(Qwen3VLProcessor)


def _views(processor: Any, inputs: dict[str, Tensor], sizes: Sequence[Size]) -> list[View]:
    merge = processor.image_processor.merge_size
    grids = inputs["image_grid_thw"].tolist()
    return [
        View(image, "whole", rows // merge, cols // merge, Box(0, 0, width, height))
        for image, ((_, rows, cols), (width, height)) in enumerate(zip(grids, sizes, strict=True))
    ]


def _positions(hf: Any, inputs: dict[str, Tensor]) -> Tensor:
    positions: Tensor = hf.model.get_rope_index(
        inputs["input_ids"],
        mm_token_type_ids=inputs["mm_token_type_ids"],
        image_grid_thw=inputs["image_grid_thw"],
        attention_mask=inputs["attention_mask"],
    )[0]
    return positions


def _features(hf: Any, pictures: Sequence[dict[str, Tensor]], shown: Sequence[int]) -> dict[str, Any]:
    """Run the vision tower over each distinct input once, and hand its output to every row that shows it."""
    import torch

    pixels = torch.cat([inputs["pixel_values"] for inputs in pictures])
    grids = torch.cat([inputs["image_grid_thw"] for inputs in pictures])
    output = hf.model.get_image_features(pixels, grids, return_dict=True)
    counts = [len(inputs["image_grid_thw"]) for inputs in pictures]
    starts = [sum(counts[:number]) for number in range(len(counts))]
    order = [starts[number] + i for number in shown for i in range(counts[number])]
    output.pooler_output = [output.pooler_output[i] for i in order]
    output.deepstack_features = [[layer[i] for i in order] for layer in output.deepstack_features]
    return {"mm_encoder_outputs": {"image": output}}


def _panel_size(processor: Any) -> tuple[int, int]:
    """Eight cells high (256 px at a cell of 32, as in the paper), less where eight panels would not fit."""
    images = processor.image_processor
    cell = images.patch_size * images.merge_size
    cells = images.size["longest_edge"] // cell**2
    return min(8, max(1, math.isqrt(cells // 8))) * cell, cell


FAMILY = Family(
    processor=_processor,
    views=_views,
    positions=_positions,
    features=_features,
    panel_size=_panel_size,
    picture_inputs=("pixel_values", "image_grid_thw"),
    row_inputs=("input_ids", "attention_mask", "mm_token_type_ids"),
)

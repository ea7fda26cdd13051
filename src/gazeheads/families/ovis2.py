"""Ovis2: a thumbnail, then tiles row by row; tokens of their own say where a column or a row of tiles ends.

By default its processor (transformers 5.23) takes the rows of the chosen arrangement for columns: a strip of 6 : 1 is
cut into four rows, which loses nothing and squashes much. So it is called with `use_covering_area_grid=False`, which
tiles a strip along its length (checked by pixel gradients).
"""

import math
from collections.abc import Sequence
from typing import Any

from gazeheads.errors import ModelError
from gazeheads.families import Family, Processed
from gazeheads.families.features import Pictures, one_by_one
from gazeheads.families.processors import named
from gazeheads.families.tiles import one_panel_a_tile, tiled
from gazeheads.regions.grid import View


def _settings(processor: Any) -> dict[str, Any]:
    return {"use_covering_area_grid": False}


def _views(made: Processed) -> list[View]:
    start, _, col, row, end = made.config.visual_indicator_token_ids
    side = math.isqrt(made.processor.image_seq_length)
    ids = made.inputs["input_ids"][0].tolist()
    starts = [n for n, token in enumerate(ids) if token == start]
    if len(starts) != len(made.sizes):
        raise ModelError(
            f"{len(made.sizes)} images were given, but the prompt holds {len(starts)}. Leave out image placeholders."
        )
    views: list[View] = []
    for image, (begin, size) in enumerate(zip(starts, made.sizes, strict=True)):
        block = ids[begin : ids.index(end, begin)]
        rows = block.count(row) + 1
        cols = block.count(col) // rows + 1
        views += tiled(image, size, side, rows, cols, first=True)
    return views


def _features(hf: Any, pictures: Pictures, shown: Sequence[int]) -> dict[str, Any]:
    """As everywhere, with the embeddings of the tokens between tiles, which are the same for all images."""
    given = one_by_one(hf, pictures, shown)
    table = hf.model.visual_embeddings_table.weight
    given["mm_encoder_outputs"]["image"].visual_indicator_features = table[
        -hf.model.vision_tower.num_visual_indicator_tokens :
    ]
    return given


FAMILY = Family(
    processor=named("Ovis2Processor"),
    views=_views,
    settings=_settings,
    features=_features,
    panel_size=one_panel_a_tile,
)

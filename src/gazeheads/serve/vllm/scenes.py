"""Which image token sees what, from what vLLM knows of a request: the image grid of its prompt.

Families whose images are one grid each: Qwen2-VL to Qwen3-VL, whose processor tells rows and columns, and LLaVA-1.5,
whose grid is square. Others are refused by name; see `gazeheads.families` for what they would need.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from gazeheads.errors import GazeError, UnknownFamily
from gazeheads.regions.grid import Box, ImageGrid, View

Shape = tuple[int, int]  # rows, columns
Size = tuple[int, int]  # width, height in pixels

BY_SIZE = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe")
SQUARE = ("llava",)
PLAIN = (
    "llama",
    "mistral",
    "qwen2",
)  # text models of LLaVA whose attention is a masked softmax of its logits
REMEMBERED = 65536  # shapes of images whose data vLLM does not send again


class Shapes:
    """Rows and columns of images, by the hash that vLLM gives them: an image that it still holds comes without data."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Shape] = OrderedDict()

    def note(self, features: Sequence[Any], merge: int) -> None:
        """Remember the shapes of a request's images, whether it has a gaze or not."""
        for feature in features:
            field = None if feature.data is None else feature.data.get("image_grid_thw")
            if feature.modality == "image" and field is not None and field.data is not None:
                _, rows, cols = np.asarray(field.data).reshape(-1).tolist()
                self._known[feature.mm_hash] = rows // merge, cols // merge
                self._known.move_to_end(feature.mm_hash)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def of(self, feature: Any) -> Shape:
        """The shape of one image. Raises `GazeError` where it is not known any more."""
        if feature.mm_hash not in self._known:
            raise GazeError(
                "An image of this request is held by the engine, and its rows and columns are not known here. Start "
                "the server with --mm-processor-cache-gb 0."
            )
        return self._known[feature.mm_hash]


def merge_size(config: Any) -> int:
    """How many patches across become one token."""
    return int(getattr(getattr(config, "vision_config", None), "spatial_merge_size", 1))


def must_be_known(config: Any, processor_settings: Any) -> None:
    """Raise `UnknownFamily` or `GazeError` for a model whose image tokens cannot be placed here."""
    kind = config.model_type
    if kind not in (*BY_SIZE, *SQUARE):
        raise UnknownFamily(
            f"Model type {kind!r} cannot be steered in vLLM: which pixels its image tokens see is not known there. "
            f"Known: {', '.join((*BY_SIZE, *SQUARE))}. Use `gazeheads` itself for others."
        )
    if kind in SQUARE and config.text_config.model_type not in PLAIN:
        raise UnknownFamily(
            f"A LLaVA with a text model of type {config.text_config.model_type!r} cannot be steered in vLLM. Known: "
            f"{', '.join(PLAIN)}. Use `gazeheads` itself for others."
        )
    if kind in SQUARE and config.vision_config.model_type == "clip_vision_model":
        settings = processor_settings or {}
        if settings.get("do_center_crop") is not False:
            side = config.vision_config.image_size
            wanted = f'{{"do_center_crop": false, "size": {{"height": {side}, "width": {side}}}}}'
            raise GazeError(
                "This server's processor cuts the middle square out of each image, so that shares of the image would "
                f"miss. Start it with --mm-processor-kwargs '{wanted}'."
            )


def grid_of(
    config: Any, n_prompt: int, features: Sequence[Any], sizes: Sequence[Size], shapes: Shapes
) -> ImageGrid:
    """The grid of a prompt. sizes: of its images in pixels, or none: then a cell counts as so many pixels as it has.

    Raises `GazeError` where the prompt holds no image, or a video.
    """
    others = sorted({feature.modality for feature in features} - {"image"})
    if others or not features:
        found = ", ".join(others) or "none"
        raise GazeError(
            f"A gaze looks at images; this request has {found}. Send one or more images, nothing else."
        )
    if sizes and len(sizes) != len(features):
        raise GazeError(
            f"The gaze gives sizes of {len(sizes)} images; the request holds {len(features)}. Give one size for each, "
            "in their order."
        )
    positions, views, pixels = [], [], []
    for number, feature in enumerate(features):
        place = feature.mm_position
        held = (
            np.arange(place.length) if place.is_embed is None else np.flatnonzero(np.asarray(place.is_embed))
        )
        rows, cols = _square(len(held)) if config.model_type in SQUARE else shapes.of(feature)
        cell = _cell(config)
        size = sizes[number] if sizes else (cols * cell, rows * cell)
        positions.append(place.offset + held)
        pixels.append(size)
        views.append(View(number, "whole", rows, cols, Box(0, 0, *size)))
    return ImageGrid.from_views(n_prompt, np.concatenate(positions), views, pixels)


def _square(tokens: int) -> Shape:
    side = math.isqrt(tokens)
    if side**2 != tokens:
        raise GazeError(
            f"An image of {tokens} tokens was found where a square was expected. This model is not known."
        )
    return side, side


def _cell(config: Any) -> int:
    return int(config.vision_config.patch_size) * merge_size(config)

"""What we must know of each model family: its processor, its image tokens, its positions.

A family is found by the exact `model_type` of the checkpoint; a type that is not listed raises. To add one,
write a small module with a `Family` in it and name it in `FAMILIES`; the pixel-gradient test shows whether
its views are right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from gazeheads.errors import UnknownFamily
from gazeheads.grid import View

Size = tuple[int, int]  # width, height of a picture in pixels


@dataclass(frozen=True)
class Family:
    """One way to turn pictures and text into tokens.

    processor: gives the processor class. views: from the processor, its output and the picture sizes, the
    grids that its image tokens form, in prompt order. positions: (axis, row, token) position ids of a prompt
    without padding.
    features: the inputs by which a batch gives its pictures to the model, each distinct picture encoded once;
    takes the model, the inputs of each distinct picture, and which of these each row shows. picture_inputs,
    row_inputs: names of the processor's outputs that belong to pictures, and of those with one entry for each
    token.
    """

    processor: Callable[[], type[Any]]
    views: Callable[[Any, dict[str, Tensor], Sequence[Size]], list[View]]
    positions: Callable[[Any, dict[str, Tensor]], Tensor]
    features: Callable[[Any, Sequence[dict[str, Tensor]], Sequence[int]], dict[str, Any]]
    panel_size: Callable[[Any], tuple[int, int]]
    picture_inputs: tuple[str, ...]
    row_inputs: tuple[str, ...]


FAMILIES = {"qwen3_vl": "gazeheads.families.qwen3_vl"}


def family(model_type: str) -> Family:
    """The family of a checkpoint. Raises `UnknownFamily`, with those that are known."""
    if model_type not in FAMILIES:
        raise UnknownFamily(
            f"Model type {model_type!r} is not known: it is not known which pixels its image tokens see. "
            f"Known: {', '.join(sorted(FAMILIES))}."
        )
    found: Family = import_module(FAMILIES[model_type]).FAMILY
    return found


def image_positions(input_ids: Tensor, image_token: int) -> Tensor:
    """Where the image tokens stand in a prompt (1, token).

    By their id, the one rule that holds for every family.
    """
    return torch.nonzero(input_ids[0] == image_token)[:, 0]

"""How a batch gives its images to the model: each distinct one is encoded once, however many rows show it.

The vision tower runs before the batch does, and its output is handed over under the name that transformers gives it,
`mm_encoder_outputs`. Images of different shapes need no padding then.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Pictures = Sequence[Mapping[str, Tensor]]  # the tensors of each distinct prompt


def one_by_one(hf: Any, pictures: Pictures, shown: Sequence[int]) -> dict[str, Any]:
    """The images of one prompt at a time, as it would be alone. shown: the prompt whose images each row shows."""
    encoder = hf.model.get_image_features
    outputs = [encoder(**taken(encoder, tensors), return_dict=True) for tensors in pictures]
    return handed_over(outputs[0], _rows([output.pooler_output for output in outputs], shown))


def together(hf: Any, pictures: Pictures, shown: Sequence[int]) -> dict[str, Any]:
    """All images in one run: for towers that take the patches of images of all shapes in one row."""
    pixels = torch.cat([tensors["pixel_values"] for tensors in pictures])
    grids = torch.cat([tensors["image_grid_thw"] for tensors in pictures])
    output = hf.model.get_image_features(pixels, grids, return_dict=True)
    counts = [len(tensors["image_grid_thw"]) for tensors in pictures]
    starts = [sum(counts[:number]) for number in range(len(counts))]
    order = [starts[number] + i for number in shown for i in range(counts[number])]
    layers = getattr(output, "deepstack_features", None)  # of each early layer, of each image
    deep = {} if layers is None else {"deepstack_features": [[layer[i] for i in order] for layer in layers]}
    return handed_over(output, [output.pooler_output[i] for i in order], **deep)


def handed_over(output: Any, features: Any, **more: Any) -> dict[str, Any]:
    """The keywords of the model for these features. output: what its vision tower gave, for the type."""
    return {"mm_encoder_outputs": {"image": type(output)(pooler_output=features, **more)}}


def _rows(parts: Sequence[Any], shown: Sequence[int]) -> Any:
    """The features that the rows show, one after the other: as a list of images, or as one tensor of tiles."""
    if isinstance(parts[0], Tensor):
        return torch.cat([parts[number] for number in shown])
    return [picture for number in shown for picture in parts[number]]


def taken(function: Any, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of the tensors that a function has parameters for."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in tensors.items() if name in names}

"""Whether the image tokens of a model see the pixels that they are said to see: measured, not believed.

In the vision tower attention is switched off (it returns zeros), so no information moves between patches; what still
reaches the features of an image token are its own pixels. `token_receptive_fields` finds them by the gradient of one
token's features with respect to the pixels of an image whose red is x and whose green is y: the mean colour, weighted
by the gradient, is where the token looks. Blue tells the image (and padding, which has none).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene

BLUES = 255, 191  # of the first and the second image; padding has 0 or 127


def _nothing(module: Any, query: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
    return torch.zeros_like(query.transpose(1, 2)), None


AttentionInterface.register("nothing", _nothing)
AttentionMaskInterface.register("nothing", eager_mask)


class _Embedded(Exception):
    """The embeddings have reached the decoder; no need to go on."""


@contextmanager
def blind_patches(model: GazeModel) -> Iterator[None]:
    """Patches of the vision tower do not see each other."""
    before = model.hf.config.vision_config._attn_implementation
    model.hf.set_attn_implementation({"vision_config": "nothing"})
    try:
        yield
    finally:
        model.hf.set_attn_implementation({"vision_config": before})


def decoder_inputs(model: GazeModel, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The keywords with which the model calls its decoder."""
    found: list[dict[str, Any]] = []

    def stop(_: Any, __: Any, keywords: dict[str, Any]) -> None:
        found.append(keywords)
        raise _Embedded

    hook = model.hf.get_decoder().register_forward_pre_hook(stop, with_kwargs=True)
    try:
        model.hf(**tensors)
    except _Embedded:
        pass
    finally:
        hook.remove()
    return found[0]


def embeddings(model: GazeModel, tensors: dict[str, Tensor]) -> Tensor:
    """(token, dim) what the decoder gets, with patches that do not see each other."""
    with blind_patches(model):
        embedded: Tensor = decoder_inputs(model, tensors)["inputs_embeds"]
    return embedded[0]


@dataclass(frozen=True)
class Sight:
    """Where one token looks, as shares of the image's width and height, and the blue of what it sees."""

    x: float
    y: float
    blue: float


def ramp(width: int, height: int, blue: int = 255) -> Image.Image:
    """Red grows from left to right, green from top to bottom."""
    pixels = np.full((height, width, 3), blue, np.uint8)
    pixels[..., 0] = ((np.arange(width) + 0.5) / width * 255)[None]
    pixels[..., 1] = ((np.arange(height) + 0.5) / height * 255)[:, None]
    return Image.fromarray(pixels)


def channels(pixels: Tensor) -> Tensor:
    """(3, ...) the channels of `pixel_values` of any layout."""
    if pixels.ndim == 2:  # rows of channel x time x patch x patch
        return pixels.view(len(pixels), 3, -1).transpose(0, 1)
    return pixels.movedim(-3, 0)


def colours(model: GazeModel, pixels: Tensor) -> Tensor:
    """(3, ...) red, green and blue, 0..1, before the processor took off its mean and divided by its deviation."""
    images = model.processor.image_processor
    planes = channels(pixels.detach().float())
    shape = (3, *[1] * (planes.ndim - 1))
    mean, deviation = (planes.new_tensor(each).view(shape) for each in (images.image_mean, images.image_std))
    return planes * deviation + mean


def token_receptive_fields(model: GazeModel, scene: Scene, positions: Sequence[int]) -> list[Sight | None]:
    """Where the tokens at these positions of the prompt look; None for those that no pixel moves."""
    pixels = scene.tensors["pixel_values"].clone().requires_grad_(True)
    embedded = embeddings(model, {**scene.tensors, "pixel_values": pixels})
    direction = torch.randn(embedded.shape[-1], generator=torch.Generator().manual_seed(1)).to(embedded)
    red, green, blue = colours(model, pixels)
    found: list[Sight | None] = []
    for position in positions:
        if not embedded[position].requires_grad:
            found.append(None)
            continue
        (gradient,) = torch.autograd.grad((embedded[position] * direction).sum(), pixels, retain_graph=True)
        weight = channels(gradient).float().abs().sum(0).double()
        weight = torch.where(blue > 0.6, weight, 0)  # the rest is padding
        total = float(weight.sum())
        found.append(
            None
            if total < 1e-12
            else Sight(*(float((weight * colour).sum()) / total for colour in (red, green, blue)))
        )
    return found


def receptive_field_errors(model: GazeModel, scene: Scene, tokens: Sequence[int]) -> npt.NDArray[np.float64]:
    """(token,) how far from the middle of its rectangle each image token looks, in cells: beyond 0.5 it is outside.

    Infinite for a token that looks at another image, or at nothing; a cell that lies in padding must look at nothing.
    """
    grid = scene.grid
    errors = []
    for token, sight in zip(
        tokens, token_receptive_fields(model, scene, grid.positions[list(tokens)].tolist()), strict=True
    ):
        image = int(grid.images[token])
        width, height = grid.sizes[image]
        x0, y0, x1, y1 = grid.rects[token]
        if not grid.inside[token]:
            errors.append(0.0 if sight is None else np.inf)
            continue
        if sight is None or abs(sight.blue - BLUES[image] / 255) > 0.1:
            errors.append(np.inf)
            continue
        across = abs(sight.x * width - (x0 + x1) / 2) / (x1 - x0)
        down = abs(sight.y * height - (y0 + y1) / 2) / (y1 - y0)
        errors.append(max(across, down))
    return np.array(errors)


def ramps(*sizes: tuple[int, int]) -> list[Image.Image]:
    """A ramp for each of at most two sizes, which differ in blue."""
    return [ramp(*size, blue=blue) for size, blue in zip(sizes, BLUES, strict=False)]

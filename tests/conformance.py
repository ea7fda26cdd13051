"""What is measured of a family: whether its image tokens see the pixels that they are said to see.

In the vision tower attention is switched off (it returns zeros), so no information moves between patches; what still
reaches the features of an image token are its own pixels. `token_sight` finds them by the gradient of one token's
features with respect to the pixels of a picture whose red is x and whose green is y: the mean colour, weighted by the
gradient, is where the token looks. Blue tells the picture (and padding, which has none).
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import AttentionInterface, DynamicCache
from transformers.masking_utils import AttentionMaskInterface, eager_mask

from gazeheads.attention import attached
from gazeheads.decoding import collate
from gazeheads.gaze import Gaze
from gazeheads.heads import Head
from gazeheads.model import GazeModel
from gazeheads.regions import Region
from gazeheads.scenes import EncodedInput
from gazeheads.steering import Steering

SHAPES = ((168, 56), (56, 168), (112, 84), (336, 56), (112, 112), (331, 57))

BLUES = 255, 191  # of the first and the second picture; padding has 0 or 127


def _nothing(module: Any, query: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
    return torch.zeros_like(query.transpose(1, 2)), None


AttentionInterface.register("nothing", _nothing)
AttentionMaskInterface.register("nothing", eager_mask)


class _Embedded(Exception):
    """The embeddings have reached the decoder; no need to go on."""


@contextmanager
def blind_patches(model: GazeModel) -> Iterator[None]:
    """Patches of the vision tower do not see each other."""
    model.hf.set_attn_implementation({"vision_config": "nothing"})
    try:
        yield
    finally:
        model.hf.set_attn_implementation({"vision_config": "sdpa"})


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
    """Where one token looks, as shares of the picture's width and height, and the blue of what it sees."""

    x: float
    y: float
    blue: float


def ramp(width: int, height: int, blue: int = 255) -> Image.Image:
    """Red grows from left to right, green from top to bottom."""
    pixels = np.full((height, width, 3), blue, np.uint8)
    pixels[..., 0] = ((np.arange(width) + 0.5) / width * 255)[None]
    pixels[..., 1] = ((np.arange(height) + 0.5) / height * 255)[:, None]
    return Image.fromarray(pixels)


def colours(pixels: Tensor) -> Tensor:
    """(3, ...) red, green and blue, 0..1, of `pixel_values` of any layout."""
    values = pixels.detach() * 0.5 + 0.5
    if values.ndim == 2:  # rows of channel x time x patch x patch
        return values.view(len(values), 3, -1).transpose(0, 1)
    return values.movedim(-3, 0)


def token_sight(model: GazeModel, scene: EncodedInput, positions: Sequence[int]) -> list[Sight | None]:
    """Where the tokens at these positions of the prompt look; None for those that no pixel moves."""
    pixels = scene.tensors["pixel_values"].clone().requires_grad_(True)
    embedded = embeddings(model, {**scene.tensors, "pixel_values": pixels})
    direction = torch.randn(embedded.shape[-1], generator=torch.Generator().manual_seed(1))
    red, green, blue = colours(pixels)
    found: list[Sight | None] = []
    for position in positions:
        if not embedded[position].requires_grad:
            found.append(None)
            continue
        (gradient,) = torch.autograd.grad((embedded[position] * direction).sum(), pixels, retain_graph=True)
        weight = colours(gradient * 2 - 1).abs().sum(0).double()
        weight = torch.where(blue > 0.6, weight, 0)  # the rest is padding
        total = float(weight.sum())
        found.append(
            None
            if total < 1e-12
            else Sight(*(float((weight * colour).sum()) / total for colour in (red, green, blue)))
        )
    return found


def sight_errors(model: GazeModel, scene: EncodedInput, tokens: Sequence[int]) -> np.ndarray:
    """(token,) how far from the middle of its rectangle each image token looks, in cells: beyond 0.5 it is outside.

    Infinite for a token that looks at another picture, or at nothing; a cell that lies in padding must look at nothing.
    """
    grid = scene.grid
    errors = []
    for token, sight in zip(
        tokens, token_sight(model, scene, grid.positions[list(tokens)].tolist()), strict=True
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


# ------------------------------------------------------------------------------------------------------------ steering


def full_layers(model: GazeModel) -> list[int]:
    """Layers with attention that see the whole prompt."""
    text = model.hf.config.get_text_config()
    kinds = getattr(text, "layer_types", None) or ["full_attention"] * model.n_layers
    return [layer for layer, kind in enumerate(kinds) if kind == "full_attention"]


def heads_of(model: GazeModel) -> list[Head]:
    """Two heads of every layer that sees the whole prompt."""
    return [Head(layer, head) for layer in full_layers(model) for head in (0, 3)]


@torch.no_grad()
def batch_error(model: GazeModel, scenes: Sequence[EncodedInput], gazes: Sequence[Gaze | None]) -> float:
    """The largest difference of a logit between a row of a batch, each with its own gaze, and that row alone."""
    batch = collate(model.hf, model.family, scenes, model.pad)
    with attached(model.hf, Steering(gazes, model.n_layers, model.n_heads)):
        rows = model.hf(**batch.rows, **batch.features, position_ids=batch.position_ids).logits[:, -1]
    errors = []
    for row, scene, gaze in zip(rows, scenes, gazes, strict=True):
        alone = Steering([gaze], model.n_layers, model.n_heads)
        with attached(model.hf, *([alone] if alone.layers else [])):
            single = model.hf(**scene.tensors).logits[0, -1]
        errors.append(float((row - single).abs().max()))
    return max(errors)


def prefix_error(model: GazeModel, scenes: Sequence[EncodedInput]) -> float:
    """The largest difference of a logit between prompts run whole, and run after what they have in common."""
    found, shared = [_whole(model, scene) for scene in scenes], _after_prefix(model, scenes)
    return max(float((one - other).abs().max()) for one, other in zip(found, shared, strict=True))


def _left_half(scene: EncodedInput) -> Region:
    width, height = scene.grid.sizes[0]
    return scene.box(0, 0, width / 2, height)


def _probe(model: GazeModel, scenes: Sequence[EncodedInput]) -> Steering:
    gazes = [Gaze(heads_of(model), _left_half(scene), during="answer") for scene in scenes]
    return Steering(gazes, model.n_layers, model.n_heads)


@torch.no_grad()
def _whole(model: GazeModel, scene: EncodedInput) -> Tensor:
    with attached(model.hf, _probe(model, [scene])):
        return model.hf(**scene.tensors).logits[0, -1]


@torch.no_grad()
def _after_prefix(model: GazeModel, scenes: Sequence[EncodedInput]) -> list[Tensor]:
    ids = [scene.tensors["input_ids"][0] for scene in scenes]
    end = next(n for n, (one, other) in enumerate(zip(*ids, strict=False)) if one != other)
    assert end > scenes[0].grid.positions[-1]
    rows = collate(model.hf, model.family, scenes[:1], model.pad)
    cache: Any = DynamicCache(config=model.hf.config.get_text_config())
    model.hf(
        **{key: value[:, :end] for key, value in rows.rows.items()},
        **rows.features,
        position_ids=rows.position_ids[..., :end],
        past_key_values=cache,
        use_cache=True,
    )
    found = []
    for scene in scenes:
        mine = copy.deepcopy(cache)
        one = collate(model.hf, model.family, [scene], model.pad)
        with attached(model.hf, _probe(model, [scene])):
            output = model.hf(
                input_ids=one.rows["input_ids"][:, end:],
                attention_mask=one.rows["attention_mask"],
                position_ids=one.position_ids[..., end:],
                past_key_values=mine,
                use_cache=True,
                **{k: v[:, end:] for k, v in one.rows.items() if k == "token_type_ids"},
            )
        found.append(output.logits[0, -1])
    return found

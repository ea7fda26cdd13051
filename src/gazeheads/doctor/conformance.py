"""Laws that steering keeps on every model, measured on one: a batch's rows, prefixes, what a head's push does."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.errors import UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.heads.head import Head
from gazeheads.model.decoding import collate
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.regions.region import Region


def full_layers(model: GazeModel) -> list[int]:
    """Layers with attention that see the whole prompt."""
    text = model.hf.config.get_text_config()
    kinds = getattr(text, "layer_types", None) or ["full_attention"] * model.n_layers
    return [layer for layer, kind in enumerate(kinds) if kind == "full_attention"]


def heads_of(model: GazeModel) -> list[Head]:
    """The first and the last head of every layer that sees the whole prompt."""
    return [Head(layer, head) for layer in full_layers(model) for head in (0, model.n_heads - 1)]


@torch.no_grad()
def batch_error(model: GazeModel, scenes: Sequence[Scene], gazes: Sequence[Gaze | None]) -> float:
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


def prefix_error(model: GazeModel, scenes: Sequence[Scene]) -> float:
    """The largest difference of a logit between prompts run whole, and run after what they have in common."""
    found, shared = [_whole(model, scene) for scene in scenes], _after_prefix(model, scenes)
    return max(float((one - other).abs().max()) for one, other in zip(found, shared, strict=True))


def left_half(scene: Scene) -> Region:
    """The left half of image 0: a target that every image has."""
    width, height = scene.grid.sizes[0]
    return scene.box(0, 0, width / 2, height)


def _probe(model: GazeModel, scenes: Sequence[Scene]) -> Steering:
    gazes = [Gaze(heads_of(model), left_half(scene), during="answer") for scene in scenes]
    return Steering(gazes, model.n_layers, model.n_heads)


@torch.no_grad()
def _whole(model: GazeModel, scene: Scene) -> Tensor:
    with attached(model.hf, _probe(model, [scene])):
        last: Tensor = model.hf(**scene.tensors).logits[0, -1]
    return last


@torch.no_grad()
def _after_prefix(model: GazeModel, scenes: Sequence[Scene]) -> list[Tensor]:
    ids = [scene.tensors["input_ids"][0] for scene in scenes]
    end = next(n for n, (one, other) in enumerate(zip(*ids, strict=False)) if one != other)
    if end <= scenes[0].grid.positions[-1]:
        raise UsageError(
            "These prompts do not have the whole image in common. Ask two questions about one image."
        )
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

"""A prefill: the prompt of a scene, run once, from which many answers can begin.

    prefill = model.prefill(scene)
    for token in model.stream(scene, gaze, prefill=prefill): ...      # begins with one step, not with the whole prompt

The images are encoded and the whole prompt is run unsteered. Its keys and values are kept, but for the last token,
which each answer runs again for itself: so the row that produces the first token is steered like any other. Where a
cache cannot give its last token back (a sliding window that is full, a recurrent layer), or the prompt sees its last
token, which may be steered (PaliGemma), only the encoded images are kept, and each answer runs the prompt.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from gazeheads.errors import GazeError, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.model.backbone import Backbone
from gazeheads.model.decoding import Batch, collate, new_cache
from gazeheads.model.scene import Scene


@dataclass(frozen=True, eq=False)
class Prefill:
    """What `GazeModel.prefill` made of one scene. kept: its keys and values; None: this cache cannot be cut."""

    scene: Scene
    batch: Batch = field(repr=False)
    kept: DynamicCache | None = field(repr=False)

    @property
    def bytes(self) -> int:
        """Memory of the keys, values and encoded images."""
        tensors = (
            [] if self.kept is None else [x for layer in self.kept.layers for x in (layer.keys, layer.values)]
        )
        return sum(x.numel() * x.element_size() for x in (*tensors, *_tensors(self.batch.features)))

    def cache(self) -> DynamicCache | None:
        """A copy for one answer."""
        return copy.deepcopy(self.kept)

    def must_suit(self, scene: Scene, gaze: Gaze | None) -> None:
        """Raise unless an answer to this scene under this gaze can begin here."""
        if scene is not self.scene:
            raise UsageError(
                "prefill= was made from another scene than the one that was given. Make it from this one: "
                "model.prefill(scene)."
            )
        if gaze is not None and gaze.during == "all":
            raise GazeError(
                'prefill= was given with a gaze whose during="all" steers the rows of the prompt, which were run '
                'already, unsteered. Use during="answer" or "decode", or no prefill.'
            )


@torch.no_grad()
def prefill(model: Backbone, scene: Scene) -> Prefill:
    """The prompt of a scene, run on `model`."""
    batch = collate(model.hf, model.family, [scene], model.pad)
    return Prefill(scene, batch, _all_but_the_last(model, batch))


@torch.no_grad()
def forked(model: Backbone, scenes: Sequence[Scene], gazes: Sequence[Gaze | None]) -> DynamicCache | None:
    """All but the last tokens of a batch of prompts, each distinct one run once, whatever its gazes look at.

    None where that is no gain or no truth: no two rows ask the same, a gaze steers rows of the prompt, or the prompt
    cannot be cut (as for `prefill`).
    """
    key_of = [(scene.image_key, scene.tensors["input_ids"].cpu().numpy().tobytes()) for scene in scenes]
    distinct = dict(zip(key_of, scenes, strict=True))
    if len(distinct) == len(scenes) or any(gaze is not None and gaze.during == "all" for gaze in gazes):
        return None
    batch = collate(model.hf, model.family, list(distinct.values()), model.pad)
    cache = _all_but_the_last(model, batch)
    if cache is not None:
        number = {key: row for row, key in enumerate(distinct)}
        rows = batch.positions.new_tensor([number[key] for key in key_of])
        cache.batch_select_indices(rows)
    return cache


def _all_but_the_last(model: Backbone, batch: Batch) -> DynamicCache | None:
    """The keys and values of a batch of prompts, run unsteered; None where the last token cannot be taken back."""
    if model.family.sees_ahead:
        return None
    cache = new_cache(model.hf)
    if not all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in cache.layers):
        return None
    batch.run(model.hf, cache)
    if not all(_can_be_cut(layer) for layer in cache.layers):
        return None
    cache.crop(-1)
    return cache


def _can_be_cut(layer: Any) -> bool:
    if isinstance(layer, DynamicSlidingWindowLayer):
        return bool(layer.get_seq_length() < layer.sliding_window)
    return type(layer) is DynamicLayer and layer.is_initialized


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in nested dicts, lists and model outputs."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [x for part in value for x in _tensors(part)] if isinstance(value, list | tuple) else []

"""A prefill: the prompt of a scene, run once, from which many answers can begin.

    prefill = model.prefill(scene)
    for token in model.stream(scene, gaze, prefill=prefill): ...      # begins with one step, not with the whole prompt

The pictures are encoded and the whole prompt is run unsteered. Its keys and values are kept, but for the last token,
which each answer runs again for itself: so the row that produces the first token is steered like any other. Where a
cache cannot give its last token back (a sliding window that is full, a recurrent layer), or the prompt sees its last
token, which may be steered (PaliGemma), only the encoded pictures are kept, and each answer runs the prompt.
"""

import copy
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
        """Memory of the keys, values and encoded pictures."""
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
    if model.family.sees_ahead:
        return Prefill(scene, batch, None)
    cache = new_cache(model.hf)
    batch.run(model.hf, cache)
    if not all(_can_be_cut(layer) for layer in cache.layers):
        return Prefill(scene, batch, None)
    cache.crop(-1)
    return Prefill(scene, batch, cache)


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

"""Many questions about one image, at the price of one: what their prompts share is done once.

`ask_again` gives the scene of another question without touching the image. `question_rows` reads what every head
looks at in the last row of each question: the shared prefix, image included, runs once, with plain attention and a
cache; behind it the questions stand side by side in one row, each seeing the prefix and itself. Every number is what
the prompts would have given one by one (tests/model/test_questions.py, over all families).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from gazeheads.attention.call import ForwardPass
from gazeheads.attention.end_rows import EndRows
from gazeheads.attention.seam import announce, attached
from gazeheads.families import ROW_INPUTS
from gazeheads.gaze.record import Weighting
from gazeheads.gaze.trace import Patterns
from gazeheads.model.backbone import Backbone
from gazeheads.model.decoding import collate, new_cache
from gazeheads.model.encoding import encode, positions_of, template_ids
from gazeheads.model.last_row import last_rows
from gazeheads.model.scene import Scene
from gazeheads.model.usable import must_be_finite


@dataclass(frozen=True, eq=False)
class Prefix:
    """The beginning of a scene's prompt, its images included: a `Prompt` for `collate`."""

    scene: Scene
    n_prompt: int

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The scene's, cut."""
        return {
            name: value[:, : self.n_prompt] if name in ROW_INPUTS else value
            for name, value in self.scene.tensors.items()
        }

    @property
    def positions(self) -> Tensor:
        """(axis, 1, token)."""
        return self.scene.positions[..., : self.n_prompt]

    @property
    def image_key(self) -> str:
        """The scene's."""
        return self.scene.image_key


def ask_again(model: Backbone, scene: Scene, prompt: str) -> Scene:
    """The same images under another prompt: what `model.encode` would return, without processing the images again.

    Where the two prompts differ before the last image, or the processor changes the text behind it, the images are
    processed again. Raises `SceneError` as `encode` does.
    """
    images = len(scene.images)
    before, after = (template_ids(model, images, text) for text in (scene.prompt, prompt))
    shared = _common([before, after])
    ids = scene.tensors["input_ids"][0].tolist()
    rest = len(before) - shared
    kept = len(ids) - rest
    if not prompt.strip() or ids[kept:] != before[shared:] or kept <= int(scene.grid.positions.max()):
        return encode(model, scene.images, prompt, scene.boxes, scene.names, scene.settings)
    tail = after[shared:]
    tensors = dict(scene.tensors)
    for name in ROW_INPUTS:
        if name in tensors:
            fill = tensors[name].new_full((1, len(tail)), 1 if name == "attention_mask" else 0)
            tensors[name] = torch.cat([tensors[name][:, :kept], fill], 1)
    tensors["input_ids"][0, kept:] = torch.tensor(tail)
    return replace(
        scene,
        tensors=tensors,
        positions=positions_of(model.hf, model.family, tensors),
        grid=replace(scene.grid, n_prompt=kept + len(tail)),
        prompt=prompt,
    )


@torch.no_grad()
def question_rows(
    model: Backbone, asked: Sequence[Sequence[Scene]], weighting: Sequence[Weighting]
) -> list[list[list[Patterns]]]:
    """For each way to weigh, image and question: (layer, head, image token) of the last row, float32.

    asked: for each image its scenes, which show the same and differ in the question. All images run as one batch.
    Where a model cannot share a prefix (its prompt sees ahead; layers that carry a state, or a window that is shorter
    than the prompt), each prompt runs by itself.
    """
    lengths = [_common([scene.tensors["input_ids"][0].tolist() for scene in scenes]) for scenes in asked]
    prefixes = [
        Prefix(scenes[0], min(length, min(scene.n_prompt for scene in scenes) - 1))
        for scenes, length in zip(asked, lengths, strict=True)
    ]
    cache = new_cache(model.hf)
    longest = max(prefix.n_prompt for prefix in prefixes) + max(
        sum(scene.n_prompt - prefix.n_prompt for scene in scenes)
        for scenes, prefix in zip(asked, prefixes, strict=True)
    )
    if not all(map(_holds_its_images, prefixes)) or not _can_share(model, cache, longest):
        rows = last_rows(model, [scene for scenes in asked for scene in scenes], weighting)
        starts = np.cumsum([0, *map(len, asked)]).tolist()
        return [[way[start:stop] for start, stop in pairwise(starts)] for way in rows]
    batch = collate(model.hf, model.family, prefixes, model.pad)
    batch.run(model.hf, cache)
    return _behind(model, asked, prefixes, batch.rows["attention_mask"], cache, weighting)


def _behind(
    model: Backbone,
    asked: Sequence[Sequence[Scene]],
    prefixes: Sequence[Prefix],
    mask: Tensor,
    cache: DynamicCache,
    weighting: Sequence[Weighting],
) -> list[list[list[Patterns]]]:
    """Run the questions behind their prefixes: mask (row, token), cache."""
    n_rows, before = mask.shape
    tails = [
        [scene.n_prompt - prefix.n_prompt for scene in scenes]
        for scenes, prefix in zip(asked, prefixes, strict=True)
    ]
    length, most = max(map(sum, tails)), max(map(len, tails))
    axes = prefixes[0].positions.shape[0]
    ids, number = mask.new_full((n_rows, length), model.pad), mask.new_full((n_rows, length), -1)
    positions, ends = mask.new_zeros(axes, n_rows, length), mask.new_zeros(n_rows, most)
    images = mask.new_zeros(n_rows, max(len(scenes[0].grid) for scenes in asked))
    for row, (scenes, prefix) in enumerate(zip(asked, prefixes, strict=True)):
        start = 0
        for question, scene in enumerate(scenes):
            stop = start + tails[row][question]
            ids[row, start:stop] = scene.tensors["input_ids"][0, prefix.n_prompt :]
            positions[:, row, start:stop] = scene.positions[:, 0, prefix.n_prompt :]
            number[row, start:stop] = question
            ends[row, question] = stop - 1
            start = stop
        places = mask.new_tensor(scenes[0].grid.positions)
        images[row, : len(places)] = before - prefix.n_prompt + places
    # A token sees the prefix, and what stands before it in its own question; padding sees itself.
    own = (number[:, :, None] == number[:, None]).tril()
    seen = torch.cat([(mask[:, None] > 0).expand(-1, length, -1), own], 2)
    dtype = model.hf.dtype
    added = torch.zeros_like(seen, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)[:, None]
    at_ends = seen.gather(1, ends[..., None].expand(-1, -1, seen.shape[2]))
    probe = EndRows(_attending(model), ends, at_ends, images, weighting)
    with attached(model.hf, probe):
        announce(model.hf, ForwardPass.of(None, before + length, length, n_rows, mask.device))
        model.hf(
            input_ids=ids,
            attention_mask=added,
            position_ids=positions if axes > 1 else positions[0],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
    return [
        [
            [way[:, row, :, question, : len(scene.grid)] for question, scene in enumerate(scenes)]
            for row, scenes in enumerate(asked)
        ]
        for way in _collected(model, probe, len(weighting))
    ]


def _collected(model: Backbone, probe: EndRows, ways: int) -> list[Patterns]:
    """For each way to weigh (layer, row, head, question, image token); NaN in layers without attention."""
    for layer, kept in probe.kept.items():
        for way in kept:
            must_be_finite(way, f"The attention patterns of layer {layer}", model.hf)
    some = next(iter(probe.kept.values()))[0]
    none = some.new_full(some.shape, torch.nan)
    return [
        torch.stack([probe.kept[n][way] if n in probe.kept else none for n in range(model.n_layers)])
        .cpu()
        .numpy()
        for way in range(ways)
    ]


def _attending(model: Backbone) -> list[int]:
    """The layers that have attention."""
    layers = model.hf.get_decoder().layers
    return [number for number, layer in enumerate(layers) if hasattr(layer, "self_attn")]


def _common(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with."""
    length = 0
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1:
            break
        length += 1
    return length


def _holds_its_images(prefix: Prefix) -> bool:
    return int(prefix.scene.grid.positions.max()) < prefix.n_prompt


def _can_share(model: Backbone, cache: DynamicCache, tokens: int) -> bool:
    """Whether so many tokens behind one another leave each layer's cache whole, and the prefix as it was."""
    return not model.family.sees_ahead and all(
        type(layer) is DynamicLayer
        or (isinstance(layer, DynamicSlidingWindowLayer) and tokens < layer.sliding_window)
        for layer in cache.layers
    )

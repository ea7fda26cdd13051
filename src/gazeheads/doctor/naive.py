"""The recipe of the paper written plainly, for comparison: eager attention, one prompt at a time, everything anew.

Gandikota & Bau 2026 (arXiv 2606.14703), sec. 5.1 and 5.2. It shares no code with the engine, so that what it finds is
also a check of what the engine finds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel
from gazeheads.prompts import panel_query
from gazeheads.regions.region import Region
from gazeheads.sample import Sample

NAME = "gazeheads-plain-recipe"
_target: list[tuple[Mapping[int, list[int]], Tensor]] = []  # heads by layer, coverage of the prompt's tokens


@torch.no_grad()
def gaze_scores(model: GazeModel, sample: Sample) -> npt.NDArray[np.float64]:
    """(layer, head) the gaze score on one image: a full eager pass with all attentions for each region."""
    n = len(sample.boxes)
    scores = np.zeros((model.n_layers, model.n_heads))
    with switched(model.hf, "eager"):
        for k, box in enumerate(sample.boxes):
            scene = model.encode(sample.image, panel_query(k + 1, n))
            attentions = model.hf(**scene.tensors, output_attentions=True).attentions
            covered = Region.box(scene.grid, box, min_tokens=1).weights
            for layer, pattern in enumerate(attentions):
                row = pattern[0, :, -1].double().cpu().numpy()
                scores[layer] += row[:, scene.grid.positions] @ covered / n
    return scores


@torch.no_grad()
def redirected(
    model: GazeModel, sample: Sample, prompt: str, heads: Sequence[Head], tokens: int
) -> list[list[int]]:
    """The answers' tokens with the heads held on each region in turn (the push `focus`, every row), one by one."""
    layers: dict[int, list[int]] = {}
    for head in heads:
        layers.setdefault(head.layer, []).append(head.head)
    answers = []
    with switched(model.hf, NAME):
        for box in sample.boxes:
            scene = model.encode(sample.image, prompt)
            covered = np.zeros(scene.n_prompt)
            covered[scene.grid.positions] = Region.box(scene.grid, box, min_tokens=1).weights
            _target.append((layers, torch.tensor(covered, device=model.hf.device).float()))
            try:
                answers.append(plain_answer(model, scene.tensors, tokens))
            finally:
                _target.clear()
    return answers


def plain_answer(model: GazeModel, tensors: Mapping[str, Tensor], tokens: int) -> list[int]:
    """The tokens of one greedy answer of exactly so many, by transformers' own `generate`."""
    out = model.hf.generate(**tensors, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
    answer: list[int] = out[0, tensors["input_ids"].shape[1] :].tolist()
    return answer


@contextmanager
def switched(hf: Any, name: str) -> Iterator[None]:
    """Run the text model of `hf` with another attention function."""
    config = hf.get_decoder().config
    before = config._attn_implementation
    config._attn_implementation = {"": name}
    try:
        yield
    finally:
        config._attn_implementation = before


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **more: Any
) -> tuple[Tensor, Tensor]:
    """Eager attention; the heads of the target look at nothing else, in rows that see some of it."""
    groups = query.shape[1] // key.shape[1]
    key, value = (shared.repeat_interleave(groups, dim=1) for shared in (key, value))
    logits = query @ key.transpose(2, 3) * more.get("scaling", query.shape[-1] ** -0.5)
    if (cap := more.get("softcap")) is not None:
        logits = (logits / cap).tanh() * cap
    if attention_mask is not None:
        logits = logits + attention_mask
    pattern = logits.float().softmax(-1)
    for layers, covered in _target:
        mine = layers.get(module.layer_idx, [])
        inside = pattern[:, mine] * torch.nn.functional.pad(covered, (0, pattern.shape[3] - len(covered)))
        total = inside.sum(-1, keepdim=True)
        pattern[:, mine] = torch.where(total > 0, inside / total, pattern[:, mine])
    pattern = pattern.to(query.dtype)
    return (pattern @ value).transpose(1, 2).contiguous(), pattern


Attention = Callable[..., tuple[Tensor, Tensor]]
AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, eager_mask)

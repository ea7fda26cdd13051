"""An independent steering for any text model: eager, one row, no padding, no cache, the whole text in one pass.

It shares no code with the package. An attention function of its own is registered with transformers under a name of its
own, beside transformers' eager mask; it builds every pattern and rewrites it query by query by the plain formulas of
`reference.Target`, over the keys that the mask lets the query see.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import reference
import torch
import zoo
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

from gazeheads import Gaze, Scene

NAME = "peer"
_rewrite: list[reference.Rewrite] = []
_kept: dict[int, Tensor] = {}  # by layer: (head, query, key) patterns of the newest pass


@dataclass
class Seen:
    """A target, for rows of logits in which -inf stands for keys that are not seen."""

    aim: reference.Target

    def push(self, logits: np.ndarray) -> np.ndarray | None:
        keys = np.flatnonzero(np.isfinite(logits))
        weights = {i: self.aim.weights[k] for i, k in enumerate(keys) if k in self.aim.weights}
        aim = replace(self.aim, weights=weights, n_prompt=int((keys < self.aim.n_prompt).sum()))
        new = aim.push(logits[keys])
        if new is None:
            return None
        whole = np.zeros(len(logits))
        whole[keys] = new
        return whole


def attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    groups = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    logits = query @ key.transpose(2, 3) * scaling
    if softcap is not None:
        logits = softcap * torch.tanh(logits / softcap)
    logits = logits.masked_fill(attention_mask < 0, -torch.inf)
    pattern = logits.softmax(-1)
    for head in range(pattern.shape[1]):
        for position in range(pattern.shape[2]):
            for rewrite in _rewrite:
                new = rewrite(module.layer_idx, head, position, logits[0, head, position].double().numpy())
                if new is not None:
                    pattern[0, head, position] = torch.tensor(new)
    _kept[module.layer_idx] = pattern[0]
    return (pattern @ value).transpose(1, 2).contiguous(), pattern


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, eager_mask)


@contextmanager
def running(hf: Any, rewrite: reference.Rewrite | None) -> Iterator[None]:
    """Run the text layers of `hf` with this attention."""
    before = hf.get_decoder().config._attn_implementation
    hf.set_attn_implementation({"text_config": NAME})
    _rewrite[:] = [] if rewrite is None else [rewrite]
    _kept.clear()
    try:
        yield
    finally:
        hf.set_attn_implementation({"text_config": before})


def rewriting(gaze: Gaze) -> reference.Rewrite:
    """What a gaze (regions and schedules counted in tokens) means, by the definitions."""
    push = gaze.push
    nats = dict(zip(("inside", "outside", "text", "generated"), push.numbers, strict=False))

    def aim(token: int) -> Any:
        region = gaze.schedule.stop(token)
        return None if region is None else Seen(reference.target(region, push.mode, **nats))

    return reference.steer(gaze.heads, aim, gaze.grid.n_prompt, gaze.during)


@torch.no_grad()
def logits(hf: Any, scene: Scene, gaze: Gaze | None, answer: Sequence[int], both_ways: bool = True) -> Tensor:
    """(token, vocabulary) the logits that produce each token of `answer`, given those before it."""
    with running(hf, None if gaze is None else rewriting(gaze)):
        inputs = zoo.inputs(hf, [scene], [answer[:-1]], both_ways)
        found: Tensor = hf(**inputs, use_cache=False).logits[0, scene.n_prompt - 1 :]
    return found


def patterns(hf: Any, scene: Scene, gaze: Gaze | None, answer: Sequence[int]) -> Tensor:
    """(layer, head, token, image token) what the rows that produce `answer` look at."""
    logits(hf, scene, gaze, answer)
    rows = torch.stack([_kept[layer] for layer in sorted(_kept)])[:, :, scene.n_prompt - 1 :]
    return rows[..., torch.tensor(scene.grid.positions)]

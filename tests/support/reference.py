"""An independent implementation of steering, for tests: eager, one row, no cache, plain loops in float64.

It shares no code with the package: transformers' eager attention is replaced by a function that builds the
whole pattern and rewrites it query by query, with the formulas as they are written in the definitions.
Generation runs the whole text anew for every token.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.models.qwen3_vl import modeling_qwen3_vl

# From layer, head, query position and the float64 logits over the keys it sees: the new pattern, or None to keep.
Rewrite = Callable[[int, int, int, np.ndarray], np.ndarray | None]


@dataclass
class Target:
    """What a push aims at, in plain arrays.

    Weights: coverage at each prompt position that is an image token.
    """

    mode: str
    weights: dict[int, float]  # position of an image token -> w
    n_prompt: int
    inside: float = 0.0
    outside: float = 0.0
    text: float = 0.0
    generated: float = 0.0

    def push(self, logits: np.ndarray) -> np.ndarray | None:
        """The pattern after the push over keys 0..len-1; None if no target token is seen."""
        keys = range(len(logits))
        w = {k: self.weights[k] for k in keys if k in self.weights}
        if not any(w.values()):
            return None
        p = np.exp(logits - logits.max())
        p = p / p.sum()
        out = np.zeros(len(logits))
        if self.mode == "focus":
            top = max(logits[k] for k in w if w[k] > 0)
            for k in w:
                out[k] = w[k] * np.exp(logits[k] - top)
            return out / out.sum()
        if self.mode == "uniform":
            for k in w:
                out[k] = w[k]
            return out / out.sum()
        if self.mode == "reweigh":
            mass = sum(p[k] for k in w)
            share = sum(w[k] * p[k] for k in w)
            for k in keys:
                out[k] = mass * w[k] * p[k] / share if k in w else p[k]
            return out
        raised = logits.copy()
        for k in keys:
            if k in w:
                raised[k] += np.log(w[k] * np.exp(self.inside) + (1 - w[k]) * np.exp(self.outside))
            else:
                raised[k] += self.text if k < self.n_prompt else self.generated
        out = np.exp(raised - raised.max())
        return out / out.sum()


def target(region: Any, mode: str, **nats: float) -> Target:
    grid = region.grid
    weights = {int(p): float(w) for p, w in zip(grid.positions, region.weights, strict=True)}
    return Target(mode, weights, grid.n_prompt, **nats)


@dataclass
class Mixture:
    """Several targets with their shares, of which a query may see some."""

    shares: list[tuple[float, Target]]

    def push(self, logits: np.ndarray) -> np.ndarray | None:
        seen = [(share, out) for share, aim in self.shares if (out := aim.push(logits)) is not None]
        if not seen:
            return None
        return sum(share * out for share, out in seen) / sum(share for share, _ in seen)


def blended(aim: Target, weight: float, logits: np.ndarray) -> np.ndarray | None:
    """The pattern after a push of a head of some weight."""
    if aim.mode == "bias":
        nats = {name: weight * getattr(aim, name) for name in ("inside", "outside", "text", "generated")}
        return replace(aim, **nats).push(logits)
    out = aim.push(logits)
    p = np.exp(logits - logits.max())
    return None if out is None else (1 - weight) * p / p.sum() + weight * out


@contextmanager
def eager(hf: Any, rewrite: Rewrite | None = None, keep: dict[int, Tensor] | None = None) -> Iterator[None]:
    """Run `hf` eagerly, with the patterns of its text layers rewritten; `keep` collects them by layer."""

    def attention(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, scaling: float, **_: Any
    ) -> Any:
        groups = query.shape[1] // key.shape[1]
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
        logits = query @ key.transpose(2, 3) * scaling
        if attention_mask is not None:
            logits = logits + attention_mask
        pattern = logits.softmax(-1)
        layer = getattr(module, "layer_idx", None)
        if layer is not None and rewrite is not None:
            for head in range(pattern.shape[1]):
                for position in range(pattern.shape[2]):
                    seen = logits[0, head, position, : position + 1].double().numpy()
                    new = rewrite(layer, head, position, seen)
                    if new is not None:
                        pattern[0, head, position, : position + 1] = torch.tensor(new).to(pattern)
        if layer is not None and keep is not None:
            keep[layer] = pattern
        return (pattern @ value).transpose(1, 2).contiguous(), pattern

    before, kept = modeling_qwen3_vl.eager_attention_forward, hf.config._attn_implementation
    modeling_qwen3_vl.eager_attention_forward = attention
    hf.set_attn_implementation("eager")
    try:
        yield
    finally:
        modeling_qwen3_vl.eager_attention_forward = before
        hf.set_attn_implementation(kept)


@torch.no_grad()
def forward(hf: Any, scene: Any, tokens: Sequence[int] = ()) -> Tensor:
    """(token, vocabulary) logits of the prompt followed by `tokens`, run whole, without a cache."""
    tensors = dict(scene.tensors)
    extra = torch.tensor([list(tokens)], dtype=torch.long)
    tensors["input_ids"] = torch.cat([tensors["input_ids"], extra], dim=1)
    for name in ("attention_mask", "mm_token_type_ids"):
        fill = 1 if name == "attention_mask" else 0
        tensors[name] = torch.cat([tensors[name], torch.full_like(extra, fill)], dim=1)
    hf.model.rope_deltas = None
    return hf(**tensors, use_cache=False).logits[0]


def generate(hf: Any, scene: Any, rewrite: Rewrite | None, n_tokens: int) -> tuple[list[int], Tensor]:
    """Greedy tokens and the logits that produced them (token, vocabulary)."""
    tokens: list[int] = []
    logits = []
    with eager(hf, rewrite):
        for _ in range(n_tokens):
            logits.append(forward(hf, scene, tokens)[-1])
            tokens.append(int(logits[-1].argmax()))
    return tokens, torch.stack(logits)


def steer(
    heads: Sequence[tuple[int, int]], at: Callable[[int], Target | None], n_prompt: int, during: str = "all"
) -> Rewrite:
    """Rewrite the patterns of `heads` towards `at(token)`; prompt rows look where token 0 looks."""

    def rewrite(layer: int, head: int, position: int, logits: np.ndarray) -> np.ndarray | None:
        token = position - (n_prompt - 1)
        due = {"all": True, "answer": token >= 0, "decode": token >= 1}[during]
        aim = at(max(token, 0)) if due and (layer, head) in heads else None
        return None if aim is None else aim.push(logits)

    return rewrite

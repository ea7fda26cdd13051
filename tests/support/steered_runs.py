"""Steered runs on the tiny model, for the tests of steering."""

from typing import Any

import torch
from torch import Tensor

from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import Push
from gazeheads.heads.head import Head
from gazeheads.model.decoding import collate, produce
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene

HEADS = [Head(0, 1), Head(1, 2), Head(1, 3), Head(2, 0)]
TOKENS = 6

PUSHES: dict[str, tuple[Push, dict[str, Any]]] = {
    "focus": (Push.focus(), {"mode": "focus"}),
    "uniform": (Push.uniform(), {"mode": "uniform"}),
    "reweigh": (Push.reweigh(), {"mode": "reweigh"}),
    "bias": (
        Push.bias(2.5, -1.5, text=0.5, generated=-0.75),
        {"mode": "bias", "inside": 2.5, "outside": -1.5, "text": 0.5, "generated": -0.75},
    ),
}


class Keeps:
    """Greedy choice without an end, which keeps the logits."""

    def __init__(self) -> None:
        self.kept: list[Tensor] = []

    def choose(self, logits: Tensor, running: Tensor) -> Tensor:
        self.kept.append(logits.clone())
        return logits.argmax(-1)

    def ended(self, token: Tensor) -> Tensor:
        return token < 0


@torch.no_grad()
def produced(
    model: GazeModel, scenes: list[Scene], probe: Any, n_tokens: int = TOKENS
) -> tuple[list[list[int]], Tensor]:
    """Tokens (row, token) and the logits that chose them (row, token, vocabulary)."""
    batch = collate(model.hf, model.family, scenes, 0)
    sampler = Keeps()
    with attached(model.hf, *([probe] if probe else [])):
        steps = list(produce(model.hf, batch, n_tokens, sampler))
    return torch.stack(steps, 1).tolist(), torch.stack(sampler.kept, 1)


def steered(
    model: GazeModel, scene: Scene, gaze: Gaze | None, n_tokens: int = TOKENS
) -> tuple[list[int], Tensor]:
    probe = None if gaze is None else Steering([gaze], model.n_layers, model.n_heads)
    tokens, logits = produced(model, [scene], probe, n_tokens)
    return tokens[0], logits[0]

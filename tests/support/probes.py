"""A probe that only watches, and short ways to run and steer the models of `zoo`."""

from collections.abc import Callable
from typing import Any

import torch
import zoo
from torch import Tensor

from gazeheads import Gaze, Head, Scene
from gazeheads.attention.call import Call
from gazeheads.attention.steering import Steering


class Watcher:
    """A probe that counts its calls and does something once, at the first."""

    overwrites = frozenset[Head]()

    def __init__(self, *layers: int, once: Callable[[], object] = lambda: None) -> None:
        self.layers, self.fired, self.calls, self.once = frozenset(layers), False, 0, once

    def attend(self, call: Call) -> None:
        self.calls += 1
        if self.calls == 1:
            self.once()


@torch.no_grad()
def logits(hf: Any, scene: Scene, **more: Any) -> Tensor:
    found: Tensor = hf(**zoo.inputs(hf, [scene]), **more).logits
    return found


def steering(scene: Scene, *heads: Head) -> Steering:
    return Steering([Gaze(heads or [Head(1, 2)], scene.panel(1))], zoo.LAYERS, zoo.HEADS)


def names(hf: Any) -> list[str]:
    return [c._attn_implementation for c in (hf.config, hf.config.text_config, hf.config.vision_config)]

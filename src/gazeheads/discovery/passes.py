"""Scores with forward passes of their own: what their modules offer, so that any of them is measured by its name.

module = passes_of(SCORES["causal"])
module.check(samples)
scores, how = module.measure(model, samples, Passes(groups=8))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from gazeheads.heads.scores import Score
from gazeheads.model.model import GazeModel
from gazeheads.sample import Sample

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Passes:
    """How to measure. Each score takes of it what it needs.

    seed: of what is drawn at random. groups: heads that are steered together, where single ones are dear. batch_size:
    prompts at a time, None for what suits the score. settings: keywords of the processor. progress: called with units
    that were done, and their total.
    """

    seed: int = 0
    groups: int = 1
    batch_size: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    progress: Callable[[int, int], object] = lambda done, total: None


class OwnPasses(Protocol):
    """A module of `gazeheads.discovery` that measures one score."""

    def check(self, samples: Sequence[Sample]) -> None:
        """Raise `UsageError` unless the score can be measured on these samples, and may."""

    def measure(self, model: GazeModel, samples: Sequence[Sample], passes: Passes) -> tuple[Floats, str]:
        """(layer, head) the scores, and in words how they were measured ("" if there is one way only)."""


def passes_of(score: Score) -> OwnPasses:
    """The module that measures a score which has one."""
    return cast(OwnPasses, import_module(f"gazeheads.discovery.{score.module}"))

"""One number with its company for each variant and condition of a run: accuracy never stands alone.

A cell is what one condition did in one variant. Draws of random heads keep a cell each, and are read together as a
family: a distribution, never one bar.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gazeheads.runs.outcomes import STATUSES, Status
from gazeheads.statistics import Estimate, Key, Outcomes, Percentile, percentile


@dataclass(frozen=True, eq=False)
class ConditionResult:
    """What one condition did in one variant.

    heads: how many were steered. answers: how many parts of answers were to be judged; fates: what became of them.
    outcomes: (sample, target, or number of the part) to hit or miss; the share of sentences about the target, where
    these are judged. moved, with_rule: None where no unsteered answer is there to
    compare with; same: how many answers are almost the same as the unsteered one.
    positions: accuracy by zero-based target. before, after: mean attention mass on the target, without and with.
    at_pointed: how often the answer is about the region that the heads were pointed at, where that is another one.
    """

    variant: str
    condition: str
    heads: int
    answers: int
    statuses: Mapping[Status, int]
    outcomes: Outcomes = field(repr=False)
    accuracy: Estimate
    all_slots: Estimate
    moved: Estimate | None
    with_rule: Estimate | None
    same: int | None
    positions: Mapping[int, Estimate] = field(repr=False)
    before: float | None
    after: float | None
    at_pointed: Estimate | None = None

    def share(self, status: Status) -> float:
        """Which share of the answers came to this."""
        return self.statuses[status] / self.answers

    def to_json(self) -> dict[str, Any]:
        """The numbers, without the single outcomes."""
        estimates = {
            name: None if value is None else value.to_json()
            for name, value in vars(self).items()
            if name in ("accuracy", "all_slots", "moved", "with_rule", "at_pointed")
        }
        return {
            "variant": self.variant,
            "condition": self.condition,
            "heads": self.heads,
            "answers": self.answers,
            **estimates,
            "same_as_unsteered": self.same,
            "positions": {str(place + 1): each.to_json() for place, each in self.positions.items()},
            **{status: self.statuses[status] for status in STATUSES},
            "mass_before": self.before,
            "mass_after": self.after,
        }


@dataclass(frozen=True, eq=False)
class ControlDraws:
    """Draws of random heads of one kind: what each did, and where the gaze heads stand among them, if they ran."""

    name: str
    draws: tuple[ConditionResult, ...]
    gaze: ConditionResult | None = None

    @property
    def means(self) -> list[float]:
        """The accuracy of each draw that has one."""
        return [draw.accuracy.mean for draw in self.draws if draw.accuracy.n]

    @property
    def among(self) -> Percentile | None:
        """Where the gaze heads stand; None where they or the draws have no accuracy."""
        if self.gaze is None or not self.gaze.accuracy.n or not self.means:
            return None
        return percentile(self.gaze.accuracy.mean, self.means)

    @cached_property
    def outcomes(self) -> dict[Key, float | None]:
        """The mean over draws of each outcome that is known of any."""
        found: dict[Key, list[float]] = {}
        for draw in self.draws:
            for key, value in draw.outcomes.items():
                found.setdefault(key, []).extend([] if value is None else [value])
        return {key: float(np.mean(values)) if values else None for key, values in found.items()}

    def mean(self, measure: str) -> float | None:
        """The mean over draws of an estimate's mean ("accuracy", "moved", ...)."""
        found = [getattr(draw, measure) for draw in self.draws]
        known = [each.mean for each in found if each is not None and each.n]
        return float(np.mean(known)) if known else None

    def share(self, status: Status) -> float:
        """Which share of all draws' answers came to this."""
        return sum(d.statuses[status] for d in self.draws) / sum(d.answers for d in self.draws)

"""Where one head set stands among its random-head controls."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gazeheads.errors import StatisticsError


@dataclass(frozen=True)
class Percentile:
    """Where a value stands among random-head controls: `percentile` in 0..100 (ties count half), one-sided `p`."""

    percentile: float
    p: float
    below: int
    draws: int

    def __str__(self) -> str:
        """For people: "above 8 of 8 random-head controls (p = 0.11, the least that 8 draws can show)"."""
        least = f", the least that {self.draws} draws can show" if self.p <= 1 / (self.draws + 1) else ""
        return f"above {self.below} of {self.draws} random-head controls (p = {self.p:.2g}{least})"


def percentile(value: float, draws: Iterable[float]) -> Percentile:
    """Where `value` stands among random-head controls. p = (1 + draws at least as high) / (1 + draws).

    Raises `StatisticsError` without draws, or where a number is not finite.
    """
    controls = np.asarray(list(draws), dtype=np.float64)
    if not len(controls) or not np.isfinite([value, *controls]).all():
        raise StatisticsError(
            f"Asked where {value} stands among {controls.tolist()}. Give a finite value and finite draws."
        )
    below, above = int((controls < value).sum()), int((controls > value).sum())
    ties = len(controls) - below - above
    rank = 100 * (below + ties / 2) / len(controls)
    return Percentile(rank, (1 + above + ties) / (1 + len(controls)), below, len(controls))

"""Means over outcomes, with intervals over strips."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gazeheads.errors import StatisticsError
from gazeheads.plain import plain

Key = tuple[str, int]  # strip (or image) id, zero-based target

Outcomes = Mapping[Key, float | None]

Floats = npt.NDArray[np.float64]

RESAMPLES = 10_000

LEVEL = 0.95

_BLOCK = 4_000_000  # resampling weights drawn at once: 32 MB


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval, over `n` outcomes in `clusters` strips; `left_out` outcomes were unknown.

    `low` and `high` are NaN with fewer than two strips, where nothing can be resampled; `mean` with none.
    """

    mean: float
    low: float
    high: float
    n: int
    clusters: int
    left_out: int = 0

    def __str__(self) -> str:
        """Per cent, for people: "83.1% [79.2, 86.8]"."""
        if not self.n:
            return f"unknown ({self.left_out} left out)"
        interval = (
            "no interval" if math.isnan(self.low) else f"{self.low:.1%}, {self.high:.1%}".replace("%", "")
        )
        beside = f" ({self.left_out} left out)" if self.left_out else ""
        return f"{self.mean:.1%} [{interval}]{beside}"

    def to_json(self) -> dict[str, float | int | None]:
        """The fields, with None for NaN, which JSON does not know."""
        values: dict[str, float | int | None] = plain(vars(self))
        return values


class Resamples:
    """Strips drawn with replacement, again and again: how often each strip is in each resample.

    The draws depend on the generator, as it is now, and on the number of strips. They are kept while they fit into
    some 64 MB, so that many estimates over as many strips cost one drawing, and share it.
    """

    def __init__(self, rng: np.random.Generator, number: int = RESAMPLES) -> None:
        self.number = number
        self._seed = int(rng.integers(2**63))
        self._kept: dict[int, list[Floats]] = {}

    def means(self, totals: Floats, counts: Floats) -> Floats:
        """Mean [resample] of outcomes that sum to `totals` [strip] and number `counts` [strip]."""
        return np.concatenate([times @ totals / (times @ counts) for times in self._times(len(counts))])

    def _times(self, clusters: int) -> Iterator[Floats]:
        """Blocks [resample, strip] of how often a strip was drawn."""
        if clusters in self._kept:
            yield from self._kept[clusters]
            return
        rng, even = np.random.default_rng([self._seed, clusters]), np.full(clusters, 1 / clusters)
        rows, kept = max(1, _BLOCK // clusters), clusters * self.number <= 2 * _BLOCK
        blocks = []
        for start in range(0, self.number, rows):
            drawn = rng.multinomial(clusters, even, size=min(rows, self.number - start))
            times = drawn.astype(np.float64)
            if kept:
                blocks.append(times)
            yield times
        if kept:
            self._kept[clusters] = blocks


def estimate(
    outcomes: Outcomes,
    rng: np.random.Generator | Resamples,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Estimate:
    """The mean of the known outcomes, with a percentile interval over resampled strips.

    A strip weighs as many outcomes as it has: the mean is over outcomes, the chance is over strips. Many estimates
    are faster with `Resamples` in place of a generator; its number of resamples then holds. Raises `StatisticsError`
    for no outcomes at all and for one that is not a finite number.
    """
    totals, counts, left_out = by_strip(outcomes)
    n, clusters = int(counts.sum()), len(counts)
    mean = float(totals.sum() / n) if n else math.nan
    low = high = math.nan
    if clusters > 1:
        drawn = rng if isinstance(rng, Resamples) else Resamples(rng, resamples)
        means = drawn.means(totals, counts)
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Estimate(mean, low, high, n, clusters, left_out)


def paired_difference(
    first: Outcomes,
    second: Outcomes,
    rng: np.random.Generator | Resamples,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Estimate:
    """Mean of `first - second` over the same strips and targets; a pair with an unknown side is left out.

    Raises `StatisticsError` where the two do not hold the same keys.
    """
    if first.keys() != second.keys():
        odd = first.keys() ^ second.keys()
        raise StatisticsError(
            f"Asked for a paired difference of {len(first)} and {len(second)} outcomes; {len(odd)} (strip, "
            f"target) keys are in one only, such as {min(odd)}. Compare conditions that ran on the same "
            "strips and targets."
        )
    gaps = {}
    for key, value in first.items():
        other = second[key]
        gaps[key] = None if value is None or other is None else float(value) - float(other)
    return estimate(gaps, rng, resamples=resamples, level=level)


def standard_error(outcomes: Outcomes) -> float:
    """Standard error of the mean by strips (linearised ratio); NaN with fewer than two strips."""
    totals, counts, _ = by_strip(outcomes)
    clusters = len(counts)
    if clusters < 2:
        return math.nan
    residuals = totals - counts * (totals.sum() / counts.sum())
    return float(np.sqrt(clusters / (clusters - 1) * (residuals**2).sum()) / counts.sum())


def by_strip(outcomes: Outcomes) -> tuple[Floats, Floats, int]:
    """Sum [strip] and number [strip] of the known outcomes of strips that have any; number of unknown."""
    if not outcomes:
        raise StatisticsError("Asked for a summary of no outcomes. Give at least one (strip, target).")
    sums: dict[str, float] = {}
    numbers: dict[str, int] = {}
    for (strip, target), value in outcomes.items():
        if value is None:
            continue
        if not math.isfinite(value):
            raise StatisticsError(
                f"The outcome of strip {strip!r}, target {target} is {value}. Give a finite number, or None "
                "for unknown."
            )
        sums[strip] = sums.get(strip, 0.0) + float(value)
        numbers[strip] = numbers.get(strip, 0) + 1
    totals, counts = (np.array(list(table.values()), dtype=np.float64) for table in (sums, numbers))
    return totals, counts, len(outcomes) - sum(numbers.values())


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation (mean ranks for ties), or None where it is undefined.

    Undefined: fewer than two pairs, or one side constant. That is not 0: let `estimate` leave it out and
    count it. Raises `StatisticsError` for sequences of different lengths.
    """
    if len(first) != len(second):
        raise StatisticsError(
            f"Asked for the rank correlation of {len(first)} and {len(second)} numbers. Give as many of each."
        )
    if min(len(set(first)), len(set(second))) < 2:
        return None
    from scipy.stats import spearmanr  # half a second, for those who ask

    return float(spearmanr(first, second).statistic)

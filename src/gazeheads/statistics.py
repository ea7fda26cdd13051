"""From outcomes to estimates: intervals over strips, paired differences, control draws, the choice of K.

1. An outcome belongs to a key, (strip, target): 1 or 0 for a hit or a miss, any number for another measure,
   None where we do not know (unscored, undefined): that leaves the denominator and is counted beside it.
2. `estimate` gives the mean with a 95% percentile interval. The six targets of one strip share a picture, so
   they are not six independent trials: whole strips are drawn with replacement, 10,000 times (the paper
   resamples, too).
3. `paired_difference` compares two conditions over the same strips and targets, and refuses any others.
4. `percentile` places one head set among its control draws; n draws cannot show a p below 1 / (n + 1).
5. `choose_k` takes the smallest K that is as good, on dev strips, as the best one within its standard error.

Accuracies are shares in 0..1; per cent is for people. Randomness is a generator that the caller passes in.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from gazeheads.errors import StatisticsError

Key = tuple[str, int]  # strip (or picture) id, zero-based target
Outcomes = Mapping[Key, float | None]
Floats = npt.NDArray[np.float64]
T = TypeVar("T")

RESAMPLES = 10_000
LEVEL = 0.95
SAME_AS_BASELINE = 0.9  # the paper's threshold
K_SHARES = (0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24, 0.32)  # of all heads; tried on dev strips
_BLOCK = 4_000_000  # resampling weights held at once: 32 MB


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

    def as_json(self) -> dict[str, float | int | None]:
        """The fields, with None for NaN, which JSON does not know."""
        return {name: None if math.isnan(value) else value for name, value in vars(self).items()}


@dataclass(frozen=True)
class Percentile:
    """Where a value stands among control draws: `percentile` in 0..100 (ties count half), one-sided `p`."""

    percentile: float
    p: float
    below: int
    draws: int

    def __str__(self) -> str:
        """For people: "above 8 of 8 control draws (p = 0.11, the least that 8 draws can show)"."""
        least = f", the least that {self.draws} draws can show" if self.p <= 1 / (self.draws + 1) else ""
        return f"above {self.below} of {self.draws} control draws (p = {self.p:.2g}{least})"


@dataclass(frozen=True)
class ChosenK:
    """The K that dev strips chose: the smallest with a mean of at least `best mean - standard_error`."""

    k: int
    best_k: int
    standard_error: float
    means: Mapping[int, float]


def estimate(
    outcomes: Outcomes, rng: np.random.Generator, *, resamples: int = RESAMPLES, level: float = LEVEL
) -> Estimate:
    """The mean of the known outcomes, with a percentile interval over resampled strips.

    A strip weighs as many outcomes as it has: the mean is over outcomes, the chance is over strips. Raises
    `StatisticsError` for no outcomes at all and for one that is not a finite number.
    """
    totals, counts, left_out = _by_strip(outcomes)
    n, clusters = int(counts.sum()), len(counts)
    mean = float(totals.sum() / n) if n else math.nan
    low = high = math.nan
    if clusters > 1:
        means = _resampled_means(totals, counts, rng, resamples)
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Estimate(mean, low, high, n, clusters, left_out)


def paired_difference(
    first: Outcomes,
    second: Outcomes,
    rng: np.random.Generator,
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
    totals, counts, _ = _by_strip(outcomes)
    clusters = len(counts)
    if clusters < 2:
        return math.nan
    residuals = totals - counts * (totals.sum() / counts.sum())
    return float(np.sqrt(clusters / (clusters - 1) * (residuals**2).sum()) / counts.sum())


def percentile(value: float, draws: Iterable[float]) -> Percentile:
    """Where `value` stands among control draws. p = (1 + draws at least as high) / (1 + draws).

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


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation (mean ranks for ties), or None where it is undefined.

    Undefined: fewer than two pairs, or one side constant. That is not 0: let `estimate` leave it out and
    count it. Raises `StatisticsError` for sequences of different lengths.
    """
    if len(first) != len(second):
        raise StatisticsError(
            f"Asked for the rank correlation of {len(first)} and {len(second)} numbers. Give as many of each."
        )
    if len(first) < 2:
        return None
    ranks = np.stack([_ranks(first), _ranks(second)])  # [2, item]
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1)
    if not squares.all():
        return None
    return float(centred[0] @ centred[1] / np.sqrt(squares.prod()))


def k_grid(n_heads: int) -> tuple[int, ...]:
    """The numbers of heads to try on dev strips: `K_SHARES` of all heads, at least 1, each once, rising."""
    return tuple(sorted({max(1, round(share * n_heads)) for share in K_SHARES}))


def choose_k(dev: Mapping[int, Outcomes]) -> ChosenK:
    """The smallest K whose mean dev accuracy is within one standard error (by strips) of the best mean.

    `dev` maps each K that was tried to its outcomes on dev strips. Equal best means: the smallest K counts as
    best. Raises `StatisticsError` where the Ks ran on different strips and targets, on fewer than two strips,
    or where a K has no known outcome.
    """
    if not dev:
        raise StatisticsError("Asked to choose K among none. Give the dev outcomes of at least one K.")
    first, means = next(iter(dev)), {}
    for k, outcomes in sorted(dev.items()):
        if outcomes.keys() != dev[first].keys():
            raise StatisticsError(
                f"Asked to choose K, but K = {k} ran on other strips and targets than K = {first}. "
                "Run every K on the same dev strips."
            )
        totals, counts, _ = _by_strip(outcomes)
        if len(counts) < 2:
            raise StatisticsError(
                f"Asked to choose K, but K = {k} has known outcomes on {len(counts)} strips. Give at least 2."
            )
        means[k] = float(totals.sum() / counts.sum())
    best_k = max(means, key=lambda k: (means[k], -k))
    error = standard_error(dev[best_k])
    enough = means[best_k] - error - 1e-12  # means are sums of floats: let an exact tie be one
    return ChosenK(min(k for k, mean in means.items() if mean >= enough), best_k, error, means)


def moved(outcomes: Outcomes, unsteered: Mapping[str, int | None]) -> dict[Key, float | None]:
    """The outcomes whose target is not the region that the strip's unsteered answer describes already.

    `unsteered` maps each strip to that region, zero-based, or to None where the answer matched none. Raises
    `StatisticsError` for a strip that it does not hold.
    """
    return {key: value for key, value in outcomes.items() if _of(unsteered, key[0]) != key[1]}


def with_baseline_rule(
    outcomes: Outcomes,
    answers: Mapping[Key, str],
    unsteered: Mapping[str, str],
    threshold: float = SAME_AS_BASELINE,
) -> dict[Key, float | None]:
    """The outcomes under the paper's rule: an answer almost the same as the strip's unsteered one is a miss.

    Raises `StatisticsError` where an answer or a strip is missing.
    """
    return {
        key: 0.0 if same_as_baseline(_of(answers, key), _of(unsteered, key[0]), threshold) else value
        for key, value in outcomes.items()
    }


def same_as_baseline(answer: str, unsteered: str, threshold: float = SAME_AS_BASELINE) -> bool:
    """Whether the two texts share more than `threshold` of their words (Jaccard, case ignored)."""
    return jaccard(answer, unsteered) > threshold


def jaccard(first: str, second: str) -> float:
    """Words in both texts over words in either; no case, no punctuation; 1.0 for two texts without words."""
    one, other = (set(re.findall(r"\w+", text.casefold())) for text in (first, second))
    return len(one & other) / len(one | other) if one | other else 1.0


def _ranks(numbers: Sequence[float]) -> Floats:
    """Ranks from 1; equal numbers share the mean of theirs."""
    _, place, times = np.unique(np.asarray(numbers), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(times) - (times - 1) / 2)[place])


def _of(table: Mapping[Any, T], key: object) -> T:
    """`table[key]`, or the error that says what is missing."""
    try:
        return table[key]
    except KeyError:
        raise StatisticsError(
            f"Asked about {key!r}, which is not among the {len(table)} given. Give one for each outcome."
        ) from None


def _by_strip(outcomes: Outcomes) -> tuple[Floats, Floats, int]:
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


def _resampled_means(totals: Floats, counts: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Mean [resample] when as many strips as there are are drawn with replacement."""
    clusters = len(counts)
    even = np.full(clusters, 1 / clusters)
    rows = max(1, _BLOCK // clusters)
    means = []
    for start in range(0, resamples, rows):
        times = rng.multinomial(clusters, even, size=min(rows, resamples - start))  # [resample, strip]
        means.append(times @ totals / (times @ counts))
    return np.concatenate(means)

"""How many heads to steer, chosen on dev strips."""

from collections.abc import Mapping
from dataclasses import dataclass

from gazeheads.errors import StatisticsError
from gazeheads.statistics.estimates import Outcomes, by_strip, standard_error

K_SHARES = (0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24, 0.32)  # of all heads; tried on dev strips


@dataclass(frozen=True)
class ChosenK:
    """The K that dev strips chose: the smallest with a mean of at least `best mean - standard_error`."""

    k: int
    best_k: int
    standard_error: float
    means: Mapping[int, float]


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
        totals, counts, _ = by_strip(outcomes)
        if len(counts) < 2:
            raise StatisticsError(
                f"Asked to choose K, but K = {k} has known outcomes on {len(counts)} strips. Give at least 2."
            )
        means[k] = float(totals.sum() / counts.sum())
    best_k = max(means, key=lambda k: (means[k], -k))
    error = standard_error(dev[best_k])
    enough = means[best_k] - error - 1e-12  # means are sums of floats: let an exact tie be one
    return ChosenK(min(k for k, mean in means.items() if mean >= enough), best_k, error, means)

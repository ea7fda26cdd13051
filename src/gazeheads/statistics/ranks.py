"""Whether two orders agree."""

from collections.abc import Sequence

from gazeheads.errors import StatisticsError


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

"""How far two sets of heads are the same, and how far one ranking would come out again: both against chance.

    overlap(gaze.top(10), image.top(10))                      # shared heads, Jaccard, what chance would share
    stability(measured.matrices, selectors.gaze, k=10, seed=0)

*Stability*: samples are cut at random into two halves, heads are ranked on each, and the rankings compared; many times
over. The null does the same after the asked regions were shuffled, within each sample, alike for all heads: the region
that counts as asked is then any of them. What agrees under the null does so because some heads look at the image more
than others, not because they look where they are asked to.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gazeheads.errors import HeadsError
from gazeheads.heads.head import Amount, Head, counted
from gazeheads.heads.heads import Heads
from gazeheads.statistics import spearman

Floats = npt.NDArray[np.float64]

PAPERS_SHARES = (10 / 1152, 100 / 1152)  # the top 10 and the top 100 of the paper's model


@dataclass(frozen=True)
class Overlap:
    """What two sets of `sizes` heads, of a model of `total`, share.

    jaccard: shared heads by heads in either. expected: shared heads of sets drawn at random. p: the chance that such
    sets share as many or more (hypergeometric).
    """

    shared: int
    sizes: tuple[int, int]
    total: int
    jaccard: float
    expected: float
    p: float


@dataclass(frozen=True)
class HalvesAgreement:
    """Of two halves: Spearman's correlation of the scores, and the share of the top k that is the same.

    Each as mean, and 2.5th and 97.5th percentile over the cuts. These are not confidence intervals: the cuts share
    samples.
    """

    spearman: tuple[float, float, float]
    top: tuple[float, float, float]


@dataclass(frozen=True)
class Stability:
    """How well halves of the samples agree, and how well they agree when the asked regions are shuffled.

    k: how many heads `top` is about. cuts: how many were made, the same ones for both.
    """

    found: HalvesAgreement
    null: HalvesAgreement
    k: int
    cuts: int


def overlap(one: Collection[Head], two: Collection[Head], total: int) -> Overlap:
    """Of two sets of heads of a model that has `total`. Raises `HeadsError` where they cannot be that."""
    from scipy.stats import hypergeom  # half a second, for those who ask

    first, second = set(one), set(two)
    if not first or not second or len(first | second) > total:
        raise HeadsError(
            f"The overlap of {len(first)} and {len(second)} heads of {total} was asked for. Give two sets of one "
            "model, with at least one head each."
        )
    shared, sizes = len(first & second), (len(first), len(second))
    return Overlap(
        shared=shared,
        sizes=sizes,
        total=total,
        jaccard=shared / len(first | second),
        expected=sizes[0] * sizes[1] / total,
        p=float(hypergeom.sf(shared - 1, total, *sizes)),
    )


def top_overlap(one: Heads, two: Heads, k: Amount) -> Overlap | None:
    """Of the first k heads of two rankings of one model; None where one of them ranks fewer.

    Raises `HeadsError` for rankings of models of different names or shapes.
    """
    if (one.provenance.model, one.shape) != (two.provenance.model, two.shape):
        raise HeadsError(
            f"Heads of {one.provenance.model} {one.shape} and of {two.provenance.model} {two.shape} cannot be "
            "compared. Take both from one model."
        )
    k = counted(k, one.scores.size, f"The overlap of the top {k!r}")
    return overlap(one.top(k), two.top(k), one.scores.size) if min(len(one), len(two)) >= k else None


def stability(
    matrices: Sequence[Floats], score: Callable[[Floats], Floats], k: Amount, seed: int, cuts: int = 100
) -> Stability:
    """Of a score over the samples whose matrices (layer, head, asked, region) are given: `Measured.matrices`.

    score: from such a matrix to (layer, head), as `selectors.gaze` and `selectors.selectivity`; heads are ranked by its
    mean over samples. With an odd number of samples one, drawn anew for each cut, is left out. Raises `HeadsError` for
    fewer than four samples, for a single region, about which nothing can be shuffled, and for a k that is none.
    """
    if len(matrices) < 4 or min(matrix.shape[2] for matrix in matrices) < 2 or cuts < 1:
        raise HeadsError(
            f"The stability of a ranking over {cuts} cuts of {len(matrices)} samples was asked for. Give at least 1 "
            "cut of 4 samples, each with at least 2 regions."
        )
    size = matrices[0].shape[0] * matrices[0].shape[1]
    k = counted(k, size, f"The stability of the top {k!r}")
    if not 1 <= k <= size:
        raise HeadsError(f"The stability of the top {k} of {size} heads was asked for. Give 1 to {size}.")
    rng = np.random.default_rng(seed)
    scores = np.array([score(matrix).ravel() for matrix in matrices])
    found: list[tuple[float, float]] = []
    null: list[tuple[float, float]] = []
    for _ in range(cuts):
        order, half = rng.permutation(len(matrices)), len(matrices) // 2
        shuffled = [score(matrix[:, :, rng.permutation(matrix.shape[2])]).ravel() for matrix in matrices]
        for every, kept in ((scores, found), (np.array(shuffled), null)):
            kept.append(_agree(every[order[:half]].mean(0), every[order[half : 2 * half]].mean(0), k))
    return Stability(_summary(found), _summary(null), k, cuts)


def _agree(one: Floats, two: Floats, k: int) -> tuple[float, float]:
    """Spearman's correlation (NaN where all are alike) and the shared part of the top k, of heads with a score."""
    there = ~(np.isnan(one) | np.isnan(two))
    tops = (set(np.argsort(-each[there], kind="stable")[:k].tolist()) for each in (one, two))
    rho = spearman(one[there].tolist(), two[there].tolist())
    return np.nan if rho is None else rho, len(set.intersection(*tops)) / k


def _summary(agreements: list[tuple[float, float]]) -> HalvesAgreement:
    def over(values: Floats) -> tuple[float, float, float]:
        low, high = np.quantile(values, [0.025, 0.975]).tolist()
        return float(values.mean()), low, high

    spearman, top = np.array(agreements).T
    return HalvesAgreement(over(spearman), over(top))

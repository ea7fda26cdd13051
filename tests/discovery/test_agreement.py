"""What head sets share, and how stable rankings are, against counting and against planted heads."""

from collections import Counter
from itertools import combinations, product
from math import comb

import numpy as np
import pytest

from gazeheads.discovery.agreement import PAPERS_SHARES, overlap, stability, top_overlap
from gazeheads.errors import HeadsError
from gazeheads.heads import scores as selectors
from gazeheads.heads.head import Head, Provenance, counted
from gazeheads.heads.heads import Heads

EVERY = [Head(layer, head) for layer in range(2) for head in range(4)]


def test_overlap_against_all_pairs_of_sets() -> None:
    """Of eight heads: every set of two against every set of three."""
    found = overlap(EVERY[:2], EVERY[1:4], 8)
    counts = Counter(len({*a} & {*b}) for a, b in product(combinations(EVERY, 2), combinations(EVERY, 3)))
    pairs = comb(8, 2) * comb(8, 3)
    assert sum(counts.values()) == pairs
    assert (found.shared, found.jaccard, found.sizes) == (1, 1 / 4, (2, 3))
    assert found.expected == pytest.approx(sum(n * times for n, times in counts.items()) / pairs)
    assert found.p == pytest.approx((counts[1] + counts[2]) / pairs)
    assert overlap(EVERY[:3], EVERY[:3], 8).p == pytest.approx(1 / comb(8, 3))
    assert overlap(EVERY[:2], EVERY[2:4], 8).p == pytest.approx(1)


def test_tops_of_two_rankings() -> None:
    scores = np.arange(8.0).reshape(2, 4)
    few = np.where(scores > 5, scores, np.nan)
    heads = Heads.ranked(scores, Provenance("m", 2, 4), others={"down": -scores, "few": few})
    found = top_overlap(heads, heads.by("down"), 5)
    assert found is not None and (found.shared, found.jaccard) == (2, 2 / 8)
    assert top_overlap(heads, heads.by("down"), 5 / 8) == found
    assert top_overlap(heads, heads.by("few"), 3) is None
    other = Heads.ranked(scores, Provenance("n", 2, 4))
    with pytest.raises(HeadsError, match=r"Heads of m \(2, 4\) and of n \(2, 4\) cannot be compared"):
        top_overlap(heads, other, 2)
    with pytest.raises(HeadsError, match="overlap of the top 1.5: a share lies in"):
        top_overlap(heads, heads, 1.5)
    with pytest.raises(HeadsError, match="overlap of 0 and 8 heads of 8"):
        overlap([], EVERY, 8)
    with pytest.raises(HeadsError, match="overlap of 8 and 8 heads of 7"):
        overlap(EVERY, EVERY, 7)


def test_the_papers_tops_are_shares_of_its_model() -> None:
    assert [counted(share, 1152, "") for share in PAPERS_SHARES] == [10, 100]
    assert [counted(share, 96, "") for share in PAPERS_SHARES] == [1, 8]


def matrices(asked: float, mass: float, samples: int = 12, seed: int = 0) -> list[np.ndarray]:
    """(layer, head, asked, region) of 3 x 8 heads; what the samples add is noise of their own.

    The higher a head's number, the more it has on the asked region, taken from the others, and the more on all.
    """
    rng = np.random.default_rng(seed)
    rank = np.arange(24.0).reshape(3, 8, 1, 1) / 24
    follow = np.eye(4) - (1 - np.eye(4)) / 3
    return [
        0.1 * rng.random((3, 8, 4, 4)) + asked * rank * follow + mass * rank * np.ones((4, 4))
        for _ in range(samples)
    ]


def test_heads_that_look_where_asked_are_stable_until_regions_are_shuffled() -> None:
    found = stability(matrices(1, 0), selectors.gaze, k=6, seed=0)
    assert found.found.spearman[0] > 0.97 and found.found.top[0] > 0.9
    assert abs(found.null.spearman[0]) < 0.4 and found.null.spearman[1] < -0.5
    assert 0.2 < found.null.top[0] < 0.8
    assert (found.k, found.cuts) == (6, 100)
    for each in (found.found.spearman, found.found.top, found.null.spearman, found.null.top):
        assert each[1] <= each[0] <= each[2]
    positive = [matrix + 0.5 for matrix in matrices(1, 0)]
    selective = stability(positive, selectors.selectivity, k=0.25, seed=0, cuts=20)
    assert selective.k == 6 and selective.found.spearman[0] > 0.95


def test_what_is_stable_by_mass_alone_stays_so_under_the_null() -> None:
    found = stability(matrices(0, 1), selectors.gaze, k=6, seed=0, cuts=50)
    assert found.found.spearman[0] > 0.97
    assert found.null.spearman[0] == pytest.approx(found.found.spearman[0], abs=0.02)
    noise = stability(matrices(0, 0), selectors.gaze, k=6, seed=0, cuts=50)
    assert abs(noise.found.spearman[0]) < 0.3 and noise.found.top[0] < 0.6


def test_the_top_are_the_heads_with_the_best_scores() -> None:
    """Four heads look where they are asked to; of all others noise decides."""
    rng = np.random.default_rng(1)
    noise = [0.1 * rng.random((3, 8, 4, 4)) for _ in range(8)]
    for matrix in noise:
        matrix[1, :4] += np.eye(4)
    assert stability(noise, selectors.gaze, k=4, seed=0, cuts=20).found.top == (1, 1, 1)


def test_halves_share_no_sample() -> None:
    """Each sample favours a head of its own: a half that knew another's samples would agree with it."""
    one_each = [np.zeros((1, 8, 2, 2)) for _ in range(8)]
    for number, matrix in enumerate(one_each):
        matrix[0, number] = np.eye(2)
    found = stability(one_each, selectors.gaze, k=4, seed=0, cuts=20)
    assert found.found.spearman == pytest.approx((-1, -1, -1)) and found.found.top == (0, 0, 0)


def test_the_same_seed_cuts_alike_and_heads_without_a_score_do_not_count() -> None:
    plain = matrices(1, 0)
    found = stability(plain, selectors.gaze, k=3, seed=5, cuts=10)
    assert found == stability(plain, selectors.gaze, k=3, seed=5, cuts=10)
    assert found != stability(plain, selectors.gaze, k=3, seed=6, cuts=10)
    holes = [np.concatenate([matrix, np.full((1, 8, 4, 4), np.nan)]) for matrix in plain]
    assert stability(holes, selectors.gaze, k=3, seed=5, cuts=10) == found


@pytest.mark.parametrize(
    ("samples", "k", "cuts", "message"),
    [
        (3, 2, 10, "over 10 cuts of 3 samples was asked for"),
        (4, 2, 0, "over 0 cuts of 4 samples"),
        (4, 25, 10, "the top 25 of 24 heads"),
        (4, 0.0, 10, "stability of the top 0.0: a share lies in"),
    ],
)
def test_what_has_no_stability_is_refused(samples: int, k: float, cuts: int, message: str) -> None:
    with pytest.raises(HeadsError, match=message):
        stability(matrices(1, 0, samples), selectors.gaze, k, seed=0, cuts=cuts)
    with pytest.raises(HeadsError, match="each with at least 2 regions"):
        stability([np.ones((1, 2, 1, 1))] * 4, selectors.gaze, 1, seed=0)

"""Laws of the estimates, and agreement with independent computations."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from gazeheads import statistics as stat
from gazeheads.errors import GazeHeadsError
from gazeheads.statistics import estimates
from gazeheads.statistics.estimates import by_strip

Outcomes = dict[tuple[str, int], float | None]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def table(rows: list[list[float | None]]) -> Outcomes:
    """rows[strip][target] as outcomes."""
    return {
        (f"s{strip}", target): value for strip, row in enumerate(rows) for target, value in enumerate(row)
    }


def strips(n: int, chance: float, seed: int, spread: float = 0.0) -> Outcomes:
    """n strips x 6 targets; `spread` makes whole strips easy or hard."""
    draw = rng(seed)
    ease = np.clip(chance + spread * draw.standard_normal(n), 0, 1)
    return table([[float(draw.random() < p) for _ in range(6)] for p in ease])


rows_of_numbers = st.lists(
    st.lists(st.none() | st.floats(-10, 10), min_size=1, max_size=4), min_size=1, max_size=8
)


@given(rows_of_numbers)
def test_mean_counts_and_order(rows: list[list[float | None]]) -> None:
    known = [value for row in rows for value in row if value is not None]
    found = stat.estimate(table(rows), rng(), resamples=200)
    assert found.n == len(known)
    assert found.n + found.left_out == sum(map(len, rows))
    assert found.clusters == sum(any(value is not None for value in row) for row in rows)
    if not known:
        assert math.isnan(found.mean)
        return
    assert found.mean == pytest.approx(np.mean(known), abs=1e-9)
    if found.clusters < 2:
        assert math.isnan(found.low)
        assert math.isnan(found.high)
    else:
        assert min(known) - 1e-9 <= found.low <= found.high <= max(known) + 1e-9


def test_same_seed_same_interval_other_seed_other() -> None:
    outcomes = strips(30, 0.5, seed=1)
    assert stat.estimate(outcomes, rng(3)) == stat.estimate(outcomes, rng(3))
    assert stat.estimate(outcomes, rng(3)) != stat.estimate(outcomes, rng(4))


def test_the_order_of_trials_within_strips_does_not_matter() -> None:
    outcomes = strips(20, 0.4, seed=2)
    turned = {key: outcomes[key] for key in sorted(outcomes, key=lambda key: (int(key[0][1:]), -key[1]))}
    assert list(turned) != list(outcomes)
    assert stat.estimate(turned, rng()) == stat.estimate(outcomes, rng())


def test_strips_are_resampled_not_trials() -> None:
    """Six copies of one outcome in each strip say no more than one: a plain bootstrap would be narrower."""
    once = table([[float(k % 2)] for k in range(40)])
    copied = table([[float(k % 2)] * 6 for k in range(40)])
    one, six = stat.estimate(once, rng()), stat.estimate(copied, rng())
    assert (six.mean, six.low, six.high) == (one.mean, one.low, one.high)
    assert six.n == 6 * one.n
    width = 2 * 1.96 * math.sqrt(0.25 / 40)
    assert six.high - six.low == pytest.approx(width, rel=0.1)


def test_blocks_do_not_change_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    totals, counts, _ = by_strip(strips(30, 0.5, seed=1))
    whole = stat.Resamples(rng(), 1000).means(totals, counts)
    monkeypatch.setattr(estimates, "_BLOCK", 700)  # 23 resamples at once, and too many to keep
    token_texts = stat.Resamples(rng(), 1000)
    np.testing.assert_array_equal(token_texts.means(totals, counts), whole)
    np.testing.assert_array_equal(token_texts.means(totals, counts), whole)
    assert len(whole) == 1000


def test_shared_resamples_are_those_of_a_generator_of_their_own() -> None:
    one, other = strips(30, 0.5, seed=1), strips(20, 0.3, seed=2)
    shared = stat.Resamples(rng(3), 500)
    for outcomes in (one, other, one):
        assert stat.estimate(outcomes, shared) == stat.estimate(outcomes, rng(3), resamples=500)
    assert stat.paired_difference(one, one, shared).n == 180


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(200):
        found = stat.estimate(strips(60, 0.6, seed=seed), rng(seed), resamples=400)
        hits += found.low <= 0.6 <= found.high
    assert 0.90 <= hits / 200 <= 0.99


def test_uneven_strips_weigh_by_their_outcomes() -> None:
    assert stat.estimate(table([[1, 1, 1], [0]]), rng(), resamples=100).mean == 0.75


def test_standard_error_agrees_with_the_bootstrap() -> None:
    outcomes = strips(80, 0.5, seed=5, spread=0.3)
    totals, counts, _ = by_strip(outcomes)
    spread = stat.Resamples(rng(), 20_000).means(totals, counts).std()
    assert stat.standard_error(outcomes) == pytest.approx(spread, rel=0.03)
    independent = math.sqrt(0.25 / 480)
    assert stat.standard_error(outcomes) > 1.2 * independent
    assert math.isnan(stat.standard_error(table([[1.0, 0.0]])))


def test_paired_difference_is_of_the_same_keys_and_narrower_than_the_parts() -> None:
    base = strips(40, 0.5, seed=6, spread=0.4)
    better = {key: 1.0 if key[1] == 0 else value for key, value in base.items()}
    gap = stat.paired_difference(better, base, rng())
    parts = stat.estimate(base, rng())
    assert gap.mean == pytest.approx(stat.estimate(better, rng()).mean - parts.mean)
    assert gap.low > 0
    assert gap.high - gap.low < parts.high - parts.low
    back = stat.paired_difference(base, better, rng())
    assert (back.mean, back.low, back.high) == pytest.approx((-gap.mean, -gap.high, -gap.low), abs=1e-9)
    same = stat.paired_difference(base, base, rng())
    assert (same.mean, same.low, same.high) == (0, 0, 0)


def test_a_pair_with_an_unknown_side_is_left_out() -> None:
    gap = stat.paired_difference(table([[1, None], [1, 0]]), table([[0, 0], [None, 0]]), rng())
    assert (gap.n, gap.left_out, gap.mean) == (2, 2, 0.5)


def test_unpaired_outcomes_are_refused() -> None:
    with pytest.raises(
        stat.StatisticsError, match=r"2 and 3 outcomes; 1 \(strip, target\) keys .* \('s0', 2\)"
    ):
        stat.paired_difference(table([[1, 0]]), table([[1, 0, 1]]), rng())


@given(st.floats(-1, 1), st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_percentile_laws(value: float, draws: list[float]) -> None:
    found = stat.percentile(value, draws)
    n = len(draws)
    assert 1 / (n + 1) <= found.p <= 1
    assert found.p == (1 + sum(draw >= value for draw in draws)) / (n + 1)
    assert 0 <= found.percentile <= 100
    assert found.percentile + stat.percentile(-value, [-draw for draw in draws]).percentile == pytest.approx(
        100
    )


def test_percentile_says_what_it_cannot_show() -> None:
    assert str(stat.percentile(0.9, [0.1] * 8)) == (
        "above 8 of 8 random-head controls (p = 0.11, the least that 8 draws can show)"
    )
    assert str(stat.percentile(0.1, [0.1, 0.0, 0.2])) == "above 1 of 3 random-head controls (p = 0.75)"
    with pytest.raises(stat.StatisticsError, match="Give a finite value and finite draws"):
        stat.percentile(0.9, [])
    with pytest.raises(GazeHeadsError, match="nan"):
        stat.percentile(0.9, [0.1, math.nan])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=9))
def test_spearman_agrees_with_scipy_where_it_is_defined(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    found = stat.spearman(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)


def test_spearman_by_hand_and_undefined() -> None:
    assert stat.spearman([1, 2, 3, 4], [1, 2, 3, 4]) == 1
    assert stat.spearman([1, 2, 3, 4], [4, 3, 2, 1]) == -1
    assert stat.spearman([1, 2, 3], [2, 1, 3]) == pytest.approx(0.5)
    assert stat.spearman([1], [1]) is None
    assert stat.spearman([2, 2, 2], [1, 2, 3]) is None
    with pytest.raises(stat.StatisticsError, match="2 and 3 numbers"):
        stat.spearman([1, 2], [1, 2, 3])


def test_an_undefined_correlation_is_left_out_and_counted_not_zero() -> None:
    rhos: Outcomes = {("a", 0): stat.spearman([1, 2], [1, 2]), ("b", 0): stat.spearman([1, 2], [3, 3])}
    found = stat.estimate(rhos, rng())
    assert (found.n, found.left_out) == (1, 1)
    assert found.mean == pytest.approx(1)


def test_k_is_the_smallest_within_one_standard_error_of_the_best() -> None:
    dev = {
        2: strips(50, 0.3, seed=0),
        4: strips(50, 0.79, seed=1),
        8: strips(50, 0.8, seed=2),
        16: strips(50, 0.5, seed=3),
    }
    chosen = stat.choose_k(dev)
    means = {k: stat.estimate(outcomes, rng(), resamples=10).mean for k, outcomes in dev.items()}
    assert dict(chosen.means) == pytest.approx(means)
    assert chosen.best_k == max(means, key=means.__getitem__)
    line = means[chosen.best_k] - stat.standard_error(dev[chosen.best_k])
    assert chosen.k == min(k for k in means if means[k] >= line)
    assert chosen.k < 16


def test_choose_k_by_hand() -> None:
    best = [[1.0, 0.0]] * 5 + [[1.0, 1.0]] * 5  # mean 0.75, standard error 0.5 x 0.5 / sqrt(9) = 0.083
    near = [[1.0, 0.0]] * 6 + [[1.0, 1.0]] * 4  # mean 0.70: within
    far = [[1.0, 0.0]] * 8 + [[1.0, 1.0]] * 2  # mean 0.60: not within
    chosen = stat.choose_k({8: table(best), 4: table(near), 2: table(far)})
    assert (chosen.k, chosen.best_k) == (4, 8)
    assert chosen.standard_error == pytest.approx(0.25 / 3)
    assert list(chosen.means) == [2, 4, 8]
    assert stat.choose_k({8: table(best), 4: table(best)}).best_k == 4
    zero = {2: table([[0.9], [0.9]]), 4: table([[0.9], [0.9]])}
    assert stat.choose_k(zero).k == 2


def test_choose_k_refuses_what_cannot_be_compared() -> None:
    with pytest.raises(stat.StatisticsError, match="among none"):
        stat.choose_k({})
    with pytest.raises(stat.StatisticsError, match="K = 4 ran on other strips and targets than K = 2"):
        stat.choose_k({2: table([[1], [0]]), 4: table([[1], [0], [0]])})
    with pytest.raises(stat.StatisticsError, match="known outcomes on 1 strips"):
        stat.choose_k({2: table([[1], [None]])})


@given(st.integers(1, 2000))
def test_k_grid_rises_and_stays_within_the_heads(n_heads: int) -> None:
    grid = stat.k_grid(n_heads)
    assert list(grid) == sorted(set(grid))
    assert 1 <= grid[0] <= grid[-1] <= n_heads
    assert stat.k_grid(1152) == (23, 46, 69, 92, 138, 184, 276, 369)


def test_moved_leaves_out_the_panel_that_is_described_anyway() -> None:
    outcomes = table([[1, 0, 1], [1, 1, 0]])
    kept = stat.moved(outcomes, {"s0": 0, "s1": None})
    assert set(kept) == set(outcomes) - {("s0", 0)}
    assert all(kept[key] == outcomes[key] for key in kept)
    with pytest.raises(stat.StatisticsError, match="'s1', which is not among the 1 given"):
        stat.moved(outcomes, {"s0": 0})


def test_the_baseline_rule_makes_same_answers_misses() -> None:
    outcomes: Outcomes = {("a", 0): 1.0, ("a", 1): 1.0, ("b", 0): None, ("b", 1): None}
    answers = {("a", 0): "Holding a ball.", ("a", 1): "chasing a kite", ("b", 0): "x", ("b", 1): "y"}
    ruled = stat.with_baseline_rule(outcomes, answers, {"a": "holding a BALL", "b": "x"})
    assert ruled == {("a", 0): 0.0, ("a", 1): 1.0, ("b", 0): 0.0, ("b", 1): None}
    with pytest.raises(stat.StatisticsError, match=r"\('b', 1\)"):
        stat.with_baseline_rule(
            outcomes, {key: answers[key] for key in list(answers)[:3]}, {"a": "", "b": ""}
        )


def test_same_as_baseline_is_strictly_above_the_threshold() -> None:
    nine, ten = " ".join("abcdefghi"), " ".join("abcdefghij")
    assert stat.jaccard(nine, ten) == 0.9
    assert not stat.same_as_baseline(nine, ten)
    assert stat.same_as_baseline(nine, ten, threshold=0.85)
    assert stat.same_as_baseline("", "...")
    assert stat.jaccard("a b", "c d") == 0


@given(st.text("abc ,", max_size=20), st.text("abc ,", max_size=20))
def test_jaccard_laws(first: str, second: str) -> None:
    assert 0 <= stat.jaccard(first, second) <= 1
    assert stat.jaccard(first, second) == stat.jaccard(second, first)
    assert stat.jaccard(first, first) == 1


def test_estimates_print_for_people_and_dump_for_machines() -> None:
    assert str(stat.Estimate(0.831, 0.792, 0.868, 144, 24)) == "83.1% [79.2, 86.8]"
    assert str(stat.Estimate(0.5, 0.25, 0.75, 8, 4, left_out=3)) == "50.0% [25.0, 75.0] (3 left out)"
    one = stat.estimate(table([[1, 1, 0, 1]]), rng())
    assert str(one) == "75.0% [no interval]"
    assert json.loads(json.dumps(one.to_json(), allow_nan=False)) == {
        "mean": 0.75,
        "low": None,
        "high": None,
        "n": 4,
        "clusters": 1,
        "left_out": 0,
    }
    assert str(stat.estimate(table([[None, None]]), rng())) == "unknown (2 left out)"


def test_nothing_and_nonsense_are_refused() -> None:
    with pytest.raises(stat.StatisticsError, match="no outcomes"):
        stat.estimate({}, rng())
    with pytest.raises(stat.StatisticsError, match="strip 's0', target 1 is nan"):
        stat.estimate(table([[1, math.nan]]), rng())

"""Pushes, schedules, gazes: values and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeheads.errors import ForeignRegion, GazeError, RegionTooSmall
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import Push
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads
from gazeheads.regions.grid import Box, ImageGrid, View
from gazeheads.regions.region import Region

HEADS = Heads.of(["L0H1", "L1H0"], "m", 2, 2)


def grid(start: int = 3) -> ImageGrid:
    view = View(0, "whole", 1, 4, Box(0, 0, 128, 32))
    return ImageGrid.from_views(start + 8, start + np.arange(4), [view], [(128, 32)])


def cell(k: int, start: int = 3) -> Region:
    return Region.box(grid(start), Box(32 * k, 0, 32 * k + 32, 32), name=f"cell {k}")


A, B, C = (cell(k) for k in range(3))


def test_a_push_prints_what_it_does() -> None:
    assert str(Push.focus()) == "focus"
    assert str(Push.bias(2, -1)) == "bias(2, -1, text=0, generated=0)"
    assert Push.bias(0).is_nothing
    assert not Push.bias(0, text=1).is_nothing
    assert not Push.focus().is_nothing


@pytest.mark.parametrize(
    ("make", "wording"),
    [
        (lambda: Push("hard"), "Push 'hard' is unknown. Use one of focus, uniform, bias, reweigh"),
        (lambda: Push.bias(np.inf), "not finite. For an endless push use focus"),
        (lambda: Push.bias(0, 2e6), "nats beyond 1e.06, .* use focus"),
        (
            lambda: Gaze(HEADS, A, Push.bias(1e5), weights=[1, -11]),
            "a push of 1.1e.06 nats; .* smaller weights",
        ),
        (lambda: Push("focus", [2.0]), "given 1 numbers; it is written focus"),
        (
            lambda: Push("bias"),
            r"given 0 numbers; it is written bias\(inside, outside, text=..., generated=...\)",
        ),
        (lambda: Push.of("bias", 1, inside=2), "was given .1, .inside.."),
        (lambda: Push.of("bias", 1, left=2), "was given .1, .left.."),
        (lambda: Push.parse("bias"), r"Write focus, uniform, bias\(.*\) or reweigh, in nats"),
    ],
)
def test_pushes_that_mean_nothing_are_refused(make, wording: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(GazeError, match=wording):
        make()


def test_a_fixed_target_is_a_schedule_with_one_stop() -> None:
    gaze = Gaze(HEADS, A)
    assert gaze.schedule == Schedule.fixed(A)
    assert [gaze.schedule.stop(t) for t in (0, 1, 99)] == [A, A, A]
    assert gaze.push == Push.focus()
    assert gaze.heads == (Head(0, 1), Head(1, 0))
    assert gaze.grid == grid()


def test_every_switches_on_the_token_and_holds_the_last() -> None:
    tour = Schedule.every(3, [A, B, C])
    assert [tour.stop(t) for t in range(12)] == [A] * 3 + [B] * 3 + [C] * 6
    round_trip = Schedule.every(2, [A, B], repeat=True)
    assert [round_trip.stop(t) for t in range(6)] == [A, A, B, B, A, A]


def test_at_looks_freely_before_and_where_told() -> None:
    schedule = Schedule.at({4: B, 2: A, 6: None})
    assert [schedule.stop(t) for t in range(8)] == [None, None, A, A, B, B, None, None]
    assert schedule.index(np.array([[0, 2], [4, 7]])).tolist() == [[-1, 0], [1, 2]]


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True), st.integers(0, 60))
def test_a_schedule_is_the_last_stop_begun(starts: list[int], token: int) -> None:
    stops = {start: (A, B, C)[i % 3] for i, start in enumerate(sorted(starts))}
    begun = [start for start in stops if start <= token]
    assert Schedule.at(stops).stop(token) == (stops[max(begun)] if begun else None)


@pytest.mark.parametrize(
    ("make", "wording"),
    [
        (lambda: Schedule.every(0, [A]), "lasts at least one token"),
        (lambda: Schedule.every(3, []), "at least one region"),
        (lambda: Schedule.at({-1: A}), "must rise, from token 0"),
        (lambda: Schedule.at({3: None}), "at least one region"),
        (lambda: Schedule((A, B), (0, 5), period=5), "must start at token 0 and have its last start"),
        (lambda: Schedule((A, B), (0,)), "1 starts"),
    ],
)
def test_schedules_that_mean_nothing_are_refused(make, wording: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(GazeError, match=wording):
        make()


def test_gazes_that_mean_nothing_are_refused() -> None:
    with pytest.raises(GazeError, match="during='always' is unknown. Use one of all, answer, decode"):
        Gaze(HEADS, A, during="always")  # type: ignore[arg-type]
    with pytest.raises(GazeError, match="has no strength"):
        Gaze(HEADS, A, push="bias")
    with pytest.raises(GazeError, match="aimed at a Region, a Mix, a Schedule or a Live; found list"):
        Gaze(HEADS, [A])  # type: ignore[arg-type]
    with pytest.raises(GazeError, match="at least one head"):
        Gaze([], A)
    with pytest.raises(GazeError, match="names each head once"):
        Gaze([Head(0, 0), Head(0, 0)], A)
    with pytest.raises(ForeignRegion, match="another scene"):
        Schedule.every(5, [A, cell(1, start=4)])
    sliver = Region(grid(), A.shape) & Region.box(grid(), Box(31, 0, 128, 32))
    with pytest.raises(RegionTooSmall, match="less than one"):
        Gaze(HEADS, sliver)
    assert Gaze(HEADS, A, "reweigh").push == Push.reweigh()

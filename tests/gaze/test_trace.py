"""Traces as values: regions, maps, words, files."""

from pathlib import Path

import numpy as np
import pytest

from gazeheads.errors import BadTrace, ForeignRegion, RecordError
from gazeheads.gaze.record import Record
from gazeheads.gaze.trace import GazeTrace
from gazeheads.heads.head import Head
from gazeheads.regions.grid import Box, ImageGrid, View
from gazeheads.regions.region import Region
from gazeheads.text import Word

HEADS = (Head(0, 1), Head(2, 0))
PIECES = ("A", " dog", " digs. The do", "g", "")


def grid(start: int = 3) -> ImageGrid:
    """Two images: 1 x 4 cells and 2 x 2 cells."""
    views = [
        View(0, "whole", 1, 4, Box(0, 0, 128, 32)),
        View(1, "whole", 2, 2, Box(0, 0, 64, 64)),
    ]
    positions = start + np.array([0, 1, 2, 3, 5, 6, 7, 8])
    return ImageGrid.from_views(start + 12, positions, views, [(128, 32), (64, 64)])


def trace(keep: str = "heads") -> GazeTrace:
    looks = np.random.default_rng(0).random((2, 5, 8)).astype(np.float32)
    if keep == "mean":
        looks = looks.mean(0, keepdims=True)
    return GazeTrace(looks, grid(), HEADS, keep, "raw", PIECES)  # type: ignore[arg-type]


def test_over_regions_sums_with_coverage() -> None:
    left = Region.box(grid(), Box(0, 0, 48, 32))
    lower = Region.box(grid(), Box(0, 32, 64, 64), image=1)
    for each in (trace(), trace("mean")):
        found = each.over([left, lower])
        expected = trace().attention.mean(0)
        assert found.shape == (5, 2)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[:, 0], expected[:, 0] + expected[:, 1] / 2, rtol=1e-6)
        np.testing.assert_allclose(found[:, 1], expected[:, 6] + expected[:, 7], rtol=1e-6)
    assert trace().over([]).shape == (5, 0)
    with pytest.raises(ForeignRegion, match="belongs to another scene"):
        trace().over([Region.box(grid(4), Box(0, 0, 48, 32))])


def test_a_map_is_one_view() -> None:
    mean = trace().attention.mean(0)
    np.testing.assert_allclose(trace().map(1), mean[1, :4].reshape(1, 4), rtol=1e-6)
    np.testing.assert_allclose(trace().map(1, view=1), mean[1, 4:].reshape(2, 2), rtol=1e-6)


def test_a_map_of_a_word_is_the_mean_of_its_tokens() -> None:
    mean = trace().attention.mean(0)
    np.testing.assert_allclose(trace().map("DOG", 1), mean[[1, 2, 3], 4:].mean(0).reshape(2, 2), rtol=1e-6)
    np.testing.assert_allclose(trace().map(Word("dog", 1, 2)), mean[1, :4].reshape(1, 4), rtol=1e-6)
    np.testing.assert_allclose(trace().map("the"), mean[2, :4].reshape(1, 4), rtol=1e-6)


def test_one_head_of_a_trace() -> None:
    one = trace().select(Head(2, 0))
    assert one.heads == (Head(2, 0),)
    assert np.array_equal(one.mean, trace().attention[1])
    with pytest.raises(RecordError, match="Head L1H1 was asked for; this trace keeps L0H1, L2H0"):
        trace().select(Head(1, 1))
    with pytest.raises(RecordError, match='keeps the mean of its heads. Record it with keep="heads"'):
        trace("mean").select(HEADS[0])


def test_what_is_not_in_a_trace_is_refused() -> None:
    with pytest.raises(RecordError, match="Token 5 was asked for; the answer has 5 tokens. Count from 0"):
        trace().map(5)
    with pytest.raises(RecordError, match="Token -1 was asked for"):
        trace().map(-1)
    with pytest.raises(RecordError, match='Word "cat" was asked for; the answer says "A dog digs The dog"'):
        trace().map("cat")
    with pytest.raises(RecordError, match="View 2 was asked for; this scene has 2, counted from 0"):
        trace().map(0, view=2)
    with pytest.raises(
        BadTrace, match=r"= \(2, 5, 8\) in float32 was expected, found \(1, 5, 8\) in float32"
    ):
        GazeTrace(trace("mean").attention.copy(), grid(), HEADS, "heads", "raw", PIECES)


@pytest.mark.parametrize("keep", ["heads", "mean"])
def test_saved_and_loaded_is_equal(tmp_path: Path, keep: str) -> None:
    path = trace(keep).save(tmp_path / "new" / "look.npz")
    assert path.name == "look.npz"
    again = GazeTrace.load(path)
    assert again == trace(keep)
    assert again.words == trace().words
    other = GazeTrace(
        trace(keep).attention + np.float32(1e-6), grid(), HEADS, trace(keep).keep, "raw", PIECES
    )
    assert again != other


def test_files_that_hold_no_trace(tmp_path: Path) -> None:
    with pytest.raises(BadTrace, match=r"none.npz cannot be read: No such file or directory. Check the path"):
        GazeTrace.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(BadTrace, match="does not hold a trace: .* Write one with trace.save"):
        GazeTrace.load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", looks=np.zeros(3))
    with pytest.raises(BadTrace, match="does not hold a trace: KeyError"):
        GazeTrace.load(tmp_path / "other.npz")
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(BadTrace, match="does not hold a trace"):
        GazeTrace.load(tmp_path / "array.npy")


def test_records_that_mean_nothing_are_refused() -> None:
    with pytest.raises(RecordError, match="keep='all', weighting='raw' is unknown. Keep the \"mean\""):
        Record(HEADS, "all")  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="weighting='norm' is unknown"):
        Record(HEADS, weighting="norm")  # type: ignore[arg-type]
    with pytest.raises(RecordError, match=r"one or more heads, each once; found \[\]"):
        Record([])
    with pytest.raises(RecordError, match="each once; found"):
        Record([Head(0, 0), Head(0, 0)])

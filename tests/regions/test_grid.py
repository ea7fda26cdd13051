"""Boxes and image grids."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeheads.errors import EmptyBox, ModelError
from gazeheads.regions.grid import Box, ImageGrid, View


def grid(rows: int = 2, cols: int = 3, size: tuple[int, int] = (96, 64), start: int = 4) -> ImageGrid:
    view = View(0, "whole", rows, cols, Box(0, 0, *size))
    return ImageGrid.from_views(start + rows * cols + 5, start + np.arange(rows * cols), [view], [size])


def test_box_knows_its_size() -> None:
    box = Box(10, 20, 40, 25)
    assert (box.width, box.height, box.area) == (30, 5, 150)
    assert str(box) == "Box (10, 20, 40, 25)"


@pytest.mark.parametrize(
    "corners", [(5, 0, 5, 9), (9, 0, 5, 9), (0, 9, 5, 9), (0, 0, np.nan, 9), (0, 0, np.inf, 9)]
)
def test_empty_boxes_are_refused(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(EmptyBox, match=r"Give (the left|four pixel)"):
        Box(*corners)


def test_the_message_says_how_large_the_box_was() -> None:
    with pytest.raises(EmptyBox, match=r"Box \(9, 0, 5, 9\) is empty: it is -4 px wide and 9 px high"):
        Box(9, 0, 5, 9)


def test_cells_run_row_by_row() -> None:
    rects = grid().rects
    assert rects[0].tolist() == [0, 0, 32, 32]
    assert rects[2].tolist() == [64, 0, 96, 32]
    assert rects[3].tolist() == [0, 32, 32, 64]


def test_cells_need_not_be_whole_pixels() -> None:
    rects = grid(1, 3, (100, 50)).rects
    np.testing.assert_allclose(rects[1], [100 / 3, 0, 200 / 3, 50])
    assert grid(1, 3, (100, 50)).cell() == pytest.approx((100 / 3, 50))


def test_several_pictures_and_views() -> None:
    views = [
        View(0, "tile", 1, 2, Box(0, 0, 64, 32)),
        View(0, "thumbnail", 1, 1, Box(0, 0, 64, 32)),
        View(1, "whole", 2, 1, Box(0, 0, 10, 20)),
    ]
    both = ImageGrid.from_views(20, np.array([2, 3, 5, 9, 11]), views, [(64, 32), (10, 20)])
    assert both.images.tolist() == [0, 0, 0, 1, 1]
    assert both.view_of.tolist() == [0, 0, 1, 2, 2]
    assert both.cell(0) == (32, 32)
    assert both.cell(1) == (10, 10)
    assert ImageGrid.from_json(json.loads(json.dumps(both.to_json()))) == both


def test_equal_grids_are_equal_and_others_are_not() -> None:
    assert grid() == grid()
    assert hash(grid()) == hash(grid())
    assert grid() != grid(start=5)
    assert grid() != grid(size=(96, 65))
    assert grid() != "grid"


@settings(deadline=None)
@given(st.integers(1, 13), st.integers(1, 13), st.integers(1, 400), st.integers(1, 400), st.integers(0, 9))
def test_saving_and_loading_gives_the_same_grid(
    rows: int, cols: int, width: int, height: int, start: int
) -> None:
    one = grid(rows, cols, (width, height), start)
    assert ImageGrid.from_json(json.loads(json.dumps(one.to_json()))) == one
    assert (one.rects[:, 2] > one.rects[:, 0]).all()
    assert (one.rects[:, 3] > one.rects[:, 1]).all()


def test_a_grid_must_fit_its_tokens() -> None:
    view = View(0, "whole", 2, 3, Box(0, 0, 96, 64))
    with pytest.raises(ModelError, match="6 cells was asked for, but the prompt holds 5 image"):
        ImageGrid.from_views(20, np.arange(5), [view], [(96, 64)])
    with pytest.raises(ModelError, match="must rise within 0 to 5"):
        ImageGrid.from_views(6, np.arange(1, 7), [view], [(96, 64)])


def test_arrays_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        grid().positions[0] = 3

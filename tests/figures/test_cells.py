"""Images with cells over them draw the weights that they are given: read back from the artists."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from PIL import Image

from gazeheads import figures
from gazeheads.errors import GazeHeadsError
from gazeheads.figures import style
from gazeheads.regions.grid import Box, View

RECTS = View(0, "whole", 2, 3, Box(0, 0, 60, 40)).rects
WEIGHTS = np.array([0, 0.004, 0.1, 0.25, 0.5, 1])
PICTURE = Image.new("RGB", (60, 40), "#d06040")


def axes() -> Axes:
    return figures.new_figure(3, 2)[1][0]


def cells(drawn: Axes) -> PolyCollection:
    return [each for each in drawn.collections if isinstance(each, PolyCollection)][-1]


def texts(drawn: Axes) -> list[tuple[str, float, float]]:
    return [(text.get_text(), *text.get_position()) for text in drawn.texts]


def test_each_cell_is_tinted_by_its_weight() -> None:
    drawn = figures.cell_map(axes(), PICTURE, RECTS, WEIGHTS)
    boxes = [path.get_extents().extents.tolist() for path in cells(drawn).get_paths()]
    assert boxes == RECTS.tolist()
    tints = cells(drawn).get_facecolor()
    np.testing.assert_allclose(tints[:, :3], style.ATTENTION(WEIGHTS)[:, :3])
    assert tints[0, 3] == 0, "nothing over a cell that gets nothing"
    assert (np.diff(tints[:, 3]) > 0).all()
    assert not drawn.texts and not drawn.patches


def test_one_scale_makes_maps_comparable() -> None:
    half = cells(figures.cell_map(axes(), PICTURE, RECTS, WEIGHTS / 2, vmax=1)).get_facecolor()
    np.testing.assert_allclose(half[:, :3], style.ATTENTION(WEIGHTS / 2)[:, :3])
    nothing = cells(figures.cell_map(axes(), PICTURE, RECTS, 0 * WEIGHTS)).get_facecolor()
    assert not nothing[:, 3].any()


def test_numbers_stand_in_their_cells_and_can_be_read() -> None:
    drawn = figures.cell_map(axes(), PICTURE, RECTS, WEIGHTS, numbers=True)
    assert texts(drawn) == [(".1", 50, 10), (".25", 10, 30), (".5", 30, 30), ("1", 50, 30)]
    assert [text.get_color() for text in drawn.texts] == [style.INK] * 3 + [style.PAPER]


def test_targets_are_framed() -> None:
    drawn = figures.cell_map(axes(), PICTURE, RECTS, WEIGHTS, targets=[(5, 6, 25, 16)])
    (frame,) = drawn.patches
    assert frame.get_bbox().extents.tolist() == [5, 6, 25, 16]  # type: ignore[attr-defined]


def test_the_picture_below_a_tint_is_pale_and_has_no_colour() -> None:
    (below,) = figures.cell_map(axes(), PICTURE, RECTS, WEIGHTS).images
    grey = below.get_array()
    assert grey is not None and grey.shape == (40, 60)
    assert set(grey.ravel().tolist()) == {int(0.35 * PICTURE.convert("L").getpixel((0, 0)) + 0.65 * 255)}  # type: ignore[operator]
    assert below.get_clim() == (0, 255)


def test_tokens_are_labelled_over_the_picture_in_its_colours() -> None:
    drawn = figures.token_cells(axes(), PICTURE, RECTS, list("abcdef"))
    assert texts(drawn)[:2] == [("a", 10, 10), ("b", 30, 10)]
    assert tuple(drawn.images[0].get_array()[0, 0]) == (0xD0, 0x60, 0x40)  # type: ignore[index]
    assert not figures.token_cells(axes(), PICTURE, RECTS).texts


def test_a_sharper_picture_may_be_shown() -> None:
    for draw in (figures.token_cells, lambda *given, **more: figures.cell_map(*given, WEIGHTS, **more)):
        drawn = draw(axes(), PICTURE.resize((240, 160)), RECTS, size=(60, 40))
        assert drawn.images[0].get_extent() == [0, 60, 40, 0]
        assert (drawn.get_xlim(), drawn.get_ylim()) == ((0, 60), (40, 0))


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(GazeHeadsError, match=r"6 cells, but 5 weights\. Give one for each image token"):
        figures.cell_map(axes(), PICTURE, RECTS, WEIGHTS[:5])
    with pytest.raises(GazeHeadsError, match="6 cells, but 2 labels"):
        figures.token_cells(axes(), PICTURE, RECTS, ["a", "b"])
    with pytest.raises(GazeHeadsError, match=r"rectangles of shape \(token, 4\) are needed, found \(2, 3\)"):
        figures.cell_map(axes(), PICTURE, np.zeros((2, 3)), WEIGHTS)
    for bad in (np.nan, np.inf, -0.1):
        with pytest.raises(GazeHeadsError, match="weights must be finite and not negative"):
            figures.cell_map(axes(), PICTURE, RECTS, np.array([0, 0, 0, 0, 0, bad]))

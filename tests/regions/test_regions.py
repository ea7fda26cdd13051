"""Regions: coverage, algebra, growth, and what is refused."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeheads.errors import ForeignRegion, OutsideImage, RegionError, RegionTooSmall
from gazeheads.regions.grid import Box, ImageGrid, View
from gazeheads.regions.region import Region, same_scene
from gazeheads.regions.shapes import Rectangle


def grid(rows: int = 2, cols: int = 3, size: tuple[int, int] = (96, 64), start: int = 4) -> ImageGrid:
    view = View(0, "whole", rows, cols, Box(0, 0, *size))
    return ImageGrid.from_views(start + rows * cols + 5, start + np.arange(rows * cols), [view], [size])


def pictures() -> ImageGrid:
    """Image 0 in two views, image 1 in one."""
    views = [
        View(0, "tile", 1, 4, Box(0, 0, 128, 32)),
        View(0, "thumbnail", 1, 1, Box(0, 0, 128, 32)),
        View(1, "whole", 2, 2, Box(0, 0, 64, 64)),
    ]
    return ImageGrid.from_views(30, np.array([2, 3, 4, 5, 8, 12, 13, 14, 15]), views, [(128, 32), (64, 64)])


def box(g: ImageGrid, *corners: float, **settings: Any) -> Region:
    return Region.box(g, Box(*corners), **settings)


def unchecked(g: ImageGrid, b: Box, coverage: Any = "area") -> Region:
    """A region that may be smaller than a token."""
    return Region(g, Rectangle(b), coverage=coverage)


def test_coverage_is_the_share_of_the_cell() -> None:
    region = box(grid(), 16, 0, 80, 40)
    np.testing.assert_allclose(region.weights, [0.5, 1, 0.5, 0.125, 0.25, 0.125])


def test_the_centre_rule_is_half_open() -> None:
    region = box(grid(), 16, 16, 80, 48, coverage="centre")
    assert region.weights.tolist() == [1, 1, 0, 0, 0, 0]


cuts = st.lists(st.floats(0.01, 0.99, allow_subnormal=False), max_size=4, unique=True).map(sorted)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([1, 2, 3, 5, 7, 13]),
    st.sampled_from([1, 2, 3, 5, 11]),
    st.integers(64, 500),
    st.integers(64, 500),
    cuts,
    cuts,
    st.sampled_from(["area", "centre"]),
)
def test_boxes_that_tile_a_picture_partition_its_tokens(
    rows: int, cols: int, width: int, height: int, xs: list[float], ys: list[float], coverage: Any
) -> None:
    g = grid(rows, cols, (width, height))
    across = [0, *(x * width for x in xs), width]
    down = [0, *(y * height for y in ys), height]
    total = np.zeros(len(g))
    for x0, x1 in pairwise(across):
        for y0, y1 in pairwise(down):
            total += unchecked(g, Box(x0, y0, x1, y1), coverage)._coverage
    np.testing.assert_allclose(total, 1, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_algebra_of_sets(data: st.DataObject) -> None:
    g = grid(5, 7, (211, 97))

    def draw() -> Region:
        x0, y0 = data.draw(st.integers(0, 120)), data.draw(st.integers(0, 50))
        return unchecked(
            g, Box(x0, y0, x0 + data.draw(st.integers(1, 90)), y0 + data.draw(st.integers(1, 45)))
        )

    a, b = draw(), draw()
    w = [r._coverage for r in (a, b, a | b, a & b, a - b, ~a)]
    np.testing.assert_allclose(w[2], w[0] + w[1] - w[3], atol=1e-8)
    np.testing.assert_allclose(w[4], w[0] - w[3], atol=1e-8)
    np.testing.assert_allclose(w[5], 1 - w[0], atol=1e-8)
    np.testing.assert_allclose((~(a | b))._coverage, (~a & ~b)._coverage, atol=1e-12)
    np.testing.assert_allclose((~~a)._coverage, w[0], atol=1e-12)
    np.testing.assert_allclose((a | a)._coverage, w[0], atol=1e-12)


def test_a_mask_counts_its_pixels() -> None:
    g = grid()
    mask = np.zeros((64, 96), dtype=bool)
    mask[:, 48:] = True
    np.testing.assert_allclose(Region.mask(g, mask).weights, [0, 0.5, 1, 0, 0.5, 1])
    np.testing.assert_allclose(Region.mask(g, mask[::8, ::8]).weights, [0, 0.5, 1, 0, 0.5, 1])
    np.testing.assert_allclose(Region.mask(g, mask * 0.5).weights, [0, 0.25, 0.5, 0, 0.25, 0.5])


def test_a_mask_and_a_box_agree_where_they_mean_the_same() -> None:
    g = grid(3, 5, (150, 90))
    mask = np.zeros((90, 150))
    mask[13:71, 22:101] = 1
    np.testing.assert_allclose(Region.mask(g, mask).weights, box(g, 22, 13, 101, 71).weights, atol=1e-9)
    cut = Region.mask(g, mask) - box(g, 60, 0, 150, 90)
    np.testing.assert_allclose(cut.weights, box(g, 22, 13, 60, 71).weights, atol=1e-9)


def test_a_point_is_a_disc() -> None:
    g = grid(4, 4, (128, 128))
    region = Region.point(g, 64, 64, 40)
    assert region.weights.sum() * 32 * 32 == pytest.approx(np.pi * 40**2, rel=2e-3)
    weights = region.weights.reshape(4, 4)
    np.testing.assert_allclose(weights, weights.T, atol=1e-9)
    np.testing.assert_allclose(weights, weights[::-1], atol=1e-9)
    assert weights[0, 0] == 0


def test_too_small_a_region_says_how_large_cells_are() -> None:
    with pytest.raises(RegionTooSmall) as caught:
        box(grid(), 0, 0, 12, 9)
    assert str(caught.value) == (
        "Box (0, 0, 12, 9) covers 0.11 image tokens, less than one: cells are 32 x 32 px here. Enlarge the "
        "region or the image, or pass min_tokens=1 to grow it to the nearest cells."
    )


def test_growth_takes_the_nearest_cells_and_says_so() -> None:
    small = box(grid(), 40, 40, 45, 45, min_tokens=1)
    assert small.grown
    assert small.weights.tolist() == [0, 0, 0, 0, 1, 0]
    two = box(grid(), 36, 44, 41, 49, min_tokens=2)
    assert two.weights[4] == 1
    assert two.weights.sum() == 2
    assert two.weights[3] == 1  # the middle of the box lies to the left of its cell's
    large = box(grid(), 0, 0, 64, 64, min_tokens=1)
    assert not large.grown
    assert large.weights.sum() == 4


def test_growth_under_the_centre_rule() -> None:
    assert box(grid(), 0, 0, 12, 9, min_tokens=1, coverage="centre").weights.tolist() == [1, 0, 0, 0, 0, 0]


def test_every_view_of_a_picture_is_covered() -> None:
    g = pictures()
    np.testing.assert_allclose(box(g, 0, 0, 64, 32).weights, [1, 1, 0, 0, 0.5, 0, 0, 0, 0])
    np.testing.assert_allclose(box(g, 0, 0, 64, 32, image=1).weights, [0, 0, 0, 0, 0, 1, 1, 0, 0])
    np.testing.assert_allclose((~box(g, 0, 0, 64, 32, image=1)).weights, [0, 0, 0, 0, 0, 0, 0, 1, 1])


def test_boxes_outside_the_picture_are_refused() -> None:
    with pytest.raises(
        OutsideImage, match=r"Box \(0, 0, 100, 64\) sticks out by 4 px: the image is 96 x 64 px"
    ):
        box(grid(), 0, 0, 100, 64)
    with pytest.raises(OutsideImage, match="sticks out by 2 px"):
        box(grid(), -2, 0, 64, 64)
    assert box(grid(), 0, 0, 96.5, 64).weights.sum() == pytest.approx(6)
    with pytest.raises(OutsideImage, match=r"Point \(96, 3\) is outside the image of 96 x 64 px"):
        Region.point(grid(), 96, 3, 50)


@pytest.mark.parametrize(
    ("mask", "wording"),
    [
        (np.ones((64, 64)), "The mask is 64 x 64, the image 96 x 64 px"),
        (np.ones((64, 96, 3)), "rows and columns; found shape"),
        (np.full((64, 96), 255), "found 255 to 255. Divide by its largest"),
        (np.full((64, 96), np.nan), "found nan to nan"),
        (np.zeros((0, 0)), "rows and columns; found shape"),
    ],
)
def test_masks_that_are_none_are_refused(mask: np.ndarray, wording: str) -> None:
    with pytest.raises(RegionError, match=wording):
        Region.mask(grid(), mask)


def test_other_faults_are_named() -> None:
    with pytest.raises(RegionError, match="Image 1 was asked for; this scene has 1"):
        box(grid(), 0, 0, 64, 64, image=1)
    with pytest.raises(RegionError, match="Coverage 'half' is unknown"):
        box(grid(), 0, 0, 64, 64, coverage="half")
    with pytest.raises(RegionError, match="min_tokens=7 was asked for image 0, which has 6"):
        box(grid(), 0, 0, 64, 64, min_tokens=7)
    with pytest.raises(RegionError, match="positive radius"):
        Region.point(grid(), 3, 3, 0)
    with pytest.raises(RegionTooSmall, match="covers nothing of the image"):
        (box(grid(), 0, 0, 64, 64, min_tokens=1) - box(grid(), 0, 0, 96, 64)).weights  # noqa: B018


def test_regions_of_other_scenes_do_not_mix() -> None:
    here, there = box(grid(), 0, 0, 64, 64), box(grid(start=5), 0, 0, 64, 64)
    with pytest.raises(
        ForeignRegion, match="belongs to another scene: its grid has 6 image tokens in a prompt of 16"
    ):
        here | there
    with pytest.raises(ForeignRegion, match="cannot be joined with one of image 1"):
        box(pictures(), 0, 0, 64, 32) | box(pictures(), 0, 0, 64, 32, image=1)
    with pytest.raises(RegionError, match="Use one rule"):
        here & box(grid(), 0, 0, 64, 64, coverage="centre")
    same_scene(grid(), [here, here])


def test_regions_are_values() -> None:
    assert box(grid(), 0, 0, 64, 64) == box(grid(), 0, 0, 64, 64, name="left")
    assert box(grid(), 0, 0, 64, 64) != box(grid(), 0, 0, 64, 63)
    mask = np.ones((64, 96))
    assert Region.mask(grid(), mask) == Region.mask(grid(), mask.copy())
    assert len({Region.mask(grid(), mask), Region.mask(grid(), mask.copy())}) == 1
    assert str(box(grid(), 0, 0, 64, 64, name="dog") | box(grid(), 0, 0, 32, 64, name="cat")) == "dog or cat"
    assert (~box(grid(), 0, 0, 64, 64, name="dog")).name == "all but dog"

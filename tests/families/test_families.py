"""Every family of models: which pixels its image tokens see, on tiny random models and real processors.

What is measured is in `conformance`, the models are in `zoo_families`. The fast tests look at a sample of image tokens
and two image shapes; behind the mark `slow` all tokens of six shapes are looked at.
"""

from contextlib import suppress

import numpy as np
import pytest
import tiny
import torch
from families_shared import EVERY, IGNORED, STRIP, scene_of, spread
from PIL import Image
from zoo_families import SHAPES, zoo

from gazeheads.doctor.receptive_fields import (
    colours,
    embeddings,
    ramps,
    receptive_field_errors,
    token_receptive_fields,
)
from gazeheads.errors import SceneError
from gazeheads.families import image_positions
from gazeheads.regions.grid import Box
from gazeheads.regions.region import Region

pytestmark = IGNORED


# --------------------------------------------------------------------------------------- which pixels a token sees


@EVERY
def test_image_tokens_look_where_they_are_said_to(name: str) -> None:
    for size in SHAPES[:2]:
        scene = scene_of(name, *ramps(size))
        assert receptive_field_errors(zoo(name), scene, spread(len(scene.grid), 12)).max() < 0.3


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("size", SHAPES)
def test_every_image_token_looks_where_it_is_said_to(name: str, size: tuple[int, int]) -> None:
    scene = scene_of(name, *ramps(size))
    assert receptive_field_errors(zoo(name), scene, range(len(scene.grid))).max() < 0.3


@EVERY
def test_tokens_of_two_pictures_look_at_their_own(name: str) -> None:
    scene = scene_of(name, *ramps(STRIP, (84, 112)))
    assert set(scene.grid.images) == {0, 1}
    assert receptive_field_errors(zoo(name), scene, spread(len(scene.grid), 12)).max() < 0.35


@EVERY
def test_tokens_that_are_no_cells_see_no_pixel(name: str) -> None:
    """Newlines, breaks, indicators and text; and all tokens with pixels are cells."""
    scene, model = scene_of(name, *ramps(STRIP)), zoo(name)
    rest = sorted(set(range(scene.n_prompt)) - set(scene.grid.positions.tolist()))
    assert token_receptive_fields(model, scene, rest) == [None] * len(rest)
    ids = image_positions(scene.tensors["input_ids"].cpu(), model.hf.config.image_token_id)
    newlines = set(ids.tolist()) - set(scene.grid.positions.tolist())
    rows = sum(view.rows for view in scene.grid.views if view.kind == "tile")
    assert len(newlines) == (rows if name in ("llava_next", "llava_onevision") else 0)


@EVERY
def test_a_lit_box_changes_the_tokens_that_are_said_to_see_it(name: str) -> None:
    model, size = zoo(name), (168, 112)
    box = Box(20, 15, 110, 85)
    dark = Image.new("RGB", size, (60, 60, 60))
    lit = dark.copy()
    lit.paste((230, 120, 40), tuple(map(int, box.corners)))
    before, after = (scene_of(name, picture) for picture in (dark, lit))
    assert before.grid == after.grid
    with torch.no_grad():
        moved = (embeddings(model, after.tensors) - embeddings(model, before.tensors)).norm(dim=-1)
    changed = (moved > 1e-4).numpy()
    rects = before.grid.rects
    cells = rects[:, 2:] - rects[:, :2]
    margin = cells * (
        1.0 if name == "llava_onevision" else 0.3
    )  # resampling spreads pixels; OneVision's, features
    low, high = np.array(box.corners[:2]), np.array(box.corners[2:])
    touch = ((rects[:, :2] < high + margin) & (rects[:, 2:] > low - margin)).all(1)
    surely = ((rects[:, :2] < high - margin / 2) & (rects[:, 2:] > low + margin / 2)).all(1)
    at = before.grid.positions
    assert surely.any()
    assert changed[at][surely].all()
    assert not changed[at][~touch].any()
    assert not changed[np.setdiff1d(np.arange(before.n_prompt), at)].any()
    weights = Region.box(before.grid, box).weights
    assert (weights[surely] > 0).all()
    assert (weights[~touch] == 0).all()


@EVERY
@pytest.mark.parametrize("size", [STRIP, (57, 331)])
def test_regions_that_tile_the_picture_partition_the_tokens_of_each_view(
    name: str, size: tuple[int, int]
) -> None:
    scene = scene_of(name, tiny.noise(*size))
    width, height = size
    x, y = 0.37 * width, 0.6 * height
    boxes = [Box(0, 0, x, height), Box(x, 0, width, y), Box(x, y, width, height)]
    total = sum(Region.box(scene.grid, box).weights for box in boxes)
    sees = scene.grid.inside.astype(float)  # all but padding
    assert total == pytest.approx(sees)
    kinds = [view.kind for view in scene.grid.views]
    assert kinds == ["whole"] or {"tile", "thumbnail"} == set(kinds)
    tile = np.array([kind != "thumbnail" for kind in kinds])[scene.grid.view_of]
    whole = [scene.box(0, 0, *size, views=views).weights for views in ("detail", "overview", "all")]
    assert whole[0] == pytest.approx(sees * tile)
    over = np.array([kind != "tile" for kind in kinds])[scene.grid.view_of]
    assert whole[1] == pytest.approx(sees * over)
    assert whole[2] == pytest.approx(sees)
    for cell, token in zip(scene.cells(), np.flatnonzero(scene.grid.inside), strict=True):
        assert cell.weights[token] == pytest.approx(1)
        assert cell.weights.sum() == pytest.approx(1)


@EVERY
@pytest.mark.parametrize("size", [(1536, 256), (90, 200)])
def test_what_is_said_to_reach_the_model_does(name: str, size: tuple[int, int]) -> None:
    """The ramp through the processor: its colours end where the image ends."""
    scene = scene_of(name, *ramps(size))
    assert scene.seen[0].share > 0.99
    red, green, blue = colours(zoo(name), scene.tensors["pixel_values"])
    for colour in (red[blue > 0.9], green[blue > 0.9]):
        assert colour.min() < 0.1
        assert colour.max() > 0.9


@EVERY
def test_pictures_of_unusual_shape_are_pictures_or_refused(name: str) -> None:
    for size in ((1, 1), (5, 400), (3, 400), (1000, 2)):
        scene = None
        with suppress(SceneError):  # any other error fails
            scene = scene_of(name, Image.new("RGB", size, (9, 99, 199)))
        if scene is None:
            assert max(size) > 100
            continue
        assert scene.grid.inside.any()
        assert np.isfinite(scene.box(0, 0, *size, min_tokens=1).weights).all()

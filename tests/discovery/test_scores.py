"""Other rankings of heads: each against slow arithmetic written here, and on heads whose part is known."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import reference
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gazeheads.discovery import discover as discovery
from gazeheads.discovery.discover import discover, measure, overview
from gazeheads.experiments.conditions import CONDITIONS
from gazeheads.heads import scores as selectors
from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel
from gazeheads.prompts import panel_query
from gazeheads.regions.grid import Box, ImageGrid, View

MAPS = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 7)), elements=st.integers(0, 4))


def spots_of(attention: np.ndarray) -> list[float]:
    """The mass of each set of neighbouring cells above the mean, found by walking from cell to cell."""
    rows, cols = attention.shape
    mean = sum(map(float, attention.flat)) / attention.size
    left = {(r, c) for r in range(rows) for c in range(cols) if attention[r, c] > mean}
    masses = []
    while left:
        todo, mass = [left.pop()], 0.0
        while todo:
            r, c = todo.pop()
            mass += float(attention[r, c])
            near = {(r + dr, c + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)} & left
            left -= near
            todo += near
        masses.append(mass)
    return masses


@settings(deadline=None)
@given(MAPS)
def test_spatial_entropy_against_a_walk_over_the_cells(attention: np.ndarray) -> None:
    masses = spots_of(attention)
    found = selectors.spatial_entropy(attention)
    if masses:
        expected = -sum(m / sum(masses) * math.log(m / sum(masses)) for m in masses)
        assert found == pytest.approx(expected, abs=1e-12) and math.copysign(1, found) == 1
    else:
        assert math.isnan(found)


def test_spots_that_touch_by_a_corner_are_one() -> None:
    corner = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]])
    apart = np.array([[1.0, 0, 1, 0], [0, 0, 0, 0]])
    assert selectors.spatial_entropy(corner) == 0
    assert selectors.spatial_entropy(apart) == pytest.approx(math.log(2))


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_the_elbow_is_farthest_from_the_chord(values: list[int]) -> None:
    rising = sorted(values)
    x, y = len(rising) - 1, rising[-1] - rising[0]
    far = [abs(y * i - x * (v - rising[0])) / math.hypot(x, y or 1) for i, v in enumerate(rising)]
    found = selectors.elbow(np.array([*map(float, values), np.nan]))
    assert found in [v for v, distance in zip(rising, far, strict=True) if distance > max(far) - 1e-9]
    assert math.isnan(selectors.elbow(np.array([np.nan])))


@settings(deadline=None, max_examples=50)
@given(MAPS, st.data())
def test_resized_maps_keep_their_mass_where_it_was(attention: np.ndarray, data: st.DataObject) -> None:
    """Against cells cut so fine that both grids divide them evenly."""
    old = attention.shape
    new = data.draw(st.tuples(st.integers(1, old[0]), st.integers(1, old[1])))
    fine = np.zeros((old[0] * new[0], old[1] * new[1]))
    for r in range(fine.shape[0]):
        for c in range(fine.shape[1]):
            fine[r, c] = attention[r // new[0], c // new[1]] / (new[0] * new[1])
    expected = np.zeros(new)
    for r in range(fine.shape[0]):
        for c in range(fine.shape[1]):
            expected[r // old[0], c // old[1]] += fine[r, c]
    np.testing.assert_allclose(selectors.resized(attention, *new), expected, atol=1e-12)


def test_selectivity_is_the_share_of_the_asked_region() -> None:
    matrix = np.array([[[[0.2, 0.2], [0.0, 0.01]], [[1e-9, 0.0], [0.1, 0.3]]], np.full((2, 2, 2), np.nan)])
    assert selectors.selectivity(matrix)[0] == pytest.approx([(0.5 + 1) / 2, (0 + 0.75) / 2])
    assert np.isnan(selectors.selectivity(matrix)[1]).all()
    assert selectors.gaze(matrix)[0] == pytest.approx([0.105, 0.15])


def test_image_heads_are_scored_within_their_layer() -> None:
    mass = np.array(
        [
            [[0.1, 0.2, 0.6], [0.5, 0.5, 0.5 + 1e-9], [np.nan] * 3],
            [[0.3, 0.3, 0.9], [0.1, 0.2, 0.3], [np.nan] * 3],
        ]
    )
    expected = np.zeros((2, 2, 3))
    for question, layer in [(0, 0), (1, 0), (1, 1)]:
        row = mass[question, layer]
        middle = sum(row) / 3
        spread = math.sqrt(sum((x - middle) ** 2 for x in row) / 3)
        expected[question, layer] = [(x - middle) / spread for x in row]
    found = selectors.image_heads(mass)
    np.testing.assert_allclose(found[:2], expected.mean(0), atol=1e-9)
    assert np.isnan(found[2]).all()


def test_scores_of_discovery_against_eager_attention(model: GazeModel) -> None:
    """Strips of two and of three panels; the values are read off their projection."""
    samples = [tiny.strip(2, seed=5), tiny.strip(3, seed=6)]
    values: dict[int, torch.Tensor] = {}
    for number, layer in enumerate(model.hf.model.language_model.layers):
        layer.self_attn.v_proj.register_forward_hook(
            lambda _, __, out, number=number: values.update({number: out[0].view(-1, 2, 16)})
        )
    own, z, shares, maps = ([] for _ in range(4))
    for sample in samples:
        n = len(sample.boxes)
        mine = {name: np.zeros((n, 3, 4)) for name in ("own", "z", "shares")}
        attention = np.zeros((3, 4, 2, 2 * n))
        for k in range(n):
            scene = model.encode(sample.image, panel_query(k + 1, n))
            keep: dict[int, torch.Tensor] = {}
            with reference.eager(model.hf, keep=keep):
                reference.forward(model.hf, scene)
            for layer in range(3):
                row = keep[layer][0, :, -1].double()
                value_weighted = row * values[layer].double().norm(dim=-1).T.repeat_interleave(2, dim=0)
                value_weighted = (value_weighted / value_weighted.sum(1, keepdim=True)).numpy()[
                    :, scene.grid.positions
                ]
                looked = row.numpy()[:, scene.grid.positions]
                panel = np.arange(4 * n) % (2 * n) // 2
                parts = [looked[:, panel == j].sum(1) for j in range(n)]
                mine["own"][k, layer] = parts[k] / sum(parts)
                mine["shares"][k, layer] = value_weighted[:, panel == k].sum(1)
                mass = looked.sum(1)
                mine["z"][k, layer] = (mass - mass.mean()) / np.sqrt(((mass - mass.mean()) ** 2).mean())
                attention[layer] += looked.reshape(4, 2, 2 * n) / n
        own.append(mine["own"].mean(0))
        z.append(mine["z"].mean(0))
        shares.append(mine["shares"].mean(0))
        maps.append(attention)
    measured = measure(model, samples)
    heads = measured.heads()
    np.testing.assert_allclose(heads.others["selectivity"], np.mean(own, axis=0), atol=1e-4)
    np.testing.assert_allclose(heads.others["image-heads"], np.mean(z, axis=0), atol=1e-4)
    np.testing.assert_allclose(heads.others["norm-weighted"], np.mean(shares, axis=0), atol=1e-5)
    assert np.abs(heads.others["norm-weighted"] - heads.scores).max() > 0.01  # lengths do differ
    assert set(measured.maps) == {(2, 4), (2, 6)}
    for found, expected in zip(measured.maps.values(), maps, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    wide = selectors.localization_heads([*measured.maps.values()], heads.image_mass)
    np.testing.assert_array_equal(heads.others["localization-heads"], wide)
    passes = {name for name, score in selectors.SCORES.items() if score.module}
    assert {"gaze", *heads.others} | passes == set(selectors.SCORES)
    assert set(selectors.SCORES) <= set(CONDITIONS), "each is a condition, too"


PLANTED = {
    "gaze": Head(2, 0),
    "norm-weighted": Head(1, 1),
    "selectivity": Head(3, 1),
    "image-heads": Head(1, 2),
    "localization-heads": Head(3, 3),
}
TWO_SPOTS, SINK, EARLY = Head(2, 2), Head(3, 2), Head(0, 0)


def planted(scene: Any, weighting: str) -> np.ndarray:
    """(layer, head, image token) of four layers of four heads, each of which does one thing."""
    n = scene.grid.views[0].cols // 2
    asked = next(k for k in range(n) if panel_query(k + 1, n) == scene.prompt)
    rng = np.random.default_rng(0)
    look = 0.01 * rng.dirichlet(np.ones(4 * n), (4, 4)).reshape(4, 4, 2, 2 * n)  # next to nothing
    corner = np.array([[0.6, 0.2], [0.1, 0.1]])
    here = slice(2 * asked, 2 * asked + 2)
    if weighting == "value-norm-share":
        look[PLANTED["norm-weighted"]][:, here] = 0.2
        return look.reshape(4, 4, -1)
    look[PLANTED["gaze"]] = 0.02 * np.tile(corner, n)  # on every panel a little, on the one asked about much
    look[PLANTED["gaze"]][:, here] = 0.5 * corner
    look[PLANTED["selectivity"]] = 0
    look[PLANTED["selectivity"]][:, here] = 0.001 * corner
    look[PLANTED["image-heads"]] = 0.9 * np.tile(corner, n) / n
    look[PLANTED["localization-heads"]] = 0
    look[PLANTED["localization-heads"]][0, 1:3] = 0.15
    look[TWO_SPOTS] = 0
    look[TWO_SPOTS][[0, 1], [0, 3]] = 0.15
    look[SINK][1] = 0.4 / (2 * n)
    look[0, 1] = 0.35 / (4 * n)  # so that no head stands out in layer 0
    look[EARLY] = 0
    look[EARLY][0, 1] = 0.4
    return look.reshape(4, 4, -1)


def test_every_score_finds_the_head_that_does_what_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.tiny_model(layers=4)

    def rows(_: Any, asked: Sequence[Any], weighting: Sequence[str]) -> list[list[list[np.ndarray]]]:
        return [
            [[planted(scene, how).astype(np.float32) for scene in scenes] for scenes in asked]
            for how in weighting
        ]

    monkeypatch.setattr(discovery, "question_rows", rows)
    heads = discover(model, [tiny.strip(3, seed=seed) for seed in range(2)])
    assert {name: heads.by(name).heads[0] for name in PLANTED} == PLANTED
    spots = heads.by("localization-heads")
    assert spots.score(PLANTED["localization-heads"]) == 0
    assert list(spots)[1] == TWO_SPOTS and spots.score(TWO_SPOTS) == pytest.approx(-math.log(2))
    assert spots.score(PLANTED["gaze"]) == pytest.approx(-math.log(3))  # a spot in every panel
    for no_candidate in (SINK, EARLY, PLANTED["image-heads"], Head(2, 3)):
        assert no_candidate not in spots and math.isnan(spots.score(no_candidate))
    assert heads.score(PLANTED["gaze"]) == pytest.approx(0.5)
    assert heads.by("selectivity").score(PLANTED["selectivity"]) == pytest.approx(1)


def test_maps_are_those_of_the_view_that_shows_the_picture_whole() -> None:
    whole, part = Box(0, 0, 8, 8), Box(0, 0, 4, 8)

    def grid(*kinds: tuple[int, str]) -> ImageGrid:
        views = [View(image, kind, 1, 2, whole if kind != "tile" else part) for image, kind in kinds]
        return ImageGrid.from_views(20, np.arange(2 * len(views)), views, [(8, 8), (8, 8)])

    assert overview(grid((0, "whole"), (1, "whole"))) == 0
    assert overview(grid((0, "tile"), (0, "tile"), (0, "thumbnail"), (1, "thumbnail"))) == 2
    assert overview(grid((0, "tile"), (0, "tile"), (1, "thumbnail"))) == 0


def test_processor_settings_are_passed_on_and_noted(
    model: GazeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    inner = model.encode

    def encode(*arguments: Any, **more: Any) -> Any:
        seen.append(more)
        return inner(*arguments, **more)

    monkeypatch.setattr(model, "encode", encode)
    heads = discover(model, [tiny.strip(2)], settings={"do_convert_rgb": False})
    assert seen == [{"do_convert_rgb": False}]
    assert heads.provenance.settings == "do_convert_rgb=False"
    assert discover(model, [tiny.strip(2)]).provenance.settings == ""

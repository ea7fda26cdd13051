"""From a map to a place: peaks, boxes, thresholds; and the maps of the bundled model while it names things."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gazeheads as gh
from gazeheads import cli, prompts
from gazeheads.discovery.follow import follow, listed
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import doodles
from gazeheads.errors import DataError, UsageError
from gazeheads.gaze.record import Record
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads
from gazeheads.model.bundled import HEADS
from gazeheads.model.likelihood import answer_traces
from gazeheads.regions.grid import Box, ImageGrid
from gazeheads.sample import Sample
from gazeheads.text import spoken
from gazeheads.watching.grounding import NamedObject, ceiling, chosen, grounded, iou, peak, points, predicted
from gazeheads.watching.point import after, named_objects, point

FIRST = Heads.of(["L0H0"], "m", 1, 2)
SECOND = Heads.of(["L0H1"], "m", 1, 2)


@pytest.fixture(scope="module")
def model() -> gh.GazeModel:
    return gh.load()


@pytest.fixture(scope="module")
def scene() -> Sample:
    """A purple elephant, a car, a blue penguin, a hat; the model lists them all."""
    return scenes(1, 5, "dev")[0]


@pytest.fixture(scope="module")
def grid(model: gh.GazeModel, scene: Sample) -> ImageGrid:
    """6 x 6 cells of 16 px."""
    return model.encode(scene.image, "?").grid


def look(grid: ImageGrid, box: Box, *maps: Any, sample: str = "a", size: str = "small") -> NamedObject:
    looks = np.array([np.asarray(each, dtype=float).ravel() for each in maps])
    return NamedObject(sample, 0, size, box, grid, looks, tuple(Head(0, n) for n in range(len(maps))))


def spots(**cells: float) -> np.ndarray:
    """A map of 6 x 6 from cells such as r1c2=0.5."""
    found = np.zeros((6, 6))
    for name, value in cells.items():
        found[int(name[1]), int(name[3])] = value
    return found


def test_a_box_is_around_the_peaks_patch(grid: ImageGrid) -> None:
    attention = spots(r1c1=1.0, r2c2=0.6, r2c3=0.3, r5c5=0.9)
    assert peak(attention) == (1, 1)
    assert predicted(grid, attention, 0.95) == Box(16, 16, 32, 32)
    assert predicted(grid, attention, 0.5) == Box(16, 16, 48, 48), (
        "cells that touch by a corner are neighbours"
    )
    assert predicted(grid, attention, 0.3) == Box(16, 16, 64, 48), "and what is far away is another thing"


def test_pointing_is_right_where_the_peak_is_a_cell_of_the_thing(grid: ImageGrid) -> None:
    attention = spots(r1c1=1.0)
    for box, right in (
        (Box(16, 16, 48, 48), True),
        (Box(25, 16, 48, 48), False),
        (Box(26, 26, 31, 31), True),
        (Box(33, 16, 40, 20), False),
    ):
        assert points(look(grid, box, attention), attention) is right, box


def test_iou_is_of_areas() -> None:
    assert iou(Box(0, 0, 2, 2), Box(1, 0, 3, 2)) == pytest.approx(2 / 6)
    assert iou(Box(0, 0, 2, 2), Box(0, 0, 2, 2)) == 1 and iou(Box(0, 0, 1, 1), Box(1, 0, 2, 1)) == 0


def test_no_box_of_cells_beats_the_ceiling(grid: ImageGrid) -> None:
    found = ceiling(look(grid, Box(20, 16, 48, 48), spots(r1c1=1)))
    assert found == pytest.approx(28 / 32)
    assert ceiling(look(grid, Box(16, 32, 48, 64), spots(r1c1=1))) == 1


def test_the_threshold_is_the_one_that_fits_best_on_dev(grid: ImageGrid) -> None:
    attention = spots(r1c1=1.0, r1c2=0.52, r1c3=0.31)
    assert chosen([look(grid, Box(16, 16, 48, 32), attention)], FIRST) == 0.35
    assert chosen([look(grid, Box(16, 16, 32, 32), attention)], FIRST) == 0.55
    assert chosen([look(grid, Box(16, 16, 64, 32), attention)], FIRST) == 0.1
    with pytest.raises(UsageError, match="no object of the dev samples was named"):
        chosen([], FIRST)


def test_each_set_of_heads_is_read_by_its_own_maps(grid: ImageGrid) -> None:
    box, far = Box(16, 16, 32, 32), Box(80, 80, 96, 96)
    at, away = spots(r1c1=1.0), spots(r5c5=1.0)
    test = [look(grid, box, at, away, sample="a"), look(grid, far, at, away, sample="b", size="large")]
    first, second = (grounded(n, h, test[:1], test) for n, h in (("first", FIRST), ("second", SECOND)))
    assert (first.pointing.mean, second.pointing.mean) == (0.5, 0.5)
    assert (first.by_size["small"].mean, second.by_size["small"].mean) == (1, 0)
    assert first.iou.mean == 0.5 and first.pointing.clusters == 2
    both = grounded("both", Heads.of(["L0H0", "L0H1"], "m", 1, 2), test, test)
    assert both.heads == 2 and both.by_size["large"].mean == 0, "the first of two equal peaks counts"
    with pytest.raises(UsageError, match="gaze of L0H1 was asked for, and was not recorded"):
        look(grid, box, at).map(SECOND)
    with pytest.raises(UsageError, match="no object of the samples was named"):
        grounded("none", FIRST, test, [])


@pytest.mark.parametrize(
    "token_texts, names, expected",
    [
        (("a", " red", " cat", ",", " a", " kite", "."), ["kite", "the red cat", "car"], [(5,), (1, 2), ()]),
        (("a", " red", " cat", ",", " a", " cat", "."), ["cat", "red cat"], [(5,), (1, 2)]),
        (("a dog", ",", " a", " do", "g"), ["dog", "dog", "dog"], [(0,), (3, 4), ()]),
        (("Kite", "s, a kit", "e"), ["kite"], [(1, 2)]),
        (("a", " the"), ["the"], [()]),
    ],
)
def test_the_tokens_that_say_a_name(token_texts: Any, names: Any, expected: Any) -> None:
    assert spoken(token_texts, names) == expected


def test_a_forced_answer_is_watched_as_if_it_were_said(model: gh.GazeModel, scene: Sample) -> None:
    encoded = model.encode(scene.image, prompts.LIST_OBJECTS)
    record = Record([Head(5, 2), Head(6, 2)], "heads")
    said = model.generate(encoded, record=record, max_new_tokens=60)
    other = model.encode(scene.image, "What is on the left of the image?")
    texts = [said.token_ids, "a kite."]
    free, forced = answer_traces(model, [encoded, other], texts, record, 2)
    assert free.token_texts == said.trace.token_texts and forced.grid == other.grid
    assert np.allclose(free.attention, said.trace.attention, atol=1e-5)
    (alone,) = answer_traces(model, [other], ["a kite."], record)
    assert (
        np.allclose(alone.attention, forced.attention, atol=1e-5)
        and "".join(alone.token_texts).strip() == "a kite."
    )
    with pytest.raises(UsageError, match="2 scenes were given with 1 answers"):
        answer_traces(model, [encoded, other], ["a kite."], record)


def test_heads_that_look_at_what_is_said_follow_it(model: gh.GazeModel, scene: Sample) -> None:
    """By hand for one head: the mean over things of its mass on the thing while its name is produced."""
    scores = follow(model, [scene])
    assert scores.shape == (8, 12) and scores.min() >= 0 and scores.max() < 1
    encoded = model.encode(scene.image, prompts.LIST_OBJECTS, panels=scene.boxes)
    (trace,) = answer_traces(model, [encoded], [listed(scene)], Record([Head(6, 2)]))
    assert listed(scene) == "a purple elephant, a car, a blue penguin, a hat."
    regions = [encoded.box(*box.corners, min_tokens=1) for box in scene.boxes]
    masses = trace.over(regions)
    by_hand = [masses[list(t), k].mean() for k, t in enumerate(spoken(trace.token_texts, scene.names))]
    assert scores[6, 2] == pytest.approx(np.mean(by_hand), abs=1e-5)
    assert scores[6, 2] > 2 * scores[0].max(), "it is one that does"


@pytest.mark.parametrize(
    "samples, said",
    [
        ([], "without samples"),
        (doodles(1, split="dev"), "no names that a list could say"),
        (scenes(1, split="test"), "of a test split"),
        ([replace(scenes(1, split="dev")[0], slots=())], "no names that a list could say"),
    ],
)
def test_samples_that_heads_may_not_be_found_on(model: gh.GazeModel, samples: Any, said: str) -> None:
    with pytest.raises((UsageError, DataError), match=said):
        follow(model, samples)


def test_what_the_model_does_not_name_is_counted(model: gh.GazeModel, scene: Sample) -> None:
    other = {"object": "kite", "size": "small"}
    twins = {"object": "car", "size": "large"}
    sample = replace(scene, slots=(scene.slots[0], twins, twins, other), redraw=None)
    objects, counts = named_objects(model, [sample], [Head(6, 2), Head(5, 2)])
    assert counts == {"named medium": 1, "alike large": 2, "missed small": 1}
    assert [(each.number, each.box, each.attention.shape) for each in objects] == [
        (0, scene.boxes[0], (2, 36))
    ]


def test_point_finds_what_the_model_names(model: gh.GazeModel, scene: Sample) -> None:
    heads = Heads.of(["L6H2", "L7H7", "L6H6"], model.name, 8, 12)
    found = point(model, scene.image, "the car", heads)
    true = scene.boxes[1]
    assert not found.forced and true.x0 < found.x < true.x1 and true.y0 < found.y < true.y1
    assert iou(found.box, true) > 0.2 and found.to_json()["box"] == list(found.box.corners)
    with pytest.raises(UsageError, match=r"the model said 'a purple elephant, .*' *, which does not name it"):
        point(model, scene.image, "a kite", heads)
    forced = point(model, scene.image, "a kite", heads, force=True)
    assert forced.forced and forced.answer == found.answer and forced.weights.sum() > 0
    for phrase, threshold, said in (("the", 0.5, "names nothing"), ("car", 0, "share above 0")):
        with pytest.raises(UsageError, match=said):
            point(model, scene.image, phrase, heads, threshold=threshold)


def test_a_forced_phrase_is_read_where_it_has_been_read(model: gh.GazeModel, scene: Sample) -> None:
    (trace,) = answer_traces(model, [model.encode(scene.image, "?")], ["a kite."], Record([Head(6, 2)]))
    (tokens,) = spoken(trace.token_texts, ["kite"])
    assert after(trace, "a kite") == tuple(token + 1 for token in tokens)


def test_the_commands_write_heads_numbers_and_a_picture(tmp_path: Path, scene: Sample, capsys: Any) -> None:
    heads, numbers, drawn = tmp_path / "heads.json", tmp_path / "g" / "ground.json", tmp_path / "point.png"
    measured = ["discover", "--score", "follow", "--data", "scenes:1:dev"]
    assert cli.main([*measured, "--out", str(heads)]) == 0
    held = Heads.load(heads)
    assert (
        held.others["follow"].shape == (8, 12) and held.provenance.notes["follow"] == "scenes:1:dev, seed 0"
    )
    Heads.load(HEADS).save(alone := tmp_path / "alone.json")
    assert "follow" not in json.loads(alone.read_text())["provenance"], (
        "the hash of older files stays what it was"
    )
    assert cli.main([*measured, "--as-gaze", "--out", str(alone)]) == 0
    assert Heads.load(alone).by("gaze").heads == held.by("follow").heads and not Heads.load(alone).others
    kinds = "follow@3,controls:2@3"
    asked = ["--heads", str(heads), "--data", "scenes:1:test", "--dev", "scenes:1:dev", "--conditions", kinds]
    assert cli.main(["ground", *asked, "--out", str(numbers)]) == 0
    told = json.loads(numbers.read_text())
    assert [each["name"] for each in told["sets"]] == ["follow@3", "controls@3/0", "controls@3/1"]
    assert 0 < told["best_iou_of_cells"] <= 1 and sum(told["things"].values()) == len(
        scenes(1, 0, "test")[0].boxes
    )
    scene.image.save(tmp_path / "scene.png")
    capsys.readouterr()
    one = ["point", str(tmp_path / "scene.png"), "--to", "the car", "--out", str(drawn), "--json"]
    assert cli.main(one) == 0
    assert json.loads(capsys.readouterr().out)["phrase"] == "the car"
    with Image.open(drawn) as picture:
        assert min(picture.size) > 300
    for wrong, said in (
        ("none,gaze", "must name a set of heads"),
        ("wrong-region:1", "must name a set of heads"),
    ):
        assert cli.main(["ground", "--conditions", wrong]) == 2
        assert said in capsys.readouterr().err
    same = ["ground", "--data", "scenes:1:dev", "--seed", "5", "--dev", "scenes:1:dev"]
    assert cli.main(same) == 2 and "is what is reported on" in capsys.readouterr().err
    assert cli.main(["ground", "--data", "doodles:1:test", "--conditions", "gaze"]) == 2
    assert "Use scenes or COCO data" in capsys.readouterr().err

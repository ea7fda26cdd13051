"""The experiment on things in an image: what it asks, where it points, what a run and its report make of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_folder import drawn, write

import gazeheads as gh
from gazeheads import cli, prompts
from gazeheads.drawing.scenes import scenes
from gazeheads.errors import RegionTooSmall, UsageError
from gazeheads.evidence.results import Results
from gazeheads.evidence.runs import Run
from gazeheads.experiments.boxes import BOXES, MASKS, Boxes
from gazeheads.experiments.catalogue import experiment
from gazeheads.experiments.conditions import HeadSets, conditions
from gazeheads.experiments.trial import Generated, Trial
from gazeheads.model.bundled import HEADS
from gazeheads.runs.run import run
from gazeheads.runs.stimuli import region
from gazeheads.sample import Sample


@pytest.fixture(scope="module")
def scene() -> Sample:
    """A large car, two medium ones, a small hat."""
    return scenes(1, 5, "dev")[0]


def trials(sample: Sample, condition: str) -> list[Trial]:
    (found,) = conditions(condition)
    return [*BOXES.trials(sample, found)]


def test_every_thing_is_looked_at_by_both_rules(scene: Sample) -> None:
    found = trials(scene, "gaze")
    assert [(t.variant, t.coverage, t.target) for t in found] == [
        (rule, rule, k) for rule in ("area", "centre") for k in range(4)
    ]
    assert all(t.pointed == t.target and t.shape == "box" and t.prompt == prompts.MAIN_OBJECT for t in found)
    assert len({t.key for t in found}) == 8
    assert all(Trial.from_json(json.loads(json.dumps(t.to_json()))) == t for t in found)


def test_without_steering_a_rule_makes_no_difference(scene: Sample) -> None:
    assert [(t.variant, t.target) for t in trials(scene, "none")] == [("area", None), ("centre", None)]
    crops = trials(scene, "crop")
    assert [(t.variant, t.show) for t in crops] == [("area", "crop")] * 4
    corner = replace(scene, boxes=(gh.Box(0, 0, 20, 20), gh.Box(70, 40, 96, 50), *scene.boxes[2:]))
    assert [t.prompt for t in trials(corner, "prompt")][:2] == [
        "What is at the top left of the image? Answer in a few words.",
        "What is on the right of the image? Answer in a few words.",
    ]
    with pytest.raises(UsageError, match="no panels. Use prompt"):
        trials(scene, "panel-query")


def test_places_have_nine_names() -> None:
    thirds = (0.1, 0.5, 1.0)
    assert [[prompts.place(x, y) for x in thirds] for y in thirds] == [
        ["at the top left", "at the top", "at the top right"],
        ["on the left", "in the middle", "on the right"],
        ["at the bottom left", "at the bottom", "at the bottom right"],
    ]


def test_a_box_or_mask_is_looked_at_however_small(scene: Sample) -> None:
    model = gh.load()
    encoded = model.encode(scene.image, "?", panels=scene.boxes)
    small = [slots["size"] for slots in scene.slots].index("small")
    tiny = replace(scene, boxes=(*scene.boxes[:small], gh.Box(3, 3, 6, 6)))
    steered = replace(trials(scene, "gaze")[0], pointed=small)
    by_area, by_centre = (
        region(replace(steered, coverage=rule), tiny, encoded) for rule in ("area", "centre")
    )
    assert by_area.grown and by_area.weights.sum() == by_centre.weights.sum() == 1
    whole = region(replace(steered, pointed=1), scene, encoded)
    assert not whole.grown and whole.weights.sum() > 4 and whole.name == "car"
    centre = region(replace(steered, pointed=1, coverage="centre"), scene, encoded)
    assert set(np.unique(centre.weights)) == {0.0, 1.0} and centre != whole
    masked = region(replace(steered, pointed=1, shape="mask"), scene, encoded)
    assert 1 < masked.weights.sum() < whole.weights.sum(), "a car does not fill its box"
    with pytest.raises(UsageError, match="masks were to be looked at, and it has none"):
        region(replace(steered, shape="mask"), replace(scene, masks=()), encoded)
    (gaze,) = conditions("gaze@2")
    once = Boxes("once", "?", 1, {"area": {"shape": "box"}})
    bare = replace(tiny, redraw=None)
    made = run(model, [bare], once, [gaze], HeadSets(gh.Heads.load(HEADS).all(), 2))
    assert [g.grown for g in made] == [k == small for k in range(4)]
    with pytest.raises(RegionTooSmall):
        region(replace(steered, shape="panel"), tiny, model.encode(scene.image, "?", panels=tiny.boxes))


def test_a_picture_of_one_thing_has_no_wrong_region(scene: Sample) -> None:
    alone = replace(scene, boxes=scene.boxes[:1], names=("car",), captions=(), slots=(), masks=())
    with pytest.raises(UsageError, match="no other to look at"):
        trials(alone, "wrong-region:1")


def test_grown_is_kept_and_old_lines_are_read() -> None:
    trial = Trial("boxes", "a", "gaze", "?", 5, target=0, pointed=0)
    made = Generated(trial, "a car", 3, "eos", grown=True)
    line = json.loads(json.dumps(made.to_json()))
    assert line["grown"] is True and Generated.from_json(line) == made
    plain = replace(made, grown=False).to_json()
    assert (
        "grown" not in plain
        and "shape" not in plain
        and Generated.from_json(plain) == replace(made, grown=False)
    )


def test_coco_is_run_and_judged_from_the_command_line(tmp_path: Path, capsys: Any) -> None:
    source, out = f"coco:{write(tmp_path / 'coco', drawn(2)[1:])}:masks=yes", tmp_path / "run"
    asked = ["--data", source, "--conditions", "none,gaze@8,crop", "--out", str(out)]
    assert cli.main(["run", "boxes", *asked]) == 0 and cli.main(["judge", str(out)]) == 0
    capsys.readouterr()
    made = Run.load(out)
    results = Results(made)
    assert made.variants == ("area", "centre") and made.conditions == ("none", "gaze@8", "crop")
    answers = {cell: found.answers for cell, found in results.cells.items()}
    assert answers == {
        ("area", "none"): 1,
        ("area", "gaze@8"): 2,
        ("area", "crop"): 2,
        ("centre", "none"): 1,
        ("centre", "gaze@8"): 2,
    }
    assert results.cells["area", "gaze@8"].after == pytest.approx(1)
    assert experiment("masks") is MASKS
    (mask, *_) = MASKS.trials(scenes(1, 2)[0], conditions("gaze")[0])
    assert (mask.variant, mask.shape) == ("mask", "mask")

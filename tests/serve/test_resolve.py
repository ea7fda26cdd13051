"""From a request to a `Gaze` of one scene, and on to the tables that travel to a worker."""

import json

import numpy as np
import paged_batch as paged
import pytest

from gazeheads.errors import GazeError, GazeHeadsError, HeadsError, RegionError, WrongModel
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads
from gazeheads.model.bundled import HEADS
from gazeheads.regions.grid import Box
from gazeheads.regions.region import Region
from gazeheads.serve.lane import Lane
from gazeheads.serve.proof import proof
from gazeheads.serve.resolve import gaze_of
from gazeheads.serve.schema import read

GRID = paged.grid(images=2)  # of 30 x 20 px, 2 x 3 cells
FILES = {"default": Heads.load(HEADS)}
LEAST = {"schema": 1, "heads": ["L1H0", "L2H3"], "at": {"box": [0, 0, 0.5, 1]}}


def gaze(**change) -> Gaze:
    return gaze_of(read({**LEAST, **change}), GRID, FILES, 8, 12)


def weights(target) -> list[float]:
    return gaze(at=target).schedule.targets[0].weights.tolist()


def test_places_become_the_regions_that_we_would_make():
    left = Region.box(GRID, Box(0, 0, 15, 20)).weights.tolist()
    assert weights({"box": [0, 0, 0.5, 1]}) == left == weights({"mask": [[1, 1, 0, 0]]})
    assert (
        weights({"box": [0, 0, 0.5, 1], "except": True})
        == (~Region.box(GRID, Box(0, 0, 15, 20))).weights.tolist()
    )
    second = gaze(
        at={"panel": 1, "image": 1},
        panels=[[0, 0, 1, 1], [20, 0, 30, 20]],
        units="pixels",
        sizes=[[30, 20]] * 2,
    )
    assert second.at == Region.box(GRID, Box(20, 0, 30, 20), image=1)
    small = gaze(at={"box": [0, 0, 0.1, 0.1], "min_tokens": 2, "coverage": "centre"})
    assert small.at == Region.box(GRID, Box(0, 0, 3, 2), min_tokens=2, coverage="centre")


def test_heads_are_named_or_listed():
    assert gaze().heads == (Head(1, 0), Head(2, 3))
    assert gaze(heads="default").heads == FILES["default"].selected.heads != FILES["default"].heads
    assert gaze(heads={"file": "default", "top": 2}).heads == FILES["default"].heads[:2]


def test_schedules_keep_their_turns():
    stops = [{"box": [0, 0, 0.5, 1]}, None]
    plan = gaze(at={"stops": stops, "starts": [1, 4], "period": None}).schedule
    assert plan == Schedule((Region.box(GRID, Box(0, 0, 15, 20)), None), (1, 4))


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"heads": "best"}, HeadsError, "Heads 'best' were asked for; this server was started with default"),
        ({"heads": {"file": "default", "top": 999}}, HeadsError, "The first 999 heads"),
        ({"heads": {"file": "default", "top": 0}}, HeadsError, "Ask for 1 or more"),
        ({"heads": ["L8H0"]}, WrongModel, "this one has 8 layers x 12 heads"),
        ({"heads": []}, GazeError, "at least one head"),
        ({"heads": ["L1H0", "L1H0"]}, GazeError, "each head once"),
        ({"weights": [1]}, GazeError, "2 heads were given with 1 weights"),
        ({"weights": [1, 2]}, GazeError, "0 to 1"),
        ({"at": {"panel": 0}}, RegionError, 'the gaze has 0 "panels"'),
        ({"at": {"box": [0, 0, 1.5, 1]}}, RegionError, "in shares of the image"),
        ({"at": {"box": [0.5, 0, 0.5, 1]}}, RegionError, "in shares of the image"),
        ({"at": {"box": [0, 0, 1, 1], "image": 2}}, RegionError, "this scene has 2"),
        ({"at": {"box": [0, 0, 0.1, 0.1]}}, RegionError, "min_tokens=1"),
        ({"at": {"box": [0, 0, 1, 1], "min_tokens": 99}}, RegionError, "min_tokens=99"),
        ({"at": {"mask": [[2]]}}, RegionError, "values 0..1"),
        ({"at": {"mask": [[0]]}}, RegionError, "covers 0 image tokens"),
        ({"at": {"mix": []}}, GazeError, "one or more regions"),
        ({"at": {"stops": [None], "starts": [0]}}, GazeError, "at least one region"),
        ({"at": {"stops": [{"panel": 0}], "starts": [0]}}, RegionError, '"panels"'),
        ({"units": "pixels", "sizes": [[30, 20]]}, GazeError, "sizes of 1 images; the prompt holds 2"),
    ],
)
def test_what_does_not_suit_the_scene_is_refused(change, error, says):
    with pytest.raises(error) as raised:
        gaze(**change)
    assert says in str(raised.value) and isinstance(raised.value, GazeHeadsError)


def test_lanes_travel_as_data_and_steer_alike():
    lane = Lane.of(
        gaze(at={"stops": [{"box": [0, 0, 0.5, 1]}, None], "starts": [2, 4], "period": None}), trace=True
    )
    again = Lane.from_json(json.loads(json.dumps(lane.to_json())))
    assert again == lane and again.digest == lane.digest
    last = GRID.n_prompt - 1
    assert lane.stop_of(np.array([0, last, last + 1, last + 2, last + 3, last + 4])).tolist() == [
        -1,
        -1,
        -1,
        0,
        0,
        -1,
    ]
    assert lane.can_steer(3) and not lane.can_steer(2)


def test_lanes_that_steer_otherwise_have_other_digests():
    changes = [
        {},
        {"push": "uniform"},
        {"during": "answer"},
        {"at": {"box": [0, 0, 0.6, 1]}},
        {"weights": [1, 0.5]},
    ]
    digests = {Lane.of(gaze(**change)).digest for change in changes}
    assert len(digests) == len(changes)
    assert Lane.of(gaze(), trace=True).digest == Lane.of(gaze()).digest


def test_targets_that_follow_sentences_are_refused():
    plan = {"stops": [{"box": [0, 0, 0.5, 1]}], "starts": [0], "unit": "sentence"}
    with pytest.raises(GazeError, match="does not know the text"):
        Lane.of(gaze(at=plan, during="answer"))


def test_the_proof_sums_over_workers_and_says_when_nothing_was_steered():
    asked = read({**LEAST, "give": ["effect", "trace"]})
    looks = np.ones((2, len(GRID)))
    part = {"prompt": [1, 3, 4, 1], "tokens": [[0.5, 1, 1, 0], [0, 0, 0, 1]], "trace": looks.tolist()}
    told = proof(asked, gaze(), 2, [part, part])
    assert (told["prompt_before"], told["prompt_after"]) == (0.25, 0.75)
    assert told["after_by_token"] == [1, None] and (told["rows_steered"], told["rows_blind"]) == (10, 4)
    assert told["trace"] == looks.tolist()  # two workers, two heads
    nothing = {"prompt": [0] * 4, "tokens": [[0, 0, 0, 2]] * 2, "trace": looks.tolist()}
    assert "steered nothing: in 2 tokens 4 attention rows" in proof(asked, gaze(), 2, [nothing])["error"]
    assert "No worker knows" in proof(asked, gaze(), 2, [])["error"]

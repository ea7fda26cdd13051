"""The comparisons of speed: what is compared does the same, by turns, and a difference is no speed."""

from typing import Any

import numpy as np
import pytest
import tiny

import gazeheads as gh
from gazeheads.doctor import naive, speed
from gazeheads.doctor.speed import Comparison, compare, measure
from gazeheads.errors import SeamError

HEADS = [gh.Head(0, 1), gh.Head(1, 2), gh.Head(1, 3), gh.Head(2, 0)]


@pytest.fixture(scope="module")
def sample() -> Any:
    return tiny.strip(3)


def test_the_plain_recipe_finds_what_discovery_finds(model: gh.GazeModel, sample: Any) -> None:
    before = model.hf.get_decoder().config._attn_implementation
    scores = gh.discover(model, [sample]).scores
    np.testing.assert_allclose(naive.gaze_scores(model, sample), scores, atol=1e-5)
    assert model.hf.get_decoder().config._attn_implementation == before


def test_the_plain_recipe_says_what_steering_says(model: gh.GazeModel, sample: Any) -> None:
    scene = model.encode(sample.image, "What is it?", panels=sample.boxes)
    ours = [model.generate(scene, gh.Gaze(HEADS, region), max_new_tokens=6) for region in scene.panels]
    theirs = naive.redirected(model, sample, "What is it?", HEADS, 6)
    assert [list(one.token_ids) for one in ours] == theirs
    assert len({*map(tuple, theirs)}) > 1


def test_two_ways_are_run_by_turns_after_a_warm_up() -> None:
    order: list[str] = []
    found = compare("it", {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert len(found.seconds) == 3


def test_a_comparison_tells_median_least_and_greatest() -> None:
    told = Comparison("it", "a", "b", ((1.0, 2.0), (3.0, 2.0), (4.0, 4.0))).to_json()
    assert (told["ratio"], told["median"], told["least"], told["greatest"]) == ("a / b", 1.0, 0.5, 1.5)
    assert (told["seconds"], told["rounds"]) == ([3.0, 2.0], 3)


def test_all_comparisons_of_the_page_are_made(model: gh.GazeModel, sample: Any) -> None:
    found = list(measure(model, sample, HEADS, rounds=1, tokens=2))
    assert [f"{each.what}: {each.first} / {each.second}" for each in found] == [
        "discovery: recipe / ours",
        "discovery: ours / one plain forward",
        "3 targets, every row steered: recipe / ours",
        "3 targets, the answer's rows: recipe / ours",
        "one answer of 2 tokens: steered / unsteered",
        "one answer of 2 tokens: recorded / unsteered",
        "one answer of 2 tokens: unsteered / transformers",
    ]


def test_ways_that_do_not_do_the_same_are_not_compared(
    model: gh.GazeModel, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(speed.naive, "gaze_scores", lambda *_: np.zeros((model.n_layers, model.n_heads)))
        with pytest.raises(SeamError, match="Gaze scores are off by"):
            next(measure(model, sample, HEADS))
    monkeypatch.setattr(speed.naive, "redirected", lambda *_: [[1] * 8] * 3)
    with pytest.raises(SeamError, match="3 of 3 steered answers differ"):
        next(measure(model, sample, HEADS))

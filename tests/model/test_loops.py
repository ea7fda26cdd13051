"""Answers that run in circles: real loops, made by over-steering the bundled model."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from steered_runs import Keeps
from torch import Tensor

import gazeheads as gh
from gazeheads import prompts
from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.model.bundled import HEADS
from gazeheads.model.decoding import collate, produce
from gazeheads.model.loops import Listener
from gazeheads.model.scene import Scene
from gazeheads.text import loop


@pytest.fixture(scope="module")
def bundled() -> gh.GazeModel:
    return gh.load()


@pytest.fixture(scope="module")
def strip(bundled: gh.GazeModel) -> Scene:
    sample = bundled.resized(gh.doodles(1, 5, "dev")[0])
    return bundled.encode(sample.image, prompts.THIS_PANEL, panels=sample.boxes)


@pytest.fixture(scope="module")
def every(bundled: gh.GazeModel) -> list[gh.Head]:
    return [gh.Head(layer, head) for layer in range(bundled.n_layers) for head in range(bundled.n_heads)]


@pytest.mark.parametrize(("push", "during"), [("focus", "all"), ("uniform", "answer")])
def test_a_loop_is_flagged_and_can_be_stopped(
    bundled: gh.GazeModel, strip: Scene, every: list[gh.Head], push: str, during: str
) -> None:
    gaze = gh.Gaze(every, strip.panel(3), push, during)  # type: ignore[arg-type]
    free = bundled.generate(strip, gaze, max_new_tokens=40)
    assert "more than 3 times in a row" in free.degenerate
    assert free.softened == ()
    stopped = bundled.generate(strip, gaze, max_new_tokens=40, on_loop="stop")
    assert stopped.finish == "loop"
    n = len(stopped.token_ids)
    assert n < 40
    assert stopped.token_ids == free.token_ids[:n]
    assert loop(stopped.text)
    assert not loop("".join(stopped.token_texts[:-1]))  # it is the last token that closed the loop
    streamed = list(bundled.stream(strip, gaze, max_new_tokens=40, on_loop="stop"))
    assert tuple(token.id for token in streamed) == stopped.token_ids
    assert stopped.to_json()["finish"] == "loop"


def test_softening_lowers_the_push_step_by_step_and_says_so(
    bundled: gh.GazeModel, strip: Scene, every: list[gh.Head]
) -> None:
    gaze = gh.Gaze(every, strip.panel(0), during="all")  # runs in circles three times
    free = bundled.generate(strip, gaze, max_new_tokens=40)
    answer = bundled.generate(strip, gaze, max_new_tokens=40, on_loop="soften", record=gh.Record(every))
    first = answer.softened[0][0]
    assert [strength for _, strength in answer.softened] == [0.5, 0.25, 0.0][: len(answer.softened)]
    assert answer.token_ids[:first] == free.token_ids[:first]
    assert answer.token_ids != free.token_ids
    starts = [0, *(start for start, _ in answer.softened)]
    assert len(starts) > 2
    for start, stop in pairwise(starts):  # each step needs a loop of its own
        assert loop("".join(answer.token_texts[start:stop]))
    assert answer.effect is not None
    before, after = answer.effect.before_by_token, answer.effect.after_by_token
    steps = [(0, 1.0), *answer.softened, (len(answer.token_ids), 0.0)]
    for (start, strength), (stop, _) in pairwise(steps):
        for token in range(start, stop):  # focus: all mass inside, mixed with what it was
            assert after[token] == pytest.approx(before[token] * (1 - strength) + strength, abs=1e-4)
    assert answer.to_json()["softened"] == [list(step) for step in answer.softened]
    streamed = list(bundled.stream(strip, gaze, max_new_tokens=40, on_loop="soften"))
    assert tuple(token.id for token in streamed) == answer.token_ids
    assert [token.strength for token in streamed] == [
        [s for start, s in steps[:-1] if start <= token.index][-1] for token in streamed
    ]


def test_rows_that_loop_end_or_soften_and_the_others_go_on(
    bundled: gh.GazeModel, strip: Scene, every: list[gh.Head]
) -> None:
    over, selected = gh.Gaze(every, strip.panel(3)), gh.Gaze(gh.Heads.load(HEADS).selected, strip.panel(3))
    gazes = [over, None, selected, over]
    for policy in ("stop", "soften"):
        many = bundled.generate([strip] * 4, gazes, max_new_tokens=30, on_loop=policy)  # type: ignore[arg-type]
        for row, gaze in enumerate(gazes):
            if policy == "soften" and gaze is None:
                alone = bundled.generate(strip, max_new_tokens=30)
            else:
                alone = bundled.generate(strip, gaze, max_new_tokens=30, on_loop=policy)  # type: ignore[arg-type]
            assert many[row].token_ids == alone.token_ids
            assert many[row].finish == alone.finish
            assert many[row].softened == alone.softened
    assert many[1].softened == many[2].softened == ()


@pytest.mark.parametrize("policy", ["stop", "soften"])
def test_loops_are_heard_in_a_static_cache_too(
    bundled: gh.GazeModel, strip: Scene, every: list[gh.Head], policy: Any
) -> None:
    gazes = [gh.Gaze(every, strip.panel(3)), None, gh.Gaze(every, strip.panel(1), "uniform", "answer")]
    ours, static = (
        bundled.generate([strip] * 3, gazes, max_new_tokens=24, on_loop=policy, **more)
        for more in ({}, {"cache_implementation": "static", "disable_compile": True})
    )
    assert [answer.finish for answer in ours].count("loop") == (2 if policy == "stop" else 0)
    assert [bool(answer.softened) for answer in ours] == [policy == "soften", False, policy == "soften"]
    for one, other in zip(ours, static, strict=True):
        assert (other.token_ids, other.finish, other.softened) == (one.token_ids, one.finish, one.softened)


PUSHES = [gh.Push.focus(), gh.Push.uniform(), gh.Push.reweigh(), gh.Push.bias(3, -2, 0.5, -0.5)]


@pytest.mark.parametrize("push", PUSHES, ids=str)
def test_rows_that_are_softened_to_nothing_are_as_if_unsteered(
    model: gh.GazeModel, scene: Scene, push: gh.Push
) -> None:
    """From the third token on, over the same cache, another row goes on being steered: bit for bit."""
    heads = [gh.Head(0, 1), gh.Head(1, 2), gh.Head(1, 3), gh.Head(2, 0)]
    gaze = gh.Gaze(heads, scene.box(21, 13, 100, 59), push)  # cuts through cells
    beside = gh.Gaze(heads[1:], scene.panel(0))

    def run(gone: bool) -> tuple[list[Tensor], gh.Effect, Any]:
        both = Steering([gaze, beside], model.n_layers, model.n_heads)
        rest = Steering([None, beside], model.n_layers, model.n_heads)
        every = gh.Record([gh.Head(layer, head) for layer in range(3) for head in range(4)], "heads")
        recorder = Recorder([scene.grid] * 2, [every] * 2, model.n_layers, model.n_heads)
        steps = produce(model.hf, collate(model.hf, model.family, [scene] * 2, 0), 6, keeps := Keeps())
        for token in range(6):
            if token == 3:
                both.soften(0, 0.0)
            with torch.no_grad(), attached(model.hf, rest if gone and token >= 3 else both, recorder):
                next(steps)
        effect = both.effects([6, 6])[0]
        assert effect is not None
        return keeps.kept, effect, np.array(recorder.patterns([6, 6]))

    softened, effect, looks = run(False)
    unsteered, _, own = run(True)
    assert all(map(torch.equal, softened, unsteered))
    assert np.array_equal(looks, own)
    assert effect.before_by_token[3:] == effect.after_by_token[3:] != (None,) * 3
    assert effect.before_by_token[:3] != effect.after_by_token[:3]


def test_a_row_without_a_gaze_is_not_softened(strip: Scene) -> None:
    steering = Steering([None, gh.Gaze([gh.Head(0, 0)], strip.panel(1))], 8, 12)
    listener = Listener(steering, lambda tokens: "la " * len(tokens), "soften")
    assert [listener.hear([5, 5]) for _ in range(16)] == [[]] * 16
    assert listener.softened == [[], [(4, 0.5), (8, 0.25), (12, 0.0)]]

"""Steering of paged batches against plain loops in float64: every push, scope, schedule, mix and paging."""

import numpy as np
import paged_batch as paged
import pytest
import torch
from paged_batch import Batch, expected, request

from gazeheads.attention.call import Call, ForwardPass
from gazeheads.attention.steering import Steering
from gazeheads.gaze.gaze import DURING, Gaze
from gazeheads.gaze.push import Push
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.regions.grid import Box
from gazeheads.regions.mix import Mix
from gazeheads.regions.region import Region
from gazeheads.serve.proof import effect_of

GRID = paged.grid()
LEFT, RIGHT = (Region.box(GRID, Box(x, 0, x + 15, 20)) for x in (0, 15))  # half of the middle column each
HEADS = [Head(1, 0), Head(1, 3), Head(2, 1)]
PUSHES = [
    Push("focus"),
    Push("uniform"),
    Push("reweigh"),
    Push.bias(3, -2),
    Push.bias(0, -1, text=-2, generated=1),
]
N = GRID.n_prompt


def gaze(at=LEFT, **more) -> Gaze:
    return Gaze(HEADS, at, **more)


def assert_as_expected(requests, layer=1, **more) -> None:
    batch = Batch(requests)
    torch.testing.assert_close(
        batch.steer(layer, **more), expected(batch, layer, **more), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("push", PUSHES, ids=str)
@pytest.mark.parametrize("during", DURING)
def test_prompts_and_tokens_of_every_push_and_scope(push, during):
    one = gaze(push=push, during=during)
    assert_as_expected(
        [request(one, 0, N, 1), request(one, N + 2, 1, 2), request(None, 4, 3, 3), request(one, N, 1, 4)]
    )


def test_many_gazes_at_once_are_not_mixed_up():
    gazes = [gaze(at, push=push, during="answer") for at in (LEFT, RIGHT, ~LEFT) for push in PUSHES]
    assert_as_expected([request(each, N + n, 1, n) for n, each in enumerate(gazes)])


def test_head_weights_mixes_schedules_and_images():
    two = paged.grid(images=2)
    near, far = (Region.box(two, Box(0, 0, 15, 20), image=image) for image in (0, 1))
    plan = Schedule((near, None, Mix([near, far], [3, 1])), (1, 2, 4), None)
    turns = Schedule((near, far), (0, 3), 5)
    n = two.n_prompt
    gazes = [
        Gaze(HEADS, Mix([near, far], [1, 2]), weights=[0.25, 0.0, 1]),
        Gaze(HEADS, far, Push.bias(2, -1), weights=[-1.5, 2, 1]),
        Gaze(HEADS, plan, during="answer"),
        Gaze(HEADS, turns, "uniform", during="decode"),
    ]
    for token in (0, 1, 2, 3, 4, 7):
        assert_as_expected([request(each, n - 1 + token, 1, 9 + token) for each in gazes])
    assert_as_expected(
        [request(each, 0, n + 6, 5) for each in gazes]
    )  # one that was set back, run anew as a whole


def test_windows_and_caps():
    one = gaze(during="all")
    assert_as_expected([request(one, 0, N, 1), request(one, N, 1, 2)], window=5)
    assert_as_expected([request(one, 0, N, 1), request(one, N, 1, 2)], cap=1.5)


def test_a_prompt_in_chunks_is_steered_as_the_whole(monkeypatch):
    whole = Batch([request(gaze(), 0, N, 1)])
    output = whole.steer(1)
    r = whole.requests[0]
    for start, stop in ((0, 3), (3, 8), (8, N)):
        part = paged.Request(r.gaze, start, stop - start, r.query[start:stop], r.key[:stop], r.value[:stop])
        batch = Batch([part])
        batch.output = whole.output[start:stop]
        batch.running = whole.running
        torch.testing.assert_close(batch.steer(1), output[start:stop])
    told = whole.running[0].told(1)
    monkeypatch.setattr("gazeheads.serve.steps.CHUNK", 20)  # as little at a time as can be
    small = Batch([r])
    torch.testing.assert_close(small.steer(1), output)
    np.testing.assert_allclose(small.running[0].told(1)["prompt"], told["prompt"], rtol=1e-5)


def test_other_rows_and_heads_keep_every_bit():
    batch = Batch([request(None, 0, 5, 1), request(gaze(), N, 1, 2), request(None, N, 1, 3)])
    after = batch.steer(1)
    kept = torch.ones_like(after, dtype=torch.bool)
    kept[5, [0, 3]] = False
    assert torch.equal(after[kept], batch.output[kept]) and not torch.equal(after, batch.output)


def test_a_bias_of_nothing_only_measures():
    batch = Batch([request(gaze(push=Push.bias(0)), N, 1, 2)])
    assert torch.equal(batch.steer(1), batch.output)
    before, after, steered, blind = batch.running[0].told(3)["tokens"][1]
    assert before == after > 0 and (steered, blind) == (2, 0)


def test_heads_are_counted_over_devices():
    batch = Batch([request(gaze(), N, 1, 2)])
    second = batch.steer(1, first_head=3)  # this device holds heads 3 to 6: only L1H3 is here, as its first
    assert torch.equal(second[:, 1:], batch.output[:, 1:]) and not torch.equal(
        second[:, 0], batch.output[:, 0]
    )


@pytest.mark.parametrize("push", PUSHES, ids=str)
def test_the_proof_is_that_of_our_own_engine(push):
    one = gaze(push=push, during="all")
    whole = request(one, 0, N + 3, 1)
    batch = Batch([whole])
    batch.steer(1)
    told = batch.running[0].told(4)
    steering = Steering([one], 4, paged.N_HEADS)
    query, key, value = (each.transpose(0, 1)[None] for each in (whole.query, whole.key, whole.value))
    forward = ForwardPass.of(None, N + 3, N + 3, 1, whole.query.device)
    steering.attend(Call(1, forward, query, key, value, None, paged.SCALE, batch.output.clone()[None], True))
    ours, theirs = steering.effects([4])[0], effect_of(np.array(told["prompt"]), np.array(told["tokens"]))
    assert (ours.rows_steered, ours.rows_blind) == (theirs.rows_steered, theirs.rows_blind)
    assert theirs.rows_blind == 2 * 2  # two tokens of text stand before the image
    for name in ("before", "after", "prompt_before", "prompt_after"):
        assert getattr(theirs, name) == pytest.approx(getattr(ours, name), abs=1e-6)
    assert theirs.after_by_token == pytest.approx(ours.after_by_token, abs=1e-6)


def test_the_trace_is_where_the_heads_looked():
    batch = Batch([request(gaze(during="decode"), N - 1, 3, 2)])
    batch.steer(1)
    trace = np.array(batch.running[0].told(3)["trace"])
    assert trace.shape == (3, len(GRID))
    outside = LEFT.weights == 0
    assert trace[0, outside].sum() > 0  # not steered yet, and traced all the same
    assert trace[1:, outside].sum() == 0 and trace[1:].sum(1) == pytest.approx(2)  # two heads of this layer


def test_a_row_that_ran_twice_counts_once():
    batch = Batch([request(gaze(), N, 1, 2)])
    batch.steer(1)
    once = batch.running[0].told(2)
    batch.steer(1)
    assert batch.running[0].told(2) == once

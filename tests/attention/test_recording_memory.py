"""Memory of recording and steering, by a meter: it grows with tokens x image tokens, never with tokens x tokens."""

from typing import Any

import pytest
import torch
import zoo
from metering import Meter

from gazeheads import Gaze, Head, Push, Record, Scene
from gazeheads.attention import steering as steering_module
from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering

EVERY = [Head(layer, head) for layer in range(zoo.LAYERS) for head in range(zoo.HEADS)]
FLOAT = 4  # bytes


@pytest.fixture(scope="module")
def hf() -> Any:
    return zoo.build("qwen3_vl", max_position_embeddings=2048)


@torch.no_grad()
def metered(hf: Any, scene: Scene, probe: Any, n_tokens: int = 4) -> Meter:
    """The memory of the tensors that a probe makes, over a prefill and some tokens; `probe` still holds its own."""
    meter = Meter()
    probe.attend = meter.around(probe.attend)
    with attached(hf, probe):
        hf.generate(**zoo.inputs(hf, [scene]), max_new_tokens=n_tokens, do_sample=False)
    return meter


def recorder(scene: Scene) -> Recorder:
    return Recorder([scene.grid], [Record(EVERY, "heads")], zoo.LAYERS, zoo.HEADS)


def test_the_meter_counts_what_lives_and_not_views() -> None:
    meter = Meter()
    outside = torch.zeros(100)
    with meter:
        kept = torch.zeros(1000)
        view = kept[10:].view(99, 10)
        outside.add_(1)
        assert (meter.live, meter.peak, meter.largest) == (4000, 4000, 4000)
        (kept + 1).sum()
        assert (meter.live, meter.largest) == (4000, 4000)
        assert meter.peak >= 8000
    del kept
    assert meter.live == 4000
    del view
    assert meter.live == 0


def test_what_a_recording_keeps_grows_with_tokens_and_image_tokens(hf: Any) -> None:
    """Twice the prompt: only two tables over the keys of the newest pass, 12 bytes for each.

    The rest is the trace, and where each head finds each image token: 24 bytes, as much as six tokens of the trace.
    """

    def kept(prompt: int, cols: int, n_tokens: int) -> int:
        scene = zoo.prompt(prompt, 3, cols)
        probe = recorder(scene)
        return metered(hf, scene, probe, n_tokens).live

    base = kept(200, 8, 4)
    assert 0 <= kept(400, 8, 4) - base <= 12 * 200
    trace = len(EVERY) * 16 * FLOAT  # of one token
    assert 10 * trace < base < 11 * trace + 12 * 210
    assert kept(200, 8, 8) - base == pytest.approx(4 * trace, rel=0.1)
    assert kept(200, 16, 4) - base == pytest.approx(10 * trace, rel=0.1)


def test_what_a_recording_needs_on_the_way_grows_with_the_prompt_not_with_its_square(hf: Any) -> None:
    small, large = (metered(hf, scene, recorder(scene)) for scene in (zoo.prompt(200, 3), zoo.prompt(400, 3)))
    assert large.peak < 2.05 * small.peak
    assert large.largest < 2.05 * small.largest
    assert large.largest < 400 * 400 * FLOAT / 10


@pytest.mark.parametrize(
    "push", [Push.focus(), Push.uniform(), Push.reweigh(), Push.bias(2.0, -1.0)], ids=str
)
@pytest.mark.parametrize("during", ["answer", "decode"])
def test_steering_the_answer_needs_memory_for_its_rows_alone(hf: Any, during: Any, push: Push) -> None:
    meters = [
        metered(hf, scene, Steering([Gaze(EVERY, scene.panel(1), push, during)], zoo.LAYERS, zoo.HEADS))
        for scene in (zoo.prompt(200, 3), zoo.prompt(400, 3))
    ]
    small, large = meters
    assert large.peak < 2.05 * small.peak
    assert large.largest < 400 * 400 * FLOAT / 10


@pytest.mark.parametrize(
    "push", [Push.focus(), Push.uniform(), Push.reweigh(), Push.bias(2.0, -1.0)], ids=str
)
def test_steering_the_prompt_is_bounded_by_its_chunks(
    hf: Any, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten chunks' worth at most, and a few numbers for each query, whatever the prompt's length."""
    chunk = 2**14
    monkeypatch.setattr(steering_module, "CHUNK", chunk)
    for length in (200, 400):
        scene = zoo.prompt(length, 3)
        meter = metered(hf, scene, Steering([Gaze(EVERY, scene.panel(1), push)], zoo.LAYERS, zoo.HEADS), 2)
        assert meter.largest <= chunk * FLOAT
        assert meter.peak <= 10 * chunk * FLOAT + 200 * length
        assert zoo.HEADS * length * length > 9 * chunk  # one layer's patterns would not fit

"""A device that is not the CPU, pretended: what a GPU would refuse is refused, and nothing of ours asks for it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pretend_device import DEVICE, Pretended, counting, on_pretend_device

import gazeheads as gh
from gazeheads.model.bundled import HEADS

THIS_PANEL = "What is happening in this panel of the comic strip?"
PUSHES = [gh.Push.focus(), gh.Push.uniform(), gh.Push.reweigh(), gh.Push.bias(3, -3)]


@pytest.fixture(scope="module")
def there() -> gh.GazeModel:
    model = gh.load()
    on_pretend_device(model.hf)
    return model


@pytest.fixture(scope="module")
def here() -> gh.GazeModel:
    return gh.load()


@pytest.fixture(scope="module")
def heads() -> gh.Heads:
    return gh.Heads.load(HEADS).selected


def strip(model: gh.GazeModel) -> gh.Scene:
    sample = model.resized(gh.doodles(n=1)[0])
    return model.encode(sample.image, THIS_PANEL, panels=sample.boxes)


def test_the_pretended_device_refuses_what_cuda_refuses() -> None:
    ours = torch.arange(3.0, device=DEVICE)
    assert isinstance(ours, Pretended) and ours.device == DEVICE and (ours + 1).device == DEVICE
    with pytest.raises(RuntimeError, match=r"aten::add got tensors on pretend:0 and on cpu: \[\(3,\)\]"):
        ours + torch.ones(3)
    with pytest.raises(TypeError, match="can't convert pretend:0 device type tensor to numpy"):
        np.asarray(ours)
    with counting() as host:
        assert (ours * torch.tensor(2.0)).sum().item() == 6
        assert ours.tolist() == ours.cpu().tolist() == [0, 1, 2]
    assert host.syncs == 3


@pytest.mark.parametrize("push", PUSHES, ids=str)
def test_answers_are_those_of_the_cpu(
    here: gh.GazeModel, there: gh.GazeModel, heads: gh.Heads, push: gh.Push
) -> None:
    """A batch in which rows differ, recorded, by every push; tokens, effect and trace."""
    answers = []
    for model in (here, there):
        scene = strip(model)
        gazes = [None, *(gh.Gaze(heads, at=scene.panel(k), push=push) for k in (1, 4))]
        answers.append(model.generate([scene] * 3, gazes, record=heads, max_new_tokens=8))
    for mine, other in zip(*answers, strict=True):
        assert mine.token_ids == other.token_ids
        assert (mine.effect is None) == (other.effect is None)
        if mine.effect is not None and other.effect is not None:
            assert mine.effect.before == pytest.approx(other.effect.before, abs=1e-5)
            assert mine.effect.after == pytest.approx(other.effect.after, abs=1e-5)
            assert mine.effect.rows_steered == other.effect.rows_steered > 0
        assert mine.trace is not None and other.trace is not None
        np.testing.assert_allclose(mine.trace.attention, other.trace.attention, atol=1e-5)


@pytest.mark.parametrize(
    "use",
    [
        lambda m, h, s: "".join(
            t.text
            for t in m.stream(s, gh.Gaze(h, at=s.panel(2), during="answer"), prefill=m.prefill(s), record=h)
        ),
        lambda m, h, s: (
            m.generate(
                s, gh.Gaze(h, at=gh.Schedule.every(3, s.panels[:3]), during="decode"), max_new_tokens=9
            ).text
        ),
        lambda m, h, s: m.generate(s, gh.Gaze(h, at=s.panel(2)), num_beams=2, max_new_tokens=6).text,
        lambda m, h, s: (
            m.generate(s, do_sample=True, generator=torch.Generator().manual_seed(0), max_new_tokens=6).text
        ),
        lambda m, h, s: m.last_row([s], weighting="value-norm-share")[0].round(3).tolist(),
        lambda m, h, s: str(gh.discover(m, gh.doodles(n=2, seed=1, split="dev"))),
    ],
    ids=["stream", "tour", "beams", "sampling", "last row", "discover"],
)
def test_every_way_to_run_the_model(
    here: gh.GazeModel,
    there: gh.GazeModel,
    heads: gh.Heads,
    use: Callable[[gh.GazeModel, gh.Heads, gh.Scene], object],
) -> None:
    assert use(here, heads, strip(here)) == use(there, heads, strip(there))

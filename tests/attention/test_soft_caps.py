"""Soft-capped text models: idle they are their own eager selves, and steering and recording see the capped pattern."""

from typing import Any

import independent_steering
import pytest
import torch
import zoo
from torch import Tensor

from gazeheads import Gaze, Head, Push, Record, Scene, Schedule
from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.attention.supported import capped, eager_attention
from gazeheads.errors import SeamError

TOKENS = 5
EVERY = [Head(layer, head) for layer in range(zoo.LAYERS) for head in range(zoo.HEADS)]
STEERED = [Head(0, 1), Head(1, 0), Head(1, 3), Head(2, 2)]


@pytest.fixture(scope="module")
def hf() -> Any:
    return zoo.build("paligemma")


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [zoo.prompt(20, 3, 4, seed=1), zoo.prompt(14, 2, 4, seed=2)]


@torch.no_grad()
def spoken(hf: Any, inputs: dict[str, Tensor]) -> tuple[list[list[int]], Tensor]:
    out = hf.generate(
        **inputs, max_new_tokens=TOKENS, do_sample=False, output_logits=True, return_dict_in_generate=True
    )
    return out.sequences[:, inputs["input_ids"].shape[1] :].tolist(), torch.stack(out.logits, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rows, both_ways", [(1, True), (2, True), (2, False)])
def test_an_idle_model_is_its_own_eager_self_bit_for_bit(
    hf: Any, scenes: list[Scene], dtype: torch.dtype, rows: int, both_ways: bool
) -> None:
    """Prefill, and decoding past the sliding window; the cap is felt, so the branch cannot be without it."""
    hf = zoo.build("paligemma").to(dtype)
    inputs = zoo.inputs(hf, scenes[:rows], both_ways=both_ways)
    plain = spoken(hf, inputs)
    with attached(hf):
        idle = spoken(hf, inputs)
    assert plain[0] == idle[0]
    assert torch.equal(plain[1], idle[1])
    assert torch.isfinite(idle[1]).all()
    loose = zoo.build("paligemma", attn_logit_softcapping=None).to(dtype)
    assert (spoken(loose, inputs)[1][:, 0] - plain[1][:, 0]).abs().max() > 1e-2


def test_a_model_of_this_kind_without_a_cap_is_its_own_eager_self_too(scenes: list[Scene]) -> None:
    hf = zoo.build("paligemma", attn_logit_softcapping=None)
    plain = spoken(hf, zoo.inputs(hf, scenes))
    with attached(hf):
        assert torch.equal(spoken(hf, zoo.inputs(hf, scenes))[1], plain[1])


def test_the_model_has_its_eager_attention_back(hf: Any, scenes: list[Scene]) -> None:
    config = hf.config
    assert (config.text_config._attn_implementation, config._attn_implementation) == ("eager", "sdpa")
    with attached(hf):
        assert config.text_config._attn_implementation == "gazeheads"
    assert (config.text_config._attn_implementation, config._attn_implementation) == ("eager", "sdpa")
    assert config.vision_config._attn_implementation == "sdpa"


@torch.no_grad()
def own_patterns(hf: Any, scene: Scene, answer: list[int]) -> Tensor:
    """(layer, head, token, image token) by the model's own eager attention and `output_attentions`."""
    every = hf(**zoo.inputs(hf, [scene], [answer[:-1]]), output_attentions=True, use_cache=False).attentions
    whole = torch.stack([layer[0] for layer in every])
    return whole[:, :, scene.n_prompt - 1 :, torch.tensor(scene.grid.positions)]


def test_recorded_rows_equal_eager_attention(hf: Any, scenes: list[Scene]) -> None:
    grids = [scene.grid for scene in scenes]
    recorder = Recorder(grids, [Record(EVERY, "heads")] * 2, zoo.LAYERS, zoo.HEADS)
    with attached(hf, recorder):
        answers, _ = spoken(hf, zoo.inputs(hf, scenes))
    for scene, answer, found in zip(scenes, answers, recorder.patterns([TOKENS] * 2), strict=True):
        expected = own_patterns(hf, scene, answer)
        assert expected[1].max() > 0.2  # the heads do look somewhere
        torch.testing.assert_close(torch.tensor(found), expected.flatten(0, 1), atol=1e-5, rtol=0)


PUSHES = [Push.focus(), Push.uniform(), Push.reweigh(), Push.bias(2.5, -1.5, 0.5, -0.75)]


@pytest.mark.parametrize("push", PUSHES, ids=str)
def test_steered_rows_are_recorded_as_they_were_steered(hf: Any, scenes: list[Scene], push: Push) -> None:
    """Both against the independent implementation; the other rows and heads only feel what became of it."""
    gazes = [Gaze(STEERED, Schedule.every(2, scene.panels), push, "answer") for scene in scenes]
    grids = [scene.grid for scene in scenes]
    recorder = Recorder(grids, [Record(EVERY, "heads")] * 2, zoo.LAYERS, zoo.HEADS)
    with attached(hf, Steering(gazes, zoo.LAYERS, zoo.HEADS), recorder):
        answers, logits = spoken(hf, zoo.inputs(hf, scenes))
    rows = zip(scenes, gazes, answers, recorder.patterns([TOKENS] * 2), logits, strict=True)
    for scene, gaze, answer, found, chosen in rows:
        expected = independent_steering.patterns(hf, scene, gaze, answer).flatten(0, 1)
        torch.testing.assert_close(torch.tensor(found), expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(
            chosen, independent_steering.logits(hf, scene, gaze, answer), atol=3e-5, rtol=0
        )
        assert (expected - own_patterns(hf, scene, answer).flatten(0, 1)).abs().max() > 0.1


def test_the_cap_bounds_logits_and_leaves_small_ones(hf: Any) -> None:
    logits = torch.tensor([-1000.0, -0.01, 0.0, 0.01, 1000.0])
    assert torch.equal(capped(logits, None), logits)
    torch.testing.assert_close(
        capped(logits, 3.0), torch.tensor([-3.0, -0.01, 0.0, 0.01, 3.0]), atol=1e-6, rtol=0
    )


def test_capped_attention_without_a_mask_raises() -> None:
    x = torch.zeros(1, 1, 2, 4)
    with pytest.raises(SeamError, match="was reached without a mask, .* Pass the 2-D attention mask"):
        eager_attention(x, x, x, None, 1.0, 3.0)

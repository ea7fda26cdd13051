"""The laws of steering on other text models, each against an independent eager implementation (`independent_steering`).

One batch mixes all pushes, scopes, schedules and lengths, padded on the left, so every test below also says that each
row of it is its own.
"""

import pytest
import torch
import zoo
from mixed_batch import STEERED, TEXT_MODELS, TOKENS, agree, by_hand, empty, generated, mixed

from gazeheads import Gaze, Schedule
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.errors import SeamError


@pytest.mark.parametrize("kind", TEXT_MODELS)
def test_every_text_model_is_steered_as_by_the_definitions(kind: str) -> None:
    hf, rows = zoo.build(kind), mixed()
    agree(hf, rows, *generated(hf, rows))


@pytest.mark.parametrize("kind", [kind for kind in TEXT_MODELS if kind != "paligemma"])
def test_with_a_static_cache_too(kind: str) -> None:
    hf, rows = zoo.build(kind), mixed()
    agree(hf, rows, *generated(hf, rows, cache_implementation="static", disable_compile=True))


def test_a_soft_capped_model_with_a_static_cache() -> None:
    """By hand: transformers 5.23 itself cannot generate with PaliGemma 2 and a static cache."""
    hf, rows = zoo.build("paligemma"), mixed()
    scenes, gazes = zip(*rows, strict=True)
    inputs = zoo.inputs(hf, scenes)
    agree(hf, rows, *by_hand(hf, gazes, empty(hf, static=True), inputs, [inputs["input_ids"].shape[1]]))


@pytest.mark.parametrize("kv_heads", [1, 4])
def test_heads_that_share_keys_or_do_not(kv_heads: int) -> None:
    hf, rows = zoo.build("qwen3_vl", num_key_value_heads=kv_heads), mixed()
    agree(hf, rows, *generated(hf, rows))


@pytest.mark.parametrize("kind", TEXT_MODELS)
def test_every_beam_is_steered_as_its_row_is(kind: str) -> None:
    """The answers that three beams a row end with, against the independent implementation forced to say the same."""
    hf, rows = zoo.build(kind), mixed()[2:]  # a row that looks freely is among them
    scenes, gazes = zip(*rows, strict=True)
    inputs = zoo.inputs(hf, scenes)
    with torch.no_grad(), attached(hf, Steering(gazes, zoo.LAYERS, zoo.HEADS)):
        out = hf.generate(
            **inputs,
            max_new_tokens=TOKENS,
            do_sample=False,
            num_beams=3,
            num_return_sequences=3,
            output_scores=True,
            output_logits=True,
            return_dict_in_generate=True,
        )
    answers = out.sequences[:, inputs["input_ids"].shape[1] :].tolist()
    logits = torch.stack([step[beam] for step, beam in zip(out.logits, out.beam_indices.T, strict=True)], 1)
    agree(hf, [row for row in rows for _ in range(3)], answers, logits, greedy=False)
    assert len({(place // 3, *answer) for place, answer in enumerate(answers)}) == len(answers)  # three each
    assert len(set(out.beam_indices.flatten().tolist())) > len(rows)  # not just the first beam of each


def test_layers_without_attention_are_left_out() -> None:
    """Linear attention has no pattern: a head there cannot be steered, and the others are steered as ever."""
    hf, scene = zoo.build("qwen3_5"), zoo.prompt(20, 3)
    schedule = Schedule.every(2, scene.panels)
    rows = [(scene, Gaze(STEERED[2:], schedule))]
    agree(hf, rows, *generated(hf, rows))
    with (
        pytest.raises(
            SeamError, match=r"Head L0H0 was to be steered, but layer 0 .* Leave it out: layers \[1, 2\]"
        ),
        attached(hf, Steering([Gaze(STEERED, schedule)], zoo.LAYERS, zoo.HEADS)),
    ):
        pass
    assert hf.get_decoder().config._attn_implementation == "sdpa"

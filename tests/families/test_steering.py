"""Every family of models: attention, positions, steering, batches, caches and prefixes."""

import copy

import numpy as np
import pytest
import tiny
import torch
from families_shared import EVERY, IGNORED, STRIP, scene_of
from zoo_families import ZOO, zoo

from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.discovery.discover import discover
from gazeheads.doctor.conformance import batch_error, full_layers, heads_of, prefix_error
from gazeheads.doctor.receptive_fields import decoder_inputs
from gazeheads.gaze.gaze import Gaze
from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel

pytestmark = IGNORED
NO_PREFIX = {"paligemma"}  # all of the prompt sees all of it


# ------------------------------------------------------------------------------------------- attention and steering


@EVERY
def test_an_idle_seam_changes_no_bit_and_leaves_nothing_behind(name: str) -> None:
    model, scene = zoo(name), scene_of(name)
    with torch.no_grad():
        plain = model.hf(**scene.tensors).logits
        with attached(model.hf):
            idle = model.hf(**scene.tensors).logits
        answer = model.generate(scene, Gaze(heads_of(model), scene.box(0, 0, 84, 56)), max_new_tokens=2)
        after = model.hf(**scene.tensors).logits
    assert answer.effect is not None
    assert torch.equal(plain, idle)
    assert torch.equal(plain, after)
    parts = [getattr(model.hf.config, part) for part in model.hf.config.sub_configs]
    assert {part._attn_implementation for part in parts if hasattr(part, "_attn_implementation")} == {"sdpa"}


@EVERY
def test_positions_are_those_that_the_model_gives_itself(name: str) -> None:
    model, scene = zoo(name), scene_of(name, tiny.noise(*STRIP), tiny.noise(84, 112))
    own = decoder_inputs(model, scene.tensors).get("position_ids")
    if own is None:
        own = torch.arange(scene.n_prompt)[None]
    assert torch.equal(own.expand(scene.positions.shape) if own.ndim == 2 else own[-3:], scene.positions)


@EVERY
def test_answers_are_those_of_transformers(name: str) -> None:
    model, scene = zoo(name), scene_of(name, prompt="Who?")
    out = model.hf.generate(**scene.tensors, max_new_tokens=5, do_sample=False)
    assert list(model.generate(scene, max_new_tokens=5).token_ids) == out[0, scene.n_prompt :].tolist()


@EVERY
def test_steered_heads_look_at_the_target_and_nowhere_else(name: str) -> None:
    model, scene = zoo(name), scene_of(name)
    for region in (scene.box(0, 0, 84, 56), scene.box(100, 0, 168, 56, views="detail")):
        answer = model.generate(scene, Gaze(heads_of(model), region, during="answer"), max_new_tokens=4)
        effect = answer.effect
        assert effect is not None
        assert effect.rows_steered
        assert effect.before is not None
        assert effect.after == pytest.approx(1, abs=1e-5)
        assert effect.before < 0.95


@EVERY
def test_steering_differs_only_through_the_steered_heads(name: str) -> None:
    """With the output weights of the steered heads at zero, steering changes nothing."""
    model, scene = zoo(name), scene_of(name)
    layer, head = full_layers(model)[-1], 1
    attention = model.hf.get_decoder().layers[layer].self_attn
    steering = Steering([Gaze([Head(layer, head)], scene.box(0, 0, 84, 56))], model.n_layers, model.n_heads)
    size = attention.o_proj.weight.shape[1] // model.n_heads
    mine = slice(head * size, (head + 1) * size)
    with torch.no_grad():
        free = model.hf(**scene.tensors).logits
        with attached(model.hf, steering):
            steered = model.hf(**scene.tensors).logits
        kept = attention.o_proj.weight.detach().clone()
        attention.o_proj.weight[:, mine] = 0
        try:
            free_without = model.hf(**scene.tensors).logits
            with attached(model.hf, steering):
                steered_without = model.hf(**scene.tensors).logits
        finally:
            attention.o_proj.weight.copy_(kept)
    assert (free - steered).abs().max() > 1e-4
    assert torch.equal(free_without, steered_without)


@EVERY
def test_rows_of_a_batch_are_what_they_are_alone(name: str) -> None:
    """Different images and prompts, padding on the left, two rows of one image, each with its own gaze."""
    model = zoo(name)
    strip, other = tiny.noise(*STRIP, seed=1), tiny.noise(84, 112, seed=2)
    scenes = [
        scene_of(name, strip, prompt="Who?"),
        scene_of(name, other, prompt="What is going on here?"),
        scene_of(name, strip, prompt="And why?"),
    ]
    gazes = [
        Gaze(heads_of(model), scenes[0].box(0, 0, 84, 56)),
        None,
        Gaze(heads_of(model)[:1], scenes[2].box(84, 0, 168, 56)),
    ]
    assert batch_error(model, scenes, gazes) < 1e-5
    answers = model.generate(scenes, gazes, max_new_tokens=3)
    for answer, scene, gaze in zip(answers, scenes, gazes, strict=True):
        single_answer = model.generate(scene, gaze, max_new_tokens=3)
        assert answer.token_ids == single_answer.token_ids
        if gaze is not None:
            assert answer.effect is not None
            assert single_answer.effect is not None
            assert answer.effect.before == pytest.approx(single_answer.effect.before, abs=1e-5)


@EVERY
def test_a_static_cache_gives_the_same_answer(name: str) -> None:
    model, scene = zoo(name), scene_of(name)
    gaze = Gaze(heads_of(model), scene.box(0, 0, 84, 56))
    ours = model.generate(scene, gaze, max_new_tokens=4)
    static = model.generate(
        scene, gaze, max_new_tokens=4, cache_implementation="static", disable_compile=True
    )
    assert static.token_ids == ours.token_ids
    assert static.effect is not None
    assert ours.effect is not None
    assert static.effect.before == pytest.approx(ours.effect.before, abs=1e-5)


@EVERY
def test_heads_are_found_in_every_layer_that_has_attention(name: str) -> None:
    model = zoo(name)
    strips = [tiny.strip(3, cell=28, seed=seed) for seed in (1, 2)]
    heads = discover(model, strips, batch_size=4)
    layers = [n for n, layer in enumerate(model.hf.get_decoder().layers) if hasattr(layer, "self_attn")]
    assert {head.layer for head in heads} == set(layers)
    assert len(heads) == len(layers) * model.n_heads
    scores = np.array([heads.score(head) for head in heads])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert len(set(scores)) > 1


@EVERY
def test_a_prefix_with_the_picture_can_be_shared(name: str) -> None:
    """What two prompts have in common once, the rest of each after it, steered: as if run whole."""
    model = zoo(name)
    scenes = [scene_of(name, prompt=prompt) for prompt in ("Who is it?", "Who was this?")]
    assert (prefix_error(model, scenes) < 1e-5) == (name not in NO_PREFIX)


@EVERY
def test_a_model_in_bfloat16_is_steered_too(name: str) -> None:
    own = zoo(name)
    model = GazeModel(copy.deepcopy(own.hf).to(torch.bfloat16), own.processor, own.name)
    scene = model.encode(tiny.noise(*STRIP), "What is it?", **ZOO[name].settings)
    assert scene.tensors["pixel_values"].dtype == torch.bfloat16
    answer = model.generate(
        scene, Gaze(heads_of(model), scene.box(0, 0, 84, 56), during="answer"), max_new_tokens=3
    )
    assert answer.effect is not None
    assert answer.effect.after == pytest.approx(1, abs=1e-5)
    free = model.hf.generate(**scene.tensors, max_new_tokens=3, do_sample=False)[0, scene.n_prompt :]
    assert list(model.generate(scene, max_new_tokens=3).token_ids) == free.tolist()

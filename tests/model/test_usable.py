"""Models and numbers that cannot be believed: told before an answer is, or with it."""

from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from families_shared import EVERY, IGNORED, scene_of
from torch import nn
from zoo_families import zoo

import gazeheads as gh
from gazeheads.errors import ModelError, SceneError
from gazeheads.model import usable
from gazeheads.model.usable import end_tokens, unwrapped

pytestmark = IGNORED


class Peft(nn.Module):
    """A wrapper as PEFT makes it: `base_model.model` is the model, and attributes are passed on but not all."""

    def __init__(self, model: nn.Module, prompts: bool = False) -> None:
        super().__init__()
        self.base_model = nn.Module()
        self.base_model.model = model
        self.peft_config = {"default": SimpleNamespace(is_prompt_learning=prompts)}

    def get_base_model(self) -> nn.Module:
        return self.base_model.model

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.base_model, name)


@EVERY
def test_a_wrapped_model_is_the_model(name: str) -> None:
    model = zoo(name)
    within = gh.GazeModel(Peft(model.hf), model.processor, "wrapped")
    assert within.hf is model.hf
    ours, theirs = scene_of(name), within.encode(tiny.noise(168, 56), "What is it?")
    assert ours.positions.shape[0] == theirs.positions.shape[0]


def test_wrappers_may_be_wrapped_and_others_are_refused() -> None:
    hf = zoo("qwen3_vl").hf
    assert unwrapped(SimpleNamespace(_orig_mod=SimpleNamespace(module=Peft(hf)))) is hf
    with pytest.raises(ModelError, match="tokens of its own before the prompt"):
        unwrapped(Peft(hf, prompts=True))
    with pytest.raises(ModelError, match="A transformers model was asked for; found Linear"):
        unwrapped(nn.Linear(2, 2))


def test_a_compiled_model_is_the_model() -> None:
    model = tiny.tiny_model()
    assert gh.GazeModel(torch.compile(model.hf, backend="eager"), model.processor, "compiled").hf is model.hf


def test_a_family_of_several_axes_needs_what_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.tiny_model()
    monkeypatch.setattr(model.hf.model, "get_rope_index", None)
    with pytest.raises(ModelError, match="has no get_rope_index"):
        model.encode(tiny.noise(168, 56), "What is it?")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_give_no_answer(value: float) -> None:
    model, sample = tiny.tiny_model(), tiny.strip(2)
    scene = model.encode(sample.image, "What is it?", panels=sample.boxes)
    with torch.no_grad():
        model.hf.get_decoder().layers[1].self_attn.q_proj.weight[0, 0] = value
    with pytest.raises(
        ModelError, match="The logits of token 0 of this model are not finite numbers in float32"
    ):
        model.generate(scene, max_new_tokens=2)
    with pytest.raises(ModelError, match="The logits of token 0"):
        list(model.stream(scene, max_new_tokens=2))
    with pytest.raises(ModelError, match="attention patterns of layer 1"):
        gh.discover(model, [sample])
    with pytest.raises(ModelError, match="attention patterns of layer 1"):
        model.last_row([scene])


def test_an_overflow_names_the_dtype() -> None:
    assert "float16 overflows" in str(usable.not_finite("The logits", SimpleNamespace(dtype=torch.float16)))


def test_a_prompt_that_is_longer_than_the_model_is_refused_with_the_numbers() -> None:
    model, sample = tiny.tiny_model(), tiny.strip(2)
    text = model.hf.config.get_text_config()
    scene = model.encode(sample.image, "What is it?")
    needed = int(scene.positions.max()) + 1
    most, text.max_position_embeddings = text.max_position_embeddings, needed + 5
    try:
        with pytest.raises(SceneError, match=f"{needed} positions and 6 of an answer .* has {needed + 5}"):
            model.generate(scene, max_new_tokens=6)
        assert len(model.generate(scene, max_new_tokens=5, min_new_tokens=5).token_ids) == 5
        with pytest.raises(SceneError, match="Shorten the prompt"):
            model.encode(sample.image, "What is it? " * 3)
    finally:
        text.max_position_embeddings = most
    with pytest.raises(SceneError, match="positions was asked for; the model has"):
        model.encode(sample.image, "x" * 200_000)


def test_no_part_of_the_model_may_be_in_training_mode() -> None:
    model, sample = tiny.tiny_model(), tiny.strip(2)
    scene = model.encode(sample.image, "What is it?")
    layer = model.hf.get_decoder().layers[1]
    layer.mlp.train()
    for run in (lambda: model.generate(scene), lambda: model.last_row([scene]), lambda: model.prefill(scene)):
        with pytest.raises(ModelError, match=r"layers\.1\.mlp is in training mode"):
            run()
    layer.mlp.eval()
    assert model.generate(scene, max_new_tokens=1).token_ids


def test_answers_end_where_settings_tokenizer_or_template_end_them(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.tiny_model()
    tokenizer = model.processor.tokenizer
    turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
    hf = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=[3, 5]))
    assert end_tokens(hf, model.processor) == sorted({3, 5, tokenizer.eos_token_id, turn})
    monkeypatch.setattr(model.processor, "chat_template", "{{ raise_exception('no') }}")
    assert end_tokens(hf, model.processor) == sorted({3, 5, tokenizer.eos_token_id})
    hf.generation_config.eos_token_id = None
    assert end_tokens(hf, model.processor) == [tokenizer.eos_token_id]

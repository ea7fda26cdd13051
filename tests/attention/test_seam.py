"""The seam: idle it is not there, it counts positions right, and it leaves everything as it was."""

import copy
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor
from transformers import DynamicCache, StaticCache

from gazeheads.attention.call import Call, ForwardPass
from gazeheads.attention.seam import NAME, attached
from gazeheads.errors import NotSwitched, ProbeNeverFired, SeamError
from gazeheads.heads.head import Head
from gazeheads.model.decoding import collate
from gazeheads.model.model import GazeModel


class Watcher:
    """A probe that notes what it is shown."""

    def __init__(self, layers: set[int]) -> None:
        self.layers = frozenset(layers)
        self.overwrites = frozenset[Head]()
        self.fired = False
        self.calls: list[tuple[int, list[Any], list[Any]]] = []

    def attend(self, call: Call) -> None:
        keys = call.forward_pass.keys(call.n_keys)
        self.calls.append((call.layer, call.forward_pass.queries.tolist(), keys.tolist()))


@pytest.fixture(scope="module")
def batch(model: GazeModel) -> dict[str, Any]:
    """Two prompts of different length, padded on the left."""
    scenes = [
        model.encode(tiny.strip(panels, seed=panels).image, prompt)
        for panels, prompt in ((2, "Who?"), (3, "What is going on here?"))
    ]
    made = collate(model.hf, model.family, scenes, model.processor.tokenizer.pad_token_id)
    return {**made.rows, **made.features, "position_ids": made.positions}


def alone(model: GazeModel) -> dict[str, Tensor]:
    return model.encode(tiny.strip(2).image, "Who?").tensors


@torch.no_grad()
def logits(model: GazeModel, inputs: dict[str, Any], **more: Any) -> Tensor:
    out: Tensor = model.hf(**copy.copy(inputs), **more).logits
    return out


@pytest.mark.parametrize("kind", ["alone", "padded", "static"])
def test_idle_is_bit_equal(model: GazeModel, batch: dict[str, Any], kind: str) -> None:
    inputs = alone(model) if kind == "alone" else batch

    def run() -> Tensor:
        cache: Any = DynamicCache(config=model.hf.config.get_text_config())
        if kind == "static":
            cache = StaticCache(config=model.hf.config.get_text_config(), max_cache_len=128)
        return logits(model, inputs, past_key_values=cache)

    plain = run()
    watcher = Watcher({1})
    with attached(model.hf, watcher):
        watched = run()
    with attached(model.hf):
        nothing = run()
    assert watcher.calls
    assert torch.equal(plain, watched)
    assert torch.equal(plain, nothing)
    assert torch.equal(plain, run())


def test_only_the_text_model_is_switched_and_it_is_switched_back() -> None:
    """The first time and later, from whatever it had; transformers' method is asked the first time only."""
    model = tiny.tiny_model()
    config, asked = model.hf.config, []
    switch = model.hf.set_attn_implementation
    model.hf.set_attn_implementation = lambda name: (asked.append(name), switch(name))
    for own in ("sdpa", "sdpa", "eager"):
        switch({"text_config": own})
        with attached(model.hf):
            assert config.text_config._attn_implementation == NAME
            assert config.vision_config._attn_implementation == "sdpa"
            assert config._attn_implementation == "sdpa"
        assert config.text_config._attn_implementation == own
    assert asked == [{"text_config": NAME}]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_everything_is_restored_after_an_exception(model: GazeModel, error: type[BaseException]) -> None:
    plain = logits(model, alone(model))
    watcher = Watcher({0})

    def run_and_fail() -> None:
        with attached(model.hf, watcher):
            logits(model, alone(model))
            raise error("boom")

    with pytest.raises(error, match="boom"):
        run_and_fail()
    assert model.hf.config.text_config._attn_implementation == "sdpa"
    seen = len(watcher.calls)
    assert torch.equal(plain, logits(model, alone(model)))
    assert len(watcher.calls) == seen == 1


def test_an_exception_in_a_probe_restores_too(model: GazeModel) -> None:
    class Broken(Watcher):
        def attend(self, call: Call) -> None:
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"), attached(model.hf, Broken({0})):
        logits(model, alone(model))
    assert model.hf.config.text_config._attn_implementation == "sdpa"


def test_blocks_nest_and_only_live_probes_are_called(model: GazeModel) -> None:
    outer, inner = Watcher({0}), Watcher({0, 2})
    with attached(model.hf, outer):
        with attached(model.hf, inner):
            logits(model, alone(model))
        assert model.hf.config.text_config._attn_implementation == NAME
        logits(model, alone(model))
    assert [call[0] for call in inner.calls] == [0, 2]
    assert [call[0] for call in outer.calls] == [0, 0]
    assert model.hf.config.text_config._attn_implementation == "sdpa"


def test_two_models_at_once(model: GazeModel) -> None:
    other = tiny.tiny_model(seed=1)
    mine, theirs = Watcher({0}), Watcher({1})
    with attached(model.hf, mine), attached(other.hf, theirs):
        logits(model, alone(model))
        assert (len(mine.calls), len(theirs.calls)) == (1, 0)
        logits(other, alone(other))
    assert (len(mine.calls), len(theirs.calls)) == (1, 1)
    assert other.hf.config.text_config._attn_implementation == "sdpa"


def test_a_probe_that_never_fired_raises(model: GazeModel) -> None:
    with (
        pytest.raises(ProbeNeverFired, match=r"A Watcher on layers \[7\] saw no attention"),
        attached(model.hf, Watcher({7})),
    ):
        logits(model, alone(model))
    with pytest.raises(ProbeNeverFired, match="did not run inside"), attached(model.hf, Watcher({0})):
        pass
    assert model.hf.config.text_config._attn_implementation == "sdpa"


def test_a_model_that_cannot_switch_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.tiny_model()
    monkeypatch.setattr(type(model.hf), "set_attn_implementation", lambda *_: None)
    with (
        pytest.raises(NotSwitched, match='asked to use the attention function "gazeheads" but keeps "sdpa"'),
        attached(model.hf),
    ):
        pass
    assert model.hf.config.text_config._attn_implementation == "sdpa"


def test_a_four_dimensional_mask_raises(model: GazeModel) -> None:
    inputs = alone(model)
    size = inputs["input_ids"].shape[1]
    positions = model.encode(tiny.strip(2).image, "Who?").positions
    mask = torch.ones(1, 1, size, size, dtype=torch.bool).tril()
    with pytest.raises(SeamError, match="Pass the 2-D attention mask"), attached(model.hf, Watcher({0})):
        logits(model, {**inputs, "attention_mask": mask, "position_ids": positions})
    with attached(model.hf, Watcher({0})):
        logits(model, inputs)  # the place of these tokens says nothing about those of the next pass
        with pytest.raises(SeamError, match="Pass the 2-D attention mask"):
            logits(model, {**inputs, "attention_mask": mask, "position_ids": positions})


@pytest.mark.parametrize("static", [False, True])
def test_positions_are_those_of_the_text(model: GazeModel, batch: dict[str, Any], static: bool) -> None:
    """Left-padded prompt, then two tokens at once, then one: every query and key knows its place."""
    lengths = batch["attention_mask"].sum(1).tolist()
    pads = [max(lengths) - length for length in lengths]
    cache: Any = DynamicCache(config=model.hf.config.get_text_config())
    if static:
        cache = StaticCache(config=model.hf.config.get_text_config(), max_cache_len=128)
    watcher = Watcher({1})
    mask = batch["attention_mask"]
    following = batch["position_ids"].amax((0, 2)) + 1
    with attached(model.hf, watcher):
        logits(model, batch, past_key_values=cache)
        for start, count in ((0, 2), (2, 1)):
            mask = torch.cat([mask, mask.new_ones(2, count)], 1)
            ids = torch.full((2, count), 7)
            places = (following[:, None] + torch.arange(start, start + count)).expand(3, -1, -1)
            model.hf(input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=cache)
    for call, extra in zip(watcher.calls, (0, 2, 3), strict=True):
        _, queries, keys = call
        for row, (pad, length) in enumerate(zip(pads, lengths, strict=True)):
            text = [-1] * pad + list(range(length + extra))
            count = len(queries[row])
            assert queries[row] == text[len(text) - count :]
            assert keys[row] == text + [-1] * (len(keys[row]) - len(text))
    assert len(watcher.calls[-1][2][0]) == (128 if static else max(lengths) + 3)


def test_positions_without_a_mask_and_with_too_short_a_one(model: GazeModel) -> None:
    scene = model.encode(tiny.strip(2).image, "Who?")
    inputs = {k: v for k, v in scene.tensors.items() if k != "attention_mask"}
    watcher = Watcher({0})
    cache = DynamicCache(config=model.hf.config.get_text_config())
    with attached(model.hf, watcher):
        logits(model, {**inputs, "position_ids": scene.positions}, past_key_values=cache)
    assert watcher.calls[0][1] == [list(range(scene.n_prompt))]
    with (
        pytest.raises(SeamError, match="covers 1 tokens, the cache and the input hold"),
        attached(model.hf, watcher),
    ):
        model.hf(
            input_ids=torch.tensor([[5]]),
            attention_mask=torch.ones(1, 1, dtype=torch.long),
            position_ids=torch.tensor([[[9]]] * 3),
            past_key_values=cache,
        )


def test_a_layer_that_holds_less_or_more_than_the_text_knows_its_keys() -> None:
    """A sliding window has the newest slots; a static cache has a tail that is not used yet."""
    forward_pass = ForwardPass(torch.tensor([[-1, -1, 0, 1, 2], [0, 1, 2, 3, 4]]), n_queries=1)
    assert forward_pass.keys(3).tolist() == [[0, 1, 2], [2, 3, 4]]
    assert forward_pass.keys(5).tolist() == [[-1, -1, 0, 1, 2], [0, 1, 2, 3, 4]]
    assert forward_pass.keys(7).tolist() == [[-1, -1, 0, 1, 2, -1, -1], [0, 1, 2, 3, 4, -1, -1]]
    assert forward_pass.queries.tolist() == [[2], [4]]

"""What the seam refuses, in its own words, and that it leaves the model as it was."""

import copy
import threading
from typing import Any

import pytest
import torch
import zoo
from probes import Watcher, logits, names, steering

from gazeheads import Scene
from gazeheads.attention.call import Call, ForwardPass
from gazeheads.attention.seam import attached
from gazeheads.attention.supported import must_be_known
from gazeheads.errors import HeadSteeredTwice, NotSwitched, ProbeNeverFired, SeamError, UnknownAttention


@pytest.fixture(scope="module")
def asked() -> Scene:
    return zoo.prompt(18, 3)


def test_two_threads_that_run_one_model_at_once_are_told(asked: Scene) -> None:
    """Another thread's pass in the middle of ours: nobody would know which tokens a layer sees."""
    hf = zoo.build("qwen3_vl")

    def elsewhere() -> None:
        thread = threading.Thread(target=logits, args=(hf, asked))
        thread.start()
        thread.join()

    with (
        pytest.raises(
            SeamError, match="Two threads ran the model at the same time .* Run one after the other"
        ),
        attached(hf, Watcher(0, once=elsewhere)),
    ):
        logits(hf, asked)
    logits(hf, asked)


def test_attention_sinks_are_refused_by_name(asked: Scene) -> None:
    hf = zoo.build("llava")
    before, plain = names(hf), logits(hf, asked)
    with (
        pytest.raises(
            UnknownAttention,
            match=r"LlavaForConditionalGeneration .* given 's_aux' \(attention sinks\), .* use another model",
        ),
        attached(hf),
    ):
        logits(hf, asked)
    assert names(hf) == before
    assert torch.equal(plain, logits(hf, asked))


@pytest.mark.parametrize(
    "name, value, meaning",
    [
        ("position_bias", torch.zeros(1, 4, 18, 18), "a bias of the logits"),
        ("head_mask", torch.ones(4), "a weight for each head"),
        ("indices", torch.zeros(1, dtype=torch.long), "a choice of keys"),
        ("temperature_of_attention", 0.5, "unknown here"),
        ("some_new_thing", torch.ones(1), "unknown here"),
    ],
)
def test_keywords_that_may_change_the_pattern_are_refused(
    name: str, value: Any, meaning: str, asked: Scene
) -> None:
    hf = zoo.build("qwen3_vl")
    with (
        pytest.raises(
            UnknownAttention, match=rf"given '{name}' \({meaning}\), .* Leave it out if you passed it"
        ),
        attached(hf),
    ):
        logits(hf, asked, **{name: value})
    with attached(hf):
        assert logits(hf, asked, **{name: None}, some_flag=True, some_count=3).shape[1] == 18


def test_a_text_model_that_cannot_run_by_sdpa_is_refused_unless_it_caps() -> None:
    must_be_known({"softcap": None}, "Gemma", by_sdpa=False)
    must_be_known({}, "Qwen", by_sdpa=True)
    with pytest.raises(
        UnknownAttention,
        match="The attention of Odd was .* does not run its text model by SDPA .* Use another model",
    ):
        must_be_known({}, "Odd", by_sdpa=False)


def test_attention_that_drops_out_cannot_be_probed(asked: Scene) -> None:
    hf = zoo.build("qwen3_vl", attention_dropout=0.25).train()
    with (
        pytest.raises(
            SeamError, match=r"Layer 1 drops out 0.25 of its attention, .* Call model.eval\(\) first"
        ),
        attached(hf, Watcher(1)),
    ):
        logits(hf, asked)
    capped = zoo.build("paligemma", attention_dropout=0.25).train()
    with pytest.raises(SeamError, match="Layer 0 drops out 0.25"), attached(capped):
        logits(capped, asked, labels=None)
    with attached(hf.eval(), Watcher(1)):
        logits(hf, asked)


def test_two_models_with_one_config_are_refused(asked: Scene) -> None:
    one = zoo.build("qwen3_vl")
    two = type(one)(one.config).eval()
    with attached(one, Watcher(0)):
        with (
            pytest.raises(
                NotSwitched,
                match=r"A second Qwen3VL.* same config object.*copy.deepcopy\(config\), or attach one",
            ),
            attached(two),
        ):
            pass
        logits(one, asked)
    with attached(two, Watcher(0)):
        logits(two, asked)
    three = type(one)(copy.deepcopy(one.config)).eval()
    with attached(one, Watcher(0)), attached(three, Watcher(0)):
        logits(one, asked), logits(three, asked)


def test_a_head_that_is_steered_twice_leaves_the_outer_block_alone(asked: Scene) -> None:
    hf = zoo.build("qwen3_vl")
    free = logits(hf, asked)
    with attached(hf, steering(asked)):
        steered = logits(hf, asked)
        with (
            pytest.raises(
                HeadSteeredTwice, match="Head L1H2 is steered by two gazes at one time. Give each head one"
            ),
            attached(hf, steering(asked)),
        ):
            pass
        assert torch.equal(logits(hf, asked), steered)
    with pytest.raises(HeadSteeredTwice, match="Head L1H2"), attached(hf, steering(asked), steering(asked)):
        pass
    assert names(hf) == ["sdpa"] * 3
    assert torch.equal(logits(hf, asked), free)


def test_a_probe_that_never_fired_is_named(asked: Scene) -> None:
    hf = zoo.build("gemma3")
    with (
        pytest.raises(
            ProbeNeverFired,
            match=r"A Steering on layers \[1\] saw no attention: the model did not run inside the block",
        ),
        attached(hf, steering(asked)),
    ):
        pass
    assert names(hf) == ["sdpa"] * 3


def test_a_mask_for_each_head_is_refused(asked: Scene) -> None:
    query, shared = torch.zeros(1, 4, 2, 8), torch.zeros(1, 2, 2, 8)
    mask = torch.ones(1, 4, 2, 2, dtype=torch.bool)
    call = Call(
        0,
        ForwardPass(torch.arange(2)[None], 2),
        query,
        shared,
        shared,
        mask,
        1.0,
        query.transpose(1, 2),
        True,
    )
    with pytest.raises(
        SeamError, match=r"shape \(1, 4, 2, 2\) differs from head to head.* pass the 2-D attention mask"
    ):
        call.hidden(torch.tensor([0]), 0, 2)


@pytest.mark.parametrize("kind", ["gemma3", "paligemma", "qwen3_vl"])
def test_a_four_dimensional_mask_is_refused_by_every_text_model(kind: str, asked: Scene) -> None:
    hf = zoo.build(kind)
    mask = torch.ones(1, 1, 18, 18, dtype=torch.bool).tril()
    ids = asked.tensors["input_ids"]
    with (
        pytest.raises(
            SeamError, match=r"without building a mask \(a 4-D attention mask was passed\?\), .* Pass the 2-D"
        ),
        attached(hf, Watcher(0)),
        torch.no_grad(),
    ):
        hf(
            input_ids=ids,
            attention_mask={"full_attention": mask, "sliding_attention": mask} if kind == "gemma3" else mask,
        )

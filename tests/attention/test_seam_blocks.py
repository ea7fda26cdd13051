"""Attached blocks leave nothing behind, however and in whichever order they end."""

import gc
import threading
import weakref
from contextlib import ExitStack
from typing import Any

import pytest
import torch
import zoo
from probes import Watcher, logits, names, steering
from torch import Tensor
from transformers import StoppingCriteria, StoppingCriteriaList

from gazeheads import Gaze, Head, Scene
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering

KINDS = ["gemma3", "paligemma", "qwen3_vl"]


@pytest.fixture(scope="module")
def asked() -> Scene:
    return zoo.prompt(18, 3)


class Interrupted(StoppingCriteria):
    """Ctrl-C while the third token is produced."""

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Any:
        if input_ids.shape[1] == 18 + 3:
            raise KeyboardInterrupt
        return torch.zeros(len(input_ids), dtype=torch.bool)


@pytest.mark.parametrize(
    "settings", [{}, {"num_beams": 3}, {"cache_implementation": "static", "disable_compile": True}]
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupt_inside_generate_leaves_nothing_behind(
    kind: str, settings: dict[str, Any], asked: Scene
) -> None:
    if kind == "paligemma" and settings.get("cache_implementation"):
        settings = {}  # transformers 5.23 itself cannot
    hf = zoo.build(kind)
    before, plain = names(hf), logits(hf, asked)
    probe = steering(asked)
    with pytest.raises(KeyboardInterrupt), attached(hf, probe):
        hf.generate(
            **zoo.inputs(hf, [asked]),
            max_new_tokens=9,
            do_sample=False,
            stopping_criteria=StoppingCriteriaList([Interrupted()]),
            **settings,
        )
    assert probe.fired
    assert names(hf) == before
    assert torch.equal(plain, logits(hf, asked))


def test_an_exception_in_one_of_two_models_leaves_the_other_steered(asked: Scene) -> None:
    one, two = zoo.build("gemma3"), zoo.build("qwen3_vl", seed=1)
    free = [logits(hf, asked) for hf in (one, two)]
    with attached(two, steering(asked)):
        alone = logits(two, asked)
    with attached(one, steering(asked)):
        with (
            pytest.raises(RuntimeError, match="boom"),
            attached(two, Watcher(0, once=boom)),
        ):
            logits(two, asked)
        assert torch.equal(logits(two, asked), free[1])
        with attached(two, steering(asked)):
            assert torch.equal(logits(two, asked), alone)
            assert not torch.equal(logits(one, asked), free[0])
    assert [torch.equal(logits(hf, asked), plain) for hf, plain in zip((one, two), free, strict=True)] == [
        True,
        True,
    ]


def boom() -> None:
    raise RuntimeError("boom")


def test_an_exception_in_an_inner_block_leaves_the_outer_one_steering(asked: Scene) -> None:
    hf = zoo.build("gemma3")
    free = logits(hf, asked)
    with attached(hf, steering(asked)):
        outer = logits(hf, asked)
        with (
            pytest.raises(RuntimeError, match="boom"),
            attached(hf, steering(asked, Head(0, 0)), Watcher(2, once=boom)),
        ):
            logits(hf, asked)
        assert torch.equal(logits(hf, asked), outer)
        assert not torch.equal(outer, free)
    assert torch.equal(logits(hf, asked), free)


def test_blocks_may_end_in_any_order(asked: Scene) -> None:
    """As they do where two generators, or two threads, use one model."""
    hf = zoo.build("qwen3_vl")
    free = logits(hf, asked)
    with attached(hf, steering(asked, Head(0, 0))):
        inner = logits(hf, asked)
    first, second = ExitStack(), ExitStack()
    first.enter_context(attached(hf, steering(asked, Head(1, 1))))
    second.enter_context(attached(hf, steering(asked, Head(0, 0))))
    both = logits(hf, asked)
    first.close()
    assert torch.equal(logits(hf, asked), inner)
    assert not torch.equal(both, inner)
    second.close()
    assert torch.equal(logits(hf, asked), free)
    assert names(hf) == ["sdpa"] * 3


def test_threads_may_open_and_close_blocks_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is half-way into its block when the other one comes, and leaves it first."""
    hf = zoo.build("qwen3_vl")
    switch = hf.set_attn_implementation
    half_way, entered, left = threading.Event(), threading.Event(), threading.Event()

    def switch_slowly(name: Any) -> None:
        switch(name)
        half_way.set()
        entered.wait(0.05)

    def other() -> None:
        half_way.wait(5)
        with attached(hf):
            entered.set()
            left.wait(5)

    monkeypatch.setattr(hf, "set_attn_implementation", switch_slowly)
    thread = threading.Thread(target=other)
    thread.start()
    with attached(hf):
        pass
    left.set()
    thread.join()
    assert names(hf) == ["sdpa"] * 3


def test_a_model_that_was_attached_can_be_freed(asked: Scene) -> None:
    hf = zoo.build("qwen3_vl")
    with attached(hf, Watcher(0)):
        logits(hf, asked)
    alive = weakref.ref(hf.get_decoder())
    del hf
    gc.collect()
    assert alive() is None


def test_a_pass_that_was_given_up_does_not_lend_its_places_to_the_next(
    asked: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mask was noted, no layer ran; the next one has as many tokens, but other padding."""
    hf = zoo.build("qwen3_vl")
    short = zoo.prompt(13, 2)
    rows = zoo.inputs(hf, [asked, short])
    turned = {name: x.flip(0) for name, x in rows.items()}
    probe = Steering(
        [Gaze([Head(1, 2)], short.panel(0)), Gaze([Head(1, 2)], asked.panel(0))], zoo.LAYERS, zoo.HEADS
    )
    with torch.no_grad(), attached(hf, probe):
        expected = hf(**turned).logits
        with monkeypatch.context() as patch:
            patch.setattr(hf.get_decoder().layers[0], "forward", lambda *_, **__: boom())
            with pytest.raises(RuntimeError, match="boom"):
                hf(**rows)
        assert torch.equal(hf(**turned).logits, expected)

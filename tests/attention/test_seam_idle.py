"""Idle the seam is not there, bit for bit: in layers that no probe asked for, and in heads that none overwrites."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import zoo
from probes import Watcher
from torch import Tensor

from gazeheads import Gaze, Head, Push, Record
from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering

KINDS = ["gemma3", "paligemma", "qwen3_vl", "qwen3_vl_moe", "qwen3_5"]
SCENES = [zoo.prompt(20, 3, seed=1), zoo.prompt(14, 2, seed=2), zoo.prompt(17, 5, seed=3)]
GRIDS = [scene.grid for scene in SCENES]


@torch.no_grad()
def spoken(hf: Any, rows: int, static: bool) -> Tensor:
    """(row, token, vocabulary) logits of a prefill and of tokens beyond the window, by transformers' own loop."""
    more = {"cache_implementation": "static", "disable_compile": True} if static else {}
    out = hf.generate(
        **zoo.inputs(hf, SCENES[:rows]),
        max_new_tokens=5,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
        **more,
    )
    return torch.stack(out.logits, 1)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    "kind, static",
    [*((kind, False) for kind in KINDS), *((kind, True) for kind in KINDS if kind != "paligemma")],
)  # transformers 5.23 itself cannot generate with PaliGemma 2 and a static cache
def test_idle_is_bit_equal_whatever_the_cache_and_the_padding(kind: str, rows: int, static: bool) -> None:
    """Nothing attached; a probe that only looks, on one layer; a recorder of all heads; a push of zero nats."""
    hf = zoo.build(kind)
    plain = spoken(hf, rows, static)
    layers = [1, 2] if kind == "qwen3_5" else [0, 1, 2]
    heads = [Head(layer, head) for layer in layers for head in range(zoo.HEADS)]
    nothing = [Gaze(heads, scene.panel(0), Push.bias(0.0)) for scene in SCENES[:rows]]
    recorder = Recorder(GRIDS[:rows], [Record(heads, "heads")] * rows, zoo.LAYERS, zoo.HEADS)
    zero = Steering(nothing, zoo.LAYERS, zoo.HEADS)
    for probes in ([], [Watcher(1)], [recorder], [zero]):
        with attached(hf, *probes):
            assert torch.equal(spoken(hf, rows, static), plain)
    assert torch.equal(spoken(hf, rows, static), plain)
    (effect, *_) = zero.effects([5] * rows)
    assert effect is not None and effect.rows_steered > 0 and effect.before == effect.after


@contextmanager
def overheard(hf: Any) -> Iterator[dict[int, dict[str, Any]]]:
    """By layer: what its attention was called with, and (row, query, head, dim) what its heads put out."""
    heard: dict[int, dict[str, Any]] = {}
    hooks = []
    for number, layer in enumerate(hf.get_decoder().layers):
        mine = heard[number] = {}

        def note_call(_: Any, args: Any, kwargs: Any, mine: dict[str, Any] = mine) -> None:
            mine.update(args=args, kwargs=kwargs)

        def note_output(_: Any, args: Any, mine: dict[str, Any] = mine) -> None:
            mine["heads"] = args[0].unflatten(-1, (zoo.HEADS, -1)).clone()

        hooks.append(layer.self_attn.register_forward_pre_hook(note_call, with_kwargs=True))
        hooks.append(layer.self_attn.o_proj.register_forward_pre_hook(note_output))
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
@pytest.mark.parametrize("kind", ["gemma3", "paligemma", "qwen3_vl", "qwen3_vl_moe"])
def test_steering_some_heads_of_one_layer_leaves_all_others_bit_equal(kind: str) -> None:
    """Each layer's attention again without the seam, on the very inputs that it had while layer 1 was steered."""
    hf = zoo.build(kind)
    gazes = [Gaze([Head(1, 0), Head(1, 3)], scene.panel(1)) for scene in SCENES]
    with overheard(hf) as steered, attached(hf, Steering(gazes, zoo.LAYERS, zoo.HEADS)):
        hf(**zoo.inputs(hf, SCENES), use_cache=False)
    for number, layer in enumerate(hf.get_decoder().layers):
        with overheard(hf) as plain:
            call = steered[number]["kwargs"]
            if not hf.get_decoder()._supports_sdpa:  # eager attention adds its mask
                mask = torch.zeros(call["attention_mask"].shape).masked_fill(
                    ~call["attention_mask"], torch.finfo(torch.float32).min
                )
                call = dict(call, attention_mask=mask)
            layer.self_attn(*steered[number]["args"], **call)
        for head in range(zoo.HEADS):
            equal = torch.equal(plain[number]["heads"][:, :, head], steered[number]["heads"][:, :, head])
            assert equal == ((number, head) not in gazes[0].heads)

"""Prompts in several pieces: shared prefixes, suffixes of any length, chunks; and switches exact to the token.

Each against the independent eager implementation (`independent_steering`), which runs every text whole.
"""

import copy
from typing import Any

import pytest
import torch
import zoo
from mixed_batch import STEERED, TEXT_MODELS, agree, by_hand, empty, mixed
from torch.nn.functional import pad

from gazeheads import Gaze, Live, Push, Scene, Schedule


def switching(scene: Scene, start: int, during: Any = "answer") -> tuple[Gaze, Gaze]:
    """A gaze that stays, and one that leaves for the other panel when token `start` is produced."""
    left, right = scene.panels
    return Gaze(STEERED, left, during=during), Gaze(
        STEERED, Schedule.at({0: left, start: right}), during=during
    )


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("kind", ["gemma3", "qwen3_vl", "qwen3_vl_moe"])
def test_a_prefix_is_run_once_and_continued_with_several_suffixes(kind: str, static: bool) -> None:
    """The image is run once, outside; then two questions about it, each with its own target."""
    hf, held = zoo.build(kind), 14
    one, two = zoo.prompt(20, 3, seed=1), zoo.prompt(20, 3, seed=2)
    two.tensors["input_ids"][:, :held] = one.tensors["input_ids"][:, :held]
    rows = [(one, switching(one, 2)[1]), (two, Gaze(STEERED, two.panel(1), "reweigh", "answer"))]
    whole = zoo.inputs(hf, [one, two])
    cache = empty(hf, static)
    prefix = {name: x[:, :held] for name, x in whole.items()}
    with torch.no_grad():
        if static:  # its rows cannot be multiplied
            hf(**prefix, past_key_values=cache)
        else:
            hf(**{name: x[:1] for name, x in prefix.items()}, past_key_values=cache)
            cache.batch_repeat_interleave(2)
    suffix = {"input_ids": whole["input_ids"][:, held:], "attention_mask": whole["attention_mask"]}
    again = copy.deepcopy(cache)
    agree(hf, rows, *by_hand(hf, [gaze for _, gaze in rows], cache, suffix, [6]))
    others = [(one, Gaze(STEERED, one.panel(1), "uniform", "decode")), (two, switching(two, 3, "decode")[1])]
    agree(hf, others, *by_hand(hf, [gaze for _, gaze in others], again, suffix, [6]))


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("kind", ["gemma3", "qwen3_vl", "qwen3_vl_moe"])
def test_a_live_target_moves_behind_a_prefix(kind: str, static: bool) -> None:
    """Two questions behind one image; what is moved between two passes holds from the second on, as a switch does."""
    hf, held = zoo.build(kind), 14
    scene = zoo.prompt(20, 3, seed=1)
    left, right = scene.panels
    whole = zoo.inputs(hf, [scene, scene])
    cache = empty(hf, static)
    with torch.no_grad():
        hf(**{name: x[:, :held] for name, x in whole.items()}, past_key_values=cache)
    suffix = {"input_ids": whole["input_ids"][:, held:], "attention_mask": whole["attention_mask"]}
    live, passes = Live(left), iter(range(99))

    def move(*_: Any) -> None:
        if next(passes) == 3:  # the pass that produces token 3
            live.look(right)

    hook = hf.get_decoder().register_forward_pre_hook(move)
    moved = by_hand(hf, [Gaze(STEERED, live, during="answer"), None], cache, suffix, [6])
    hook.remove()
    assert live.target == right
    agree(hf, [(scene, switching(scene, 3)[1]), (scene, None)], *moved)


@pytest.mark.parametrize("kind", ["qwen3_vl", "qwen3_vl_moe"])
def test_padding_may_stand_between_prefix_and_suffix(kind: str) -> None:
    """Suffixes of different length behind one prefix: the place of a token is still its place in its own text."""
    hf, held = zoo.build(kind), 14
    scenes = [zoo.prompt(length, 3, seed=seed) for seed, length in enumerate((20, 17, 22))]
    for scene in scenes[1:]:
        scene.tensors["input_ids"][:, :held] = scenes[0].tensors["input_ids"][:, :held]
    gazes = [
        switching(scenes[0], 2)[1],
        None,
        Gaze(STEERED, scenes[2].panel(1), Push.bias(2.0, -1.0), "answer"),
    ]
    cache = empty(hf, static=False)
    with torch.no_grad():
        hf(input_ids=scenes[0].tensors["input_ids"][:, :held], past_key_values=cache)
    cache.batch_repeat_interleave(3)
    suffixes = [scene.tensors["input_ids"][0, held:] for scene in scenes]
    pads = [8 - len(suffix) for suffix in suffixes]
    inputs = {
        "input_ids": torch.stack([pad(suffix, (n, 0)) for suffix, n in zip(suffixes, pads, strict=True)]),
        "attention_mask": torch.stack(
            [torch.cat([torch.ones(held), torch.zeros(n), torch.ones(8 - n)]).long() for n in pads]
        ),
    }
    agree(hf, list(zip(scenes, gazes, strict=True)), *by_hand(hf, gazes, cache, inputs, [8]))


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("kind", TEXT_MODELS)
def test_a_prompt_may_come_in_pieces(kind: str, static: bool) -> None:
    """Every query row of the prompt is steered, whichever piece it came in, padding before it and all."""
    hf, rows = zoo.build(kind), mixed()
    scenes, gazes = zip(*rows, strict=True)
    inputs = zoo.inputs(hf, scenes, both_ways=False)
    found = by_hand(hf, gazes, empty(hf, static), inputs, [5, 1, 9, 7])
    agree(hf, rows, *found, both_ways=False)


@pytest.mark.parametrize("kind", TEXT_MODELS)
@pytest.mark.parametrize("way", ["dynamic", "static", "pieces"])
def test_a_switch_takes_hold_at_its_token_and_not_before(kind: str, way: str) -> None:
    hf, scene = zoo.build(kind), zoo.prompt(20, 3)
    inputs = zoo.inputs(hf, [scene], both_ways=way != "pieces")
    pieces = [5, 1, 9, 5] if way == "pieces" else [20]
    for start in (1, 3):
        stay, leave = (
            by_hand(hf, [gaze], empty(hf, way == "static"), inputs, pieces)[1][0]
            for gaze in switching(scene, start)
        )
        assert torch.equal(stay[:start], leave[:start])
        assert (stay[start] - leave[start]).abs().max() > 1e-3

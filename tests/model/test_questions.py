"""Questions that share their prefix: what each prompt would have given by itself, in every family."""

from typing import Any

import numpy as np
import pytest
import tiny
import torch
from families_shared import EVERY, IGNORED, STRIP
from zoo_families import ZOO, zoo

from gazeheads.discovery.discover import discover
from gazeheads.model import questions
from gazeheads.model.last_row import last_rows
from gazeheads.model.questions import ask_again, question_rows
from gazeheads.model.scene import Scene

pytestmark = IGNORED
PROMPTS = ("What is in panel 1?", "What is in panel 22, at the end?", "Who?")
WAYS = ("raw", "value-norm", "value-norm-share")
# The prompt sees ahead; layers that carry a state; windows of 16 tokens.
ALONE = {"paligemma", "qwen3_5", "gemma3", "gemma3_scan", "aya_vision", "cohere2_vision"}


def asked(name: str) -> list[list[Scene]]:
    """Two images of two sizes, with three and two questions."""
    found = []
    for size, prompts in ((STRIP, PROMPTS), ((84, 112), PROMPTS[1:])):
        first = zoo(name).encode(tiny.noise(*size), prompts[0], **ZOO[name].settings)
        found.append([first, *(ask_again(zoo(name), first, prompt) for prompt in prompts[1:])])
    return found


@EVERY
def test_another_question_about_a_scene_is_the_scene_of_that_question(name: str) -> None:
    model, picture = zoo(name), tiny.noise(*STRIP)
    first = model.encode(picture, PROMPTS[0], **ZOO[name].settings)
    for prompt in PROMPTS:
        ours, theirs = ask_again(model, first, prompt), model.encode(picture, prompt, **ZOO[name].settings)
        assert ours.tensors.keys() == theirs.tensors.keys()
        for key, value in theirs.tensors.items():
            assert torch.equal(ours.tensors[key], value), key
        assert torch.equal(ours.positions, theirs.positions)
        assert (ours.prompt, ours.image_key, ours.n_prompt) == (prompt, theirs.image_key, theirs.n_prompt)
        assert np.array_equal(ours.grid.positions, theirs.grid.positions)


@EVERY
def test_the_last_row_of_each_question_is_what_it_is_alone(name: str) -> None:
    model, scenes = zoo(name), asked(name)
    shared = question_rows(model, scenes, WAYS)
    for number, part in enumerate(scenes):
        for question, scene in enumerate(part):
            for way, alone in zip(shared, last_rows(model, [scene], WAYS), strict=True):
                assert way[number][question].shape == alone[0].shape
                np.testing.assert_allclose(way[number][question], alone[0], atol=1e-5)


@EVERY
def test_the_image_is_seen_once_and_the_prefix_is_run_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted: images that the processor makes, calls of the vision tower's encoder, rows of the language model."""
    model, rows, images = zoo(name), [], []
    real = type(model.processor).__call__

    def processed(self: Any, *args: Any, **more: Any) -> Any:
        images.extend(more["images"][0])
        return real(self, *args, **more)

    monkeypatch.setattr(type(model.processor), "__call__", processed)
    scenes = asked(name)
    # PaliGemma's processor writes the question itself.
    assert len(images) == (5 if name == "paligemma" else 2)
    layer = model.hf.get_decoder().layers[0]
    hook = layer.register_forward_hook(lambda _, args, output: rows.append(args[0].shape[:2]))
    try:
        question_rows(model, scenes, WAYS)
    finally:
        hook.remove()
    if name in ALONE:
        assert rows == [(5, max(scene.n_prompt for part in scenes for scene in part))]
        return
    common = [shared_by(part) for part in scenes]
    tails = [
        sum(scene.n_prompt - begin for scene in part) for part, begin in zip(scenes, common, strict=True)
    ]
    assert rows == [(2, max(common)), (2, max(tails))]


def shared_by(scenes: list[Scene]) -> int:
    """How many tokens all prompts begin with, but for the last of the shortest."""
    ids = [scene.tensors["input_ids"][0] for scene in scenes]
    shortest = min(map(len, ids))
    same = [len({int(row[n]) for row in ids}) == 1 for n in range(shortest)]
    return min([*same, False].index(False), shortest - 1)


def test_layers_with_a_window_share_what_lies_inside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo("gemma3")
    monkeypatch.setattr(model.hf.config.get_text_config(), "sliding_window", 512)
    scenes = asked("gemma3")
    alone = [[last_rows(model, [scene], ["raw"])[0][0] for scene in part] for part in scenes]
    monkeypatch.setattr(questions, "last_rows", None)
    (shared,) = question_rows(model, scenes, ["raw"])
    for ours, theirs in zip(shared, alone, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_discovery_is_the_same_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model, samples = tiny.tiny_model(), [tiny.strip(3), tiny.strip(2)]
    shared = discover(model, samples)
    monkeypatch.setattr(questions, "_can_share", lambda *_: False)
    alone = discover(model, samples)
    np.testing.assert_allclose(shared.scores, alone.scores, atol=1e-6)
    for name, scores in alone.others.items():
        np.testing.assert_allclose(shared.others[name], scores, atol=1e-5, err_msg=name)
    assert shared.heads == alone.heads


def test_a_question_before_the_image_is_processed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.tiny_model()
    sample = tiny.strip(2)
    first = model.encode(sample.image, "What?")
    monkeypatch.setattr(questions, "template_ids", lambda model, n, text: list(text.encode()))
    again = ask_again(model, first, "Who?")
    assert torch.equal(again.tensors["input_ids"], model.encode(sample.image, "Who?").tensors["input_ids"])

"""Prefixes: prompts that are run once and answered many times."""

import numpy as np
import pytest
import tiny
from families_shared import EVERY, IGNORED, scene_of
from steered_runs import HEADS
from zoo_families import zoo

import gazeheads as gh
from gazeheads.doctor.conformance import heads_of
from gazeheads.errors import GazeError, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.gaze.record import Record
from gazeheads.model.model import GazeModel
from gazeheads.model.prefill import forked
from gazeheads.model.scene import Scene

pytestmark = IGNORED


@EVERY
def test_an_answer_from_a_prefix_is_the_one_from_the_whole_prompt(name: str) -> None:
    """Words, proof and looks, in every family; of PaliGemma, whose prompt sees its steered last token, too."""
    model, scene = zoo(name), scene_of(name, prompt="Who?")
    heads = heads_of(model)
    prefill = model.prefill(scene)
    for _ in range(2):  # the second one finds the prefix as it was
        at = Live(scene.box(0, 0, 84, 56))
        gaze = Gaze(heads, at, during="answer")
        plain = list(model.stream(scene, gaze, record=Record(heads), max_new_tokens=4))
        quick = list(model.stream(scene, gaze, record=Record(heads), max_new_tokens=4, prefill=prefill))
        assert [token.id for token in quick] == [token.id for token in plain]
        for one, other in zip(quick, plain, strict=True):
            assert one.after == pytest.approx(other.after, abs=1e-4)
            np.testing.assert_allclose(one.look, other.look, atol=1e-4)


def test_a_prefix_saves_the_prompt(model: GazeModel, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a prompt that was prepared one token is run again; the image is not encoded."""
    prefill = model.prefill(scene)
    assert prefill.kept is not None and prefill.kept.get_seq_length() == scene.n_prompt - 1
    widths: list[int] = []
    hook = model.hf.get_decoder().register_forward_pre_hook(
        lambda _, args, given: widths.append(given["inputs_embeds"].shape[1]), with_kwargs=True
    )
    monkeypatch.setattr(model.hf.model, "get_image_features", None)
    said = list(model.stream(scene, max_new_tokens=3, prefill=prefill))
    hook.remove()
    assert widths == [1] * len(said)
    assert prefill.bytes > 2 * 4 * 3 * 2 * 16 * (
        scene.n_prompt - 1
    )  # keys and values in float32, and features


def test_a_cache_that_cannot_be_cut_keeps_the_encoded_pictures_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sliding window that is full has dropped what would be needed."""
    model, scene = zoo("gemma3"), scene_of("gemma3", prompt="Who?")
    config = model.hf.config.get_text_config()
    monkeypatch.setattr(config, "sliding_window", 8)
    monkeypatch.setattr(config, "layer_types", ["sliding_attention"] * config.num_hidden_layers)
    prefill = model.prefill(scene)
    assert prefill.kept is None and prefill.cache() is None and prefill.bytes > 0
    plain = [token.id for token in model.stream(scene, max_new_tokens=4)]
    monkeypatch.setattr(model.hf.model, "get_image_features", None)
    assert [token.id for token in model.stream(scene, max_new_tokens=4, prefill=prefill)] == plain


def test_a_prefix_is_for_its_own_scene_and_for_gazes_that_leave_the_prompt_alone(
    model: GazeModel, scene: Scene
) -> None:
    prefill = model.prefill(scene)
    other = model.encode(tiny.noise(64, 64), "What is it?")
    with pytest.raises(UsageError, match="prefill= was made from another scene .* Make it from this one"):
        model.stream(other, prefill=prefill)
    with pytest.raises(GazeError, match='during="all" steers the rows of the prompt'):
        model.stream(scene, Gaze(HEADS, scene.panel(0)), prefill=prefill)
    with pytest.raises(UsageError, match="A scene was asked for"):
        model.prefill("picture.png")  # type: ignore[arg-type]


def test_rows_that_ask_the_same_share_one_run_of_the_prompt() -> None:
    """Counted in rows x tokens of the first layer, and in images that the vision tower is given."""
    model = tiny.tiny_model()
    sample, other = tiny.strip(3, seed=3), tiny.strip(2, seed=4)
    scenes = [model.encode(s.image, "What is it?", panels=s.boxes) for s in (sample, other)]
    heads = [gh.Head(1, 0), gh.Head(2, 3)]
    asked = [scenes[0]] * 4 + [scenes[1]] * 3
    gazes = [None, *(gh.Gaze(heads, scenes[0].panel(k), during="answer") for k in range(3))]
    gazes += [None, *(gh.Gaze(heads, scenes[1].panel(k), during="decode") for k in range(2))]
    alone = [model.generate(scene, gaze, max_new_tokens=4) for scene, gaze in zip(asked, gazes, strict=True)]
    rows: list[tuple[int, ...]] = []
    images: list[int] = []
    tower, layer = model.hf.model.visual, model.hf.get_decoder().layers[0]
    hooks = [
        layer.register_forward_hook(lambda _, given, out: rows.append(tuple(given[0].shape[:2]))),
        tower.register_forward_hook(lambda _, given, out: images.append(1)),
    ]
    try:
        many = model.generate(asked, gazes, max_new_tokens=4)
    finally:
        for hook in hooks:
            hook.remove()
    assert rows == [(2, max(scene.n_prompt for scene in scenes)), *[(7, 1)] * 4]
    assert len(images) == 1
    for one, row in zip(alone, many, strict=True):
        assert row.token_ids == one.token_ids
        if one.effect is not None:
            assert row.effect.after == pytest.approx(one.effect.after, abs=1e-5)
            assert row.effect.before == pytest.approx(one.effect.before, abs=1e-5)


def test_where_rows_of_the_prompt_are_steered_each_runs_its_own() -> None:
    model = tiny.tiny_model()
    sample = tiny.strip(3, seed=3)
    scene = model.encode(sample.image, "What is it?", panels=sample.boxes)
    gaze = gh.Gaze([gh.Head(1, 0)], scene.panel(0), during="all")
    assert forked(model, [scene] * 2, [gaze, None]) is None
    assert forked(model, [scene], [None]) is None
    assert forked(model, [scene] * 2, [None, None]).get_seq_length() == scene.n_prompt - 1

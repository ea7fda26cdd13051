"""Prefixes: prompts that are run once and answered many times."""

import numpy as np
import pytest
import tiny
from families_shared import EVERY, IGNORED, scene_of
from steered_runs import HEADS
from zoo_families import zoo

from gazeheads.doctor.conformance import heads_of
from gazeheads.errors import GazeError, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.gaze.record import Record
from gazeheads.model.model import GazeModel
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
    """Of a prompt that was prepared one token is run again; the picture is not encoded."""
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

"""A scene belongs to the models that would encode it alike; others refuse it, before anything is run."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import tiny
import torch
from steered_runs import HEADS

from gazeheads import Gaze, GazeModel, Scene
from gazeheads.errors import ForeignScene, SceneError
from gazeheads.model.scene import origin


def another(model: GazeModel, name: str = "other") -> GazeModel:
    """The same again, apart."""
    return GazeModel(copy.deepcopy(model.hf), copy.deepcopy(model.processor), name)


@pytest.mark.parametrize("made", [{"patch": 8}, {"layers": 2}, {"heads": 2}])
def test_a_scene_of_another_model_is_refused(scene: Scene, made: dict[str, Any]) -> None:
    other = tiny.tiny_model(**made)
    gaze = Gaze(HEADS[:1], scene.panel(0))
    own = other.encode(tiny.noise(), "What?")
    for call in (
        lambda: other.generate(scene),
        lambda: other.generate(scene, gaze, cache_implementation="static", disable_compile=True),
        lambda: other.generate([own, scene], max_new_tokens=1),
        lambda: other.stream(scene, gaze),
        lambda: other.last_row([own, scene]),
    ):
        with pytest.raises(
            ForeignScene, match=r"encoded by tiny was given to tiny, which .* again: model.encode"
        ):
            call()
    assert issubclass(ForeignScene, SceneError)


def test_two_loads_of_a_checkpoint_share_their_scenes(model: GazeModel, scene: Scene) -> None:
    again = another(model, "./the/same/place")
    again.hf.config._name_or_path = "elsewhere"
    again.hf.config.vision_config.dtype = "bfloat16"
    assert again.encode(tiny.noise(), "What?").origin == scene.origin
    assert (
        again.generate(scene, max_new_tokens=3).token_ids == model.generate(scene, max_new_tokens=3).token_ids
    )
    trained = tiny.tiny_model(seed=9)
    assert trained.generate(scene, max_new_tokens=1).token_ids
    low = another(model)
    low.hf.to(torch.bfloat16)
    assert low.generate(scene, max_new_tokens=1).token_ids


CHANGES: dict[str, Any] = {
    "image size": lambda m: setattr(m.processor.image_processor.size, "longest_edge", 4096),
    "mean": lambda m: setattr(m.processor.image_processor, "image_mean", [0.4] * 3),
    "template": lambda m: setattr(m.processor, "chat_template", tiny.CHAT + " "),
    "image token": lambda m: setattr(m.hf.config, "image_token_id", 7),
    "merge": lambda m: setattr(m.hf.config.vision_config, "spatial_merge_size", 4),
    "tokens": lambda m: m.processor.tokenizer.add_tokens(["dog"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_the_encoding_changes_the_origin(model: GazeModel, name: str) -> None:
    other = another(model)
    assert origin(other.hf, other.processor, "a") == model.origin
    CHANGES[name](other)
    assert origin(other.hf, other.processor, "a") != model.origin


def test_a_scene_made_by_hand_belongs_to_any_model(model: GazeModel, scene: Scene) -> None:
    made = replace(scene, origin=None)
    assert (
        model.generate(made, max_new_tokens=2).token_ids == model.generate(scene, max_new_tokens=2).token_ids
    )

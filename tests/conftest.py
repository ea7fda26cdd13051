"""What many tests start from: a tiny random model and a strip of three panels."""

import pytest
import tiny

from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene


@pytest.fixture(scope="module")
def model() -> GazeModel:
    return tiny.tiny_model()


@pytest.fixture(scope="module")
def scene(model: GazeModel) -> Scene:
    sample = tiny.strip(3, seed=3)
    return model.encode(sample.image, "What is it?", panels=sample.boxes)

"""What the tests of all families start from."""

import logging

import numpy as np
import pytest
import tiny
from PIL import Image
from zoo_families import ZOO, zoo

from gazeheads.model.scene import Scene

logging.getLogger("transformers").setLevel(logging.ERROR)

# Processors of PaliGemma and GLM-4V ask numpy for arrays in an old way.
IGNORED = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
EVERY = pytest.mark.parametrize("name", ZOO)
STRIP = (168, 56)


def scene_of(name: str, *pictures: Image.Image, prompt: str = "What is it?") -> Scene:
    return zoo(name).encode(pictures or tiny.noise(*STRIP), prompt, **ZOO[name].settings)


def spread(n: int, most: int) -> list[int]:
    """At most so many of n tokens, over all of them."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, most))})

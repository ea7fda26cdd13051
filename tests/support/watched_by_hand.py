"""A `Watched` made by hand: known words, known attention, no model."""

from collections.abc import Sequence

import numpy as np
import tiny

from gazeheads import GazeModel, GazeTrace, Generation, Head, Scene, Watched
from gazeheads.watching.areas import areas
from gazeheads.watching.looks import HeadSet
from gazeheads.watching.phrases import things

PIECES = ("a ", "cat", " near", " the ", "red ", "kite", ".")
GAZE, CONTROL = (Head(0, 1), Head(2, 3)), (Head(0, 2), Head(2, 0))


def trace(
    scene: Scene, heads: Sequence[Head], token_texts: Sequence[str] = PIECES, seed: int = 0
) -> GazeTrace:
    """Random attention, most of it faint, that sums to less than 1."""
    rng = np.random.default_rng(seed)
    looks = rng.random((len(heads), len(token_texts), len(scene.grid))) ** 6
    looks *= 0.7 / looks.sum(-1, keepdims=True)
    lengths = 0.5 + rng.random((len(heads), len(scene.grid)))
    return GazeTrace(
        looks.astype(np.float32),
        scene.grid,
        tuple(heads),
        "heads",
        "raw",
        tuple(token_texts),
        lengths.astype(np.float32),
    )


def watched(scene: Scene, token_texts: Sequence[str] = PIECES, gaze: GazeTrace | None = None) -> Watched:
    """The answer that these pieces write, gaze heads and a control set."""
    answer = Generation(
        "".join(token_texts), tuple(range(len(token_texts))), "eos", token_texts=tuple(token_texts)
    )
    sets = (
        HeadSet("gaze heads", trace(scene, GAZE, token_texts) if gaze is None else gaze, "two heads"),
        HeadSet("control set", trace(scene, CONTROL, token_texts, seed=1), "two others"),
    )
    return Watched(scene, answer, sets, areas(scene), things(token_texts), scene.images, "tiny")


def encoded(model: GazeModel, panels: int = 3, prompt: str = "What is it?") -> Scene:
    sample = tiny.strip(panels, seed=panels)
    return model.encode(sample.image, prompt, panels=sample.boxes)

"""A `Watched` made by hand: known words, known attention, no model."""

from collections.abc import Sequence

import numpy as np
import tiny

from gazeheads import EncodedInput, GazeModel, GazeTrace, Generation, Head, Watched
from gazeheads.watching.areas import areas
from gazeheads.watching.looks import HeadSet
from gazeheads.watching.phrases import things

PIECES = ("a ", "cat", " near", " the ", "red ", "kite", ".")
GAZE, CONTROL = (Head(0, 1), Head(2, 3)), (Head(0, 2), Head(2, 0))


def trace(
    scene: EncodedInput, heads: Sequence[Head], pieces: Sequence[str] = PIECES, seed: int = 0
) -> GazeTrace:
    """Random attention, most of it faint, that sums to less than 1."""
    rng = np.random.default_rng(seed)
    looks = rng.random((len(heads), len(pieces), len(scene.grid))) ** 6
    looks *= 0.7 / looks.sum(-1, keepdims=True)
    lengths = 0.5 + rng.random((len(heads), len(scene.grid)))
    return GazeTrace(
        looks.astype(np.float32),
        scene.grid,
        tuple(heads),
        "heads",
        "raw",
        tuple(pieces),
        lengths.astype(np.float32),
    )


def watched(scene: EncodedInput, pieces: Sequence[str] = PIECES, gaze: GazeTrace | None = None) -> Watched:
    """The answer that these pieces write, gaze heads and a control set."""
    answer = Generation("".join(pieces), tuple(range(len(pieces))), "eos", pieces=tuple(pieces))
    sets = (
        HeadSet("gaze heads", trace(scene, GAZE, pieces) if gaze is None else gaze, "two heads"),
        HeadSet("control set", trace(scene, CONTROL, pieces, seed=1), "two others"),
    )
    return Watched(scene, answer, sets, areas(scene), things(pieces), scene.pictures, "tiny")


def encoded(model: GazeModel, panels: int = 3, prompt: str = "What is it?") -> EncodedInput:
    sample = tiny.strip(panels, seed=panels)
    return model.encode(sample.picture, prompt, panels=sample.boxes)

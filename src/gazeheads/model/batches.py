"""Many scenes at once: scenes and gazes as they are given, checked where they come in, and cut into batches."""

from collections.abc import Iterator, Sequence
from typing import Any

from gazeheads.checks import several, shown, whole
from gazeheads.errors import GazeError, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.model.backbone import Backbone
from gazeheads.model.scene import Scene

Gazes = Gaze | Sequence[Gaze | None] | None


def as_scenes(model: Backbone, scenes: Any, asked: str) -> tuple[Scene, ...]:
    """A list of scenes of this model. asked: what takes them. Raises `UsageError`, `ForeignScene`."""
    listed: tuple[Scene, ...] = several(scenes, f"{asked} takes a list of scenes", UsageError)
    for scene in listed:
        if not isinstance(scene, Scene):
            raise UsageError(
                f"A scene was asked for; found {shown(scene)}. Make one with model.encode(image, prompt)."
            )
        scene.must_suit(model.origin, model.name)
    return listed


def as_gazes(gazes: Gazes, n: int) -> tuple[Gaze | None, ...]:
    """`n` gazes: one for all, or those of a list. Raises `GazeError` for another number of them, or other values."""
    if gazes is None or isinstance(gazes, Gaze):
        return (gazes,) * n
    listed = several(gazes, "gaze= takes a Gaze, or a list with a Gaze or None for each scene", GazeError)
    wrong = [each for each in listed if not (each is None or isinstance(each, Gaze))]
    if wrong:
        raise GazeError(
            f"gaze= takes a Gaze or None for each scene; found {shown(wrong[0])}. Give Gaze(heads, region)."
        )
    if len(listed) != n:
        raise GazeError(
            f"{n} scenes were given with {len(listed)} gazes. Give one for each (None: unsteered), or one for all."
        )
    return listed


def gazes_for(scenes: Sequence[Scene], gazes: Gazes) -> tuple[Gaze | None, ...]:
    """The gaze of each scene. Raises what `as_gazes` raises, and `ForeignRegion` for a gaze at another scene."""
    listed = as_gazes(gazes, len(scenes))
    for scene, gaze in zip(scenes, listed, strict=True):
        if gaze is not None:
            gaze.must_suit(scene.grid)
    return listed


def batches(n: int, batch_size: int | None) -> Iterator[slice]:
    """Cuts `n` rows into batches; None: one batch of all. Raises `UsageError` for a batch without a row, at once."""
    size = max(n, 1) if batch_size is None else whole(batch_size, "batch_size=", UsageError, 1)
    return (slice(start, start + size) for start in range(0, n, size))

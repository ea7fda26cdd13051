"""Look at one thing in one picture: the steered answer beside the unsteered one, with the attention that moved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gazeheads.data.comics import strip_of
from gazeheads.data.layout import panels_of
from gazeheads.data.pictures import open_picture
from gazeheads.errors import OutsidePicture, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import Push
from gazeheads.heads.heads import Heads
from gazeheads.model.model import GazeModel
from gazeheads.regions.grid import Box


@dataclass(frozen=True)
class Look:
    """What was asked and what was said. Masses are the steered heads' mean attention on the target, 0..1."""

    question: str
    target: str
    heads: int
    unsteered: str
    steered: str
    before: float
    after: float

    def as_json(self) -> dict[str, Any]:
        """The fields."""
        return dict(vars(self))


def check(
    path: Path,
    question: str,
    box: tuple[float, float, float, float] | None,
    panel: tuple[int, int] | None,
    min_tokens: int | None = None,
) -> None:
    """Raise for what can be seen to be wrong before a model is loaded."""
    if not path.exists():
        raise UsageError(f"Picture {path}: there is no such file or folder. Check the path.")
    if not question.strip():
        raise UsageError('The question is empty. Ask something, for example --ask "What is happening here?"')
    if (box is None) == (panel is None):
        raise UsageError("Give one target: either a box, or a panel such as 4/6.")
    if panel and not 1 <= panel[0] <= panel[1]:
        raise OutsidePicture(
            f"Panel {panel[0]} of {panel[1]}: there is none. Panels count from 1 to {max(panel[1], 1)}."
        )
    if min_tokens is not None and (panel or min_tokens < 1):
        raise UsageError(f"min_tokens={min_tokens} is how far a small box grows. Give 1 or more, with a box.")
    if box:
        Box(*box)


def look(
    model: GazeModel,
    path: Path,
    question: str,
    heads: Heads,
    *,
    box: tuple[float, float, float, float] | None = None,
    panel: tuple[int, int] | None = None,
    push: Push | None = None,
    max_new_tokens: int = 40,
    min_tokens: int | None = None,
) -> Look:
    """Answer `question` about a picture, or a folder of panels, without steering and with `heads` on the target.

    The target is `box` (pixels of the picture), or `panel` = (k, n), the k-th of n panels, one-based; a single
    picture is cut into n panels of equal width. min_tokens: grow a box that covers fewer image tokens to the nearest
    cells, and say so. Raises `UsageError` or `RegionError` for what cannot be looked at.
    """
    check(path, question, box, panel, min_tokens)
    if path.is_dir():
        sample = model.resized(strip_of(path))
        picture, panels = sample.image, sample.boxes
        if panel and panel[1] != len(panels):
            raise OutsidePicture(
                f"Panel {panel[0]}/{panel[1]}: {path} holds {len(panels)} panels. Ask for k/{len(panels)}."
            )
    else:
        picture = open_picture(path)
        panels = panels_of(picture, panel[1]) if panel else ()
    scene = model.encode(picture, question, panels=panels)
    target = scene.panels[panel[0] - 1] if panel else scene.box(*(box or ()), min_tokens=min_tokens)
    free = model.generate(scene, max_new_tokens=max_new_tokens)
    held = model.generate(
        scene, gaze=Gaze(heads, target, push or Push.focus()), max_new_tokens=max_new_tokens
    )
    named = (
        f"panel {panel[0]} of {panel[1]}"
        if panel
        else f"the box {','.join(f'{edge:g}' for edge in box or ())}"
        + f", grown to {target.weights.sum():g} cells" * target.grown
    )
    effect = held.effect
    assert (
        effect is not None and effect.before is not None and effect.after is not None
    )  # steered: it has a proof
    return Look(question, named, len(heads), free.text, held.text, effect.before, effect.after)

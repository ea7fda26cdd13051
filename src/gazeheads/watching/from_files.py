"""From files and a question to a scene: pictures, a folder of panels, frames of a clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gazeheads.data.clip_files import frames_of, is_clip
from gazeheads.data.comics import strip_of
from gazeheads.data.layout import panels_of
from gazeheads.data.pictures import open_picture
from gazeheads.errors import OutsidePicture, UsageError
from gazeheads.gaze.gaze import During, Gaze
from gazeheads.gaze.push import Push
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.heads import Heads
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.regions.grid import Box
from gazeheads.regions.region import Region

SHARP = 256  # pixels: a drawing that can be made anew is shown at least about so high
Boxes = tuple[tuple[int, Box], ...]


@dataclass(frozen=True)
class Asked:
    """A scene, drawings to show of its pictures, and boxes to tell apart if it has no panels."""

    scene: Scene
    shown: tuple[Image.Image, ...]
    boxes: Boxes = ()


def check(
    paths: Sequence[Path], question: str, panels: int | None, boxes: Boxes, frames: int | None = None
) -> None:
    """Raise `UsageError` for what can be seen to be wrong before a model is loaded."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"Picture {path}: there is no such file or folder. Check the path.")
    if not question.strip():
        raise UsageError('The question is empty. Ask something, for example --ask "What is happening here?"')
    if panels is not None and (len(paths) > 1 or boxes or panels < 1):
        raise UsageError(
            f"{panels} panels were asked for, of {len(paths)} pictures, with {len(boxes)} boxes. Cut one picture into "
            "one panel or more, or give boxes."
        )
    if len(paths) > 1 and any(path.is_dir() for path in paths):
        raise UsageError(
            f"{len(paths)} pictures were given, a folder among them. A folder of panels stands alone."
        )
    if frames is not None and not any(path.is_file() and is_clip(path) for path in paths):
        raise UsageError(
            f"{frames} frames were asked for; no file holds more than one picture. Give a GIF or WebP clip."
        )


def asked(
    model: GazeModel,
    paths: Sequence[Path],
    question: str,
    panels: int | None = None,
    boxes: Boxes = (),
    frames: int | None = None,
) -> Asked:
    """The scene that files make: a folder of panels, or pictures in their order, clips frame by frame.

    panels: cut the one picture into so many of equal width. boxes: (picture, box), pictures from 0. frames: of a clip,
    evenly spaced; all by default. Raises `UsageError`, and `RegionError` for panels that are not there.
    """
    check(paths, question, panels, boxes, frames)
    if paths[0].is_dir():
        strip = strip_of(paths[0])
        if boxes or panels not in (None, len(strip.boxes)):
            raise UsageError(
                f"{paths[0]} holds {len(strip.boxes)} panels; {panels or 'boxes'} were asked for. Its panels are its "
                "regions: leave the option out."
            )
        height, cell = model.family.panel_size(model.processor)
        times = max(1, -(-SHARP // height))
        sample = strip.resized(height, cell)
        scene = model.encode(sample.image, question, panels=sample.boxes)
        return Asked(scene, (strip.resized(times * height, times * cell).image,))
    pictures: list[Image.Image] = []
    for path in paths:
        pictures += frames_of(path, frames) if is_clip(path) else [open_picture(path)]
    cut = panels_of(pictures[0], panels) if panels else None
    if cut and len(pictures) > 1:
        raise UsageError(
            f"{panels} panels were asked for of a clip of {len(pictures)} frames. Give boxes instead."
        )
    scene = model.encode(pictures, question, panels=cut)
    for image, _ in boxes:
        if image >= len(pictures):
            raise OutsidePicture(
                f"A box of picture {image + 1} was given; there are {len(pictures)}. Count pictures from 1."
            )
    return Asked(scene, tuple(pictures), boxes)


def aimed(
    heads: Heads,
    regions: Sequence[Region],
    numbers: Sequence[int],
    every: int | None = None,
    push: str = "focus",
    during: During = "all",
) -> Gaze:
    """A gaze at one region, by its number from 1, or at several in turn, for `every` tokens each.

    Raises `OutsidePicture` for a region that is not there, `UsageError` for several without a pace.
    """
    for number in numbers:
        if not 1 <= number <= len(regions):
            raise OutsidePicture(
                f"Region {number} was to be looked at; there are {len(regions)}: {', '.join(map(str, regions))}. Count "
                "from 1."
            )
    targets = [regions[number - 1] for number in numbers]
    if len(targets) == 1:
        return Gaze(heads, targets[0], Push.parse(push), during)
    if every is None:
        raise UsageError(f"{len(targets)} regions were to be looked at in turn. Give --every N tokens.")
    return Gaze(heads, Schedule.every(every, targets), Push.parse(push), during)

"""From files and a question to a scene: images, a folder of panels, frames of a clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gazeheads.data.clip_files import frames_of, is_clip
from gazeheads.data.comics import strip_of
from gazeheads.data.layout import panels_of
from gazeheads.data.pictures import open_picture
from gazeheads.errors import OutsideImage, UsageError
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
class FileScene:
    """A scene that files made, and drawings to show of its images."""

    scene: Scene
    shown: tuple[Image.Image, ...]


@dataclass(frozen=True)
class SceneFiles:
    """Files to make one scene of: a folder of panels, or images in their order, clips frame by frame.

    panels: cut the one image into so many of equal width. boxes: (image, box), images counted from 0. frames: of a
    clip, evenly spaced; all by default. What can be seen to be wrong before a model is loaded raises `UsageError`.
    """

    paths: Sequence[Path]
    question: str
    panels: int | None = None
    boxes: Boxes = ()
    frames: int | None = None

    def __post_init__(self) -> None:
        paths, panels, boxes = self.paths, self.panels, self.boxes
        for path in paths:
            if not path.exists():
                raise UsageError(f"Image {path}: there is no such file or folder. Check the path.")
        if not self.question.strip():
            raise UsageError(
                'The question is empty. Ask something, for example --ask "What is happening here?"'
            )
        if panels is not None and (len(paths) > 1 or boxes or panels < 1):
            raise UsageError(
                f"{panels} panels were asked for, of {len(paths)} images, with {len(boxes)} boxes. Cut one image into "
                "one panel or more, or give boxes."
            )
        if len(paths) > 1 and any(path.is_dir() for path in paths):
            raise UsageError(
                f"{len(paths)} images were given, a folder among them. A folder of panels stands alone."
            )
        if self.frames is not None and not any(path.is_file() and is_clip(path) for path in paths):
            raise UsageError(
                f"{self.frames} frames were asked for; no file holds more than one image. Give a GIF or WebP clip."
            )

    def encode(self, model: GazeModel) -> FileScene:
        """The scene. Raises `UsageError`, `DataError`, and `RegionError` for panels that are not there."""
        return self._folder(model) if self.paths[0].is_dir() else self._images(model)

    def _folder(self, model: GazeModel) -> FileScene:
        strip = strip_of(self.paths[0])
        if self.boxes or self.panels not in (None, len(strip.boxes)):
            raise UsageError(
                f"{self.paths[0]} holds {len(strip.boxes)} panels; {self.panels or 'boxes'} were asked for. Its panels "
                f"are its regions: write K/{len(strip.boxes)}, or leave the option out."
            )
        height, cell = model.family.panel_size(model.processor)
        times = max(1, -(-SHARP // height))
        sample = strip.resized(height, cell)
        scene = model.encode(sample.image, self.question, panels=sample.boxes)
        return FileScene(scene, (strip.resized(times * height, times * cell).image,))

    def _images(self, model: GazeModel) -> FileScene:
        images: list[Image.Image] = []
        for path in self.paths:
            images += frames_of(path, self.frames) if is_clip(path) else [open_picture(path)]
        cut = panels_of(images[0], self.panels) if self.panels else None
        if cut and len(images) > 1:
            raise UsageError(
                f"{self.panels} panels were asked for of a clip of {len(images)} frames. Give boxes instead."
            )
        scene = model.encode(images, self.question, panels=cut)
        for image, _ in self.boxes:
            if image >= len(images):
                raise OutsideImage(
                    f"A box of image {image + 1} was given; there are {len(images)}. Count images from 1."
                )
        return FileScene(scene, tuple(images))


def aimed(
    heads: Heads,
    regions: Sequence[Region],
    numbers: Sequence[int],
    every: int | None = None,
    push: str = "focus",
    during: During = "all",
) -> Gaze:
    """A gaze at one region, by its number from 1, or at several in turn, for `every` tokens each.

    Raises `OutsideImage` for a region that is not there, `UsageError` for several without a pace.
    """
    for number in numbers:
        if not 1 <= number <= len(regions):
            raise OutsideImage(
                f"Region {number} was to be looked at; there are {len(regions)}: {', '.join(map(str, regions))}. Count "
                "from 1."
            )
    targets = [regions[number - 1] for number in numbers]
    if len(targets) == 1:
        return Gaze(heads, targets[0], Push.parse(push), during)
    if every is None:
        raise UsageError(f"{len(targets)} regions were to be looked at in turn. Give --every N tokens.")
    return Gaze(heads, Schedule.every(every, targets), Push.parse(push), during)

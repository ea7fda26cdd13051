"""What a trial shows: the image, the target's pixels alone, or the image with the target marked.

And what of it the heads are pointed at: a panel, or the box or mask of an object, however small.
"""

from PIL import Image, ImageDraw

from gazeheads.errors import UsageError
from gazeheads.experiments.conditions import Show
from gazeheads.experiments.trial import Trial
from gazeheads.model.scene import Scene
from gazeheads.regions.grid import Box
from gazeheads.regions.region import Region
from gazeheads.sample import Sample

MARK = "#ff0000"


def shown(sample: Sample, show: Show, target: int | None) -> tuple[Image.Image, tuple[Box, ...]]:
    """The image to show, and the boxes in it. Raises `UsageError` where a crop or a mark has no target."""
    if show == "whole":
        return sample.image, sample.boxes
    if target is None:
        raise UsageError(f"show={show!r} was asked for without a target. Give the trial the region to show.")
    box = sample.boxes[target]
    return (cropped(sample.image, box), ()) if show == "crop" else (marked(sample.image, box), sample.boxes)


def region(trial: Trial, sample: Sample, scene: Scene) -> Region:
    """Where a trial points. A box or mask that covers less than a token grows to its nearest cells.

    Raises `RegionTooSmall` for such a panel, `UsageError` where a mask is asked for and the sample has none.
    """
    which = trial.pointed or 0
    if trial.shape == "panel":
        return scene.panel(which)
    name = sample.names[which]
    if trial.shape == "box":
        box = sample.boxes[which]
        return Region.box(scene.grid, box, coverage=trial.coverage, min_tokens=1, name=name)
    if not sample.masks:
        raise UsageError(
            f"Sample {sample.id!r}: its masks were to be looked at, and it has none. Use data with masks (scenes, or "
            "coco:DIR:masks=yes), or the experiment `boxes`."
        )
    return Region.mask(scene.grid, sample.masks[which], coverage=trial.coverage, min_tokens=1, name=name)


def cropped(picture: Image.Image, box: Box) -> Image.Image:
    """The box's pixels, whole ones, as an image of its own."""
    x0, y0, x1, y1 = box.corners
    return picture.crop((round(x0), round(y0), max(round(x1), round(x0) + 1), max(round(y1), round(y0) + 1)))


def marked(picture: Image.Image, box: Box) -> Image.Image:
    """The image with a red line along the inner edge of the box, a fortieth of the image's shorter side wide."""
    found = picture.copy()
    x0, y0, x1, y1 = box.corners
    width = max(1, round(min(picture.size) / 40))
    ImageDraw.Draw(found).rectangle(
        (round(x0), round(y0), round(x1) - 1, round(y1) - 1), outline=MARK, width=width
    )
    return found

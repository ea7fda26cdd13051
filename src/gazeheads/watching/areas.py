"""Which regions are told apart: panels if they are known, else given boxes, else images, else a coarse grid."""

from collections.abc import Sequence
from dataclasses import replace

from gazeheads.errors import UsageError
from gazeheads.model.scene import Scene
from gazeheads.regions.grid import Box
from gazeheads.regions.region import Region

COARSE = 3  # rows of the coarse grid; as many columns as make its parts about square
MOST_COLUMNS = 8


def areas(scene: Scene, boxes: Sequence[tuple[int, Box]] = ()) -> tuple[Region, ...]:
    """The regions of a scene, none empty. boxes: (image, box) of the caller, images counted from 0.

    Panels count for image 0; where there are other images beside it, each of them is a region. Boxes that cover
    less than one token grow to the nearest cell, and their name says so. Raises `RegionError` for boxes outside
    their image, `UsageError` where both panels and boxes were given.
    """
    if scene.boxes and boxes:
        raise UsageError(
            f"This scene has {len(scene.boxes)} panels, and {len(boxes)} boxes were given. Give one or the other."
        )
    others = range(1, len(scene.grid.sizes))
    if scene.boxes:
        return (*scene.panels, *(_whole(scene, image) for image in others))
    if boxes:
        several = len({image for image, _ in boxes}) > 1
        found = []
        for number, (image, box) in enumerate(boxes, 1):
            name = f"box {number}" + (f" of image {image + 1}" if several else "")
            region = scene.box(*box.corners, image=image, min_tokens=1, name=name)
            found.append(replace(region, name=f"{name} (grown to a cell)") if region.grown else region)
        return tuple(found)
    if others:
        return tuple(_whole(scene, image) for image in range(len(scene.grid.sizes)))
    return _coarse(scene)


def _whole(scene: Scene, image: int) -> Region:
    width, height = scene.grid.sizes[image]
    return scene.box(0, 0, width, height, image=image, name=f"image {image + 1}")


def _coarse(scene: Scene) -> tuple[Region, ...]:
    """Parts of about equal size, never smaller than a cell of any view."""
    width, height = scene.grid.sizes[0]
    rows = min(COARSE, *(view.rows for view in scene.grid.views))
    most = min(MOST_COLUMNS, *(view.cols for view in scene.grid.views))
    cols = max(1, min(most, round(rows * width / height)))
    return tuple(
        scene.box(
            width * col / cols,
            height * row / rows,
            width * (col + 1) / cols,
            height * (row + 1) / rows,
            min_tokens=1,
            name=_place(row, col, rows, cols),
        )
        for row in range(rows)
        for col in range(cols)
    )


def _place(row: int, col: int, rows: int, cols: int) -> str:
    """What people call a part: "top left" of three by three, else its row and column from 1."""
    if rows == cols == COARSE:
        across, down = ("left", "", "right")[col], ("top", "", "bottom")[row]
        return f"{down} {across}".strip() or "middle"
    return f"row {row + 1}, column {col + 1}"

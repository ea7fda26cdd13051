"""Images, as the model and as the page get them: doodles drawn on demand, and what visitors bring."""

import base64
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from gazeheads import doodles
from gazeheads.demo.limits import Limits
from gazeheads.demo.uploads import opened
from gazeheads.demo.wire import SAMPLE
from gazeheads.drawing.scenes import scenes
from gazeheads.errors import DataError
from gazeheads.model.model import GazeModel
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample

SHOWN_HEIGHT = 288  # pixels that a doodle has on the page at least: drawn anew, not blown up
KINDS = {
    "strip": "six panels",
    "short": "three panels",
    "grid": "two rows of panels",
    "scene": "objects in one image",
}


@dataclass(frozen=True, eq=False)
class Shown:
    """An image that a visitor sees. key: equal for equal images. image, boxes: as the model gets them.

    png: as the page shows it, in the same proportions. names: of the boxes. note: what was done to it.
    """

    key: str
    picture: Image.Image = field(repr=False)
    boxes: tuple[Box, ...]
    names: tuple[str, ...]
    png: bytes = field(repr=False)
    note: str = ""
    sample: str | None = None

    def message(self) -> dict[str, Any]:
        """For the page. Boxes are shares of the image: left, top, right, bottom."""
        width, height = self.picture.size
        scale = (width, height, width, height)
        return {
            "type": "picture",
            "sample": self.sample,
            "width": width,
            "height": height,
            "png": base64.b64encode(self.png).decode(),
            "panels": [[x / edge for x, edge in zip(box.corners, scale, strict=True)] for box in self.boxes],
            "names": list(self.names),
            "note": self.note,
        }


def drawn(model: GazeModel, name: str) -> Shown:
    """The doodle of this name, such as "strip-12". Raises `DataError` if there is none such."""
    found = re.fullmatch(SAMPLE, name)
    if not found:
        raise DataError(
            f"There is no sample {name[:40]!r}. Ask for {', '.join(KINDS)}, a dash, and a number."
        )
    sample = model.resized(_sample(found[1], int(found[2])))
    height, cell = model.family.panel_size(model.processor)
    larger = -(-SHOWN_HEIGHT // (2 * height if found[1] in ("grid", "scene") else height))
    page = sample.resized(height * larger, cell * larger).image
    return Shown(name, sample.image, sample.boxes, sample.names, _png(page), sample=name)


def _sample(kind: str, seed: int) -> Sample:
    if kind == "scene":
        return scenes(1, seed=seed)[0]
    panels, columns = {"strip": (6, 6), "short": (3, 3), "grid": (4, 2)}[kind]
    return doodles(1, seed=seed, panels=panels, columns=columns)[0]


def brought(data: bytes, limits: Limits, panels: Sequence[Sequence[float]] = ()) -> Shown:
    """An image that a visitor brings. panels: shares of it. Raises `DataError` or `RegionError`."""
    upload = opened(data, limits)
    width, height = upload.picture.size
    boxes = tuple(Box(x0 * width, y0 * height, x1 * width, y1 * height) for x0, y0, x1, y1 in panels)
    names = tuple(f"panel {number}" for number in range(1, len(boxes) + 1))
    key = f"upload {hashlib.sha256(data).hexdigest()} {boxes}"
    return Shown(key, upload.picture, boxes, names, _png(upload.picture), upload.note)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()

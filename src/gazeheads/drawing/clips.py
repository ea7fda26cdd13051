"""Clips: animated GIF and WebP files as images in turn, and moving doodles, of which everything is known.

A model that takes several images is shown the frames of a clip one after the other. A moving doodle is one object on
its way across a backdrop, from the left to the right, with its exact box in every frame.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gazeheads.drawing import grammar
from gazeheads.drawing.backdrops import draw_backdrop
from gazeheads.drawing.draws import pick
from gazeheads.drawing.objects import draw_object
from gazeheads.drawing.pen import Pen, must_be_drawable, shrink, supersample
from gazeheads.drawing.strips import CELL, HEIGHT
from gazeheads.errors import UsageError
from gazeheads.images import MOST_PIXELS
from gazeheads.regions.grid import Box

WIDEST = 20  # image heights
SIDE = 0.45  # of the moving object, in image heights


@dataclass(frozen=True)
class Clip:
    """Frames of one size, and where the object is in each, in pixels."""

    frames: tuple[Image.Image, ...]
    boxes: tuple[Box, ...]
    name: str
    setting: str

    def save(self, path: str | Path, seconds: float = 0.4) -> Path:
        """Write an animated WebP file, lossless; the path. seconds: for each frame."""
        path = Path(path)
        first, *rest = self.frames
        first.save(
            path,
            format="WEBP",
            save_all=True,
            append_images=rest,
            duration=round(1000 * seconds),
            lossless=True,
        )
        return path


def moving_doodle(
    seed: int = 0, frames: int = 4, width: float = 2.0, height: int = HEIGHT, cell: int = CELL
) -> Clip:
    """One object that moves across a backdrop. width: in heights. Raises `UsageError` for fewer than two frames."""
    if frames < 2:
        raise UsageError(f"A clip of {frames} frames was asked for. Ask for two or more.")
    must_be_drawable(height, cell)
    if not 0.5 <= width <= WIDEST:
        raise UsageError(f"A clip {width} times as wide as high was asked for. Ask for 0.5 to {WIDEST}.")
    if frames * width * height**2 > MOST_PIXELS:
        raise UsageError(
            f"{frames} frames of {width * height:.0f} x {height} px were asked for, and {MOST_PIXELS / 1e6:g} million "
            "pixels are the most. Ask for fewer, or smaller ones."
        )
    rng = random.Random(f"clip/{seed}")
    name, setting = pick(rng, grammar.OBJECTS), pick(rng, grammar.SETTINGS)
    wide, factor = max(1, round(width * height / cell)) * cell, supersample(height)
    images, boxes = [], []
    for frame in range(frames):
        page = Image.new("RGB", (wide * factor, height * factor), "#ffffff")
        draw_backdrop(Pen(page, height * factor), setting, wide / height)
        layer = Image.new("RGBA", page.size, (0, 0, 0, 0))
        across = SIDE / 2 + 0.03 + (wide / height - SIDE - 0.06) * frame / (frames - 1)
        draw_object(Pen(layer, height * factor).at(across, 0.6, SIDE), name)
        page.paste(layer, (0, 0), layer)
        solid = np.asarray(layer.getchannel("A").reduce(factor)) >= 128
        rows, cols = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        images.append(shrink(page, factor))
        boxes.append(Box(int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1))
    return Clip(tuple(images), tuple(boxes), name, setting)

"""How a drawing looks: colours, contrast, lines, which way panels face. What it shows stays the same.

Colours are shifted so little that each keeps its name.
"""

import random
from dataclasses import dataclass

from PIL import Image, ImageEnhance

from gazeheads.drawing.draws import pick

PAPERS = ("#ffffff", "#ffffff", "#ffffff", "#f6f0df", "#e4e9ee", "#20222a")
BORDERS = ("", "", "#2b2b33", "#2b2b33", "#ffffff", "#7a5a3a")
HUES = 4  # of 256: under six degrees


@dataclass(frozen=True)
class Look:
    """How one picture is drawn. hue: in 256ths of the circle; border: "" for none, `thick` pixels otherwise."""

    hue: int = 0
    colour: float = 1.0
    contrast: float = 1.0
    light: float = 1.0
    line: float = 1.0
    paper: str = "#ffffff"
    border: str = ""
    thick: int = 1

    def apply(self, picture: Image.Image) -> Image.Image:
        """The picture with this look's hue, colour, contrast and light."""
        if self.hue:
            h, s, v = picture.convert("HSV").split()
            h = h.point([(i + self.hue) % 256 for i in range(256)])
            picture = Image.merge("HSV", (h, s, v)).convert("RGB")
        for enhance, factor in (
            (ImageEnhance.Color, self.colour),
            (ImageEnhance.Contrast, self.contrast),
            (ImageEnhance.Brightness, self.light),
        ):
            if factor != 1.0:
                picture = enhance(picture).enhance(factor)
        return picture


PLAIN = Look()


def draw_look(rng: random.Random) -> Look:
    """A look: one in four is plain."""
    if rng.random() < 0.25:
        return PLAIN
    return Look(
        hue=int(rng.random() * (2 * HUES + 1)) - HUES,
        colour=0.7 + 0.5 * rng.random(),
        contrast=0.75 + 0.4 * rng.random(),
        light=0.85 + 0.25 * rng.random(),
        line=0.6 + 1.2 * rng.random(),
        paper=pick(rng, PAPERS),
        border=pick(rng, BORDERS),
        thick=1 + int(rng.random() * 2),
    )

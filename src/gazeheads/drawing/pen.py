"""A pen that draws outlined shapes in local coordinates, at any size.

`Pen(image, scale, x, y)` maps local (u, v) to pixel (x + scale * u, y + scale * v). `pen.at(u, v, size)` is a pen for
an object of that size centred there, in whose coordinates it spans -0.5..0.5. Shapes are drawn without
anti-aliasing on an image several times too large, which the caller then shrinks: see `supersample`.
"""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from gazeheads.checks import whole
from gazeheads.errors import UsageError

INK = "#2b2b33"
SMALLEST, LARGEST = 8, 4096  # pixels of the height of a drawing
Point = tuple[float, float]


def supersample(height: int) -> int:
    """How many times larger to draw an image of this height, so that shrinking it smooths the edges."""
    return 4 if height <= 128 else 3 if height <= 400 else 2


def must_be_drawable(height: int, cell: int) -> None:
    """Raise `UsageError` for a height or a cell, in pixels, at which nothing is to be seen, or no memory is for."""
    for value, asked, least in (
        (height, "The height of a drawing", SMALLEST),
        (cell, "The width of a cell", 1),
    ):
        if not least <= whole(value, asked, UsageError) <= LARGEST:
            raise UsageError(f"{asked} is {value} px. Ask for {least} to {LARGEST} px.")


def shrink(image: Image.Image, factor: int) -> Image.Image:
    """The image made `factor` times smaller by averaging whole blocks of pixels: exact on every machine."""
    return image.reduce(factor)


class Pen:
    """Draws filled shapes with an ink outline. All lengths are in local units unless they say pixels."""

    def __init__(
        self,
        image: Image.Image,
        scale: float,
        x: float = 0,
        y: float = 0,
        outline: float = 0,
    ) -> None:
        self.image = image
        self.draw = ImageDraw.Draw(image)
        self.scale, self.x, self.y = scale, x, y
        self.outline = outline or 0.013 * scale  # pixels, the same for all objects of an image

    def at(self, u: float, v: float, size: float = 1.0) -> "Pen":
        """A pen for an object of this size centred at (u, v)."""
        return Pen(
            self.image, self.scale * size, self.x + self.scale * u, self.y + self.scale * v, self.outline
        )

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        return [(self.x + self.scale * u, self.y + self.scale * v) for u, v in points]

    def _width(self, line: bool) -> int:
        return max(1, round(self.outline)) if line else 0

    def oval(self, u: float, v: float, ru: float, rv: float, fill: str | None, line: bool = True) -> None:
        """An ellipse with centre (u, v) and radii (ru, rv)."""
        (x0, y0), (x1, y1) = self._pixels([(u - ru, v - rv), (u + ru, v + rv)])
        ink = INK if line else None
        self.draw.ellipse((x0, y0, x1, y1), fill=fill, outline=ink, width=self._width(line))

    def rect(
        self, u0: float, v0: float, u1: float, v1: float, fill: str, line: bool = True, round_: float = 0
    ) -> None:
        """A rectangle, its corners rounded with the radius `round_`."""
        (x0, y0), (x1, y1) = self._pixels([(u0, v0), (u1, v1)])
        ink = INK if line else None
        self.draw.rounded_rectangle(
            (x0, y0, x1, y1), round_ * self.scale, fill=fill, outline=ink, width=self._width(line)
        )

    def poly(self, points: Sequence[Point], fill: str, line: bool = True) -> None:
        """A filled polygon."""
        pixels = self._pixels(points)
        self.draw.polygon(pixels, fill=fill)
        if line:
            self.draw.line([*pixels, pixels[0], pixels[1]], fill=INK, width=self._width(True), joint="curve")

    def path(self, points: Sequence[Point], width: float, colour: str = INK) -> None:
        """A line of the given width through the points, with round ends."""
        pixels = self._pixels(points)
        across = max(1.0, width * self.scale)
        self.draw.line(pixels, fill=colour, width=round(across), joint="curve")
        for x, y in (pixels[0], pixels[-1]):
            r = across / 2
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def limb(self, points: Sequence[Point], width: float, colour: str) -> None:
        """A thick line with an ink outline: an arm, a leg, a trunk."""
        self.path(points, width + 2 * self.outline / self.scale, INK)
        self.path(points, width, colour)

    def arc(
        self,
        u: float,
        v: float,
        ru: float,
        rv: float,
        start: float,
        end: float,
        width: float,
        colour: str = INK,
    ) -> None:
        """Part of an ellipse's edge, from `start` to `end` degrees clockwise from three o'clock."""
        (x0, y0), (x1, y1) = self._pixels([(u - ru, v - rv), (u + ru, v + rv)])
        self.draw.arc((x0, y0, x1, y1), start, end, fill=colour, width=max(1, round(width * self.scale)))

    def pie(self, u: float, v: float, ru: float, rv: float, start: float, end: float, fill: str) -> None:
        """A slice of an ellipse, outlined."""
        (x0, y0), (x1, y1) = self._pixels([(u - ru, v - rv), (u + ru, v + rv)])
        self.draw.pieslice((x0, y0, x1, y1), start, end, fill=fill, outline=INK, width=self._width(True))

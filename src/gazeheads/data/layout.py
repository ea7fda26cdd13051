"""Panels become a page: one row, as in the paper, or several.

All panels of a page get one height, and their widths are rounded so that a panel and the white gap after it take a
whole number of the model's cells: panel edges fall on the token grid. The gap is 6 px at 256 px height. In a page of
several rows each row is `height` high, gap included; rows may end at different widths, with white to their right, as
in a printed comic, so that no panel is stretched to fit its neighbours.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import isqrt

from PIL import Image

from gazeheads.errors import DataError, UsageError
from gazeheads.regions.grid import Box


def panels_of(image: Image.Image, n: int) -> tuple[Box, ...]:
    """A strip cut into `n` panels of equal width."""
    width, height = image.size
    edges = [width * i / n for i in range(n + 1)]
    return tuple(Box(x0, 0, x1, height) for x0, x1 in pairwise(edges))


Size = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """How panels are arranged: "row", "grid" (as near to a square as they go, wider than high) or "2x3".

    text: what was asked for.
    """

    text: str = "row"

    def __post_init__(self) -> None:
        if self.text not in ("row", "grid") and not re.fullmatch(
            r"[1-9][0-9]{0,5}x[1-9][0-9]{0,5}", self.text
        ):
            raise UsageError(
                f"Layout {self.text!r}: there is no such layout. Use row, grid, or rows and columns such as 2x3."
            )

    def rows(self, n: int, name: str) -> int:
        """The number of rows for `n` panels. name: of the strip, for messages.

        Raises `DataError` where rows would be uneven: no grid of several rows holds 5 panels.
        """
        if self.text == "row":
            return 1
        if self.text == "grid":
            rows = max(r for r in range(1, isqrt(n) + 1) if n % r == 0)
            if rows == 1:
                raise DataError(
                    f"Strip {name}: {n} panels cannot be divided into equal rows. Use layout=row."
                )
            return rows
        rows, columns = map(int, self.text.split("x"))
        if rows * columns != n:
            raise DataError(
                f"Strip {name}: a grid of {self.text} has {rows * columns} panels, and the strip {n}. Use a grid of "
                f"{n}, or layout=grid."
            )
        return rows


def places(sizes: Sequence[Size], height: int, cell: int, rows: int = 1) -> tuple[Size, tuple[Box, ...]]:
    """The size of the page in pixels, and the box of each panel. `sizes`: width and height of each, of any scale."""
    gap = max(1, round(height * 6 / 256))
    high = height if rows == 1 else height - gap
    columns = len(sizes) // rows
    pitches = [max(1, round((w * high / h + gap) / cell)) * cell for w, h in sizes]
    boxes, widths = [], []
    for row in range(rows):
        edges = [0, *accumulate(pitches[row * columns : (row + 1) * columns])]
        boxes += [Box(x, row * height, x1 - gap, row * height + high) for x, x1 in pairwise(edges)]
        widths.append(edges[-1])
    return (max(widths), rows * height), tuple(boxes)


def paste(panels: Iterable[Image.Image], size: Size, boxes: Sequence[Box]) -> Image.Image:
    """The page: each panel resized into its box, white elsewhere. Panels are taken one at a time."""
    page = Image.new("RGB", size, "#ffffff")
    for panel, box in zip(panels, boxes, strict=True):
        x0, y0, x1, y1 = (int(edge) for edge in box.corners)
        page.paste(panel.resize((x1 - x0, y1 - y0), Image.Resampling.LANCZOS), (x0, y0))
    return page

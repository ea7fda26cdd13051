"""Where panels lie on a sheet: in a row, down a page, in two rows; at any offset, with any gaps and widths."""

import random
from typing import Literal

from gazeheads.drawing.draws import pick
from gazeheads.errors import GazeHeadsError
from gazeheads.regions.grid import Box

Layout = Literal["row", "page", "rows"]
LAYOUTS: tuple[Layout, ...] = ("row", "page", "rows")
Size = tuple[int, int]  # width, height in pixels
LEAST_SIDE = 24  # of a panel, pixels


def counts(layout: Layout, panels: int) -> tuple[int, ...]:
    """How many panels each row has, from the top."""
    match layout:
        case "row":
            return (panels,)
        case "page":
            return (1,) * panels
        case "rows":
            return (panels - panels // 2, panels // 2) if panels > 1 else (1,)
        case other:
            raise GazeHeadsError(f"Layout {other!r}: there is none. Use one of {', '.join(LAYOUTS)}.")


def draw_size(rng: random.Random, rows: tuple[int, ...], cell: int, high: int = 0) -> Size:
    """A size for a sheet, in whole cells. high: of a row, pixels; 0: three or four cells."""
    high = high or cell * pick(rng, (3, 3, 4) if sum(rows) <= 6 else (3,))
    across = max(rows) * high * (0.92 + 0.33 * rng.random())
    if len(rows) == sum(rows) > 1:  # a page: panels wider than high
        across = high * (1.0 + 0.6 * rng.random())
    down = high * len(rows)
    return max(1, round(across / cell)) * cell, max(1, round(down / cell)) * cell


def lay(rng: random.Random, rows: tuple[int, ...], size: Size) -> tuple[Box, ...]:
    """The panels' boxes on a sheet of that size, in reading order, in whole pixels."""
    width, height = size
    left, right, top, bottom = (int(rng.random() ** 2 * 8) for _ in range(4))
    gap = 2 + int(rng.random() ** 2 * 6)
    ys = _cut(rng, top, height - bottom, len(rows), gap, 0.15)
    boxes = []
    for (y0, y1), panels in zip(ys, rows, strict=True):
        boxes += [Box(x0, y0, x1, y1) for x0, x1 in _cut(rng, left, width - right, panels, gap, 0.45)]
    if any(box.x1 - box.x0 < LEAST_SIDE or box.y1 - box.y0 < LEAST_SIDE for box in boxes):
        raise GazeHeadsError(
            f"{sum(rows)} panels on a sheet of {width} x {height} pixels: some would be under {LEAST_SIDE} pixels. "
            "Use a larger sheet."
        )
    return tuple(boxes)


def _cut(
    rng: random.Random, start: int, end: int, parts: int, gap: int, unequal: float
) -> list[tuple[int, int]]:
    """A length cut into parts with gaps between; the largest part is 1 + `unequal` times the smallest at most."""
    weights = [1 + unequal * rng.random() for _ in range(parts)]
    inked = end - start - gap * (parts - 1)
    edges, done = [], 0.0
    for i, weight in enumerate(weights):
        x0 = start + i * gap + round(inked * done / sum(weights))
        done += weight
        edges.append((x0, start + i * gap + round(inked * done / sum(weights))))
    return edges

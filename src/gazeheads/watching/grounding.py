"""From a map to a place: where is the object that was named? The pointing game, and a box.

A map gives each image token of an image the attention that a set of heads paid while the object was named. The peak is
the token with the most. It *points* right if it is one of the object's own cells: those whose centre is in its box, or,
where there is none, the one that the box covers most. The *box* is around the peak's patch of neighbouring cells, also
by their corners, of at least a share, the threshold, of the peak; it is compared with the true one by intersection over
union (IoU). The threshold is chosen on dev samples, for each set of heads its own, as the best of a grid.

Boxes of whole cells cannot fit an object that is smaller than a cell: `ceiling` is the best IoU of any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gazeheads.errors import UsageError
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads
from gazeheads.regions.coverage import overview
from gazeheads.regions.grid import Box, ImageGrid
from gazeheads.regions.region import Region
from gazeheads.statistics import Estimate, Resamples, estimate

Floats = npt.NDArray[np.float64]
THRESHOLDS = tuple(round(0.1 + 0.05 * n, 2) for n in range(17))  # shares of the peak, 0.1 to 0.9
NEIGHBOURS = np.ones((3, 3))


@dataclass(frozen=True, eq=False)
class NamedObject:
    """One object of a sample that was named, and where each recorded head looked meanwhile.

    number: which object of its sample. attention: (head, image token), in `heads`' order.
    """

    sample: str
    number: int
    size: str
    box: Box
    grid: ImageGrid = field(repr=False)
    attention: Floats = field(repr=False)
    heads: tuple[Head, ...] = field(repr=False)

    def map(self, heads: Heads) -> Floats:
        """(row, col) the mean over these heads, on the view that shows the image whole. Raises `UsageError`."""
        absent = [head for head in heads if head not in self.heads]
        if absent:
            raise UsageError(f"The gaze of {absent[0]} was asked for, and was not recorded. Record it, too.")
        view = overview(self.grid)
        mine = self.attention[[self.heads.index(head) for head in heads]].mean(0)
        shape = self.grid.views[view]
        found: Floats = mine[self.grid.view_of == view].reshape(shape.rows, shape.cols)
        return found


def peak(attention: Floats) -> tuple[int, int]:
    """The cell (row, col) with the most; the first of several."""
    row, col = np.unravel_index(attention.argmax(), attention.shape)
    return int(row), int(col)


def points(named: NamedObject, attention: Floats) -> bool:
    """Whether the peak of a map is one of the object's own cells."""
    own = Region.box(named.grid, named.box, coverage="centre", min_tokens=1).weights
    view = overview(named.grid)
    return bool(own[named.grid.view_of == view].reshape(attention.shape)[peak(attention)] > 0)


def predicted(grid: ImageGrid, attention: Floats, threshold: float) -> Box:
    """The box around the peak's patch of cells of at least `threshold` of the peak, in pixels of the image."""
    spots, _ = ndimage.label(attention >= threshold * attention.max(), structure=NEIGHBOURS)
    rows, cols = np.nonzero(spots == spots[peak(attention)])
    return cells_box(grid, int(rows.min()), int(cols.min()), int(rows.max()), int(cols.max()))


def cells_box(grid: ImageGrid, top: int, left: int, bottom: int, right: int) -> Box:
    """The pixels from one cell to another, both included, within the image."""
    view = overview(grid)
    rects = grid.rects[grid.view_of == view].reshape(grid.views[view].rows, grid.views[view].cols, 4)
    width, height = grid.sizes[grid.views[view].image]
    x0, y0 = rects[top, left, :2]
    x1, y1 = rects[bottom, right, 2:]
    return Box(
        max(0.0, float(x0)), max(0.0, float(y0)), min(float(width), float(x1)), min(float(height), float(y1))
    )


def iou(one: Box, other: Box) -> float:
    """Intersection over union, 0..1."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    shared = max(0.0, across) * max(0.0, down)
    return shared / (one.width * one.height + other.width * other.height - shared)


def ceiling(named: NamedObject) -> float:
    """The best IoU of any box of whole cells."""
    view = named.grid.views[overview(named.grid)]
    tops = [(top, bottom) for top in range(view.rows) for bottom in range(top, view.rows)]
    sides = [(left, right) for left in range(view.cols) for right in range(left, view.cols)]
    return max(
        iou(named.box, cells_box(named.grid, top, left, bottom, right))
        for top, bottom in tops
        for left, right in sides
    )


def chosen(objects: Sequence[NamedObject], heads: Heads) -> float:
    """The threshold with the best mean IoU on dev samples; the lowest of several.

    Raises `UsageError` without objects.
    """
    if not objects:
        raise UsageError(
            "A threshold was to be chosen, and no object of the dev samples was named. Give more samples."
        )
    maps = [named.map(heads) for named in objects]
    means = [
        float(
            np.mean(
                [iou(named.box, predicted(named.grid, m, t)) for named, m in zip(objects, maps, strict=True)]
            )
        )
        for t in THRESHOLDS
    ]
    return THRESHOLDS[int(np.argmax(means))]


@dataclass(frozen=True)
class Grounded:
    """How well one set of heads tells where objects are. by_size: the share pointed at, by size class."""

    name: str
    heads: int
    threshold: float
    pointing: Estimate
    iou: Estimate
    by_size: Mapping[str, Estimate]


def grounded(
    name: str, heads: Heads, dev: Sequence[NamedObject], test: Sequence[NamedObject], seed: int = 0
) -> Grounded:
    """Pointing game and IoU on the test objects, with the threshold of the dev ones; intervals resample images.

    Raises `UsageError` where nothing was named.
    """
    if not test:
        raise UsageError(
            "Grounding was asked for, and no object of the samples was named. Give others, or more."
        )
    threshold, resamples = chosen(dev, heads), Resamples(np.random.default_rng(seed))
    right: dict[tuple[str, int], float | None] = {}
    overlap: dict[tuple[str, int], float | None] = {}
    sizes: dict[str, dict[tuple[str, int], float | None]] = {}
    for named in test:
        attention, key = named.map(heads), (named.sample, named.number)
        right[key] = float(points(named, attention))
        overlap[key] = iou(named.box, predicted(named.grid, attention, threshold))
        sizes.setdefault(named.size, {})[key] = right[key]
    by_size = {size: estimate(found, resamples) for size, found in sizes.items()}
    return Grounded(
        name, len(heads), threshold, estimate(right, resamples), estimate(overlap, resamples), by_size
    )

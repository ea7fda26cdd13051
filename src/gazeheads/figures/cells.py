"""Images with their image tokens drawn over them: which cell is which token, and what each one gets."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image, ImageOps

from gazeheads.errors import UsageError
from gazeheads.figures.strips import Corners
from gazeheads.figures.style import ATTENTION, CONTROL, INK, MARK, PAPER, SMALL, boxless
from gazeheads.images import rgb

Floats = npt.NDArray[np.floating]

FADE = 0.65  # how far towards white an image is faded below a tint
CLEAR, DENSE = 0.25, 0.85  # how opaque the tint of the faintest and of the strongest cell is


def token_cells(
    axes: Axes,
    image: Image.Image,
    rects: Floats,
    labels: Sequence[str] = (),
    size: tuple[float, float] | None = None,
) -> Axes:
    """An image with the pixel rectangles (token, 4) of its image tokens, and a label in each cell if given.

    size: width and height of the image that the rectangles are measured in, by default of this one: a sharper
    drawing of the same image may be shown instead.
    """
    _checked(rects, labels=labels or [""] * len(rects))
    _show(axes, rgb(image, "to show"), size)
    _lay(axes, rects, "none", PAPER, 1.0)
    _lay(axes, rects, "none", INK, 0.4)
    for (x0, y0, x1, y1), label in zip(rects, labels, strict=bool(labels)):
        _write(axes, (x0 + x1) / 2, (y0 + y1) / 2, label, INK, PAPER)
    return boxless(axes)


def cell_map(
    axes: Axes,
    image: Image.Image,
    rects: Floats,
    weights: Floats,
    *,
    size: tuple[float, float] | None = None,
    vmax: float | None = None,
    numbers: bool = False,
    targets: Sequence[Corners] = (),
) -> Axes:
    """A greyed image, each cell tinted by its weight: a region's coverage (token,), or attention to each token.

    rects, size: as in `token_cells`. vmax: the weight of the darkest tint, by default the largest. numbers: write
    each weight of a hundredth or more into its cell, to hundredths. targets: boxes (x0, y0, x1, y1) to frame.
    """
    _checked(rects, weights=weights)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise UsageError("Cell map: weights must be finite and not negative. Check the array.")
    top = vmax or float(weights.max()) or 1.0
    share = np.clip(weights / top, 0, 1)
    tints = ATTENTION(share)
    tints[:, 3] = np.where(weights > 0, CLEAR + (DENSE - CLEAR) * share, 0)
    _show(
        axes,
        Image.blend(ImageOps.grayscale(rgb(image, "to show")), Image.new("L", image.size, 255), FADE),
        size,
    )
    _lay(axes, rects, tints, CONTROL, 0.3)
    for x0, y0, x1, y1 in targets:
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=MARK, linewidth=1.6))
    if numbers:
        for (x0, y0, x1, y1), weight, part in zip(rects, weights, share, strict=True):
            if weight >= 0.005:
                colour, halo = (PAPER, None) if part > 0.5 else (INK, PAPER)
                said = f"{weight:.2f}".rstrip("0").rstrip(".").lstrip("0")
                _write(axes, (x0 + x1) / 2, (y0 + y1) / 2, said, colour, halo)
    return boxless(axes)


def _checked(rects: Floats, **given: Sequence[str] | Floats) -> None:
    """Raise unless there is one entry for each rectangle."""
    if rects.ndim != 2 or rects.shape[1] != 4 or not len(rects):
        raise UsageError(
            f"Cells: rectangles of shape (token, 4) are needed, found {rects.shape}. Give `grid.rects`."
        )
    for name, entries in given.items():
        if len(entries) != len(rects):
            raise UsageError(
                f"{len(rects)} cells, but {len(entries)} {name}. Give one for each image token of this image."
            )


def _show(axes: Axes, image: Image.Image, size: tuple[float, float] | None) -> None:
    """The image, in pixels of the image that is measured."""
    width, height = size or image.size
    grey = {"cmap": "gray", "vmin": 0, "vmax": 255} if image.mode == "L" else {}
    axes.imshow(np.asarray(image), extent=(0, width, height, 0), interpolation="lanczos", **grey)  # type: ignore[arg-type]
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])


def _lay(axes: Axes, rects: Floats, faces: Floats | str, edge: str, line: float) -> None:
    """All cells, with hair lines between them."""
    corners = rects[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    axes.add_collection(
        PolyCollection(list(corners), facecolors=faces, edgecolors=edge, linewidths=line), autolim=False
    )


def _write(axes: Axes, x: float, y: float, text: str, colour: str, halo: str | None = None) -> None:
    """A few letters in the middle of a cell."""
    effects = [withStroke(linewidth=2, foreground=halo)] if halo else []
    axes.text(x, y, text, ha="center", va="center", fontsize=SMALL, color=colour, path_effects=effects)

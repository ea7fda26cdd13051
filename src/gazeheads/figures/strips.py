"""Images with what was said about their parts."""

import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from gazeheads.errors import UsageError
from gazeheads.figures.style import GAZE, INK, MUTED, SMALL, TEXT, WRONG, boxless
from gazeheads.images import rgb

Corners = tuple[float, float, float, float]
_MARKS: dict[bool | None, tuple[str, str]] = {True: (GAZE, " ✓"), False: (WRONG, " ✗"), None: (MUTED, "")}


def panel_answers(
    axes: Axes,
    image: Image.Image,
    boxes: Sequence[Corners],
    answers: Sequence[str],
    right: Sequence[bool | None] = (),
    columns: int = 24,
) -> Axes:
    """A strip and, below each panel, what was answered when the gaze was put on it.

    `boxes` are (x0, y0, x1, y1) in pixels. `right` marks each answer as about that panel or not (None: not
    judged). Panels that stand above each other have their answers listed below the image. `columns`:
    letters in a line.
    """
    for name, given in (("answers", answers), ("right", right or answers)):
        if len(given) != len(boxes):
            raise UsageError(f"{len(boxes)} boxes, but {len(given)} {name}. Give one for each box.")
    width, height = image.size
    axes.imshow(np.asarray(rgb(image, "to show")), extent=(0, width, height, 0), interpolation="lanczos")
    side_by_side = all(left[2] <= right_[0] for left, right_ in pairwise(boxes))
    lines = 0  # written below the image so far, where the answers are listed
    for k, ((x0, y0, x1, y1), answer) in enumerate(zip(boxes, answers, strict=True)):
        colour, sign = _MARKS[right[k] if right else None]
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.4))
        said = answer.strip() or "(nothing)"
        style: dict[str, Any] = dict(textcoords="offset points", va="top", linespacing=1.4, parse_math=False)
        if side_by_side:
            style |= dict(xy=((x0 + x1) / 2, height), ha="center")
            said = "\n" + textwrap.fill(said, columns)
        else:
            style |= dict(xy=(0, height), ha="left")
            said = textwrap.fill(said, 3 * columns, initial_indent=" " * 8, subsequent_indent=" " * 8)
        drop = -12.5 * lines
        axes.annotate(
            f"{k + 1}{sign}", xytext=(0, drop - 6), color=colour, fontsize=TEXT, weight="bold", **style
        )
        axes.annotate(said, xytext=(0, drop - 7), color=INK, fontsize=SMALL, **style)
        lines += 0 if side_by_side else said.count("\n") + 1
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    return boxless(axes)

"""How every figure looks: colours that colour-blind people can tell apart, type, and bare axes.

Blue is the gaze, grey is what it is compared with, brick is a miss, amber frames what was chosen; attention
is one hue from paper to dark blue. Nothing here touches pyplot or leaves a global changed.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK = "#1d2433"
MUTED = "#667085"
RULE = "#d9dde3"
PAPER = "#ffffff"
GAZE = "#1769aa"
CONTROL = "#98a1ae"
WRONG = "#b4432e"
MARK = "#e5912a"
RIVALS = ("#b4432e", "#2f8f6b", "#7d5ba6", "#c98a1b", "#4a5568")  # brick, green, violet, ochre, slate
ATTENTION = LinearSegmentedColormap.from_list(
    "attention", ["#f6f7f9", "#d6e4f0", "#9cc3e0", "#5498c9", "#1769aa", "#0b3f6e", "#08263f"]
)

TITLE, TEXT, SMALL = 10.5, 9.0, 7.5  # points
_RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
}


def new_figure(
    width: float, height: float, rows: int = 1, cols: int = 1, **grid: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of this size in inches with bare axes, row by row; `grid` goes to `Figure.subplots`."""
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = np.atleast_1d(figure.subplots(rows, cols, **grid)).ravel().tolist()
        for each in axes:
            bare(each)
    return figure, axes


def bare(axes: Axes) -> Axes:
    """The axes without a box, with quiet ticks."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(color=RULE, labelcolor=MUTED, labelsize=SMALL, length=3, width=0.8)
    return axes


def title(axes: Axes, text: str) -> Axes:
    """The axes with a title: bold, above the left edge."""
    axes.set_title(text, loc="left", fontsize=TITLE, fontweight="bold", color=INK, pad=9)
    return axes


def boxless(axes: Axes) -> Axes:
    """The axes with tick labels alone: for maps, whose cells are their own frame."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    return axes

"""Sweeps: accuracy by number of heads for several selections, by setting, and by place."""

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from gazeheads.errors import UsageError
from gazeheads.figures.curves import chance_line, lanes
from gazeheads.figures.style import ATTENTION, CONTROL, GAZE, INK, MUTED, RIVALS, RULE, SMALL, TEXT, boxless
from gazeheads.statistics import Estimate

LABEL = 46  # letters in a line of a label
SHAPES = "osD^"  # of markers, one after the other where the colours run out
Series = Mapping[str, Mapping[int, Estimate]]
Draws = Mapping[str, Sequence[float]]


def selection_curves(
    axes: Axes,
    found: Series,
    controls: Mapping[int, Sequence[float]] | None = None,
    chance: float | None = None,
    ylabel: str = "answers about the target",
) -> Axes:
    """Accuracy by number of heads for each way to choose them, the first in blue; random-head controls as dots."""
    ks = sorted({k for curve in found.values() for k in curve} | set(controls or {}))
    for k, draws in (controls or {}).items():
        axes.plot([k] * len(draws), draws, "o", color=CONTROL, markersize=3.6, alpha=0.75, markeredgewidth=0)
    for (name, curve), colour in zip(found.items(), _colours(len(found)), strict=False):
        at = sorted(curve)
        low, mean, high = ([getattr(curve[k], each) for k in at] for each in ("low", "mean", "high"))
        axes.fill_between(at, low, high, color=colour, alpha=0.14, linewidth=0)
        axes.plot(at, mean, "-o", color=colour, markersize=4, linewidth=1.8, label=name)
    if controls:
        axes.plot([], [], "o", color=CONTROL, markersize=3.6, label="random-head controls")
    chance_line(axes, chance, vertical=False)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(ks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
    _shares(axes, ylabel)
    axes.set(xlabel="steered heads")
    _legend(axes)
    return axes


def position_lines(
    axes: Axes,
    found: Series,
    chance: float | None = None,
    place: str = "panel",
    ylabel: str = "answers about the target",
) -> Axes:
    """Accuracy at each zero-based place, one line a condition, the first in blue."""
    for (name, line), colour in zip(found.items(), _colours(len(found)), strict=False):
        places = sorted(line)
        low, mean, high = ([getattr(line[each], part) for each in places] for part in ("low", "mean", "high"))
        at = [each + 1 for each in places]
        axes.fill_between(at, low, high, color=colour, alpha=0.14, linewidth=0)
        above = 3 if colour == GAZE else 2
        axes.plot(at, mean, "-o", color=colour, markersize=4, linewidth=1.8, label=name, zorder=above)
    chance_line(axes, chance, vertical=False)
    axes.set_xticks([each + 1 for each in sorted({each for line in found.values() for each in line})])
    _shares(axes, ylabel)
    axes.set(xlabel=place)
    _legend(axes)
    return axes


def sweep_rows(
    axes: Axes,
    found: Mapping[str, Mapping[str, Estimate]],
    controls: Draws | None = None,
    chance: Mapping[str, float] | float | None = None,
    xlabel: str = "answers about the target",
) -> Axes:
    """One row for each setting, from the top: a dot with its interval for each condition, small dots for random heads.

    `found` maps a setting to its conditions, the first of which is blue; `controls` a setting to its draws' means;
    `chance` may differ from setting to setting.
    """
    if not found:
        raise UsageError("Figure of a sweep: there is no setting. Give at least one.")
    names = list(dict.fromkeys(name for row in found.values() for name in row))
    looks = dict(zip(names, _looks(len(names)), strict=True))
    height = 0.5 / max(1, len(names))
    apart = (
        0.3 if len(names) > 1 else 0.0
    )  # the draws stand below several conditions, and beside a single one
    for row, (setting, conditions) in enumerate(found.items()):
        draws = np.sort(np.asarray((controls or {}).get(setting, []), dtype=np.float64))
        axes.plot(
            draws,
            row + apart + 0.4 * lanes(draws),
            "o",
            color=CONTROL,
            markersize=4,
            alpha=0.9,
            markeredgecolor="white",
            markeredgewidth=0.5,
        )
        for number, (name, each) in enumerate(conditions.items()):
            y = row + height * (number - (len(names) - 1) / 2)
            if not math.isnan(each.low):
                axes.plot([each.low, each.high], [y, y], color=looks[name][0], linewidth=1.6, alpha=0.55)
            colour, shape = looks[name]
            axes.plot([each.mean], [y], shape, color=colour, markersize=6)
        level = chance.get(setting) if isinstance(chance, Mapping) else chance
        if level is not None:
            axes.plot(
                [level, level], [row - 0.4, row + 0.4], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3))
            )
    for name in names:
        axes.plot([], [], looks[name][1], color=looks[name][0], markersize=6, label=name)
    if controls and any(len(draws) for draws in controls.values()):
        axes.plot([], [], "o", color=CONTROL, markersize=4, label="random-head controls")
    if chance is not None:
        axes.plot([], [], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), label="chance")
    axes.set_yticks(range(len(found)), [textwrap.fill(each, LABEL) for each in found], parse_math=False)
    axes.tick_params(axis="y", length=0, labelsize=TEXT, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel=xlabel, xlim=(-0.02, 1.02), xticks=np.linspace(0, 1, 6), ylim=(len(found) - 0.4, -0.6))
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.legend(
        frameon=False,
        fontsize=SMALL,
        labelcolor=MUTED,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=4,
        borderaxespad=0.2,
        handletextpad=0.3,
    )
    return axes


def set_overlap(axes: Axes, names: Sequence[str], shared: npt.ArrayLike) -> Axes:
    """How many heads each two sets share, [set, set], with the numbers."""
    counts = np.asarray(shared, dtype=np.float64)
    if counts.shape != (len(names), len(names)) or not len(names):
        raise UsageError(
            f"Figure of overlap: {len(names)} sets, but shared heads of shape {counts.shape}. Give one row and one "
            "column for each set."
        )
    top = counts.max() or 1.0
    edges = np.arange(len(names) + 1) - 0.5
    axes.pcolormesh(edges, edges, counts, cmap=ATTENTION, vmin=0, vmax=top, edgecolor="white", linewidth=0.8)
    for row, col in np.ndindex(counts.shape):
        light = counts[row, col] > 0.5 * top
        axes.text(
            col,
            row,
            f"{counts[row, col]:.0f}",
            ha="center",
            va="center",
            fontsize=SMALL,
            color="white" if light else INK,
        )
    axes.set_box_aspect(1)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    return boxless(axes)


def _colours(number: int) -> list[str]:
    """Blue, then colours that can be told apart from it and from each other, over again where they run out."""
    return [GAZE, *(RIVALS[each % len(RIVALS)] for each in range(max(0, number - 1)))]


def _looks(number: int) -> list[tuple[str, str]]:
    """Colours, each with a shape: dots, and other shapes where the colours begin anew."""
    return [
        (colour, SHAPES[max(0, each - 1) // len(RIVALS) % len(SHAPES)])
        for each, colour in enumerate(_colours(number))
    ]


def _shares(axes: Axes, ylabel: str) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(ylabel=ylabel, ylim=(0, 1.02))
    axes.grid(axis="y", color=RULE, linewidth=0.6)


def _legend(axes: Axes) -> None:
    axes.legend(
        frameon=False,
        fontsize=SMALL,
        labelcolor=MUTED,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        borderaxespad=0.2,
        handlelength=1.6,
    )

"""Accuracies with their intervals: by number of heads, and by condition. Random-head controls are dots, one each."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from gazeheads.figures.style import CONTROL, GAZE, INK, MARK, MUTED, RULE, SMALL, TEXT
from gazeheads.statistics import Estimate

Floats = npt.NDArray[np.floating]


def k_curve(
    axes: Axes,
    found: Mapping[int, Estimate],
    controls: Mapping[int, Sequence[float]] | None = None,
    chosen: int | None = None,
    chance: float | None = None,
    ylabel: str = "answers about the target",
) -> Axes:
    """Accuracy by number of steered heads with its interval, random-head controls as dots, the chosen K ringed."""
    ks = sorted(found)
    for k, draws in (controls or {}).items():
        axes.plot([k] * len(draws), draws, "o", color=CONTROL, markersize=3.6, alpha=0.75, markeredgewidth=0)
    if controls:
        axes.plot([], [], "o", color=CONTROL, markersize=3.6, label="random-head controls")
    axes.fill_between(
        ks, [found[k].low for k in ks], [found[k].high for k in ks], color=GAZE, alpha=0.16, linewidth=0
    )
    axes.plot(
        ks, [found[k].mean for k in ks], "-o", color=GAZE, markersize=4.5, linewidth=1.8, label="top K heads"
    )
    if chosen is not None:
        axes.plot(
            [chosen],
            [found[chosen].mean],
            "o",
            color="none",
            markeredgecolor=MARK,
            markersize=11,
            markeredgewidth=1.6,
            label=f"chosen on dev: K = {chosen}",
        )
    chance_line(axes, chance, vertical=False)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(ks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel="steered heads", ylabel=ylabel, ylim=(0, 1.02))
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.legend(frameon=False, fontsize=SMALL, labelcolor=MUTED, loc="best")
    return axes


def condition_bars(
    axes: Axes,
    conditions: Mapping[str, Estimate | Sequence[float]],
    highlight: str | None = None,
    chance: float | None = None,
    xlabel: str = "answers about the target",
) -> Axes:
    """One row a condition, from the top: a bar with its interval, or, for random-head controls, a dot for each draw.

    `conditions` maps a name to an `Estimate`, or to the means of random-head controls. `highlight` names the blue
    row.
    """
    for row, (name, found) in enumerate(conditions.items()):
        if isinstance(found, Estimate):
            colour = GAZE if name == highlight else CONTROL
            axes.barh(row, found.mean, height=0.56, color=colour, alpha=1.0 if name == highlight else 0.75)
            if not math.isnan(found.low):
                axes.plot(
                    [found.low, found.high], [row, row], color=INK, linewidth=1.1, solid_capstyle="butt"
                )
            end, text = (
                max(found.mean, 0 if math.isnan(found.high) else found.high),
                f"{100 * found.mean:.1f}%",
            )
        else:
            draws = np.sort(np.asarray(found, dtype=np.float64))
            axes.plot(
                draws,
                row + lanes(draws),
                "o",
                color=CONTROL,
                markersize=4.8,
                alpha=0.9,
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
            middle = float(np.median(draws))
            axes.plot([middle, middle], [row - 0.3, row + 0.3], color=INK, linewidth=1.1)
            end, text = float(draws.max()), f"{100 * draws.min():.1f} to {100 * draws.max():.1f}%"
        axes.annotate(
            text,
            (end, row),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=MUTED,
            fontweight="bold" if name == highlight else "normal",
        )
    chance_line(axes, chance, vertical=True)
    axes.set_yticks(range(len(conditions)), list(conditions))
    axes.tick_params(axis="y", length=0, labelsize=TEXT, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel=xlabel, xlim=(0, 1.12), xticks=np.linspace(0, 1, 6), ylim=(len(conditions) - 0.3, -0.6))
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    return axes


def chance_line(axes: Axes, chance: float | None, *, vertical: bool) -> None:
    """A dashed line where guessing would be, named where no data can be."""
    if chance is None:
        return
    line = axes.axvline if vertical else axes.axhline
    line(chance, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    place: dict[str, Any] = (
        dict(xy=(chance, 0), xytext=(3, 2), ha="left", va="bottom", xycoords=axes.get_xaxis_transform())
        if vertical
        else dict(xy=(1, chance), xytext=(3, 0), ha="left", va="center", xycoords=axes.get_yaxis_transform())
    )
    axes.annotate("chance", textcoords="offset points", fontsize=SMALL, color=MUTED, **place)


def lanes(draws: Floats) -> Floats:
    """Vertical shifts for sorted draws, so that near ones do not hide each other; the same every time."""
    shifts = np.zeros(len(draws))
    levels = (0.0, 0.13, -0.13, 0.26, -0.26)
    last = dict.fromkeys(levels, -math.inf)
    for place, draw in enumerate(draws):
        lane = next((each for each in levels if draw - last[each] > 0.018), levels[place % len(levels)])
        last[lane], shifts[place] = draw, lane
    return shifts

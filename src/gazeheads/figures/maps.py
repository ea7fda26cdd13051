"""Maps of attention: scores over layers and heads, panel by panel, and token by token."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from gazeheads.errors import UsageError
from gazeheads.figures.style import ATTENTION, CONTROL, GAZE, INK, MARK, MUTED, SMALL, boxless

Floats = npt.NDArray[np.floating]


def score_map(
    axes: Axes, scores: Floats, top: Sequence[tuple[int, int]] = (), label: str = "gaze score"
) -> Axes:
    """Scores [layer, head] as a map, layer 0 at the bottom; the (layer, head) pairs in `top` are framed.

    NaN, a head without a score, is left blank. The palest shade is 0, or the least score where there are negative ones.
    """
    missing = np.isnan(scores)
    layers, heads = _matrix("scores", scores if missing.all() else np.where(missing, 0.0, scores))
    least, most = float(np.nanmin(scores)), float(np.nanmax(scores))
    mesh = _cells(axes, scores, vmax=most if most > min(0.0, least) else 1.0, vmin=min(0.0, least))
    for layer, head in top:
        axes.add_patch(
            Rectangle(
                (head - 0.5, layer - 0.5),
                1,
                1,
                fill=False,
                edgecolor=MARK,
                linewidth=1.5 if layers <= 16 else 1.0,
                zorder=3,
            )
        )
    axes.set(xlabel="head", ylabel="layer", xlim=(-0.5, heads - 0.5), ylim=(-0.5, layers - 0.5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(8, integer=True))
    _scale(axes, mesh, label)
    return boxless(axes)


def score_histogram(axes: Axes, scores: Floats, top: int = 0, label: str = "gaze score") -> Axes:
    """How many heads have which score, the `top` best in blue; log scale where the tail would be hidden."""
    values = np.sort(scores, axis=None)[::-1]
    edges = np.histogram_bin_edges(
        values, bins=min(40, max(10, values.size // 4)), range=(min(0.0, values[-1]), values[0])
    )
    rest, best = (np.histogram(part, edges)[0] for part in (values[top:], values[:top]))
    width = np.diff(edges)
    axes.bar(
        edges[:-1],
        rest,
        width,
        align="edge",
        color=CONTROL,
        edgecolor="white",
        linewidth=0.6,
        label="other heads",
    )
    if top:
        axes.bar(
            edges[:-1],
            best,
            width,
            bottom=rest,
            align="edge",
            color=GAZE,
            edgecolor="white",
            linewidth=0.6,
            label=f"top {top}",
        )
        axes.legend(frameon=False, fontsize=SMALL, labelcolor=MUTED, loc="upper right")
    if (rest + best).max() > 20:
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(0.6, 1.6 * (rest + best).max())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set(xlabel=label, ylabel="heads")
    return axes


def region_matrix(axes: Axes, matrix: Floats, vmax: float | None = None, region: str = "panel") -> Axes:
    """Attention mass [asked, looked at] with its numbers in per cent; one `vmax` makes two comparable."""
    rows, cols = _matrix("matrix", matrix)
    top = vmax or float(matrix.max()) or 1.0
    _cells(axes, matrix, vmax=top)
    for row in range(rows):
        for col in range(cols):
            light = matrix[row, col] > 0.5 * top
            axes.text(
                col,
                row,
                f"{100 * matrix[row, col]:.0f}",
                ha="center",
                va="center",
                fontsize=SMALL,
                color="white" if light else INK,
                fontweight="bold" if row == col else "normal",
            )
    axes.set(xlabel=f"{region} looked at", ylabel=f"{region} asked about")
    axes.set_box_aspect(rows / cols)
    axes.set_xticks(range(cols), [str(col + 1) for col in range(cols)])
    axes.set_yticks(range(rows), [str(row + 1) for row in range(rows)])
    axes.invert_yaxis()
    return boxless(axes)


def staircase(
    axes: Axes,
    attention: Floats,
    tokens: Sequence[str] = (),
    described: Sequence[int | None] = (),
    region: str = "panel",
    label: str = "attention mass",
    vmax: float | None = None,
) -> Axes:
    """Attention [token, region] while the model speaks: time to the right, the first region on top.

    One `vmax`, the value of the darkest cell, makes two comparable.

    `tokens` are written below where they fit. `described` says which region each token is about (None: none):
    its cell is framed, so that looking and saying can be compared.
    """
    n_tokens, regions = _matrix("attention", attention)
    for name, given in (("tokens", tokens), ("described", described)):
        if len(given) not in (0, n_tokens):
            raise UsageError(
                f"Staircase of {n_tokens} tokens, but {len(given)} {name}. Give one for each token."
            )
    mesh = _cells(axes, attention.T, vmax=vmax or float(attention.max()) or 1.0)
    for token, row in enumerate(described):
        if row is not None:
            before, after = (described[t] if 0 <= t < n_tokens else None for t in (token - 1, token + 1))
            _frame(axes, token, row, left=before != row, right=after != row)
    axes.set(
        xlabel="token", ylabel=f"{region} looked at", xlim=(-0.5, n_tokens - 0.5), ylim=(regions - 0.5, -0.5)
    )
    axes.set_yticks(range(regions), [str(row + 1) for row in range(regions)])
    if tokens and n_tokens <= 90:
        axes.set_xticks(
            range(n_tokens),
            [_printable(token) for token in tokens],
            rotation=90,
            fontsize=6.0,
            parse_math=False,
        )
        axes.set_xlabel("")
    _scale(axes, mesh, label)
    return boxless(axes)


def _matrix(name: str, array: Floats) -> tuple[int, int]:
    """The shape of a finite, non-empty matrix, or the error that says what it is instead."""
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise UsageError(
            f"Figure of {name}: need a finite matrix with cells, found shape {array.shape}. Check it."
        )
    return array.shape[0], array.shape[1]


def _cells(axes: Axes, matrix: Floats, vmax: float, vmin: float = 0.0) -> QuadMesh:
    """A matrix [row, col] as cells around whole numbers, with hair lines of paper between them."""
    rows, cols = matrix.shape
    edges = np.arange(cols + 1) - 0.5, np.arange(rows + 1) - 0.5
    line = 0.8 if max(rows, cols) <= 16 else 0.3 if max(rows, cols) <= 64 else 0.0
    return axes.pcolormesh(
        *edges, matrix, cmap=ATTENTION, vmin=vmin, vmax=vmax, edgecolor="white", linewidth=line
    )


def _scale(axes: Axes, mesh: QuadMesh, label: str) -> None:
    """A slim colour scale beside the axes."""
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(mesh, ax=axes, fraction=0.035, pad=0.02, aspect=28)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=SMALL, labelcolor=MUTED)
    bar.set_label(label, fontsize=SMALL, color=MUTED)
    bar.locator = MaxNLocator(5)


def _frame(axes: Axes, token: int, row: int, *, left: bool, right: bool) -> None:
    """The outline of a run of cells, drawn cell by cell: above, below, and where the run begins and ends."""
    x, y = (token - 0.5, token + 0.5), (row - 0.5, row + 0.5)
    sides = [(x, (y[0], y[0])), (x, (y[1], y[1]))]
    sides += [((x[0], x[0]), y)] * left + [((x[1], x[1]), y)] * right
    for xs, ys in sides:
        axes.plot(xs, ys, color=MARK, linewidth=1.2, solid_capstyle="projecting")


def _printable(token: str) -> str:
    """A token as a tick label: visible where it is only space."""
    return token.replace("\n", "⏎").strip() or "␣"

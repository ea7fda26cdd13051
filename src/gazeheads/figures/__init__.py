"""Figures of what was found: axes and arrays in, axes out. Nothing here loads, computes or saves.

- `score_map`, `score_histogram`: where the gaze heads are, and how few.
- `region_matrix`: asked panel by looked-at panel, for one head or the mean of several.
- `staircase`: which panel the heads look at while the model speaks, token by token.
- `k_curve`, `condition_bars`: accuracy by number of heads, and by condition; controls are a distribution, one
  dot for each draw, never one bar.
- `selection_curves`, `sweep_rows`, `position_lines`: the same for several head selections, over the settings of a
  sweep, and place by place; `set_overlap`: how many heads two selections share.
- `panel_answers`: a strip with what was answered about each of its panels.
- `cell_map`: an image whose cells are tinted by coverage or attention; `token_cells`: which cell is which token.
- `new_figure`, `title`: a figure with axes in the one style (`style`), and what is written above them.

Arrays are zero-based; what people read is one-based, except layers and heads (L17H4). Shares are 0..1 in, per
cent out.
"""

from gazeheads.figures.cells import cell_map, token_cells
from gazeheads.figures.curves import condition_bars, k_curve
from gazeheads.figures.maps import region_matrix, score_histogram, score_map, staircase
from gazeheads.figures.strips import panel_answers
from gazeheads.figures.style import new_figure, title
from gazeheads.figures.sweeps import position_lines, selection_curves, set_overlap, sweep_rows

__all__ = [
    "cell_map",
    "condition_bars",
    "k_curve",
    "new_figure",
    "panel_answers",
    "position_lines",
    "region_matrix",
    "score_histogram",
    "score_map",
    "selection_curves",
    "set_overlap",
    "staircase",
    "sweep_rows",
    "title",
    "token_cells",
]

"""Sinks: image tokens that get much attention and carry little, often at the border of an image.

Of the heads of a trace, over all tokens of the answer:

    raw(c)    mean attention to image token c
    value(c)  mean of attention times the length of c's value vector

c is a sink if raw(c) exceeds `FACTOR` times the median over the image tokens *and* its share of all value(.) is less
than `SHORT` times its share of all raw(.): its value vector is shorter than half the attended average. What heads look
at and read stays, however strongly they look. (Xiao et al. 2023, arXiv 2309.17453, named attention sinks; Darcet et al.
2023, arXiv 2309.16588, found them among image tokens; the two numbers are ours.)
"""

import numpy as np
import numpy.typing as npt

from gazeheads.gaze.trace import GazeTrace
from gazeheads.regions.grid import ImageGrid

FACTOR = 8.0
SHORT = 0.5
Bools = npt.NDArray[np.bool_]


def sinks(trace: GazeTrace) -> Bools:
    """(image token,) which are sinks of the heads of this trace. Raises `RecordError` for one without value norms."""
    raw = trace.attention.mean((0, 1), dtype=np.float64)
    value = trace.value_weighted.attention.mean((0, 1), dtype=np.float64)
    much = raw > FACTOR * np.median(raw)
    little = value * raw.sum() < SHORT * raw * value.sum()
    found: Bools = much & little
    return found


def border(grid: ImageGrid) -> Bools:
    """(image token,) which stand in the first or last row or column of their view."""
    parts = []
    for view in grid.views:
        edge = np.ones((view.rows, view.cols), dtype=bool)
        edge[1:-1, 1:-1] = False
        parts.append(edge.ravel())
    found: Bools = np.concatenate(parts) if parts else np.zeros(0, dtype=bool)
    return found

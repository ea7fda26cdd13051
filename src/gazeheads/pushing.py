"""What each push does to a pattern, in tensors: the formulas of `gazeheads.gaze`, in float32.

Axes: pair (one head of one row of the batch), query, key. `addend` holds, for each key, what its logit is
raised by: log w for the modes that look at the target only, the nats for `bias`.
"""

import numpy as np
import numpy.typing as npt
from torch import Tensor

from gazeheads.gaze import Mode, Push
from gazeheads.grid import ImageGrid

Floats = npt.NDArray[np.float64]


def pushed(
    mode: Mode, scores: Tensor, pattern: Tensor, lanes: Tensor, addend: Tensor, weights: Tensor, image: Tensor
) -> Tensor:
    """(pair, query, key) the pattern under a push. Rows that can see no target come out as NaN or anything.

    scores: logits with nothing hidden. pattern: their softmax over what is seen. lanes: (pair,) which row of
    the rest
    belongs to each pair: addend: (lane, 1 or query, key) what the push adds, -inf where nothing is seen.
    weights: the same shape, coverage of what is seen. image: (lane, 1, key) 1 for image tokens, 0 for others.
    """
    if mode == "uniform":
        spread = weights / weights.sum(-1, keepdim=True)
        return spread[lanes].expand_as(pattern)
    raised = (scores + addend[lanes]).softmax(-1)
    if mode == "reweigh":
        inside = image[lanes]
        return pattern * (1 - inside) + raised * (pattern * inside).sum(-1, keepdim=True)
    return raised


def addends(push: Push, grid: ImageGrid, weights: Floats, length: int) -> Floats:
    """(position,) what the logit of each position of a prompt is raised by, for a target with these token weights.

    `length` is more than the prompt's: after the prompt's positions come those of generated tokens.
    """
    prompt = grid.n_prompt
    if push.mode != "bias":
        raised = np.full(length, -np.inf)
        with np.errstate(divide="ignore"):
            raised[grid.positions] = np.log(weights)
    else:
        raised = np.full(length, push.generated)
        raised[:prompt] = push.text
        with np.errstate(divide="ignore"):
            raised[grid.positions] = np.logaddexp(
                np.log(weights) + push.inside, np.log1p(-weights) + push.outside
            )
    return raised

"""What each push does to a pattern, in tensors: the formulas of `gazeheads.gaze.gaze`, in float32.

Axes: pair (one head of one row of the batch), query, key. A *lane* is one gaze on one row of the batch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gazeheads.gaze.push import Mode

TEXT, IMAGE, GENERATED = 0, 1, 2  # kinds of tokens


def pushed(
    mode: Mode, scores: Tensor, pattern: Tensor, addend: Tensor, weights: Tensor, image: Tensor
) -> Tensor:
    """(pair, query, key) the pattern under a push. Rows that can see no target come out as NaN or anything.

    scores: logits with nothing hidden. pattern: their softmax over what is seen. addend: (pair, 1 or query, key) what
    the push adds to the logits, -inf where nothing is seen. weights: the same shape, coverage of what is seen. image:
    (pair, 1, key) whether a key is an image token.
    """
    if mode == "uniform":
        return (weights / weights.sum(-1, keepdim=True)).expand_as(pattern)
    raised = (scores + addend).softmax(-1)
    if mode == "reweigh":
        return torch.where(image, raised * (pattern * image).sum(-1, keepdim=True), pattern)
    return raised


def mixed(patterns: Sequence[Tensor], shares: Sequence[Tensor]) -> Tensor:
    """(pair, query, key) patterns mixed by their shares (pair, query); what has no share may be NaN."""
    if len(patterns) == 1:
        return patterns[0]
    total = torch.zeros_like(patterns[0])
    for pattern, share in zip(patterns, shares, strict=True):
        total += torch.where(share[..., None] > 0, pattern * share[..., None], 0.0)
    return total


def raised_by(nats: Tensor, weights: Tensor, kinds: Tensor, hidden: Tensor | None) -> Tensor:
    """(n, 1 or query, key) what a bias adds to the logits, but for a number that is the same for all keys of a row.

    nats: (n, 4) inside, outside, text, generated. weights: (n, 1 or query, key) coverage. kinds: (n, 1, key). hidden:
    (n, query, key) -inf where a key is not seen, or None.

    The largest level among the keys that are seen is taken off: beside a large number float32 would round the logits
    and the coverage away, which is the trap of the paper's recipe (`Push.paper`).
    """
    inside, outside, text, generated = nats[..., None, None].unbind(1)
    within, without, gap = weights.log(), torch.log1p(-weights), inside - outside
    mostly_inside = within + gap >= without
    level = torch.where(mostly_inside, inside, outside)
    level = level.where(kinds == IMAGE, torch.where(kinds == TEXT, text, generated))
    near = torch.where(
        mostly_inside, torch.logaddexp(within, without - gap), torch.logaddexp(within + gap, without)
    )
    near = near.where(kinds == IMAGE, 0.0)
    seen = level if hidden is None else level.where(hidden > -torch.inf, torch.finfo(level.dtype).min)
    raised = level - seen.amax(-1, keepdim=True) + near
    return raised if hidden is None else raised + hidden

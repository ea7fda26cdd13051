"""What each push does to a pattern, in tensors: the formulas of `gazeheads.gaze`, in float32.

Axes: pair (one head of one row of the batch), query, key. A *lane* is one gaze on one row of the batch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gazeheads.gaze import Mode

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


def raised_by(nats: Tensor, weights: Tensor, kinds: Tensor) -> Tensor:
    """(n, 1 or query, key) what a bias adds to the logits.

    nats: (n, 4) inside, outside, text, generated. weights: (n, 1 or query, key) coverage. kinds: (n, 1, key).
    """
    inside, outside, text, generated = nats[..., None, None].unbind(1)
    on_image = torch.logaddexp(weights.log() + inside, torch.log1p(-weights) + outside)
    return on_image.where(kinds == IMAGE, torch.where(kinds == TEXT, text, generated))

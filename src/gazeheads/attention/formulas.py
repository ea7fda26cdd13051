"""What each push does to a pattern, in tensors: the formulas of `gazeheads.gaze.push.PUSHES`, in float32.

Axes: pair (one head of one row of the batch), query, key. A *lane* is one gaze on one row of the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TEXT, IMAGE, GENERATED = 0, 1, 2  # kinds of tokens


@dataclass(frozen=True)
class Formula:
    """What one push does to a pattern, in two steps, so that layers that see the same share the first.

    level: (lane, 1 or query, key) what the push adds to the logits, -inf where nothing is seen, from (numbers, weights,
    kinds, hidden): numbers (lane, number), those of the push; weights (lane, 1 or query, key), coverage of what is
    seen; kinds (lane, 1, key) of tokens; hidden (lane, query, key), -inf where a key is not seen, or None.

    pattern: (pair, query, key) the pushed pattern, from (scores, pattern, level, weights, image): scores are the logits
    with nothing hidden, pattern their softmax over what is seen, image (pair, 1, key) whether a key is an image token.
    Rows that can see no target may come out as NaN or anything.
    """

    level: Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
    pattern: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def on_target(numbers: Tensor, weights: Tensor, kinds: Tensor, hidden: Tensor | None) -> Tensor:
    """Nothing but the target is seen, in proportion to coverage."""
    return weights.log() if hidden is None else weights.log() + hidden


def raised(scores: Tensor, pattern: Tensor, level: Tensor, weights: Tensor, image: Tensor) -> Tensor:
    """The softmax of the logits with the level added."""
    return (scores + level).softmax(-1)


def even(scores: Tensor, pattern: Tensor, level: Tensor, weights: Tensor, image: Tensor) -> Tensor:
    """Coverage alone, whatever the logits."""
    return (weights / weights.sum(-1, keepdim=True)).expand_as(pattern)


def redistributed(scores: Tensor, pattern: Tensor, level: Tensor, weights: Tensor, image: Tensor) -> Tensor:
    """What the image had, raised; all else as it was."""
    within = raised(scores, pattern, level, weights, image)
    return torch.where(image, within * (pattern * image).sum(-1, keepdim=True), pattern)


def mixed(patterns: Sequence[Tensor], shares: Sequence[Tensor]) -> Tensor:
    """(pair, query, key) patterns mixed by their shares (pair, query); what has no share may be NaN."""
    if len(patterns) == 1:
        return patterns[0]
    total = torch.zeros_like(patterns[0])
    for pattern, share in zip(patterns, shares, strict=True):
        total += torch.where(share[..., None] > 0, pattern * share[..., None], 0.0)
    return total


def biased(nats: Tensor, weights: Tensor, kinds: Tensor, hidden: Tensor | None) -> Tensor:
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
    added = level - seen.amax(-1, keepdim=True) + near
    return added if hidden is None else added + hidden


FORMULAS: dict[str, Formula] = {
    "focus": Formula(on_target, raised),
    "uniform": Formula(on_target, even),
    "bias": Formula(biased, raised),
    "reweigh": Formula(on_target, redistributed),
}

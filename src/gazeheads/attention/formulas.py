"""What each push does to a pattern, in tensors: the formulas of `gazeheads.gaze.push.PUSHES`, in float32.

Axes: pair (one head of one row of the batch), query, key. A *lane* is one gaze on one row of the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

Pattern = Float32[Tensor, "n query key"]  # n: pairs, or lanes
Level = Float32[Tensor, " n #query key"]
Coverage = Float[Tensor, " n #query key"]
Kinds = Int[Tensor, "n 1 key"]
Image = Bool[Tensor, "n 1 key"]
Numbers = Float32[Tensor, "n number"]
Hidden = Float32[Tensor, "n query key"] | None

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


def on_target(numbers: Numbers, weights: Coverage, kinds: Kinds, hidden: Hidden) -> Level:
    """Nothing but the target is seen, in proportion to coverage."""
    return weights.log() if hidden is None else weights.log() + hidden


def raised(scores: Pattern, pattern: Pattern, level: Level, weights: Coverage, image: Image) -> Pattern:
    """The softmax of the logits with the level added."""
    return (scores + level).softmax(-1)


def even(scores: Pattern, pattern: Pattern, level: Level, weights: Coverage, image: Image) -> Pattern:
    """Coverage alone, whatever the logits."""
    return (weights / weights.sum(-1, keepdim=True)).expand_as(pattern)


def redistributed(
    scores: Pattern, pattern: Pattern, level: Level, weights: Coverage, image: Image
) -> Pattern:
    """What the image had, raised; all else as it was."""
    within = raised(scores, pattern, level, weights, image)
    return torch.where(image, within * (pattern * image).sum(-1, keepdim=True), pattern)


def mixed(patterns: Sequence[Pattern], shares: Sequence[Float32[Tensor, "n query"]]) -> Pattern:
    """Patterns mixed by their shares; what has no share may be NaN."""
    if len(patterns) == 1:
        return patterns[0]
    total = torch.zeros_like(patterns[0])
    for pattern, share in zip(patterns, shares, strict=True):
        total += torch.where(share[..., None] > 0, pattern * share[..., None], 0.0)
    return total


def biased(nats: Numbers, weights: Coverage, kinds: Kinds, hidden: Hidden) -> Level:
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

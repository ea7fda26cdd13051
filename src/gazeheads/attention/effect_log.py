"""What steering did in each forward pass, and the proof of effect that follows from all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int
from torch import Tensor

from gazeheads.arrays import Floats, Ints
from gazeheads.gaze.effect import Effect


@dataclass(frozen=True, eq=False)
class Log:
    """Sums over heads in one forward pass. tokens: which token each query produced; below 0: prompt."""

    tokens: Int[Ints, "lane query"]
    mass: Float32[Tensor, "before_or_after lane query"]
    rows: Int[Tensor, "steered_or_blind lane query"]


def effects(logs: Sequence[Log], lengths: Sequence[int]) -> list[Effect]:
    """The effect of each gaze, over its first `lengths[gaze]` generated tokens, and over all its lanes.

    A batch that came multiplied has several lanes to a gaze, side by side.
    """
    longest = max(lengths, default=0)
    # column 0 holds the prompt, column 1 + t token t, the last one what came after the end
    table = np.zeros((4, len(lengths), longest + 2))
    for log in logs:
        column = np.where(log.tokens < 0, 0, np.minimum(log.tokens, longest) + 1)
        gazes = np.arange(len(column)) * len(lengths) // len(column)
        lanes = np.broadcast_to(gazes[:, None], column.shape)
        for quantity, sums in enumerate((*log.mass.cpu().numpy(), *log.rows.cpu().numpy())):
            np.add.at(table[quantity], (lanes, column), sums)
    return [_effect(table[:, gaze], length) for gaze, length in enumerate(lengths)]


def _effect(table: Float64[Floats, "quantity column"], length: int) -> Effect:
    """From (quantity, column) sums of one lane."""
    before, after, steered, blind = table
    answer = slice(1, 1 + length)

    def mean(sums: Float64[Floats, " column"], where: slice) -> float | None:
        rows = steered[where].sum()
        return float(sums[where].sum() / rows) if rows else None

    return Effect(
        before=mean(before, answer),
        after=mean(after, answer),
        before_by_token=tuple(mean(before, slice(t, t + 1)) for t in range(1, 1 + length)),
        after_by_token=tuple(mean(after, slice(t, t + 1)) for t in range(1, 1 + length)),
        prompt_before=mean(before, slice(0, 1)),
        prompt_after=mean(after, slice(0, 1)),
        rows_steered=int(steered[: 1 + length].sum()),
        rows_blind=int(blind[: 1 + length].sum()),
    )

"""Proof of effect: how much attention the steered heads paid to the target, before and after the push.

"Before" is the mass that the same queries put on the target tokens (those with coverage above 0) over the
same keys without the push; "after" is the mass in the pattern that was multiplied with the values. A *row* is
one query row of one steered head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class Effect:
    """What a push did, averaged over the steered rows of all steered heads.

    before, after: mass on the target in the rows that produced generated tokens; None where none of these was
    steered.
    before_by_token, after_by_token: the same for each generated token; None where no row was steered.
    prompt_before, prompt_after: the same in the rows of the prompt before the last.
    rows_steered, rows_blind: rows that were changed, and rows that could see no target token and were left
    alone.
    logits_moved: the largest change of a logit of token 0 against the unsteered answer to the same scene, where that
    was in the same batch; else None.
    """

    before: float | None
    after: float | None
    before_by_token: tuple[float | None, ...]
    after_by_token: tuple[float | None, ...]
    prompt_before: float | None
    prompt_after: float | None
    rows_steered: int
    rows_blind: int
    logits_moved: float | None = None

    @property
    def share_steered(self) -> float:
        """How many of the rows that were due could be steered, 0..1; the others were blind. NaN where none was due."""
        due = self.rows_steered + self.rows_blind
        return self.rows_steered / due if due else float("nan")

    def __str__(self) -> str:
        moved = (
            "no generated token steered" if self.before is None else f"{self.before:.3f} -> {self.after:.3f}"
        )
        return f"mass on the target {moved} ({self.rows_steered} rows steered, {self.rows_blind} blind)"

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and lists."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()
        }


@dataclass(frozen=True, eq=False)
class Log:
    """Sums over heads in one forward pass. tokens: (lane, query) which token each query produced; below 0: prompt.

    mass: (before or after, lane, query). rows: (steered or blind, lane, query).
    """

    tokens: npt.NDArray[np.int64]
    mass: Tensor
    rows: Tensor


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


def _effect(table: npt.NDArray[np.float64], length: int) -> Effect:
    """From (quantity, column) sums of one lane."""
    before, after, steered, blind = table
    answer = slice(1, 1 + length)

    def mean(sums: npt.NDArray[np.float64], where: slice) -> float | None:
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

"""Proof of effect: how much attention the steered heads paid to the target, before and after the push.

"Before" is the mass that the same queries put on the target tokens (those with coverage above 0) over the
same keys without the push; "after" is the mass in the pattern that was multiplied with the values. A *row* is
one query row of one steered head.
"""

from dataclasses import dataclass
from typing import Any

from gazeheads.plain import plain


@dataclass(frozen=True)
class Effect:
    """What a push did, averaged over the steered rows of all steered heads.

    before, after: attention mass on the target in the rows that produced generated tokens; None where none of these was
    steered.
    before_by_token, after_by_token: the same for each generated token; None where no row was steered.
    prompt_before, prompt_after: the same in the rows of the prompt before the last.
    rows_steered, rows_blind: rows that were changed, and rows that could see no target token and stayed
    unsteered.
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
        return {name: plain(value) for name, value in vars(self).items()}

"""What the model said, and the proof that it was steered while saying it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from gazeheads import __version__
from gazeheads.effect import Effect
from gazeheads.trace import GazeTrace

SCHEMA = 1


@dataclass(frozen=True)
class Generation:
    """One answer.

    token_ids: all tokens produced, the end token included. finish: "eos", or "length" where the budget
    ran out. effect: what the gaze did, or None for an answer without one. trace: where the recorded heads looked,
    or None; it has its own `save`. settings: how it was made.
    """

    text: str
    token_ids: tuple[int, ...] = field(repr=False)
    finish: Literal["eos", "length"]
    effect: Effect | None = None
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    trace: GazeTrace | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        """Plain values, for one line of JSONL; the trace is left out."""
        return {
            "schema": SCHEMA,
            "version": __version__,
            "text": self.text,
            "token_ids": list(self.token_ids),
            "finish": self.finish,
            "effect": None if self.effect is None else self.effect.to_json(),
            "settings": dict(self.settings),
        }

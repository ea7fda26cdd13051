"""How hard heads are pushed: named modes, exact in every dtype. Their formulas stand in `gazeheads.gaze.gaze`."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from gazeheads.checks import number, shown
from gazeheads.errors import GazeError

Mode = Literal["focus", "uniform", "bias", "reweigh"]

MODES: tuple[Mode, ...] = ("focus", "uniform", "bias", "reweigh")
LARGEST = 1e6  # nats of a bias; beyond them float32 could not tell close ones apart


@dataclass(frozen=True)
class Push:
    """How a pattern is changed; see `gazeheads.gaze.gaze`. The numbers are nats, used by `bias` only."""

    mode: Mode
    inside: float = 0.0
    outside: float = 0.0
    text: float = 0.0
    generated: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.mode, str) or self.mode not in MODES:
            raise GazeError(f"Push {shown(self.mode)} is unknown. Use one of {', '.join(MODES)}.")
        for name in ("inside", "outside", "text", "generated"):
            object.__setattr__(self, name, number(getattr(self, name), f"{name}= of a push", GazeError))
        if not all(math.isfinite(value) for value in self.nats):
            raise GazeError(
                f"{self} has nats that are not finite. For an endless push use focus, its exact limit."
            )
        if max(map(abs, self.nats)) > LARGEST:
            raise GazeError(
                f"{self} has nats beyond {LARGEST:g}, which float32 cannot tell apart. For an endless push use focus, "
                "its exact limit."
            )
        if self.mode != "bias" and any(self.nats):
            raise GazeError(
                f"{self}: only bias takes nats. Use Push.bias({self.inside:g}, {self.outside:g})."
            )

    @classmethod
    def focus(cls) -> "Push":
        """Only the target is seen; relative weights inside it are kept."""
        return cls("focus")

    @classmethod
    def uniform(cls) -> "Push":
        """The target is seen evenly, in proportion to coverage."""
        return cls("uniform")

    @classmethod
    def bias(cls, inside: float, outside: float = 0.0, text: float = 0.0, generated: float = 0.0) -> "Push":
        """Finite nats added to the attention logits."""
        return cls("bias", inside, outside, text, generated)

    @classmethod
    def reweigh(cls) -> "Push":
        """The mass on the picture stays, and goes to the target."""
        return cls("reweigh")

    @classmethod
    def paper(cls, dtype: str) -> "Push":
        """What the recipe of Gandikota & Bau 2026 (arXiv 2606.14703) does in "bfloat16" or "float32".

        They add 10,000 to the logits of the target's image tokens and take 10,000 off those of all others, in eager
        attention. Near 10,000 the numbers of bfloat16 are 64 apart, so the head's own logits are rounded away and
        what is left is `uniform` (over cells whose centre is inside: coverage="centre"); float32 keeps them, which is
        `focus`. Raises `GazeError` for float16, whose numbers are 8 apart there: some differences stay, which is
        neither.
        """
        name = str(dtype).removeprefix("torch.")
        if name not in ("bfloat16", "float32"):
            raise GazeError(
                f"Push.paper({name!r}): the paper's recipe is known for bfloat16 (uniform) and float32 (focus); "
                "elsewhere adding 10,000 rounds some logits away and keeps others. Ask for uniform() or focus()."
            )
        return cls.uniform() if name == "bfloat16" else cls.focus()

    @classmethod
    def parse(cls, text: str) -> "Push":
        """The push that a text names: a mode, or `bias(3)`, `bias(3, -3)`, `bias(0, -10, text=-10, generated=-10)`.

        What `str(push)` writes is read again. Raises `GazeError` for anything else.
        """
        found = re.fullmatch(r"(\w+)(?:\((.+)\))?", text.replace(" ", ""))
        if found and found[1] in MODES and (found[2] is None) == (found[1] != "bias"):
            parts = [part.rpartition("=") for part in (found[2] or "").split(",") if part]
            try:
                plain = [float(value) for name, _, value in parts if not name]
                named = {name: float(value) for name, _, value in parts if name}
                return cls.bias(*plain, **named) if parts else cls(found[1])
            except (ValueError, TypeError):  # no number, or a name that a bias does not have
                pass
        raise GazeError(
            f"Push {text!r} cannot be read. Write focus, uniform, reweigh, or bias(inside, outside, text=..., "
            "generated=...) in nats."
        )

    @property
    def nats(self) -> tuple[float, float, float, float]:
        """What is added to logits: inside, outside, text, generated."""
        return self.inside, self.outside, self.text, self.generated

    @property
    def is_nothing(self) -> bool:
        """Whether this push changes no pattern at all (a bias of zero)."""
        return self.mode == "bias" and not any(self.nats)

    def __str__(self) -> str:
        if self.mode != "bias":
            return self.mode
        return f"bias({self.inside:g}, {self.outside:g}, text={self.text:g}, generated={self.generated:g})"

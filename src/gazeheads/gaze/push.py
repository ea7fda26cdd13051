"""How hard heads are pushed: named kinds of push, exact in every dtype.

`PUSHES` says all there is to say of each kind: its words, its formula in signs, its numbers. What it does to tensors
stands in `gazeheads.attention.formulas`, under the same name. A new push is an entry in each of the two.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gazeheads.checks import number, several, shown
from gazeheads.errors import GazeError

LARGEST = 1e6  # nats of a bias; beyond them float32 could not tell close ones apart


@dataclass(frozen=True)
class Number:
    """One number of a push. default: None if it must be given. named: it is written as name=value."""

    name: str
    words: str
    default: float | None = None
    named: bool = False


@dataclass(frozen=True)
class PushKind:
    """What can be said of one kind of push.

    words: what it does, in one line, for help texts, menus and pages. formula: the same in signs, those of
    `gazeheads.gaze.gaze`. numbers: what it takes; none for most. unit: of these numbers. scales: the weight of a head
    multiplies the numbers, which may then be negative, and all zeros do nothing; otherwise a weight a in [0, 1] mixes:
    (1 - a) p + a p'.
    """

    name: str
    words: str
    formula: str
    numbers: tuple[Number, ...] = ()
    unit: str = ""
    scales: bool = False

    @property
    def form(self) -> str:
        """How it is written: "focus", "bias(inside, outside, text=..., generated=...)"."""
        parts = [f"{each.name}=..." if each.named else each.name for each in self.numbers]
        return f"{self.name}({', '.join(parts)})" if parts else self.name

    def arranged(self, plain: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """All its numbers, of those given in their order and by name; None unless these are what it takes."""
        names = [each.name for each in self.numbers]
        given = {**dict(zip(names, plain, strict=False)), **named}
        alike = len(given) == len(plain) + len(named) and set(given) <= set(names)
        numbers = tuple(given.get(each.name, each.default) for each in self.numbers)
        return numbers if alike and all(each is not None for each in numbers) else None

    @property
    def must_be_given(self) -> bool:
        """Whether it has a number without a default, so that its name alone is no push."""
        return any(each.default is None for each in self.numbers)


PUSHES: dict[str, PushKind] = {
    kind.name: kind
    for kind in (
        PushKind("focus", "sees the target only", "p' proportional to w e^s over the target, nothing elsewhere"),
        PushKind("uniform", "sees the target only, and evenly", "p' = w / sum(w)"),
        PushKind(
            "bias",
            "is drawn to the target by so many nats",
            "image tokens get the logit s + log(w e^inside + (1 - w) e^outside), prompt text s + text, generated "
            "tokens s + generated",
            (
                Number("inside", "added to the logits of the target"),
                Number("outside", "added to the logits of all other image tokens", 0.0),
                Number("text", "added to the logits of the prompt's text", 0.0, named=True),
                Number("generated", "added to the logits of generated tokens", 0.0, named=True),
            ),
            "nats",
            scales=True,
        ),
        PushKind(
            "reweigh",
            "keeps its share of attention on the image, and spends it on the target",
            "image tokens get M w p / sum(w p); all other tokens keep p",
        ),
    )
}  # fmt: skip


def push_forms() -> str:
    """All pushes as they are written, for help texts and messages: "focus, uniform, ... or reweigh"."""
    *first, last = (kind.form for kind in PUSHES.values())
    return f"{', '.join(first)} or {last}"


@dataclass(frozen=True)
class Push:
    """How a pattern is changed: a kind of `PUSHES`, and its numbers, in the order in which the kind names them.

    Numbers that are left out get their defaults. Raises `GazeError`.
    """

    mode: str
    numbers: Sequence[float] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.mode, str) or self.mode not in PUSHES:
            raise GazeError(f"Push {shown(self.mode)} is unknown. Use one of {', '.join(PUSHES)}.")
        given = several(self.numbers, "numbers= of a push takes a list of numbers", GazeError)
        numbers = self.kind.arranged(given, {})
        if numbers is None:
            raise GazeError(
                f"Push {self.mode!r} was given {len(given)} numbers; it is written {self.kind.form}. Give these."
            )
        asked = zip(self.kind.numbers, numbers, strict=True)
        numbers = tuple(number(value, f"{each.name}= of a push", GazeError) for each, value in asked)
        object.__setattr__(self, "numbers", numbers)
        endless = (
            "For an endless push use focus, its exact limit."
            if self.kind.unit == "nats"
            else "Give smaller ones."
        )
        unit = self.kind.unit or "numbers"
        if not all(map(math.isfinite, numbers)):
            raise GazeError(f"{self} has {unit} that are not finite. {endless}")
        if max(map(abs, numbers), default=0.0) > LARGEST:
            raise GazeError(
                f"{self} has {unit} beyond {LARGEST:g}, which float32 cannot tell apart. {endless}"
            )

    @classmethod
    def of(cls, mode: str, *numbers: float, **named: float) -> "Push":
        """A push by its name, with its numbers in their order, by their names, or both. Raises `GazeError`."""
        if mode not in PUSHES:
            return cls(mode)  # which says that it is unknown
        arranged = PUSHES[mode].arranged(numbers, named)
        if arranged is None:
            raise GazeError(
                f"Push {mode!r} was given {[*numbers, *named]}; it is written {PUSHES[mode].form}. Give these."
            )
        return cls(mode, arranged)

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
        return cls("bias", (inside, outside, text, generated))

    @classmethod
    def reweigh(cls) -> "Push":
        """The attention mass on the image stays, and goes to the target."""
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
        """The push that a text names: a kind, or `bias(3)`, `bias(3, -3)`, `bias(0, -10, text=-10, generated=-10)`.

        What `str(push)` writes is read again. Raises `GazeError` for anything else.
        """
        form = re.fullmatch(r"(\w+)(?:\((.+)\))?", text.replace(" ", ""))
        if form and form[1] in PUSHES:
            parts = [part.rpartition("=") for part in (form[2] or "").split(",") if part]
            try:
                plain = [float(value) for name, _, value in parts if not name]
                named = {name: float(value) for name, _, value in parts if name}
            except ValueError:  # no number
                plain, named = [], {"": 0.0}
            arranged = PUSHES[form[1]].arranged(plain, named)
            if arranged is not None:
                return cls(form[1], arranged)
        raise GazeError(f"Push {text!r} cannot be read. Write {push_forms()}, in nats.")

    @property
    def kind(self) -> PushKind:
        """What can be said of it."""
        return PUSHES[self.mode]

    @property
    def is_nothing(self) -> bool:
        """Whether this push changes no pattern at all (a bias of zero)."""
        return self.kind.scales and not any(self.numbers)

    def __str__(self) -> str:
        known = zip(self.kind.numbers, self.numbers, strict=True)
        parts = [f"{each.name}={value:g}" if each.named else f"{value:g}" for each, value in known]
        return f"{self.mode}({', '.join(parts)})" if parts else self.mode

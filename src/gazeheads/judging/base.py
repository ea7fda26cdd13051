"""What a judge says, and the texts that no judge needs to look at.

Every answer gets one verdict. `matched`: it describes one region. `none`: it is fluent, and fits no region or
two alike. `degenerate`: it is junk. `unscored`: we do not know, because the judge failed. None and degenerate
are misses; unscored is no miss, it leaves the denominator and is counted beside it.

A judge sees the sample and the answer; it is never told the target or the condition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gazeheads.errors import JudgeError
from gazeheads.judging.cost import Cost
from gazeheads.sample import Sample

Kind = Literal["matched", "none", "degenerate", "unscored"]

KINDS: tuple[Kind, ...] = ("matched", "none", "degenerate", "unscored")


@dataclass(frozen=True)
class Verdict:
    """What one answer describes. `region` is zero-based and there for `matched` alone.

    `slots_right`: how many slots of the best fitting region the answer says. `all_slots`: it says all of
    them, and nothing else in any slot. `reason`: for people. `margin`: how much better the region fits than the next
    best, in the judge's own measure, which its docstring gives; None where it has none. `also`: other regions that the
    answer describes just as well because what they show has the same name, as one of two dogs; it is about each.
    """

    kind: Kind
    region: int | None = None
    slots_right: int = 0
    all_slots: bool = False
    reason: str = ""
    margin: float | None = None
    also: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS or (self.kind == "matched") != (self.region is not None):
            raise JudgeError(
                f"Verdict {self.kind!r} with region {self.region}: the kinds are {', '.join(KINDS)}, and "
                "`matched` alone has a region. Give one of them."
            )

    def hit(self, target: int) -> float | None:
        """1.0 if it matched region `target` (zero-based), 0.0 for a miss, None for unscored."""
        return None if self.kind == "unscored" else float(target in (self.region, *self.also))


Asked = tuple[Sample, Sequence[str]]  # a sample, and the parts of one answer about it


class Judge(Protocol):
    """Says which region of a sample an answer describes. Subclasses write `judge`, and the others where they gain."""

    def judge(self, sample: Sample, answer: str) -> Verdict:
        """The verdict on one answer. A failure of the judge itself is `unscored`, with its reason."""
        ...

    def judge_parts(self, sample: Sample, parts: Sequence[str]) -> list[Verdict]:
        """The verdicts on the parts of one answer (segments, sentences), in their order.

        What each was to be about, the schedule, is not told. One by one, unless the judge reads them together.
        """
        return [self.judge(sample, part) for part in parts]

    def judge_many(self, asked: Sequence[Asked]) -> list[list[Verdict]]:
        """The verdicts on the parts of many answers. One after the other, unless the judge has a faster way."""
        return [self.judge_parts(sample, parts) for sample, parts in asked]

    def settings(self) -> dict[str, Any]:
        """What its verdicts depend on, beside its name, as plain values: two runs of the same name must agree in it."""
        return {}

    def cost(self, asked: Sequence[Asked], price_in: float | None, price_out: float | None) -> Cost | None:
        """What `judge_many` would cost, at prices for a million tokens; None where it costs nothing."""
        return None

    def bias_on(self, samples: Sequence[Sample]) -> tuple[float, ...]:
        """How much it favours each place in reading order, from the true captions of samples; () where it has none."""
        return ()

    def close(self) -> None:
        """Let go of what it holds: files, connections."""
        return

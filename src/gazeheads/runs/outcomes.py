"""From verdicts to outcomes, once for all who count: what became of each part of an answer, and what counts as a hit.

1. An answer has one part or several (`runs.judge.parts_of`); each comes to a status (`judged_parts`).
2. Held against each target it makes an outcome: 1 for a hit, 0 for a miss, None where nobody knows (`scores`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gazeheads.experiments.trial import Generated
from gazeheads.judging.base import Verdict
from gazeheads.runs.judge import parts_of
from gazeheads.statistics import Key

Status = Literal["matched", "none", "degenerate", "unscored", "failed", "unjudged"]
STATUSES: tuple[Status, ...] = ("matched", "none", "degenerate", "unscored", "failed", "unjudged")
UNKNOWN: tuple[Status, ...] = ("unscored", "failed", "unjudged")  # neither hit nor miss
Verdicts = Mapping[tuple[str, int], Verdict]  # by the key of the generation and the number of the part


@dataclass(frozen=True)
class JudgedPart:
    """A judged part of an answer: the whole of it, or one segment or sentence.

    target: the zero-based region that it should be about; None: no single one. status: what became of it. `unscored`:
    the judge failed, or a segment has no text. `failed`: the model gave no answer. `unjudged`: no verdict yet.
    verdict: the judge's, where there is one.
    """

    number: int
    target: int | None
    status: Status
    verdict: Verdict | None = None

    @property
    def region(self) -> int | None:
        """The zero-based region that it describes, if it is one."""
        return None if self.verdict is None else self.verdict.region

    @property
    def also(self) -> tuple[int, ...]:
        """Other regions that it is about just as well (`Verdict.also`)."""
        return () if self.verdict is None else self.verdict.also

    def hit(self, target: int) -> float | None:
        """1.0 if it is about `target`, 0.0 if not, None where we do not know."""
        return None if self.verdict is None else self.verdict.hit(target)

    def full(self, target: int) -> float | None:
        """1.0 if it is about `target`, says every slot of it, and nothing else; 0.0 if not, None where unknown."""
        hit = self.hit(target)
        return None if hit is None or self.verdict is None else hit * self.verdict.all_slots


@dataclass(frozen=True)
class Scored:
    """One outcome: an answer, or a part of one, held against one target."""

    key: Key
    target: int
    text: str
    hit: float | None
    all_slots: float | None


def judged_parts(g: Generated, verdicts: Verdicts) -> tuple[JudgedPart, ...]:
    """What became of an answer, part by part. A stop of a tour that was never reached is a segment without text."""
    texts = parts_of(g)
    targets: Sequence[int | None] = (
        g.trial.tour if g.trial.parts == "segments" else (g.trial.target,) * len(texts)
    )
    return tuple(
        _judged(g, number, target, text, verdicts.get((g.key, number)))
        for number, (target, text) in enumerate(zip(targets, texts, strict=True))
    )


def _judged(
    g: Generated, number: int, target: int | None, text: str | None, verdict: Verdict | None
) -> JudgedPart:
    if g.failed:
        return JudgedPart(number, target, "failed")
    if text is None:
        return JudgedPart(number, target, "unscored")
    if verdict is None:
        return JudgedPart(number, target, "unjudged")
    return JudgedPart(number, target, verdict.kind, verdict)


def scores(g: Generated, parts: Sequence[JudgedPart], regions: Iterable[int]) -> Iterator[Scored]:
    """The outcomes of one answer. One without a target counts for each region of its sample in turn."""
    sample = g.trial.sample
    if g.trial.parts == "segments":
        for part in parts:
            if part.target is not None:
                yield Scored(
                    (sample, part.number), part.target, "", part.hit(part.target), part.full(part.target)
                )
        return
    for target in regions if g.trial.target is None else (g.trial.target,):
        hit, full = (
            known_mean([part.hit(target) for part in parts]),
            known_mean([part.full(target) for part in parts]),
        )
        yield Scored((sample, target), target, g.text, hit, full)


def known_mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are known; None where none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def outcomes(
    generated: Iterable[Generated], verdicts: Verdicts, regions: Mapping[str, Iterable[int]]
) -> dict[Key, float | None]:
    """(sample, target) to the outcome, of answers under one condition. regions: those of each sample."""
    rows = (row for g in generated for row in scores(g, judged_parts(g, verdicts), regions[g.trial.sample]))
    return {row.key: row.hit for row in rows}

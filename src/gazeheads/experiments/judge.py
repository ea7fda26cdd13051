"""The judging loop: every answer goes through here, and the judge sees the sample and the answer, nothing else."""

from collections.abc import Mapping, Sequence

from gazeheads.judging.base import Judge, Verdict
from gazeheads.records import Generated, Sample
from gazeheads.statistics import Outcomes


def judge(judge: Judge, generated: Sequence[Generated], samples: Sequence[Sample]) -> dict[str, Verdict]:
    """The verdict on every generation, by the key of its trial."""
    known = {sample.id: sample for sample in samples}
    return {g.trial.key: judge.judge(known[g.trial.sample], g.text) for g in generated}


def outcomes(
    generated: Sequence[Generated],
    verdicts: Mapping[str, Verdict],
    condition: str,
    samples: Sequence[Sample],
    measure: str = "hit",
) -> Outcomes:
    """(strip, target) -> 1, 0 or None (unscored) for one condition.

    `measure`: "hit" (the target was described), "all_slots" (and every slot of it, and nothing else), or "degenerate".
    An unsteered answer has no target: it counts for each region of its sample in turn.
    """
    found: dict[tuple[str, int], float | None] = {}
    regions = {sample.id: range(len(sample.boxes)) for sample in samples}
    for g in generated:
        if g.trial.condition != condition:
            continue
        verdict = verdicts[g.trial.key]
        targets = regions[g.trial.sample] if g.trial.target is None else (g.trial.target,)
        for target in targets:
            value = verdict.hit(target)
            if value is not None and measure == "all_slots":
                value *= verdict.all_slots
            elif value is not None and measure == "degenerate":
                value = float(verdict.kind == "degenerate")
            found[g.trial.sample, target] = value
    return found

"""From a run to its cells: what counts as a hit, what is compared with what, over which strips."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gazeheads.evidence.cells import ConditionResult, ControlDraws
from gazeheads.evidence.runs import Run
from gazeheads.experiments.conditions import CONDITIONS, amount_of, family_of, kind_of
from gazeheads.experiments.trial import Generated
from gazeheads.runs.outcomes import STATUSES, UNKNOWN, JudgedPart, known_mean, scores
from gazeheads.statistics import (
    SAME_AS_BASELINE,
    Estimate,
    Key,
    Outcomes,
    Resamples,
    estimate,
    moved,
    paired_difference,
    same_as_baseline,
    with_baseline_rule,
)

SEED = 0  # of the resampling


class Results:
    """All cells of a run. threshold: answers that share more of their words than this count as the same."""

    def __init__(self, run: Run, threshold: float = SAME_AS_BASELINE) -> None:
        self.run, self.threshold = run, threshold
        self.resamples = Resamples(np.random.default_rng(SEED))
        self._plain = {
            (g.trial.variant, g.trial.sample): g for g in run.generated if is_baseline(g.trial.condition)
        }
        self.cells = {key: self._cell(*key, answers) for key, answers in run.by_cell.items()}

    def singles(self, variant: str) -> list[ConditionResult]:
        """The conditions that are no random-head controls, in their order."""
        names = [name for name in self.run.conditions if family_of(name) is None]
        return [self.cells[variant, name] for name in names if (variant, name) in self.cells]

    def families(self, variant: str) -> list[ControlDraws]:
        """The kinds of random-head controls, in their order."""
        found: dict[str, list[ConditionResult]] = {}
        for name in self.run.conditions:
            kind = family_of(name)
            if kind is not None and (variant, name) in self.cells:
                found.setdefault(kind, []).append(self.cells[variant, name])
        return [
            ControlDraws(kind, tuple(draws), self.cells.get((variant, gaze_for(kind))))
            for kind, draws in found.items()
        ]

    def gap(self, first: Outcomes, second: Outcomes) -> Estimate:
        """The paired difference; what one side alone has (an unfinished run) is left out and counted."""
        keys = dict.fromkeys([*first, *second])
        one, other = ({key: side.get(key) for key in keys} for side in (first, second))
        return paired_difference(one, other, self.resamples)

    def chance(self, variant: str) -> float | None:
        """What guessing among the regions would hit; None where nobody knows how many there are."""
        samples = {g.trial.sample for g in self.run.generated if g.trial.variant == variant}
        counts = [len(self.run.regions[sample]) for sample in sorted(samples)]
        return float(np.mean([1 / n for n in counts])) if all(counts) else None

    @property
    def amounts(self) -> list[str]:
        """The numbers of heads that conditions name (`gaze@8`), as written; "" for the run's own, which comes first."""
        found = dict.fromkeys(amount_of(name) for name in self.run.conditions if has_number(name))
        return sorted(found, key=lambda amount: (amount != "", -float(amount or 0)))

    @property
    def unjudged(self) -> int:
        """How many answers, or parts of them, wait for a verdict."""
        return sum(cell.statuses["unjudged"] for cell in self.cells.values())

    def to_json(self) -> dict[str, Any]:
        """Where the numbers come from, and the numbers."""
        families = [(v, family) for v in self.run.variants for family in self.families(v)]
        return {
            "folder": self.run.path.name,
            "model": self.run.model,
            "experiment": self.run.experiment,
            "data": self.run.data,
            "judge": self.run.judge,
            "cells": [cell.to_json() for cell in self.cells.values()],
            "among_controls": [
                {"variant": v, "controls": f.name, **vars(f.among)}
                for v, f in families
                if f.among is not None
            ],
        }

    def _cell(self, variant: str, condition: str, answers: Sequence[Generated]) -> ConditionResult:
        parts = [(g, self.run.parts(g)) for g in answers]
        scored = [row for g, judged in parts for row in scores(g, judged, self.run.regions[g.trial.sample])]
        hits = {row.key: row.hit for row in scored}
        statuses = Counter(part.status for _, judged in parts for part in judged)
        plain = {
            g.trial.sample: self._plain[variant, g.trial.sample]
            for g in answers
            if (variant, g.trial.sample) in self._plain
        }
        whole = all(g.trial.parts == "whole" for g in answers) and bool(plain)
        against = whole and not is_baseline(condition)
        texts = {sample: g.text for sample, g in plain.items()}
        said = {row.key: row.text for row in scored}
        return ConditionResult(
            variant=variant,
            condition=condition,
            heads=max(g.heads for g in answers),
            answers=sum(len(judged) for _, judged in parts),
            statuses={status: statuses[status] for status in STATUSES},
            outcomes=hits,
            accuracy=self.estimate(hits),
            all_slots=self.estimate({row.key: row.all_slots for row in scored}),
            moved=self.estimate(self._moved(hits, plain)) if whole else None,
            with_rule=self.estimate(
                _known(hits, plain, lambda part: with_baseline_rule(part, said, texts, self.threshold))
            )
            if against
            else None,
            same=sum(
                same_as_baseline(said[key], texts[key[0]], self.threshold) for key in said if key[0] in texts
            )
            if against
            else None,
            positions={
                target: self.estimate({row.key: row.hit for row in scored if row.target == target})
                for target in sorted({row.target for row in scored})
            },
            before=known_mean([g.before for g in answers]),
            after=known_mean([g.after for g in answers]),
            at_pointed=self._at_pointed(parts),
        )

    def estimate(self, outcomes: Outcomes) -> Estimate:
        """The estimate; of no outcomes at all (no target, and nobody knows the regions) an unknown one."""
        return estimate(outcomes, self.resamples) if outcomes else Estimate(np.nan, np.nan, np.nan, 0, 0)

    def _moved(self, hits: Outcomes, plain: Mapping[str, Generated]) -> dict[Key, float | None]:
        """Outcomes of targets that the unsteered answer does not describe; unknown where nobody knows what it does."""
        parts = {sample: self.run.parts(g)[0] for sample, g in plain.items()}
        known = {sample: g for sample, g in plain.items() if parts[sample].status not in UNKNOWN}
        described = {sample: parts[sample].region for sample in known}
        found = _known(hits, known, lambda part: moved(part, described))
        return {key: v for key, v in found.items() if key[0] not in known or key[1] not in parts[key[0]].also}

    def _at_pointed(self, parts: Sequence[tuple[Generated, Sequence[JudgedPart]]]) -> Estimate | None:
        """How often an answer is about the region that the heads were pointed at, where that is not the target."""
        astray = [
            (g, judged)
            for g, judged in parts
            if g.trial.pointed is not None and g.trial.pointed != g.trial.target and g.trial.parts == "whole"
        ]
        if not astray:
            return None
        hits = {
            (g.trial.sample, g.trial.target or 0): judged[0].hit(g.trial.pointed)
            for g, judged in astray
            if g.trial.pointed is not None
        }
        return self.estimate(hits)


def has_number(condition: str) -> bool:
    """Whether a number of heads belongs to a condition, or to a family: to all that choose heads."""
    kind = CONDITIONS.get(kind_of(condition))
    return kind is None or kind.takes_number


def is_baseline(condition: str) -> bool:
    """Whether this is the condition that the others are compared with: no steering, and no region that counts."""
    kind = CONDITIONS.get(condition)
    return kind is not None and not kind.has_target


def gaze_for(family: str) -> str:
    """The condition that a family of draws controls: with as many heads."""
    _, at, amount = family.partition("@")
    return "gaze" + at + amount


def _known(
    hits: Outcomes, there: Mapping[str, Any], rule: Callable[[Outcomes], Mapping[Key, float | None]]
) -> dict[Key, float | None]:
    """The rule on the outcomes of the strips that are there; the outcomes of the others are unknown."""
    known = {key: value for key, value in hits.items() if key[0] in there}
    return {**rule(known), **{key: None for key in hits if key[0] not in there}}

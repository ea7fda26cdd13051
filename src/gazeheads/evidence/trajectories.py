"""Where a text goes from part to part: tours, whose heads are led from region to region, and free narration.

The judge sees each part alone and knows neither the schedule nor the order (PAPER table 8). Held against both, the
regions that were described say whether the schedule led the text, or the reading order did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gazeheads.evidence.latency import Latency, latency
from gazeheads.evidence.results import Results
from gazeheads.experiments.trial import Generated
from gazeheads.plain import plain
from gazeheads.runs.outcomes import JudgedPart
from gazeheads.sample import Sample
from gazeheads.statistics import Estimate, Key, spearman

MOSTLY = 0.5  # more than this share of degenerate segments makes a strip mostly degenerate


@dataclass(frozen=True)
class Trajectory:
    """One condition's way through the regions.

    on_schedule: share of segments that describe the scheduled region; on_order: the one whose natural turn it is. None
    where there is no schedule. rho_schedule, rho_order: mean over texts of Spearman's correlation of the described
    regions with the schedule, and with the reading order, over the parts that describe one; `left_out` counts the
    texts where it is undefined. degenerate: how many of the texts have more than half of their parts degenerate.
    latency: of tours whose samples are at hand.
    """

    variant: str
    condition: str
    texts: int
    parts: int
    on_schedule: Estimate | None
    on_order: Estimate | None
    rho_schedule: Estimate | None
    rho_order: Estimate
    degenerate: int
    latency: Latency | None = None

    def to_json(self) -> dict[str, Any]:
        """The numbers."""
        values: dict[str, Any] = plain(vars(self))
        return values


def trajectories(
    results: Results, samples: Mapping[str, Sample] | None = None
) -> dict[tuple[str, str], Trajectory]:
    """The trajectory of each variant and condition whose answers were judged in parts."""
    return {
        cell: _trajectory(*cell, answers, results, samples or {})
        for cell, answers in results.run.by_cell.items()
        if all(g.trial.parts != "whole" for g in answers)
    }


def _trajectory(
    variant: str,
    condition: str,
    answers: Sequence[Generated],
    results: Results,
    samples: Mapping[str, Sample],
) -> Trajectory:
    told = [(g, results.run.parts(g)) for g in answers]
    toured = all(g.trial.tour for g in answers)
    keys = [_key(g) for g in answers]
    degenerate = sum(
        sum(part.status == "degenerate" for part in parts) > MOSTLY * len(parts) for _, parts in told
    )
    along = {key: order(parts) for key, (_, parts) in zip(keys, told, strict=True)}
    led = {key: order(parts, scheduled=True) for key, (_, parts) in zip(keys, told, strict=True)}
    natural = {(g.trial.sample, part.number): part.hit(part.number) for g, parts in told for part in parts}
    known = toured and all(g.trial.sample in samples and g.token_texts for g in answers)
    return Trajectory(
        variant=variant,
        condition=condition,
        texts=len(answers),
        parts=sum(len(parts) for _, parts in told),
        on_schedule=results.cells[variant, condition].accuracy if toured else None,
        on_order=results.estimate(natural) if toured else None,
        rho_schedule=results.estimate(led) if toured else None,
        rho_order=results.estimate(along),
        degenerate=degenerate,
        latency=latency(answers, samples, results.estimate) if known else None,
    )


def order(parts: Sequence[JudgedPart], scheduled: bool = False) -> float | None:
    """Spearman's correlation of the described regions with the order of the parts, or with their targets.

    Over the parts that match a region. None where undefined: fewer than two of them, or one region alone; and where a
    verdict is missing.
    """
    if any(part.status in ("unjudged", "failed") for part in parts):
        return None
    matched = [part for part in parts if part.region is not None]
    asked = [part.target if scheduled else part.number for part in matched]
    pairs = [(one, part.region) for one, part in zip(asked, matched, strict=True) if one is not None]
    return spearman([one for one, _ in pairs], [region for _, region in pairs if region is not None])


def _key(g: Generated) -> Key:
    return g.trial.sample, -1 if g.trial.target is None else g.trial.target

"""Several models in one table, as in the paper's table 2: the best number of heads, and how they fall apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from gazeheads.evidence import labels as wording
from gazeheads.evidence.cells import ConditionResult
from gazeheads.evidence.paper import figures_for
from gazeheads.evidence.results import Results
from gazeheads.experiments.catalogue import facts_of
from gazeheads.pages.report import Table

FALLEN = 0.5  # of the best accuracy: below it, the answers have collapsed


@dataclass(frozen=True, eq=False)
class ModelPeak:
    """A model's best cell of its sweeps over K: gaze heads, random-head controls at that K, all heads if they ran.

    collapse: the fewest heads above the best number with less than half of its accuracy; None where there are none.
    total: how many heads the model has, 0 where nobody knows.
    """

    model: str
    total: int
    best: ConditionResult
    controls: list[float]
    all_heads: ConditionResult | None
    collapse: ConditionResult | None
    last: ConditionResult


def peaks(runs: Sequence[Results]) -> list[ModelPeak]:
    """One for each model: of its sweeps over K where it has any, else of its redirection; smaller models first."""
    found = []
    for model in dict.fromkeys(results.run.model for results in runs):
        mine = [results for results in runs if results.run.model == model]
        swept = [results for results in mine if facts_of(results.run.experiment).varies == "heads"]
        plain = [results for results in mine if facts_of(results.run.experiment).is_redirection]
        best = peak(model, swept or plain[:1], mine)
        if best is not None:
            found.append(best)
    return sorted(found, key=lambda each: (each.total, each.model))


def peak(model: str, runs: Sequence[Results], others: Sequence[Results]) -> ModelPeak | None:
    """The best cell of these runs; None where the gaze heads did not run. others: where all heads may have run."""
    found = [
        (cell, results)
        for results in runs
        for (_, name), cell in results.cells.items()
        if name == "gaze" and cell.accuracy.n
    ]
    if not found:
        return None
    best, source = max(found, key=lambda pair: (pair[0].accuracy.mean, -pair[0].heads))
    above = sorted((cell for cell, _ in found if cell.heads > best.heads), key=lambda cell: cell.heads)
    fallen = [cell for cell in above if cell.accuracy.mean < FALLEN * best.accuracy.mean]
    draws = [family for family in source.families(best.variant) if family.gaze is best]
    total = int(source.run.manifest.get("heads", {}).get("of", 0))
    whole = [cell for results in others for (_, name), cell in results.cells.items() if name == "all"]
    whole += [cell for cell, _ in found if cell.heads == total]
    return ModelPeak(
        model=model,
        total=total,
        best=best,
        controls=draws[0].means if draws else [],
        all_heads=whole[0] if whole else None,
        collapse=fallen[0] if fallen else None,
        last=above[-1] if above else best,
    )


def table(found: Sequence[ModelPeak]) -> Table:
    """A line for each model."""
    papers = {p.model: figures_for(p.model) for p in found}
    theirs = any(papers.values())
    header = [
        "model",
        "heads in all",
        "best K",
        "gaze heads",
        "random-head controls",
        "all heads",
        "falls below half at",
        "degenerate there",
    ]
    header += ["paper: K", "paper: gaze", "paper: controls", "paper: all"] if theirs else []
    rows = []
    for p in found:
        whole = p.all_heads
        down = p.collapse
        row = [
            p.model,
            str(p.total or "–"),
            f"{p.best.heads}" + (f" ({p.best.heads / p.total:.0%})" if p.total else ""),
            wording.percent(p.best.accuracy),
            wording.spread(p.controls),
            wording.percent(whole.accuracy) if whole else "–",
            f"{down.heads}" if down else f"not up to {p.last.heads}",
            wording.share((down or p.last).share("degenerate")),
        ]
        paper = papers[p.model]
        if theirs:
            peak = paper.peak if paper else None
            row += (
                [str(peak.k), *(wording.theirs(x) for x in (peak.gaze, peak.control, peak.all_heads))]
                if peak
                else ["–"] * 4
            )
        rows.append(row)
    return Table(
        header,
        rows,
        "The paper's table 2. Best K: of those that ran; answers about the target, per cent, with 95% intervals; "
        "random-head controls at that K: mean (lowest to highest). The best of several is somewhat too good: it was "
        "chosen on the strips that it is shown on.",
    )

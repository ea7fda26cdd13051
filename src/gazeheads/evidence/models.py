"""Several models in one table, as in the paper's table 2: the best number of heads, and how they fall apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from gazeheads.evidence import wording
from gazeheads.evidence.cells import Cell
from gazeheads.evidence.paper import figures_for
from gazeheads.evidence.results import Results
from gazeheads.report import Table

FALLEN = 0.5  # of the best accuracy: below it, the answers have collapsed


@dataclass(frozen=True, eq=False)
class Peak:
    """A model's best cell of a K sweep: its gaze heads, its control draws at that K, all heads if they ran.

    collapse: the fewest heads above the best number with less than half of its accuracy; None where there are none.
    total: how many heads the model has, 0 where nobody knows.
    """

    model: str
    experiment: str
    total: int
    best: Cell
    controls: list[float]
    all_heads: Cell | None
    collapse: Cell | None
    last: Cell


def peak(results: Results) -> Peak | None:
    """Of a sweep over K, or of a single redirection; None where the gaze heads did not run."""
    found = [results.cells[v, "gaze"] for v in results.run.variants if (v, "gaze") in results.cells]
    known = sorted((cell for cell in found if cell.accuracy.n), key=lambda cell: cell.heads)
    if not known or results.run.experiment not in ("k-sweep", "vqa", "this-panel"):
        return None
    best = max(known, key=lambda cell: (cell.accuracy.mean, -cell.heads))
    above = [cell for cell in known if cell.heads > best.heads]
    fallen = [cell for cell in above if cell.accuracy.mean < FALLEN * best.accuracy.mean]
    draws = [family for family in results.families(best.variant) if family.gaze is best]
    return Peak(
        model=results.run.model,
        experiment=results.run.experiment,
        total=int(results.run.manifest.get("heads", {}).get("of", 0)),
        best=best,
        controls=draws[0].means if draws else [],
        all_heads=results.cells.get((best.variant, "all")),
        collapse=fallen[0] if fallen else None,
        last=known[-1],
    )


def peaks(runs: Sequence[Results]) -> list[Peak]:
    """One for each model, of its K sweep where it has one, else of its VQA redirection, in the order of size."""
    rank = {"k-sweep": 0, "vqa": 1, "this-panel": 2}
    found: dict[str, Peak] = {}
    for each in sorted(filter(None, map(peak, runs)), key=lambda p: rank[p.experiment]):
        found.setdefault(each.model, each)
    return sorted(found.values(), key=lambda p: (p.total, p.model))


def table(found: Sequence[Peak], runs: Sequence[Results]) -> Table:
    """A line for each model; all heads from any of its redirections."""
    every = {r.run.model: cell for r in runs for (_, name), cell in r.cells.items() if name == "all"}
    papers = {p.model: figures_for(p.model) for p in found}
    theirs = any(papers.values())
    header = [
        "model",
        "heads in all",
        "best K",
        "gaze heads",
        "control draws",
        "all heads",
        "falls below half at",
        "junk there",
    ]
    header += ["paper: K", "paper: gaze", "paper: controls", "paper: all"] if theirs else []
    rows = []
    for p in found:
        whole = p.all_heads or every.get(p.model)
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
        "control draws at that K: mean (lowest – highest). The best of several is somewhat too good: it was "
        "chosen on the strips that it is shown on.",
    )

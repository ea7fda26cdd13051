"""Tables of sweeps: a line for each setting (PAPER sec. 6.3, tables 4 and 7)."""

from gazeheads.evidence import labels as wording
from gazeheads.evidence.paper import figures_for
from gazeheads.evidence.results import Results, is_baseline
from gazeheads.evidence.tables import PAPER, Line, in_order
from gazeheads.experiments.catalogue import facts_of
from gazeheads.experiments.conditions import kind_of
from gazeheads.pages.report import Table
from gazeheads.runs.outcomes import Status


def sweep(results: Results) -> Table:
    """A line for each cell of a sweep, a column for each condition, as in the paper's tables 4 and 7."""
    run, paper = results.run, figures_for(results.run.model)
    facts = facts_of(run.experiment)
    theirs = paper.sweeps.get(run.experiment, {}) if paper else {}
    lines, titles = _swept(results)
    header = [facts.varies or "variant", *titles.values()]
    gaze = next((name for name in titles if kind_of(name) == "gaze"), "")
    header += [f"excluding the unsteered panel: {titles[gaze]}"] if gaze else []
    header += [f"{PAPER}: gaze", f"{PAPER}: controls"] if theirs else []
    rows = []
    for variant, found in lines.items():
        row = [variant_name(results, variant)]
        row += [found[name].percent("accuracy") if name in found else "–" for name in titles]
        if gaze:
            row.append(found[gaze].percent("moved") if gaze in found else "–")
        if theirs:
            row += [wording.theirs(each) for each in theirs.get(variant, (None, None))]
        rows.append(row)
    caption = (
        "Answers about the target, per cent; 95% intervals that resample images; random-head controls: mean (lowest to "
        "highest). Excluding the unsteered panel: without the region that "
        "the unsteered answer is about."
    )
    return Table(header, rows, (f"The paper's {facts.paper}. " if facts.paper else "") + caption)


def statuses(results: Results) -> Table:
    """What became of the answers that are not about the target, cell by cell of a sweep."""
    lines, titles = _swept(results)
    kinds: list[Status] = ["degenerate", "none", "unscored"]
    kinds += [
        status for status in ("failed", "unjudged") if any(c.statuses[status] for c in results.cells.values())
    ]
    rows = [
        [
            variant_name(results, variant),
            *(
                " / ".join(found[name].share(status) for status in kinds) if name in found else "–"
                for name in titles
            ),
        ]
        for variant, found in lines.items()
    ]
    return Table(
        [facts_of(results.run.experiment).varies or "variant", *titles.values()],
        rows,
        f"Per cent of answers: {' / '.join(kinds)}.",
    )


def _swept(results: Results) -> tuple[dict[str, dict[str, Line]], dict[str, str]]:
    """The lines of each cell by condition, and the conditions' titles; without "none", whose answers have no target."""
    lines = {
        variant: {line.name: line for line in in_order(results, variant) if not is_baseline(line.name)}
        for variant in results.run.variants
    }
    titles: dict[str, str] = {}
    for found in lines.values():
        for name, line in found.items():
            titles.setdefault(name, line.title)
    return lines, titles


def variant_name(results: Results, variant: str) -> str:
    """A cell of a sweep; of a K sweep with the number of heads."""
    if not over_k(results):
        return variant
    return f"{steered(results, variant)} ({variant.removeprefix('K = ')})"


def over_k(results: Results) -> bool:
    """Whether the run is a sweep over the number of heads."""
    return all(variant.startswith("K = ") for variant in results.run.variants)


def steered(results: Results, variant: str) -> int:
    """How many heads a cell of a sweep steers: the gaze heads, or the condition with the fewest."""
    gaze = results.cells.get((variant, "gaze"))
    counts = [cell.heads for (v, _), cell in results.cells.items() if v == variant and cell.heads]
    return gaze.heads if gaze else min(counts, default=0)


def by_k(results: Results) -> Table | None:
    """The paper's own K sweep; None where it has none of this model."""
    paper = figures_for(results.run.model)
    if not paper or not paper.by_k:
        return None
    ks = sorted({k for found in paper.by_k.values() for k in found})
    rows = [[str(k), *(wording.theirs(found.get(k)) for found in paper.by_k.values())] for k in ks]
    return Table(
        ["heads", *map(wording.condition, paper.by_k)],
        rows,
        "The paper's figures (sec. 6.3 and D.3), per cent.",
    )

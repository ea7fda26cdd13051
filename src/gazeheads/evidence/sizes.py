"""Objects by size class, as in the paper's table 1: small ones cover few cells."""

from collections.abc import Mapping

from gazeheads.evidence import labels as wording
from gazeheads.evidence.cells import ConditionResult
from gazeheads.evidence.paper import figures_for
from gazeheads.evidence.results import Results, is_baseline
from gazeheads.evidence.tables import PAPER, Line, in_order
from gazeheads.pages.report import Table
from gazeheads.runs.outcomes import known_mean
from gazeheads.sample import Sample
from gazeheads.statistics import Key, Outcomes

SIZES = ("large", "medium", "small")
ALL = "all"


def by_size(results: Results, samples: Mapping[str, Sample], variant: str) -> Table | None:
    """A line for each size class, a column for each condition; None where the samples know no sizes."""
    sizes = size_of(samples)
    lines = [line for line in in_order(results, variant) if not is_baseline(line.name)]
    if not sizes or not lines:
        return None
    paper = figures_for(results.run.model)
    theirs = paper.by_size if paper else {}
    rows: list[list[str]] = []
    strong: list[int] = []
    for size in (*SIZES, ALL):
        keys = {key for key, each in sizes.items() if size in (each, ALL)}
        objects = {key for line in lines for cell in line.cells for key in cell.outcomes} & keys
        if not objects:
            continue
        row = [size, str(len(objects)), *(_percent(results, line, objects) for line in lines)]
        if theirs:
            row += [wording.theirs(value) for value in theirs.get(size, (None, None))]
        if size == ALL:
            strong.append(len(rows))
        rows.append(row)
    header = ["size", "objects", *(line.title for line in lines)]
    header += [f"{PAPER}: gaze", f"{PAPER}: controls"] if theirs else []
    return Table(header, rows, caption(results, variant), strong)


def size_of(samples: Mapping[str, Sample]) -> dict[Key, str]:
    """Of each object that has one its size class."""
    return {
        (name, region): slots["size"]
        for name, sample in samples.items()
        for region, slots in enumerate(sample.slots)
        if "size" in slots
    }


def caption(results: Results, variant: str) -> str:
    """What is counted, and how many regions grew and answers fit several objects of one name."""
    run = results.run
    answers = [g for g in run.generated if g.trial.variant == variant]
    aimed = {(g.trial.sample, g.trial.pointed): g.grown for g in answers if g.trial.pointed is not None}
    alike = sum(bool(part.also) for g in answers for part in run.parts(g))
    told = f" ({variant})" if variant else ""
    return (
        f"The paper's table 1{told}. Answers that name the target, per cent; 95% intervals that resample images; "
        f"random-head controls: mean (lowest to highest). {sum(aimed.values())} of {len(aimed)} regions cover less "
        f"than a cell and grew to the nearest; {alike} of {len(answers)} answers name "
        "something of which there are several."
    )


def _percent(results: Results, line: Line, keys: set[Key]) -> str:
    found = [_of(cell.outcomes, keys) for cell in line.cells]
    if isinstance(line.found, ConditionResult):
        return wording.percent(results.estimate(found[0]))
    return wording.spread([mean for each in found if (mean := known_mean([*each.values()])) is not None])


def _of(outcomes: Outcomes, keys: set[Key]) -> dict[Key, float | None]:
    return {key: value for key, value in outcomes.items() if key in keys}

"""Results as tables, laid out as the paper's where it has one."""

from gazeheads.evidence import labels as wording
from gazeheads.evidence.cells import ConditionResult, ControlDraws
from gazeheads.evidence.paper import figures_for
from gazeheads.evidence.results import Results, has_number, is_baseline
from gazeheads.experiments.conditions import amount_of, kind_of
from gazeheads.pages.report import Table
from gazeheads.runs.outcomes import Status
from gazeheads.statistics import Estimate

PAPER = "paper"
READING = (
    "Per cent; brackets: 95% intervals that resample images; random-head controls: mean (lowest to highest). Excluding "
    "the unsteered panel: without the region that the unsteered answer is about. Not as unsteered: answers almost the "
    "same as the unsteered one count as misses. Degenerate and none count as misses; unscored, failed and unjudged "
    "answers leave the denominator."
)


def conditions(results: Results, amount: str = "") -> Table:
    """Every condition with its company (PAPER sec. 6.1); of those that name a number of heads, those with this one."""
    paper = figures_for(results.run.model)
    theirs = paper.conditions.get(results.run.experiment, {}) if paper else {}
    open_ended = any(cell.statuses["failed"] or cell.statuses["unjudged"] for cell in results.cells.values())
    header = [
        "condition",
        "heads",
        "about the target",
        "excluding the unsteered panel",
        "not as unsteered",
        "all slots",
        "degenerate",
        "none",
        "unscored",
        *(["failed", "unjudged"] if open_ended else []),
        "attention mass on the target",
        *([PAPER] if theirs else []),
    ]
    rows: list[list[str]] = []
    strong: list[int] = []
    for each in of_amount(results, amount):
        if kind_of(each.name) == "gaze":
            strong.append(len(rows))
        rows.append(_line(each, open_ended) + ([wording.theirs(theirs.get(each.name))] if theirs else []))
    return Table(header, rows, READING, strong)


class Line:
    """A row of a table: a condition, or a family of random-head controls."""

    def __init__(self, found: ConditionResult | ControlDraws) -> None:
        self.found = found
        self.cells = [found] if isinstance(found, ConditionResult) else list(found.draws)
        self.name = found.condition if isinstance(found, ConditionResult) else found.name
        self.title = (
            wording.condition(self.name) if isinstance(found, ConditionResult) else wording.family(found)
        )

    def percent(self, measure: str) -> str:
        """An estimate with its interval, or the spread of the draws'."""
        estimates: list[Estimate | None] = [getattr(cell, measure) for cell in self.cells]
        if isinstance(self.found, ConditionResult):
            return wording.percent(estimates[0])
        return wording.spread([each.mean for each in estimates if each is not None and each.n])

    def share(self, status: Status) -> str:
        """Which share of the answers came to this."""
        return wording.share(self.found.share(status))


def in_order(results: Results, variant: str) -> list[Line]:
    """No steering, heads by scores, random-head controls, all heads, then what takes the place of steering."""
    singles = results.singles(variant)
    first = [cell for cell in singles if has_number(cell.condition) or is_baseline(cell.condition)]
    rest = [cell for cell in singles if cell not in first]
    found: list[ConditionResult | ControlDraws] = [*first, *results.families(variant), *rest]
    return [Line(each) for each in found]


def of_amount(results: Results, amount: str) -> list[Line]:
    """The lines of a redirection with so many heads, and no steering; with the run's own number, the baselines too."""
    return [
        line
        for line in in_order(results, "")
        if (amount_of(line.name) == amount and (has_number(line.name) or not amount))
        or is_baseline(line.name)
    ]


def _line(line: Line, open_ended: bool) -> list[str]:
    kinds: list[Status] = ["degenerate", "none", "unscored"]
    kinds += ["failed", "unjudged"] if open_ended else []
    heads = sorted({cell.heads for cell in line.cells})
    return [
        line.title,
        " – ".join(str(n) for n in (heads[0], *heads[1:][-1:])),
        *(line.percent(measure) for measure in ("accuracy", "moved", "with_rule", "all_slots")),
        *(line.share(status) for status in kinds),
        wording.mass(line.cells),
    ]


def pools(results: Results, variant: str = "") -> Table | None:
    """Control pools beside each other, as in the paper's table 3; None without random-head controls."""
    families = results.families(variant)
    if not families:
        return None
    paper = figures_for(results.run.model)
    theirs = paper.pools.get(results.run.experiment, {}) if paper else {}
    header = [
        "controls",
        "draws",
        "about the target",
        "degenerate",
        "gaze heads above",
        "p",
        "gaze heads better by",
    ]
    astray = any(draw.at_pointed for each in families for draw in each.draws)
    header += ["about the region pointed at"] if astray else []
    rows = []
    for each in families:
        among = each.among
        gap = results.gap(each.gaze.outcomes, each.outcomes) if each.gaze else None
        row = [
            wording.condition(each.name),
            str(len(each.draws)),
            wording.spread(each.means),
            wording.share(each.share("degenerate")),
            "–" if among is None else f"{among.below} of {among.draws}",
            "–" if among is None else f"{among.p:.2g}",
            "–" if gap is None else wording.points(gap),
        ]
        if astray:
            row.append(
                wording.spread(
                    [draw.at_pointed.mean for draw in each.draws if draw.at_pointed and draw.at_pointed.n]
                )
            )
        rows.append([*row, *([wording.theirs(theirs.get(each.name))] if theirs else [])])
    least = max(len(each.draws) for each in families)
    caption = (
        "The paper's table 3. Better by: points, paired over the same images and targets. p: share of draws at "
        f"least as good, the gaze set counted among them; {least} draws cannot show less than "
        f"{1 / (least + 1):.2g}."
    )
    return Table([*header, *([PAPER] if theirs else [])], rows, caption)


def differences(results: Results, amount: str = "") -> Table | None:
    """How much better the gaze heads are than each other condition, paired; None where they did not run."""
    lines = of_amount(results, amount)
    gaze = next((line.found for line in lines if kind_of(line.name) == "gaze"), None)
    others = [line for line in lines if line.found is not gaze]
    if gaze is None or not others:
        return None
    rows = []
    for line in others:
        gap = results.gap(gaze.outcomes, line.found.outcomes)
        rows.append([line.title, wording.points(gap), str(gap.n), str(gap.left_out)])
    return Table(
        ["gaze heads against", "better by", "pairs", "left out"],
        rows,
        "Percentage points over the same images and targets, with 95% intervals; left out: an answer of the pair is "
        "not known. Against several draws: their mean on each image and target.",
    )

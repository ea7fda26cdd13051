"""Tables of trajectories: tours (PAPER sec. 6.2 and table 8) and free narration."""

from collections.abc import Callable, Mapping, Sequence

from gazeheads.evidence import labels as wording
from gazeheads.evidence.paper import figures_for
from gazeheads.evidence.results import Results
from gazeheads.evidence.tables import PAPER, Line, in_order
from gazeheads.evidence.trajectories import Trajectory
from gazeheads.pages.report import Table
from gazeheads.statistics import Estimate

Found = Mapping[tuple[str, str], Trajectory]
Measure = Callable[[Trajectory], Estimate | None]


def tour(results: Results, found: Found) -> Table:
    """Whether the schedule led the text, and how soon (PAPER sec. 6.2)."""
    paper = figures_for(results.run.model)
    theirs = paper.rho if paper else {}
    timed = any(each.latency for each in found.values())
    header = [
        "condition",
        "heads",
        "rho with schedule",
        "undefined",
        "segments on schedule",
        "degenerate",
        "none",
        "unscored",
        *(["tokens until it follows", "switches followed"] if timed else []),
        *([PAPER + ": rho"] if theirs else []),
    ]
    rows: list[list[str]] = []
    strong: list[int] = []
    for line in in_order(results, ""):
        mine = _mine(line, found)
        if line.name == "gaze":
            strong.append(len(rows))
        rhos = [each.rho_schedule for each in mine if each.rho_schedule is not None]
        row = [
            line.title,
            str(line.cells[0].heads),
            _number(mine, lambda way: way.rho_schedule),
            f"{sum(rho.left_out for rho in rhos)} of {sum(way.texts for way in mine)}",
            line.percent("accuracy"),
            *(line.share(status) for status in ("degenerate", "none", "unscored")),
        ]
        if timed:
            late = [way.latency for way in mine if way.latency is not None]
            row.append(_number(mine, lambda way: way.latency.tokens if way.latency else None, 1))
            row.append(f"{sum(each.followed for each in late)} of {sum(each.switches for each in late)}")
        rows.append(row + ([wording.theirs(theirs.get(line.name), 2)] if theirs else []))
    caption = (
        "rho: Spearman's correlation of schedule and described panels over the segments that match one, mean over "
        "strips; undefined where fewer than two match or all match the same: left out and counted. Segments in "
        "per cent; those without text are unscored. 95% intervals; random-head controls: mean (lowest to highest)."
    )
    if timed:
        caption += (
            " Tokens from a switch to the first words that only the new target has, over the switches that were "
            "followed before the next one."
        )
    return Table(header, rows, caption, strong)


def blind(results: Results, found: Found) -> Table:
    """Schedule-blind trajectories, as in the paper's table 8."""
    paper = figures_for(results.run.model)
    theirs = paper.trajectories if paper else {}
    header = [
        "condition",
        "match the schedule",
        "match the reading order",
        "rho with schedule",
        "rho with reading order",
        "strips mostly degenerate",
        *(
            [
                f"{PAPER}: schedule",
                f"{PAPER}: order",
                f"{PAPER}: rho",
                f"{PAPER}: rho, order",
                f"{PAPER}: degenerate",
            ]
            if theirs
            else []
        ),
    ]
    rows: list[list[str]] = []
    strong: list[int] = []
    for line in in_order(results, ""):
        mine = _mine(line, found)
        if line.name == "gaze":
            strong.append(len(rows))
        row = [
            line.title,
            line.percent("accuracy"),
            _percent(mine, lambda way: way.on_order),
            _number(mine, lambda way: way.rho_schedule),
            _number(mine, lambda way: way.rho_order),
            f"{sum(way.degenerate for way in mine)} of {sum(way.texts for way in mine)}",
        ]
        if theirs:
            on, off, rho, other, junk = theirs.get(line.name, (None,) * 5)
            row += [wording.theirs(on), wording.theirs(off), wording.theirs(rho, 3), wording.theirs(other, 3)]
            row.append("–" if junk is None else f"{junk} of 500")
        rows.append(row)
    return Table(
        header,
        rows,
        "The paper's table 8. The judge sees each segment alone, not the schedule. Share of segments in per cent "
        "that describe the scheduled panel, and the one whose turn it would be in reading order; mostly degenerate: "
        "more than half of the segments.",
        strong,
    )


def narration(results: Results, found: Found) -> Table:
    """Free narration: about which panel its sentences are, and in which order."""
    header = [
        "condition",
        "heads",
        "texts",
        "sentences on target",
        "rho with reading order",
        "undefined",
        "degenerate",
        "none",
        "mostly degenerate",
    ]
    rows = []
    for line in in_order(results, ""):
        mine = _mine(line, found)
        texts = sum(way.texts for way in mine)
        rows.append(
            [
                line.title,
                str(line.cells[0].heads),
                str(texts),
                line.percent("accuracy"),
                _number(mine, lambda way: way.rho_order),
                f"{sum(way.rho_order.left_out for way in mine)} of {texts}",
                *(line.share(status) for status in ("degenerate", "none")),
                f"{sum(way.degenerate for way in mine)} of {texts}",
            ]
        )
    return Table(
        header,
        rows,
        "Sentences in per cent; without a target they count for each panel in turn. rho: Spearman's correlation "
        "of the described panels with the order of the sentences, mean over texts; a text that stays on one panel "
        "has none.",
    )


def _mine(line: Line, found: Found) -> list[Trajectory]:
    return [found[cell.variant, cell.condition] for cell in line.cells]


def _number(ways: Sequence[Trajectory], measure: Measure, digits: int = 2) -> str:
    """The estimate of one condition, or the spread over draws."""
    known = [each for each in map(measure, ways) if each is not None and each.n]
    if len(ways) == 1:
        return wording.number(known[0] if known else None, digits)
    return wording.spread([each.mean for each in known], 1, digits)


def _percent(ways: Sequence[Trajectory], measure: Measure) -> str:
    known = [each for each in map(measure, ways) if each is not None and each.n]
    if len(ways) == 1:
        return wording.percent(known[0] if known else None)
    return wording.spread([each.mean for each in known])

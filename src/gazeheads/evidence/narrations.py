"""The report on narrations: staircases, and how well heads follow what is described."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gazeheads.evidence.labels import number
from gazeheads.figures import new_figure, staircase, sweep_rows, title
from gazeheads.pages.report import CaptionedFigure, Report, Table
from gazeheads.runs.tracking import GAZE, Narrated, Tracking, among, tracking
from gazeheads.statistics import Estimate, Resamples

SAYS = {
    "forward": "Panels in order",
    "reverse": "Panels in reverse",
    "stated": "Panels in a stated order",
}
Numbers = Mapping[str, Mapping[str, Mapping[str, Tracking]]]  # by order, weighing and set


def numbers(told: Sequence[Narrated], rng: np.random.Generator) -> Numbers:
    """The numbers of every set, by order and weighing; one resampling for all."""
    resamples = Resamples(rng)
    found: dict[str, dict[str, dict[str, Tracking]]] = {}
    for order in dict.fromkeys(each.order for each in told):
        mine = [each for each in told if each.order == order]
        found[order] = {
            by: {name: tracking(mine, by, name, resamples) for name in mine[0].masses[by]}
            for by in mine[0].masses
        }
    return found


def to_json(told: Sequence[Narrated], found: Numbers) -> dict[str, Any]:
    """Numbers, and what was told."""
    return {
        "schema": 1,
        "numbers": {
            order: {by: {name: each.to_json() for name, each in sets.items()} for by, sets in ways.items()}
            for order, ways in found.items()
        },
        "narrations": [
            {
                "sample": each.sample,
                "order": each.order,
                "asked": list(each.asked),
                "text": each.text,
                "sentences": [[s.start, s.told, s.stop, s.kind, s.region] for s in each.sentences],
            }
            for each in told
        ],
    }


def report(told: Sequence[Narrated], found: Numbers, facts: dict[str, str], command: str) -> Report:
    """The page. facts: what went in, by name."""
    page = Report("Do the heads follow the narration?", lead(found), facts)
    for order in found:
        mine = [each for each in told if each.order == order]
        page.section(
            SAYS[order],
            f'Asked: "{_prompt(mine)}" {_said(mine)}',
            figures=[
                CaptionedFigure(
                    stairs(mine[0]),
                    f"The first strip, {mine[0].sample}, not picked: share of what the "
                    "heads get from the panels at each token, weighted by value norms. Framed: the panel that the "
                    "judge found described.",
                )
            ],
            tables=[_table(found[order])],
        )
    figure, (axes,) = new_figure(8, 1.4 + 0.9 * len(found))
    draws = {
        SAYS[o]: [each.on_panel.mean for each in _controls(ways["value-norm"])] for o, ways in found.items()
    }
    chance = {SAYS[o]: _chance([e for e in told if e.order == o]) for o in found}
    sweep_rows(
        axes,
        {SAYS[o]: {GAZE: ways["value-norm"][GAZE].on_panel} for o, ways in found.items()},
        draws,
        chance,
        xlabel="narrated words at which the described panel gets most",
    )
    page.section(
        "Gaze heads among random-head controls",
        "One dot for each draw: as many heads in each layer, outside the gaze set. All sets are averages of "
        "the same recorded generations. Chance is that of a panel drawn evenly at each word.",
        figures=[CaptionedFigure(figure)],
    )
    page.section("How it is counted", points=HOW, tone="limits")
    page.section("This report", commands=[command])
    return page


HOW = (
    "Row t is the attention that produced token t. Weighted by value norms: attention times the norm of each image "
    "token's value vector (Kobayashi et al. 2020), as in the paper; raw: the attention alone.",
    "Words of sentences that the judge matched to a panel count; “Panel k:” does not. The judge reads the text alone.",
    "Order is Spearman's correlation of the panel looked at with the panel described, over the words of a strip; "
    "mean over strips. Where a set looks at one panel only it is undefined, left out and counted.",
    "Lag is counted in tokens from the first word of a sentence, behind its label, to the place that best parts "
    "looking at the panel before from looking at the panel described; below 0, the heads were there before the word.",
    "Intervals resample strips.",
)


def lead(found: Numbers) -> str:
    """The first order in a sentence."""
    order, ways = next(iter(found.items()))
    gaze, controls = ways["value-norm"][GAZE], _controls(ways["value-norm"])
    text = (
        f"{SAYS[order]}: at {gaze.on_panel.mean:.0%} of the narrated words the panel that is described gets most of "
        f"the gaze heads' attention"
    )
    if not controls:
        return text + "."
    shares = [each.on_panel.mean for each in controls]
    return (
        text + f"; of {len(shares)} random-head controls it does at {min(shares):.0%} to {max(shares):.0%}."
    )


def _controls(sets: Mapping[str, Tracking]) -> list[Tracking]:
    return [each for name, each in sets.items() if name != GAZE]


def _prompt(told: Sequence[Narrated]) -> str:
    from gazeheads import prompts

    known = {"forward": prompts.NARRATE, "reverse": prompts.NARRATE_REVERSE}
    order = ", ".join(str(panel + 1) for panel in told[0].asked)
    return known.get(told[0].order, f"Describe the panels in this order: {order}.")


def _said(told: Sequence[Narrated]) -> str:
    """What the model made of it."""
    as_asked = sum(tuple(s.region for s in each.sentences) == each.asked for each in told)
    sentences = [s for each in told for s in each.sentences]
    matched = sum(s.region is not None for s in sentences)
    return (
        f"{as_asked} of {len(told)} narrations describe the panels exactly as asked; {matched} of {len(sentences)} "
        "sentences fit a panel."
    )


def _chance(told: Sequence[Narrated]) -> float:
    return float(np.mean([1 / len(each.asked) for each in told]))


def stairs(told: Narrated) -> Any:
    """The gaze heads above the first random-head control."""
    names = list(told.masses["value-norm"])[:2]
    panels = len(told.asked)
    figure, axes = new_figure(10, (1.1 + 0.28 * panels) * len(names), len(names), 1)
    shares = []
    for name in names:
        masses = told.masses["value-norm"][name]
        total = masses.sum(1, keepdims=True)
        shares.append(np.divide(masses, total, out=np.zeros_like(masses), where=total > 0))
    top = max(float(each.max()) for each in shares)
    for place, name, each in zip(axes, names, shares, strict=True):
        staircase(place, each, told.token_texts, told.described, label="share", vmax=top)
        title(place, name)
    return figure


def _table(ways: Mapping[str, Mapping[str, Tracking]]) -> Table:
    rows: list[list[str]] = []
    strong: list[int] = []
    for by, sets in ways.items():
        gaze, controls = sets[GAZE], _controls(sets)
        strong.append(len(rows))
        rows.append([f"{GAZE}, {by}", _share(gaze.on_panel), _order(gaze), _lags(gaze)])
        if controls:
            shares, orders = ([getattr(c, what).mean for c in controls] for what in ("on_panel", "order"))
            rank = among(gaze.on_panel.mean, shares)
            rows.append(
                [
                    f"random-head controls ({len(controls)} draws), {by}"
                    + (f" (gaze heads {rank})" if rank else ""),
                    f"{np.nanmean(shares):.1%} ({np.nanmin(shares):.1%} to {np.nanmax(shares):.1%})",
                    _range(orders),
                    f"{np.nanmedian([c.lag for c in controls]):g} (no jump: {_missing(controls):.0%})",
                ]
            )
    return Table(
        ["heads", "words on the described panel", "order (Spearman)", "lag, tokens (quartiles)"],
        rows,
        strong=strong,
    )


def _share(each: Estimate) -> str:
    return f"{each.mean:.1%}" + ("" if np.isnan(each.low) else f" [{each.low:.1%}, {each.high:.1%}]")


def _order(each: Tracking) -> str:
    left = f", {each.order.left_out} undefined" if each.order.left_out else ""
    return number(each.order) + left if each.order.n else "undefined"


def _range(orders: Sequence[float]) -> str:
    known = [value for value in orders if not np.isnan(value)]
    return f"{np.mean(known):.2f} ({min(known):.2f} to {max(known):.2f})" if known else "undefined"


def _lags(each: Tracking) -> str:
    none = f", {each.no_jump} of {each.jumps} without" if each.no_jump else ""
    return f"{each.lag:g} ({each.quarter:g} to {each.three_quarters:g}){none}"


def _missing(controls: Sequence[Tracking]) -> float:
    return sum(c.no_jump for c in controls) / max(1, sum(c.jumps for c in controls))

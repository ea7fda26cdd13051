"""Results as figures."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from gazeheads import figures
from gazeheads.evidence import head_overlap as headsets
from gazeheads.evidence import labels as wording
from gazeheads.evidence.cells import ConditionResult
from gazeheads.evidence.results import Results, is_baseline
from gazeheads.evidence.sweeps import steered, variant_name
from gazeheads.evidence.tables import in_order, of_amount
from gazeheads.experiments.conditions import kind_of
from gazeheads.heads.heads import Heads
from gazeheads.heads.scores import SCORES
from gazeheads.pages.report import CaptionedFigure
from gazeheads.statistics import Estimate


def bars(results: Results, amount: str = "", what: str = "answers about the target") -> CaptionedFigure:
    """Conditions as bars with intervals, those with so many heads; each kind of random-head controls as dots."""
    found: dict[str, Estimate | list[float]] = {}
    for line in of_amount(results, amount):
        if isinstance(line.found, ConditionResult):
            if line.found.accuracy.n:
                found[line.title] = line.found.accuracy
        elif line.found.means:
            found[line.title] = line.found.means
    figure, (axes,) = figures.new_figure(8, 1.0 + 0.32 * len(found))
    gaze = wording.condition("gaze" + f"@{amount}" * bool(amount))
    figures.condition_bars(axes, found, gaze, results.chance(""), what)
    return CaptionedFigure(
        figure, "Bars: 95% intervals over images. Dots: one for each draw of random heads, with their median."
    )


def positions(results: Results, variant: str = "") -> CaptionedFigure | None:
    """Accuracy at each panel; None where there is one place alone."""
    found: dict[str, Mapping[int, Estimate]] = {}
    for line in in_order(results, variant):
        if line.name == "all":
            continue
        if isinstance(line.found, ConditionResult):
            if line.name in ("gaze", "none", "prompt"):
                found[line.title] = known(line.found.positions)
        elif line.name == "controls":
            outcomes = line.found.outcomes
            places = sorted({place for _, place in outcomes})
            found["mean of the random-head controls"] = known(
                {p: results.estimate({key: v for key, v in outcomes.items() if key[1] == p}) for p in places}
            )
    first = wording.condition("gaze")
    found = {name: found[name] for name in sorted(found, key=lambda name: name != first) if found[name]}
    if max((len(line) for line in found.values()), default=0) < 2:
        return None
    figure, (axes,) = figures.new_figure(6.4, 3.2)
    figures.position_lines(axes, found, results.chance(variant))
    return CaptionedFigure(figure, "Panel by panel, one-based: does it work everywhere?")


def known(found: Mapping[int, Estimate]) -> dict[int, Estimate]:
    """The places with a known accuracy."""
    return {place: each for place, each in found.items() if each.n}


def k_curves(results: Results) -> CaptionedFigure:
    """Accuracy by number of heads, for each way to choose them."""
    curves: dict[str, dict[int, Estimate]] = {}
    draws: dict[int, list[float]] = {}
    for variant in results.run.variants:
        for cell in results.singles(variant):
            if cell.condition in SCORES and cell.accuracy.n:
                curves.setdefault(wording.condition(cell.condition), {})[cell.heads] = cell.accuracy
        for family in results.families(variant):
            if family.name == "controls":
                draws[steered(results, variant)] = family.means
    figure, (axes,) = figures.new_figure(7.2, 3.8)
    figures.selection_curves(axes, curves, draws, results.chance(results.run.variants[0]))
    return CaptionedFigure(
        figure, "Bands: 95% intervals over images. Grey: one dot for each draw of as many random heads."
    )


def sweep(results: Results) -> CaptionedFigure:
    """The settings of a sweep as rows."""
    rows: dict[str, dict[str, Estimate]] = {}
    draws: dict[str, list[float]] = {}
    chance: dict[str, float] = {}
    for variant in results.run.variants:
        label = variant_name(results, variant)
        cells = [
            cell for cell in results.singles(variant) if not is_baseline(cell.condition) and cell.accuracy.n
        ]
        cells.sort(key=lambda cell: kind_of(cell.condition) != "gaze")
        rows[label] = {wording.condition(cell.condition): cell.accuracy for cell in cells}
        draws[label] = [mean for family in results.families(variant) for mean in family.means]
        level = results.chance(variant)
        if level is not None:
            chance[label] = level
    most = max(map(len, rows.values()), default=0)
    figure, (axes,) = figures.new_figure(8, 1.3 + max(0.46, 0.17 * most) * len(rows))
    figures.sweep_rows(axes, rows, draws, chance or None)
    return CaptionedFigure(
        figure, "Lines: 95% intervals over images. Grey: one dot for each draw of random heads."
    )


def maps(heads: Heads, k: int) -> CaptionedFigure:
    """The score of every head, and how few stand out."""
    scores = heads.by("gaze").scores
    figure, (left, right) = figures.new_figure(10, 3.6, cols=2)
    figures.score_map(left, np.nan_to_num(scores), list(heads.by("gaze").top(k)))
    figures.title(left, "Gaze score of each head")
    figures.score_histogram(right, scores[~np.isnan(scores)], top=k)
    figures.title(right, "How many heads have which score")
    return CaptionedFigure(figure, f"Framed and blue: the {k} that are steered.")


def matrices(heads: Heads, k: int) -> CaptionedFigure | None:
    """Asked panel by looked-at panel, of the gaze heads and of all others; None where it was not measured."""
    if heads.matrices is None:
        return None
    gaze = heads.by("gaze").top(k)
    rest = [head for head in heads.all() if head not in gaze]
    means = [np.mean([heads.matrices[head] for head in each], axis=0) for each in (list(gaze), rest) if each]
    figure, axes = figures.new_figure(8, 3.8, cols=2)
    top = float(max(mean.max() for mean in means))
    for each, mean, name in zip(
        axes, means, (f"{k} gaze heads", f"the {len(rest)} other heads"), strict=False
    ):
        figures.region_matrix(each, mean, vmax=top)
        figures.title(each, name)
    return CaptionedFigure(figure, "Mean attention mass of the last prompt token on each panel, per cent.")


def overlap(heads: Heads, k: int) -> CaptionedFigure | None:
    """How many heads each two selections share; None where there is one alone."""
    names, counts = headsets.matrix(heads, k)
    if len(names) < 2:
        return None
    figure: Figure
    figure, (axes,) = figures.new_figure(5.6, 4.4)
    figures.set_overlap(axes, [wording.condition(name) for name in names], counts)
    return CaptionedFigure(figure, f"Heads that two selections share, of {k} each.")

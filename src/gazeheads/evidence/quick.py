"""The main job's results for people: a table and six answers as text, and a page with the figures."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binomtest

from gazeheads import figures
from gazeheads.experiments.redirect import THIS_PANEL
from gazeheads.model.loading import BUNDLED
from gazeheads.pages.report import Picture, Report, Table
from gazeheads.runs.quickstart import Condition, Quickstart, Redirection
from gazeheads.sample import Sample
from gazeheads.statistics import Estimate

NAMES = {"none": "no steering", "gaze": "gaze heads", "all": "all heads"}
HEADER = (
    "condition",
    "heads",
    "describes the target",
    "moved",
    "not as unsteered",
    "every slot right",
    "degenerate",
    "mass on target",
)


def percent(found: Estimate) -> str:
    """The mean with its interval, in per cent."""
    if np.isnan(found.mean):
        return "–"
    if found.low == found.high:
        return f"{100 * found.mean:.1f} [all alike]"
    return f"{100 * found.mean:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def notes(strips: int) -> str:
    """How to read the table. The bound where all strips are alike is Clopper and Pearson's, 95%."""
    low = binomtest(strips, strips).proportion_ci(method="exact").low
    return (
        "Described: at least two of action, object and setting are the target's, and no other panel fits as well. "
        "No steering is 1 in 6 by construction: one answer, counted for each target. Moved leaves out the panel that "
        "the unsteered answer describes anyway; not as unsteered (the paper's rule) counts that panel as missed, so it "
        "cannot exceed 83.3 where that is one panel of six. The mass on the target says that the push was applied, not "
        "that it mattered. Where all strips are alike a bootstrap has no width: with "
        f"{strips} of {strips} strips right the true share may still be as low as {low:.0%} (95%)."
    )


def rows(result: Redirection) -> list[list[str]]:
    """The table: one line a condition, the control draws as their range and mean."""
    lines = []
    for name in ("none", "gaze", "controls", "all"):
        if name == "controls":
            draws = result.controls
            means = [c.accuracy.mean for c in draws]
            lines.append(
                [
                    f"{len(draws)} control draws",
                    str(draws[0].heads),
                    f"{100 * float(np.mean(means)):.1f} ({100 * min(means):.1f} to {100 * max(means):.1f})",
                    *(_mean(draws, measure) for measure in ("moved", "with_rule", "all_slots", "degenerate")),
                    _mass(draws),
                ]
            )
        else:
            c = result.conditions[name]
            measures = (c.accuracy, c.moved, c.with_rule)
            others = (f"{100 * e.mean:.1f}" for e in (c.all_slots, c.degenerate))
            lines.append([NAMES[name], str(c.heads), *map(percent, measures), *others, _mass([c])])
    return lines


def _mean(draws: list[Condition], measure: str) -> str:
    return f"{100 * float(np.mean([getattr(c, measure).mean for c in draws])):.1f}"


def _mass(conditions: list[Condition]) -> str:
    known = [(c.before, c.after) for c in conditions if c.before is not None and c.after is not None]
    if not known:
        return "–"
    before, after = np.mean(known, axis=0)
    return f"{100 * before:.0f} → {100 * after:.0f}"


def _columns(table: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table
    )


def six(result: Quickstart) -> tuple[Sample, list[str], list[bool], str]:
    """The first test strip, its answer with the gaze on each panel, whether each fits, and the unsteered answer."""
    sample, first = result.samples[0], result.redirections[0]
    found = [first.answer(sample, "gaze", i) for i in range(len(sample.boxes))]
    plain, _ = first.answer(sample, "none", None)
    return sample, [g.text for g, _ in found], [v.region == i for i, (_, v) in enumerate(found)], plain.text


def text(result: Quickstart) -> str:
    """What the main job found, for a terminal."""
    found = result.heads.provenance
    parts = [
        f"{found.model}: {found.n_layers} layers x {found.n_heads} heads. "
        f"K = {result.tuning.chosen.k} gaze heads, chosen on dev strips: {result.selected}",
    ]
    for r in result.redirections:
        parts.append(
            f'\n"{r.experiment.prompt}" on {len(result.samples)} test strips, the heads pointed at each panel:'
        )
        parts.append(_columns([list(HEADER), *rows(r)]))
        parts.append(f"The gaze heads stand {r.among_controls}.")
    sample, answers, right, plain = six(result)
    parts.append(f'\nOne strip, one question: "{THIS_PANEL.prompt}"')
    parts.append(f"  unsteered: {plain}")
    for i, (answer, hit) in enumerate(zip(answers, right, strict=True)):
        truth = "" if hit else f"   (missed; the panel shows: {sample.captions[i][1]})"
        parts.append(f"  gaze on panel {i + 1}: {answer}{truth}")
    curve = ", ".join(f"{k}: {100 * found.mean:.0f}" for k, found in result.tuning.curve.items())
    parts.append(f"\nOn dev strips, described by number of heads: {curve}.")
    parts.append(textwrap.fill(notes(len(result.samples)), 110))
    parts.append(
        f"{result.seconds:.0f} s after loading. Accuracy in per cent with 95% intervals over strips; chance 16.7."
    )
    return "\n".join(parts)


def write(result: Quickstart, folder: Path) -> Path:
    """Write `report.html` and the README's picture `strip.png` into the folder; the page's path."""
    found, selected = result.heads.provenance, result.selected
    first = result.redirections[0]
    gaze = first.conditions["gaze"].accuracy
    report = Report(
        "Where the model looks is what it describes",
        lead=(
            f"{found.model} was asked one question that names no panel. With {len(selected)} of its "
            f"{result.heads.scores.size} attention heads pointed at one panel, it described that panel in "
            f"{100 * gaze.mean:.1f}% of {gaze.n} cases; chance is 17%."
        ),
        facts={
            "heads steered": str(len(selected)),
            "describes the target": f"{100 * gaze.mean:.1f}%",
            "control draws beaten": f"{first.among_controls.below} of {first.among_controls.draws}",
            "seconds": f"{result.seconds:.0f}",
        },
    )
    command = "gazeheads quickstart" + " --full" * result.full
    if found.model != BUNDLED:
        command += f" --model {found.model}"
    strip = strip_figure(result)
    _, _, right, plain = six(result)
    report.section(
        "Six answers to one question",
        f'"{THIS_PANEL.prompt}" Unsteered, the model says: "{plain}" Below each panel: what it says with the gaze '
        f"heads pointed there. {sum(right)} of {len(right)} are about the panel. This is the seed's first test strip; "
        "it was not picked.",
        figures=[Picture(strip, "The same strip, the same question, six targets.")],
        commands=[command],
    )
    for r in result.redirections:
        report.section(
            f"Redirection: {r.experiment.name}",
            f'"{r.experiment.prompt}" {len(result.samples)} test strips, each with every panel as the target. The gaze '
            f"heads stand {r.among_controls}.\n\n{notes(len(result.samples))}",
            figures=[
                Picture(bars_figure(r), "Control draws have as many heads in each layer as the gaze set.")
            ],
            tables=[Table(HEADER, rows(r), "Per cent; 95% intervals resample strips.", strong=[1])],
        )
    shape = result.heads.scores.shape
    maps, (left, right_) = figures.new_figure(10, 3.6, cols=2)
    figures.score_map(left, result.heads.scores, list(selected))
    figures.title(left, "Gaze score of each head")
    figures.score_histogram(right_, result.heads.scores, top=len(selected))
    figures.title(right_, "A long right tail")
    report.section(
        "The heads",
        f"The gaze score of a head: asked about panel k, how much of the last prompt token's attention falls on panel "
        f"k; mean over panels and {found.samples} dev strips. {shape[0]} layers x {shape[1]} heads; framed: the "
        f"{len(selected)} that are steered: {selected}.",
        figures=[Picture(maps)],
    )
    if result.heads.matrices is not None:
        report.section(
            "Asked panel, looked-at panel",
            "Mean attention mass on each panel (columns) when each panel is asked about (rows).",
            figures=[
                Picture(matrices_figure(result), "Left: the gaze heads. Right: the first control draw.")
            ],
        )
    curve, (axes,) = figures.new_figure(6, 3.4)
    figures.k_curve(axes, result.tuning.curve, chosen=result.tuning.chosen.k, chance=1 / 6)
    report.section(
        "How many heads",
        f"On dev strips. The smallest K within one standard error of the best is taken: {result.tuning.chosen.k} "
        f"(best: {result.tuning.best.k}).",
        figures=[Picture(curve)],
    )
    stairs, (axes,) = figures.new_figure(11, 2.8)
    figures.staircase(axes, result.narration.attention, result.narration.tokens, result.narration.described)
    report.section(
        "While it narrates",
        f'"{result.narration.prompt}" Where the gaze heads look at each word, unsteered; framed: the panel that the '
        "words describe.",
        figures=[Picture(stairs)],
    )
    page = report.write(folder / "report.html")
    strip.savefig(folder / "strip.png", dpi=160, bbox_inches="tight", pad_inches=0.05)
    return page


def strip_figure(result: Quickstart) -> Figure:
    """The strip with its six answers."""
    sample, answers, right, _ = six(result)
    sample = sample.resized(256, 32)
    figure, (axes,) = figures.new_figure(11, 2.9)
    figures.panel_answers(axes, sample.image, [b.corners for b in sample.boxes], answers, right, columns=22)
    return figure


def bars_figure(r: Redirection) -> Figure:
    """Conditions as bars, control draws as dots."""
    figure, (axes,) = figures.new_figure(7, 2.4)
    bars: dict[str, Estimate | list[float]] = {
        "gaze heads": r.conditions["gaze"].accuracy,
        "control draws": [c.accuracy.mean for c in r.controls],
        "all heads": r.conditions["all"].accuracy,
        "no steering": r.conditions["none"].accuracy,
    }
    figures.condition_bars(axes, bars, highlight="gaze heads", chance=1 / 6)
    return figure


def matrices_figure(result: Quickstart) -> Figure:
    """Asked by looked-at matrices of the gaze heads and of one control draw."""
    assert result.heads.matrices is not None
    figure, axes = figures.new_figure(8, 3.8, cols=2)
    means = [
        np.mean([result.heads.matrices[h] for h in heads], axis=0)
        for heads in (result.selected, result.draws[0])
    ]
    top = float(max(m.max() for m in means))
    for each, matrix, name in zip(axes, means, ("gaze heads", "control draw"), strict=True):
        figures.region_matrix(each, matrix, vmax=top)
        figures.title(each, name)
    return figure

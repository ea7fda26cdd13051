"""The main job's results for people: a table and six answers as text, and a page with the figures."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from scipy.stats import binomtest

from gazeheads import figures, prompts
from gazeheads.evidence import pictures, tables
from gazeheads.evidence.narrations import stairs
from gazeheads.evidence.page import lead
from gazeheads.evidence.results import Results
from gazeheads.evidence.runs import Run
from gazeheads.experiments.catalogue import facts_of
from gazeheads.experiments.redirect import THIS_PANEL
from gazeheads.experiments.trial import Generated
from gazeheads.model.loading import BUNDLED
from gazeheads.pages.report import CaptionedFigure, Report, Table
from gazeheads.runs.quickstart import Quickstart
from gazeheads.sample import Sample
from gazeheads.statistics import Percentile

NOT_PRINTED = ("none", "unscored")  # columns of the table that a terminal has no room for


def results_of(quick: Quickstart) -> list[Results]:
    """What the runs show, read from their folders; nothing of them is read again."""
    return [Results(Run.load(path)) for path in quick.runs]


def notes(strips: int) -> str:
    """How to read the table. The bound where all strips are alike is Clopper and Pearson's, 95%."""
    low = binomtest(strips, strips).proportion_ci(method="exact").low
    return (
        "About the target: at least two of action, object and setting are the target's, and no other panel fits as "
        "well. No steering is 1 in 6 by construction: one answer, counted for each target. Excluding the unsteered "
        "panel leaves out the panel that the unsteered answer is about anyway; not as unsteered (the paper's rule) "
        "counts that panel as missed, so it cannot exceed 83.3 where that is one panel of six. The attention mass on "
        "the target says that the push was applied, not that it mattered. Zero variance: all strips are alike, and a "
        f"bootstrap has no width; with {strips} of {strips} strips right the true share may still be as low as "
        f"{low:.0%} (95%)."
    )


def printed(table: Table) -> str:
    """The table for a terminal: columns side by side, a long header in two lines."""
    keep = [n for n, name in enumerate(table.header) if name not in NOT_PRINTED]
    rows = [[row[n] for n in keep] for row in table.rows]
    header = [table.header[n] for n in keep]
    widths = [
        max(*(len(row[n]) for row in rows), len(name) // 2 + 1, *map(len, name.split()))
        for n, name in enumerate(header)
    ]
    heads = [textwrap.wrap(name, width) for name, width in zip(header, widths, strict=True)]
    height = max(map(len, heads))
    lines = [[([""] * (height - len(head)) + head)[line] for head in heads] for line in range(height)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [*lines, *rows]
    )


def among_draws(results: Results) -> Percentile:
    """Where the gaze heads stand among the random-head controls."""
    among = results.families("")[0].among
    assert among is not None  # both ran
    return among


def six(quick: Quickstart, runs: Sequence[Results]) -> tuple[Sample, list[Generated], list[bool], Generated]:
    """The first test strip, its answer with the gaze on each panel, whether each fits, and the unsteered answer."""
    sample, run = quick.samples[0], runs[0].run
    plain, *answers = (
        g for name in ("none", "gaze") for g in run.by_cell["", name] if g.trial.sample == sample.id
    )
    return sample, answers, [run.parts(g)[0].region == g.trial.target for g in answers], plain


def text(quick: Quickstart, runs: Sequence[Results]) -> str:
    """What the main job showed, for a terminal."""
    origin = quick.heads.provenance
    parts = [
        f"{origin.model}: {origin.n_layers} layers x {origin.n_heads} heads. "
        f"K = {quick.tuning.chosen.k} gaze heads, chosen on dev strips: {quick.heads.selected}",
    ]
    for results in runs:
        prompt = results.run.manifest["experiment"]["prompt"]
        parts.append(f'\n"{prompt}" on {len(quick.samples)} test strips, the heads pointed at each panel:')
        parts.append(printed(tables.conditions(results)))
        parts.append(f"The gaze heads stand {among_draws(results)}.")
    sample, answers, right, plain = six(quick, runs)
    parts.append(f'\nOne strip, one question: "{THIS_PANEL.prompt}"')
    parts.append(f"  unsteered: {plain.text}")
    for i, (answer, hit) in enumerate(zip(answers, right, strict=True)):
        truth = "" if hit else f"   (missed; the panel shows: {sample.captions[i][1]})"
        parts.append(f"  gaze on panel {i + 1}: {answer.text}{truth}")
    curve = ", ".join(f"{k}: {100 * each.mean:.0f}" for k, each in quick.tuning.curve.items())
    parts.append(f"\nOn dev strips, answers about the target by number of heads: {curve}.")
    parts.append(textwrap.fill(notes(len(quick.samples)), 110))
    parts.append(
        f"{quick.seconds:.0f} s after loading. Accuracy in per cent with 95% intervals over strips; chance 16.7."
    )
    return "\n".join(parts)


def to_json(quick: Quickstart, runs: Sequence[Results]) -> dict[str, Any]:
    """The numbers, and the answers about the first strip."""
    _, answers, _, plain = six(quick, runs)
    curve: Mapping[int, Any] = quick.tuning.curve
    return {
        "model": quick.heads.provenance.model,
        "heads": [str(head) for head in quick.heads.selected],
        "k": quick.tuning.chosen.k,
        "dev_accuracy_by_k": {k: each.to_json() for k, each in curve.items()},
        "runs": [results.to_json() for results in runs],
        "unsteered": plain.text,
        "answers": [{"target": g.trial.target, "text": g.text} for g in answers],
        "seconds": round(quick.seconds, 1),
    }


def write(quick: Quickstart, runs: Sequence[Results], folder: Path) -> Path:
    """Write `report.html` and the README's image `strip.png` into the folder; the page's path."""
    origin, k, among = quick.heads.provenance, quick.tuning.chosen.k, among_draws(runs[0])
    gaze = runs[0].cells["", "gaze"].accuracy
    report = Report(
        "Where the model looks is what it describes",
        lead=lead(runs),
        facts={
            "heads steered": str(k),
            "about the target": f"{100 * gaze.mean:.1f}%",
            "random-head controls beaten": f"{among.below} of {among.draws}",
            "seconds": f"{quick.seconds:.0f}",
        },
    )
    command = "gazeheads quickstart" + " --full" * quick.full
    if origin.model != BUNDLED:
        command += f" --model {origin.model}"
    strip = strip_figure(quick, runs)
    _, _, right, plain = six(quick, runs)
    report.section(
        "Six answers to one question",
        f'"{THIS_PANEL.prompt}" Unsteered, the model says: "{plain.text}" Below each panel: what it says with the gaze '
        f"heads pointed there. {sum(right)} of {len(right)} are about the panel. This is the seed's first test strip; "
        "it was not picked.",
        figures=[CaptionedFigure(strip, "The same strip, the same question, six targets.")],
        commands=[command],
    )
    for results in runs:
        prompt = results.run.manifest["experiment"]["prompt"]
        report.section(
            facts_of(results.run.experiment).title,
            f'"{prompt}" {len(quick.samples)} test strips, each with every panel as the target. The gaze heads stand '
            f"{among_draws(results)}.\n\n{notes(len(quick.samples))}",
            figures=[pictures.bars(results)],
            tables=[tables.conditions(results)],
        )
    drawn = [pictures.maps(quick.heads, k), pictures.matrices(quick.heads, k)]
    report.section(
        "The heads",
        f"The gaze score of a head: asked about panel k, how much of the last prompt token's attention falls on panel "
        f"k; mean over panels and {origin.samples} dev strips. {origin.n_layers} layers x {origin.n_heads} heads. "
        f"Steered: {quick.heads.selected}.",
        figures=[each for each in drawn if each],
    )
    curve, (axes,) = figures.new_figure(6, 3.4)
    figures.k_curve(axes, quick.tuning.curve, chosen=k, chance=1 / 6)
    report.section(
        "How many heads",
        f"On dev strips. The smallest K within one standard error of the best is taken: {k} "
        f"(best: {quick.tuning.best.k}).",
        figures=[CaptionedFigure(curve)],
    )
    report.section(
        "While it narrates",
        f'"{prompts.NARRATE}" Where the gaze heads, and one random-head control, look at each word, unsteered; framed: '
        "the panel that the words describe.",
        figures=[CaptionedFigure(stairs(quick.narration))],
    )
    page = report.write(folder / "report.html")
    strip.savefig(folder / "strip.png", dpi=160, bbox_inches="tight", pad_inches=0.05)
    return page


def strip_figure(quick: Quickstart, runs: Sequence[Results]) -> Figure:
    """The strip with its six answers."""
    sample, answers, right, _ = six(quick, runs)
    sample = sample.resized(256, 32)
    figure, (axes,) = figures.new_figure(11, 2.9)
    boxes = [box.corners for box in sample.boxes]
    figures.panel_answers(axes, sample.image, boxes, [g.text for g in answers], right, columns=22)
    return figure

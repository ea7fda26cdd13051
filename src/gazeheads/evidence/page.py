"""The report on a set of runs: warnings first, then what each run shows, then what it cannot."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gazeheads.evidence import head_overlap as headsets
from gazeheads.evidence import models, pictures, sizes, sweeps, tables
from gazeheads.evidence import tours as ways
from gazeheads.evidence.limits import limits, warnings
from gazeheads.evidence.results import Results
from gazeheads.evidence.trajectories import trajectories
from gazeheads.experiments.catalogue import EXPERIMENTS, facts_of
from gazeheads.experiments.conditions import CONDITIONS, family_of, kind_of
from gazeheads.experiments.trial import Generated
from gazeheads.heads.heads import Heads
from gazeheads.pages.report import CaptionedFigure, Report, Table
from gazeheads.sample import Sample

TITLE = "Does the model describe where its heads are pointed? The evidence"


def report(
    runs: Sequence[Results],
    heads: Sequence[Heads] = (),
    samples: Mapping[str, Sample] | None = None,
    command: str = "",
    unmeasured: Sequence[str] = (),
) -> Report:
    """The report. heads: files of the models' heads, for their maps. samples: by id, for the latency of tours.

    command: the line that makes this report. unmeasured: what could not be measured, and why.
    """
    places = {name: place for place, name in enumerate(EXPERIMENTS)}
    runs = sorted(runs, key=lambda results: places.get(results.run.experiment, len(places)))
    page = Report(TITLE, lead(runs), facts(runs))
    bad = warnings(runs)
    if bad:
        page.section("Read this first", points=bad, tone="warning")
    peaks = models.peaks(runs)
    if len(peaks) > 1:
        page.section(
            "Models beside each other",
            "For each model its best number of heads, and where more heads make its answers collapse.",
            tables=[models.table(peaks)],
        )
    for results, title in zip(runs, titles(runs), strict=True):
        add(page, results, title, samples)
    for each in heads:
        add_heads(page, each, runs)
    page.section("Limits", points=[*unmeasured, *limits(runs)], tone="limits")
    if command:
        page.section("This report", commands=[command])
    return page


def titles(runs: Sequence[Results]) -> list[str]:
    """A heading for each run, each another: with the model where there are several, with the folder where needed."""
    several = len({results.run.model for results in runs}) > 1
    plain = [facts_of(r.run.experiment).title + (f" ({r.run.model})" if several else "") for r in runs]
    times = Counter(plain)
    named = [
        title if times[title] == 1 else f"{title}, {r.run.path.name}"
        for title, r in zip(plain, runs, strict=True)
    ]
    times, seen, found = Counter(named), Counter[str](), []
    for title in named:
        seen[title] += 1
        found.append(title if times[title] == 1 else f"{title} ({seen[title]})")
    return found


def lead(runs: Sequence[Results]) -> str:
    """The first redirection in a sentence or two."""
    for results in runs:
        gaze = results.cells.get(("", "gaze"))
        if not facts_of(results.run.experiment).is_redirection or gaze is None or not gaze.accuracy.n:
            continue
        total, chance = results.run.manifest.get("heads", {}).get("of"), results.chance("")
        text = (
            f"{results.run.model} was asked one question that names no panel. With {gaze.heads}"
            + (f" of its {total}" if total else "")
            + f" attention heads pointed at one panel, it described that panel in {gaze.accuracy.mean:.1%} of "
            f"{gaze.accuracy.n} cases" + (f"; chance is {chance:.0%}." if chance else ".")
        )
        among = [f for f in results.families("") if f.among is not None]
        for family in among[:1]:
            assert family.among is not None
            text += f" The gaze heads stand {family.among}."
        return text
    return "What runs of one or more models show about heads that look at what is described."


def facts(runs: Sequence[Results]) -> dict[str, str]:
    """What went in."""

    def listed(values: Iterable[str]) -> str:
        return ", ".join(dict.fromkeys(values))

    return {
        "models" if len({r.run.model for r in runs}) > 1 else "model": listed(r.run.model for r in runs),
        "data": listed(r.run.data for r in runs),
        "judge": listed(r.run.judge for r in runs),
        "runs": str(len(runs)),
        "answers": f"{sum(len(r.run.generated) for r in runs):,}",
    }


def setting(results: Results) -> str:
    """How a run was made, in a sentence."""
    run = results.run
    heads, prompts = (
        run.manifest.get("heads", {}),
        dict.fromkeys(g.trial.prompt for g in run.generated if not _named(g)),
    )
    question = (
        f'"{next(iter(prompts))}" ' if len(prompts) == 1 else f"{len(prompts)} questions. " if prompts else ""
    )
    shown = len(run.regions)
    parts = [f"{shown} images of {run.data}"]
    if heads.get("k"):
        parts.append(f"K = {heads['k']}" + (f" of {heads['of']} heads" if heads.get("of") else " heads"))
    for name in ("push", "during"):
        used = {getattr(g.trial, name) or run.manifest.get(name) for g in run.generated}
        if len(used) == 1 and None not in used:
            parts.append(f"{name} {used.pop()}")
    parts.append(f"judge {run.judge}")
    return question + "; ".join(parts) + "."


def _named(g: Generated) -> bool:
    """Whether a generation's question names its panel."""
    kind = CONDITIONS.get(kind_of(g.trial.condition))
    return kind is not None and kind.ask is not None


def commands(results: Results) -> list[str]:
    """The lines that made a run: as they were typed, or, where nobody kept them, put together from its settings."""
    run = results.run
    found = list(run.commands)
    if not any(line.startswith("gazeheads run") for line in found):
        data, names = run.manifest.get("data", {}), run.manifest.get("conditions", [])
        parts = [
            "gazeheads",
            "run",
            run.experiment,
            "--data",
            str(data.get("source", "")),
            "--seed",
            str(data.get("seed", 0)),
        ]
        parts += ["--conditions", ",".join(asked(names)), "--out", str(run.path)]
        found.insert(0, shlex.join(parts) + "  # put together from the manifest")
    if not any(line.startswith("gazeheads judge") for line in found):
        found.append(shlex.join(["gazeheads", "judge", str(run.path), "--judge", run.judge]))
    return found


def asked(names: Sequence[str]) -> list[str]:
    """Names of conditions as the command line asks for them: "controls/0", "controls/1" are "controls:2"."""
    draws: dict[str, int] = {}
    for name in names:
        family = family_of(name)
        draws[family or name] = draws.get(family or name, 0) + bool(family)
    said = []
    for name, n in draws.items():
        kind, at, amount = name.partition("@")
        written = CONDITIONS[kind].written if kind in CONDITIONS else "controls:N"
        said.append(written.replace("N", str(n)) + at + amount if n else name)
    return said


def add(page: Report, results: Results, title: str, samples: Mapping[str, Sample] | None) -> None:
    """The section of one run: which figures and tables depends on how its answers were judged, and on its variants."""
    kinds = {g.trial.parts for g in results.run.generated}
    figures: list[CaptionedFigure | None] = []
    shown: list[Table | None] = []
    if kinds == {"segments"}:
        found = trajectories(results, samples)
        figures = [pictures.bars(results, what="segments about the scheduled panel")]
        shown = [ways.tour(results, found), ways.blind(results, found)]
    elif kinds == {"sentences"}:
        shown = [ways.narration(results, trajectories(results))]
    elif any(g.trial.shape != "panel" for g in results.run.generated):
        variants = results.run.variants
        figures = [pictures.sweep(results)]
        shown = [sizes.by_size(results, samples or {}, each) for each in variants]
        shown += [sweeps.sweep(results), sweeps.statuses(results), tables.pools(results, variants[0])]
    elif results.run.variants == ("",):
        figures = [*(pictures.bars(results, each) for each in results.amounts), pictures.positions(results)]
        shown = [tables.conditions(results, each) for each in results.amounts]
        shown += [tables.pools(results), *(tables.differences(results, each) for each in results.amounts)]
    elif sweeps.over_k(results):
        figures = [pictures.k_curves(results)]
        shown = [sweeps.sweep(results), sweeps.statuses(results), sweeps.by_k(results)]
    else:
        figures, shown = [pictures.sweep(results)], [sweeps.sweep(results), sweeps.statuses(results)]
    page.section(
        title,
        setting(results),
        [each for each in figures if each],
        [each for each in shown if each],
        commands(results),
    )


def add_heads(page: Report, heads: Heads, runs: Sequence[Results]) -> None:
    """The section of a heads file: where its heads are, what they look at, what other scores choose."""
    model = heads.provenance.model.rstrip("/").rpartition("/")[2] or heads.provenance.model
    ks = [r.run.manifest.get("heads", {}).get("k") for r in runs if r.run.model.endswith(model)]
    k = next((each for each in ks if each), len(heads.selected))
    drawn = [pictures.maps(heads, k), pictures.matrices(heads, k), pictures.overlap(heads, k)]
    table = headsets.overlap(heads)
    found = heads.provenance
    more = [f"Stability: {found.stability}."] if found.stability else []
    more += [f"{name.capitalize()} scores: {note}." for name, note in found.notes.items()]
    page.section(
        f"The heads of {model}",
        f"{found.n_layers} layers x {found.n_heads} heads, found on {found.samples} images of "
        f"{found.data or 'unknown data'}. The gaze score of a head: asked about panel k, the attention of the last "
        f"prompt token on panel k; mean over panels and images. Steered: {heads.by('gaze').top(k)}. "
        + " ".join(more),
        [each for each in drawn if each],
        [table] if table else [],
    )

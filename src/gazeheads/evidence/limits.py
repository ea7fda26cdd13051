"""What is wrong with runs, and what their numbers cannot say."""

import shlex
from collections.abc import Iterator, Sequence

from gazeheads.evidence.results import Results
from gazeheads.evidence.runs import Run
from gazeheads.runs.judge import NO_TEXT, why_unscored

MUCH = 0.1  # more unscored answers than this share are worth a warning


def warnings(runs: Sequence[Results]) -> list[str]:
    """What a reader must know before any number, run by run; none where all is as it should be."""
    found = [text for results in runs for text in _warnings(results)]
    judges = sorted({results.run.judge for results in runs})
    if len(judges) > 1:
        found.append(
            f"The runs were judged by different judges ({', '.join(judges)}): compare within a run alone."
        )
    return found


def _warnings(results: Results) -> Iterator[str]:
    run, name = results.run, results.run.path.name
    yield from (f"{name}: {text}" for text in chosen_here(run))
    if results.unjudged:
        yield (
            f"{name}: {results.unjudged} answers have no verdict yet and count as unknown. Judge first: gazeheads "
            f"judge {shlex.quote(str(run.path))}"
        )
    missing = unfinished(run)
    if missing:
        yield f"{name} is unfinished: {missing}. Run its command again to go on."
    first, shards = run.manifest.get("shard", [1, 1])
    if shards > 1:
        yield f"{name} is shard {first} of {shards}: gazeheads merge makes one run of all."
    failed = [g for g in run.generated if g.failed]
    if failed:
        yield (
            f"{name}: the model gave no answer to {len(failed)} of {len(run.generated)} trials; the first: "
            f"{failed[0].failed}"
        )
    for cell in results.cells.values():
        if cell.share("unscored") > MUCH and cell.condition in ("none", "gaze"):
            yield (
                f"{name}: {cell.share('unscored'):.0%} of the answers under {cell.condition!r}"
                f"{' in ' + repr(cell.variant) if cell.variant else ''} are unscored: what is left may be a choice."
            )
    why = why_unscored((v.kind, v.reason) for v in run.verdicts.values() if v.reason != NO_TEXT)
    if why:
        said = "; ".join(f"{count} because {reason.rstrip('.')}" for reason, count in list(why.items())[:5])
        yield f"{name}: {sum(why.values())} verdicts are unscored: {said}."
    if run.manifest.get("other_versions"):
        yield f"{name} was made by several versions of its packages, which may not answer alike."


def chosen_here(run: Run) -> Iterator[str]:
    """What was chosen, or found, on the split that this run is on."""
    heads, data = run.manifest.get("heads", {}), run.manifest.get("data", {})
    for slot, what in (("found_on", "the heads were found"), ("tuned_on", "their number or push was chosen")):
        on = heads.get(slot) or {}
        if not on.get("data") or not splits(on["data"]) & splits(str(data.get("source", ""))):
            continue
        same = on.get("seed") == data.get("seed")
        which = "the very images of this run" if same else "the split of this run, on images of another seed"
        where = f"{on['data']}, seed {on.get('seed')}"
        yield f"{what} on {which} ({where}): its accuracy may be too good. Report on another split."


def splits(source: str) -> set[tuple[str, str]]:
    """Kind and split, or folder, of each part of a data source: "doodles:24:test" is ("doodles", "test")."""
    found = set()
    for part in filter(None, source.split("+")):
        kind, *fields = part.split(":")
        named = [each for each in fields if each and not each.isdigit() and "=" not in each]
        found.add((kind, ":".join(named) or "dev"))
    return found


def unfinished(run: Run) -> str:
    """Which conditions have not seen all samples, in words; "" where all have."""
    first, shards = run.manifest.get("shard", [1, 1])
    samples = run.manifest.get("data", {}).get("samples")
    if samples is None:
        return ""
    expected = len(range(first - 1, samples, shards))
    seen = {
        name: len({g.trial.sample for g in run.generated if g.trial.condition == name})
        for name in run.conditions
    }
    seen |= {name: 0 for name in run.manifest.get("conditions", []) if name not in seen}
    short = {name: n for name, n in seen.items() if n < expected}
    if not short:
        return ""
    name, n = next(iter(short.items()))
    others = f" (and under {len(short) - 1} more)" if len(short) > 1 else ""
    return f"{n} of {expected} images under {name}{others}"


def limits(runs: Sequence[Results]) -> list[str]:
    """What these numbers cannot say."""
    found = ["Intervals resample images. They say nothing of other data, other models or other questions."]
    judges = {results.run.judge for results in runs}
    if "rules" in judges:
        found.append(
            "The rules judge knows the doodles' grammar: exact there, of no use elsewhere. It wants two of three "
            "details right and no other panel as good."
        )
    if judges - {"rules"}:
        found.append(
            "Another judge than the rules has errors of its own: see its calibration (gazeheads judge "
            "--calibrate) before reading small differences."
        )
    if any(results.run.data.startswith(("doodles", "scenes")) for results in runs):
        found.append(
            "Doodles are drawn by a program: what holds there may not hold for drawn comics or photographs."
        )
    draws = [len(f.draws) for r in runs for v in r.run.variants for f in r.families(v)]
    if draws:
        number = str(max(draws)) if min(draws) == max(draws) else f"{min(draws)} to {max(draws)}"
        found.append(
            f"Each kind of control has {number} draws: no p below {1 / (max(draws) + 1):.2g} can be shown, and more "
            "draws might hold a better one."
        )
    else:
        found.append(
            "No random-head controls ran: nothing here says that these heads matter more than others."
        )
    found.append(
        "Many conditions stand side by side; intervals are not corrected for that. Cells of a sweep next to each "
        "other may differ by chance."
    )
    found.append(
        "The attention mass on the target proves that the push was applied, not that it mattered; where all "
        "images are alike, a bootstrap has no width although the truth may lie elsewhere."
    )
    found.append(
        "Decoding is greedy and each trial ran once. The paper's figures, where they stand beside ours, come from "
        "other images and another judge."
    )
    return found

"""`gazeheads report`: what runs show, as one page, as Markdown, and as numbers."""

import json
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazeheads.commands.options import number, path, share
from gazeheads.commands.output import Say, writable_folder
from gazeheads.errors import GazeHeadsError, NoEvidence

if TYPE_CHECKING:
    from gazeheads.evidence.results import Results
    from gazeheads.heads.heads import Heads
    from gazeheads.sample import Sample


SAME = 0.9  # of the words


def options(parser: ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "runs", type=path, nargs="+", metavar="DIR", help="folders that `run` and `judge` filled"
    )
    share(parser, "judge", heads={"action": "append"}, out={"default": Path("report"), "metavar": "DIR"})
    parser.add_argument(
        "--same-as-unsteered",
        type=number(0, 1),
        default=SAME,
        metavar="SHARE",
        help="share of words above which an answer counts as the unsteered one (default: %(default)s, the paper's)",
    )
    parser.epilog = (
        "--judge is needed where several judges have seen the answers; --heads may be repeated, for maps of the "
        "heads of several models."
    )


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Write report.html, report.md with its figures, and results.json."""
    from gazeheads.evidence.limits import warnings
    from gazeheads.evidence.page import report as page
    from gazeheads.evidence.results import Results
    from gazeheads.evidence.runs import Run
    from gazeheads.files import write_whole
    from gazeheads.heads.heads import Heads
    from gazeheads.pages.markdown import write_markdown

    folders = [path.resolve() for path in args.runs]
    if len(set(folders)) < len(folders):
        raise NoEvidence(f"Asked to report on {len(folders)} folders, one of them twice. Name each once.")
    runs = [Results(Run.load(path, args.judge), args.same_as_unsteered) for path in args.runs]
    heads = [Heads.load(path) for path in args.heads] or bundled(runs)
    samples, unmeasured = samples_of(runs)
    out = writable_folder(args.out)
    found = page(runs, heads, samples, typed(args), unmeasured)
    said = warnings(runs)
    numbers = {"runs": [results.to_json() for results in runs], "warnings": said}
    write_whole(out / "results.json", json.dumps(numbers, indent=1) + "\n")
    write_markdown(found, out)
    shown = found.write(out / "report.html")
    for text in said:
        say(f"warning: {text}")
    say(f"report: {shown} (and report.md, results.json)")
    return {"out": str(out), "report": str(shown), **numbers}


def typed(args: Namespace) -> str:
    """The command line of this report."""
    parts = ["gazeheads", "report", *map(str, args.runs), "--out", str(args.out)]
    parts += ["--judge", args.judge] if args.judge else []
    parts += [word for path in args.heads for word in ("--heads", str(path))]
    return shlex.join(
        parts
        + (["--same-as-unsteered", str(args.same_as_unsteered)] if args.same_as_unsteered != SAME else [])
    )


def bundled(runs: "Sequence[Results]") -> "list[Heads]":
    """The heads that ship with the bundled model, where it ran with them."""
    from gazeheads.heads.heads import Heads
    from gazeheads.model.bundled import HEADS
    from gazeheads.runs.manifest import describe_heads

    heads = Heads.load(HEADS)
    shipped = describe_heads(heads, 1)["hash"]
    return [heads] if any(r.run.manifest.get("heads", {}).get("hash") == shipped for r in runs) else []


def samples_of(runs: "Sequence[Results]") -> "tuple[dict[str, Sample], list[str]]":
    """The samples of tours, for their latency, and of objects, for their sizes; or why they cannot be had."""
    from gazeheads.data.sources import samples_of as read

    found: dict[str, Sample] = {}
    failures = []
    for results in runs:
        trials = [g.trial for g in results.run.generated]
        timed = any(trial.parts == "segments" for trial in trials)
        if not timed and all(trial.shape == "panel" for trial in trials):
            continue
        what = "Latency" if timed else "Accuracy by size"
        data = results.run.manifest.get("data", {})
        try:
            found |= {
                sample.id: sample for sample in read(str(data.get("source")), int(data.get("seed") or 0))
            }
        except GazeHeadsError as error:
            failures.append(
                f"{what} of {results.run.path.name} was not measured: its samples cannot be had. {error}"
            )
            continue
        absent = [strip for strip in results.run.regions if strip not in found]
        if absent:
            failures.append(
                f"{what} of {results.run.path.name} was not measured: {len(absent)} of its samples are not in "
                f"{data.get('source')} any more, such as {absent[0]}."
            )
    return found, failures

"""`gazeheads quickstart`: discover, steer, control, report."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gazeheads.commands.models import loaded
from gazeheads.commands.options import share
from gazeheads.commands.output import Bar, Say, writable_folder


def options(parser: ArgumentParser) -> None:
    """The options."""
    share(parser, "model", out={"default": Path("gazeheads-quickstart"), "metavar": "DIR"})
    parser.add_argument(
        "--full", action="store_true", help="60 strips, the VQA prompt too, 20 random-head controls"
    )


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """The main job, in about a minute."""
    folder = writable_folder(args.out)
    from gazeheads.evidence import quick
    from gazeheads.runs.quickstart import quickstart

    bar = Bar()
    model = loaded(args.model)
    with TemporaryDirectory(prefix="gazeheads-") as runs:
        result = quickstart(model, Path(runs), args.full, bar)
        results = quick.results_of(result)
    bar.close()
    page = quick.write(result, results, folder)
    say(quick.text(result, results))
    say(f"\nreport: {page}")
    return quick.to_json(result, results)

"""`gazeheads quickstart`: discover, steer, control, report."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
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
    from gazeheads.evidence.quick import text, write
    from gazeheads.runs import quickstart as job

    bar = Bar()
    model = loaded(args.model)
    result = job.quickstart(model, args.full, bar)
    bar.close()
    page = write(result, folder)
    say(text(result))
    say(f"\nreport: {page}")
    return job.as_json(result)

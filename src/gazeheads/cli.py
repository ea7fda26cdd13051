"""The command line. Results go to stdout, progress to stderr; what the user can mend is one line and exit code 2."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from gazeheads import __version__, commands
from gazeheads.commands.arguments import amount, fraction, numbers
from gazeheads.errors import GazeHeadsError

# Modules of `gazeheads.commands` that bring commands of their own, by `add(command)`.
TOPICS: tuple[str, ...] = (
    "data",
    "demo",
    "discovering",
    "grounding",
    "heads",
    "judging",
    "narrating",
    "reporting",
    "running",
    "tuning",
    "watching",
)


class OneLine(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with exit code 2."""
        self.exit(2, f"gazeheads: {message}. See `{self.prog} --help`.\n")


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = OneLine(prog="gazeheads", description="Find, watch and steer the gaze heads of a VLM.")
    top.add_argument("--version", action="version", version=f"gazeheads {__version__}")
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], dict[str, Any]], about: str
    ) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=about, description=about)
        sub.set_defaults(run=run)
        sub.add_argument("--json", action="store_true", help="print one JSON object instead of text")
        return sub

    quick = command(
        "quickstart", commands.quickstart, "find, steer, control, report: the main job, in about a minute"
    )
    quick.add_argument("--out", type=Path, default=Path("gazeheads-quickstart"), help="folder of the report")
    quick.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    quick.add_argument("--full", action="store_true", help="60 strips, the VQA prompt too, 20 control draws")

    one = command("look", commands.look, "one steered answer beside the unsteered one")
    one.add_argument(
        "picture", type=Path, metavar="PICTURE|FOLDER", help="a picture, or a folder of p1.png ... pN.png"
    )
    one.add_argument("--ask", required=True, metavar="QUESTION")
    where = one.add_mutually_exclusive_group(required=True)
    where.add_argument("--panel", type=fraction, metavar="K/N", help="the K-th of N panels, from the left")
    where.add_argument("--box", type=numbers, metavar="X0,Y0,X1,Y1", help="pixels: left, top, right, bottom")
    one.add_argument(
        "--min-tokens", type=int, metavar="N", help="grow a box that covers fewer image tokens (min_tokens=N)"
    )
    one.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    one.add_argument("--heads", type=Path, help="heads file; the bundled model brings its own")
    one.add_argument(
        "--top",
        type=amount,
        help="how many heads: a number, or a share such as 0.09; by default all of a file that holds a part of the "
        "model's heads; of one that ranks all, what was tuned, or else the paper's 9%%",
    )

    draw = command(
        "doodles", commands.doodles, "draw doodle strips to try things on: a folder of panels each"
    )
    draw.add_argument("--n", type=int, default=1, help="how many strips")
    draw.add_argument("--seed", type=int, default=0)
    draw.add_argument("--out", type=Path, required=True, help="folder to write them into")
    fits = command(
        "doctor",
        commands.doctor,
        "does this model fit? grid, seam, push, batch: measured on the model itself",
    )
    fits.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    for topic in TOPICS:
        import_module(f"gazeheads.commands.{topic}").add(command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0, 1 if `doctor` finds something wrong, 2 for what the user can mend."""
    top = parser()
    args, unknown = top.parse_known_args(argv)
    if unknown:
        top.prog += f" {args.command}"
        top.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        found = args.run(args)
    except GazeHeadsError as error:
        commands.Bar.end()
        print(f"gazeheads: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(found))
    return 0 if found.get("fits", True) else 1

"""`gazeheads data check SOURCE`: what is wrong with images and captions, before a run stops at it."""

import argparse
import sys
from typing import Any

from gazeheads.commands.options import share
from gazeheads.commands.output import Say


def options(parser: argparse.ArgumentParser) -> None:
    """The options, and all kinds of sources below them."""
    from gazeheads.data.sources import listing

    parser.add_argument("action", choices=["check"], help="open every file and say what is wrong")
    parser.add_argument("source", metavar="SOURCE", help="the images, in one of the forms below")
    share(parser, seed=0)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = listing()


def run(args: argparse.Namespace, say: Say) -> dict[str, Any]:
    """Open everything; exit code 1 if anything is wrong."""
    from tqdm import tqdm

    from gazeheads.data.check import check

    with tqdm(desc="opening images", file=sys.stderr) as bar:
        report = check(args.source, args.seed, bar.update)
    for problem in report.problems:
        say(f"WRONG {problem}")
    for remark in report.notes:
        say(f"note  {remark}")
    say(f"{report.samples} samples can be used, {len(report.problems)} problems, {len(report.notes)} notes")
    if report.content:
        say(f"data hash {report.content}")
    return report.to_json()

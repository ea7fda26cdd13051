"""`gazeheads data check SOURCE`: what is wrong with pictures and captions, before a run stops at it."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

Command = Callable[[str, Callable[[argparse.Namespace], dict[str, Any]], str], argparse.ArgumentParser]


def add(command: Command) -> None:
    """The command and its options."""
    from gazeheads.data.sources import listing

    about = "say what is wrong with pictures, boxes and captions, file by file"
    sub = command("data", check, about)
    sub.add_argument("action", choices=["check"], help=about)
    sub.add_argument("source", metavar="SOURCE", help="the data set, in one of the forms below")
    sub.formatter_class = argparse.RawDescriptionHelpFormatter
    sub.epilog = listing()
    sub.add_argument("--seed", type=int, default=0, help="of doodles, scenes and raw comics")


def check(args: argparse.Namespace) -> dict[str, Any]:
    """Open everything; exit code 1 if anything is wrong."""
    from tqdm import tqdm

    from gazeheads.data.check import check

    with tqdm(desc="opening pictures", file=sys.stderr) as bar:
        report = check(args.source, args.seed, bar.update)
    if not args.json:
        for found in report.problems:
            print(f"WRONG {found}")
        for found in report.notes:
            print(f"note  {found}")
        print(
            f"{report.samples} samples can be used, {len(report.problems)} problems, {len(report.notes)} notes"
        )
        if report.content:
            print(f"data hash {report.content}")
    return report.to_json()

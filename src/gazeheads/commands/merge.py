"""`gazeheads merge`: the folders of several machines into one."""

from argparse import ArgumentParser, Namespace
from typing import Any

from gazeheads.commands.options import REQUIRED, path, share
from gazeheads.commands.output import Say


def options(parser: ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "shards", type=path, nargs="+", metavar="DIR", help="folders that hold the parts of one run"
    )
    share(parser, "any-version", out={"default": REQUIRED, "metavar": "DIR"})


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """All shards into one folder."""
    from gazeheads.runs.shards import merge

    with merge(args.shards, args.out, any_version=args.any_version) as folder:
        result = {"out": str(args.out), "answers": len(folder.generations), "verdicts": len(folder.verdicts)}
    say(
        f"{result['answers']} answers and {result['verdicts']} verdicts of {len(args.shards)} shards in {args.out}"
    )
    return result

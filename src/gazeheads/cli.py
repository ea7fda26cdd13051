"""The command line. Results go to stdout, progress to stderr; what the user can mend is one line and exit code 2."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from gazeheads import __version__
from gazeheads.commands.failures import guarded, must_be_text
from gazeheads.commands.options import share
from gazeheads.commands.output import own_style
from gazeheads.errors import UsageError
from gazeheads.plain import plain

# Every command by group, with its line of help. A command is the module of `gazeheads.commands` of this name.
GROUPS: dict[str, dict[str, str]] = {
    "first steps": {
        "quickstart": "find gaze heads, steer them, compare with random heads, report: in about a minute",
        "demo": "open a page on which your cursor is the model's gaze",
        "look": "ask about an image with the gaze on one region, beside the unsteered answer",
        "watch": "write a page that shows where the heads look at each word of an answer",
    },
    "find heads": {
        "discover": "rank a model's heads by where they look, and write a heads file",
        "heads": "show a heads file: its origin, its ranking, what was tuned, how its scores agree",
        "tune": "choose the score, the push and the number of heads on dev samples",
    },
    "locate objects": {
        "point": "draw a box around the object that a phrase names, read off the gaze",
        "ground": "measure how well the gaze locates named objects",
    },
    "measure": {
        "run": "put an experiment's questions to a model under every condition, into a folder",
        "merge": "put the shards of a run into one folder",
        "judge": "say which region each answer of a run describes; or measure what a judge is worth",
        "report": "write tables and figures of judged runs, as one page and as Markdown",
        "narrate": "measure whether the heads follow what the model describes",
    },
    "data and models": {
        "doodles": "draw comic strips to try things on",
        "data": "check images, boxes and captions, file by file",
        "doctor": "measure whether a model fits: grid, attention, steering, batches",
        "bench": "measure what finding and steering heads costs beside the plain model",
    },
}
# What begins like a number is a value, as -5,0,10,10 of --box; argparse itself knows -5 alone.
BELOW_ZERO = re.compile(r"-(\d|\.\d|inf|nan)")
COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}


class OneLine(argparse.ArgumentParser):
    """A parser whose complaints are one line, raised as what they are: `UsageError`."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where help is."""
        raise UsageError(f"{message}. See `{self.prog} --help`.")


def overview() -> OneLine:
    """The parser that takes a command's name, and leaves the rest to the command's own."""
    groups = (
        "\n".join([f"{title}:", *(f"  {name:12}{line}" for name, line in lines.items())])
        for title, lines in GROUPS.items()
    )
    top = OneLine(
        prog="gazeheads",
        usage="gazeheads COMMAND ...",
        description="Find the attention heads with which a vision-language model looks at what it describes,\n"
        "watch them, and steer them.",
        epilog="\n\n".join([*groups, "`gazeheads COMMAND --help` lists the options of a command."]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    top.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    top.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS).required = False
    top.add_argument("-h", "--help", action="help", help="show this help")
    top.add_argument(
        "--version", action="version", version=f"gazeheads {__version__}", help="show the version"
    )
    return top


def parser(command: str) -> OneLine:
    """The options of one command. Only its own module is loaded."""
    line = COMMANDS[command]
    made = OneLine(
        prog=f"gazeheads {command}",
        description=f"{line[0].upper()}{line[1:]}.",
        allow_abbrev=False,  # an abbreviation would be a second name
        add_help=False,
    )
    made._negative_number_matcher = BELOW_ZERO
    import_module(f"gazeheads.commands.{command}").options(made)
    share(made, "json", "debug")
    made.add_argument("-h", "--help", action="help", help="show this help")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0, 1 if what was checked does not fit, else what `failures` says."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(words, lambda: _run(words))


def _run(words: list[str]) -> int:
    must_be_text(words)
    asked = overview().parse_args(words)
    args = parser(asked.command).parse_args(asked.rest)
    with own_style():
        result: dict[str, Any] = import_module(f"gazeheads.commands.{asked.command}").run(
            args, _silent if args.json else _say
        )
    if args.json:
        print(json.dumps(plain(result), allow_nan=False))
    return 0 if result.get("fits", True) else 1


def _say(line: str) -> None:
    print(line, flush=True)


def _silent(line: str) -> None:
    pass

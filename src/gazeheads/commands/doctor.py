"""`gazeheads doctor`: whether a model fits, check by check."""

from argparse import ArgumentParser, Namespace
from typing import Any

from gazeheads.commands.models import loaded
from gazeheads.commands.options import share
from gazeheads.commands.output import Say


def options(parser: ArgumentParser) -> None:
    """The options."""
    share(parser, "model")


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Each check as soon as it is made; exit code 1 if one fails."""
    from gazeheads.doctor.doctor import examine, to_json

    model = loaded(args.model)
    say(str(model))
    checks = []
    for check in examine(model):
        checks.append(check)
        say(f"{check.state:5} {check.name:11} {check.found}")
    result = to_json(model, checks)
    say("This model fits." if result["fits"] else "This model does not fit: see FAIL above.")
    return result

"""Keywords of transformers' `generate`: what they hold, as plain values, and whether they are of their type.

Only those are checked here that transformers itself takes without a look, and trips over later.
"""

from collections.abc import Iterable
from typing import Any

from gazeheads.errors import BadInput
from gazeheads.given import number, several, shown, whole


def check(given: dict[str, Any], callables: dict[str, Any]) -> None:
    """Raise `BadInput` for a value of a wrong type; numbers become plain ones, in place."""
    ends = given.get("eos_token_id")
    if ends is not None:
        ends = (
            several(ends, "eos_token_id= takes one or more", BadInput)
            if isinstance(ends, Iterable)
            else (ends,)
        )
        given["eos_token_id"] = [whole(end, "eos_token_id=", BadInput, 0) for end in ends]
    if (texts := given.get("stop_strings")) is not None:
        found = (texts,) if isinstance(texts, str) else several(texts, "stop_strings= takes texts", BadInput)
        if not found or not all(isinstance(text, str) and text for text in found):
            raise BadInput(
                f'stop_strings= takes one or more texts; found {shown(texts)}. Give "." or [".", "!"].'
            )
    if given.get("max_time") is not None:
        given["max_time"] = number(given["max_time"], "max_time=", BadInput)
    if "num_beams" in given:
        given["num_beams"] = whole(given["num_beams"], "num_beams=", BadInput, 1)
    for name, value in callables.items():
        functions = (
            (value,)
            if name == "prefix_allowed_tokens_fn"
            else several(value, f"{name}= takes a list", BadInput)
        )
        if not all(map(callable, functions)):
            raise BadInput(
                f"{name}={shown(value)} cannot be called. Give what transformers' generate takes there."
            )


def held(value: Any) -> Any:
    """What a number or an array of numpy or torch holds, in lists too; other values as they are."""
    if isinstance(value, list | tuple):
        return [held(each) for each in value]
    return value.tolist() if hasattr(value, "ndim") else value


def plain(value: Any) -> Any:
    """A value that JSON knows, lists in lists included; others as text."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)

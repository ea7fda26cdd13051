"""What callers give, checked where it comes in: whole numbers, numbers, lists and heads, as plain values.

Numbers and arrays of numpy and torch are taken for what they hold. Anything else raises the error of the place that
asked, which says what was asked for, what was found and what to do.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from numbers import Integral, Real
from typing import Any

from gazeheads.errors import GazeHeadsError, UsageError

Error = type[GazeHeadsError]


def shown(value: Any) -> str:
    """A value in a few words, for a message."""
    text = repr(value)
    return text if len(text) <= 40 and "\n" not in text else f"a {type(value).__name__}"


def few(names: Iterable[str], most: int = 5, between: str = ", ") -> str:
    """The first of many names, for a message. No more of them are asked for than it takes."""
    first = list(islice(names, most + 1))
    return between.join(first[:most]) + (" and more" if len(first) > most else "")


def whole(value: Any, asked: str, error: Error, least: int | None = None) -> int:
    """A whole number, from `least` on. asked: what takes it, for the message."""
    value = value.item() if getattr(value, "ndim", None) == 0 else value
    if isinstance(value, bool) or not isinstance(value, Integral) or (least is not None and value < least):
        bounds = "" if least is None else f" from {least} on"
        raise error(f"{asked} is a whole number{bounds}; found {shown(value)}. Give an int.")
    return int(value)


def number(value: Any, asked: str, error: Error) -> float:
    """A number, which may be infinite or none at all. asked: what takes it, for the message."""
    value = value.item() if getattr(value, "ndim", None) == 0 else value
    if isinstance(value, bool) or not isinstance(value, Real):
        raise error(f"{asked} is a number; found {shown(value)}. Give an int or a float.")
    return float(value)


def several(values: Any, asked: str, error: Error) -> tuple[Any, ...]:
    """The members of a list, a tuple, an array or another iterable. asked: what takes what, for the message."""
    single = not isinstance(values, Iterable) or getattr(values, "ndim", None) == 0
    if single or isinstance(values, str | bytes | Mapping):
        raise error(f"{asked}; found {shown(values)}. Put what you mean into a list: [...].")
    return tuple(values)


def one_of(value: Any, known: tuple[str, ...], asked: str, error: Error = UsageError) -> str:
    """One of the words that are known. asked: what takes it, for the message."""
    if not isinstance(value, str) or value not in known:
        raise error(f"{asked} is one of {', '.join(known)}; found {shown(value)}. Give one of them.")
    return value

"""The one reader of answers in a ledger, for all who go on with a run, judge it, or report on it."""

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any

from gazeheads.checks import shown
from gazeheads.errors import BadLedger, GazeHeadsError
from gazeheads.experiments.trial import Generated

NUMBER = (int, float, NoneType)
TYPES: dict[str, tuple[type, ...]] = {
    "experiment": (str,), "sample": (str,), "condition": (str,), "prompt": (str,), "max_new_tokens": (int,),
    "target": (int, NoneType), "variant": (str,), "pointed": (int, NoneType), "every": (int, NoneType),
    "text": (str,), "tokens": (int,), "finish": (str,), "before": NUMBER, "after": NUMBER, "heads": (int,),
    "failed": (str,), "grown": (bool,), "parts": (str,), "show": (str,), "settings": (dict,),
    "tour": (list,), "segments": (list,), "token_texts": (list,),
}  # fmt: skip


def answers(lines: Iterable[Mapping[str, Any]]) -> list[Generated]:
    """The answers in a ledger. Raises `BadLedger` for a line that is none, by its key."""
    return [answer_of(line) for line in lines]


def answer_of(line: Mapping[str, Any]) -> Generated:
    """The answer of one line. Raises `BadLedger`."""
    try:
        for name, types in TYPES.items():
            must_be(line, name, types)
        for name, each in (("tour", int), ("token_texts", str), ("segments", list)):
            if not all(type(part) is each for part in line.get(name, ())):
                raise TypeError(f"{name} is {shown(line[name])}")
        found = Generated.from_json(line)
        for segment in found.segments:
            if not (type(segment.text) is str and type(segment.start) is type(segment.stop) is int):
                raise TypeError(f"segments is {shown(line['segments'])}")
        if found.key != line["key"]:
            raise ValueError(f"what it says belongs to the key {found.key!r}")
    except (KeyError, TypeError, ValueError, AttributeError, GazeHeadsError) as error:
        why = f"{error} is missing" if type(error) is KeyError and str(error)[:1] in "'\"" else str(error)
        raise BadLedger(
            f"Asked to read the answer with the key {shown(line.get('key'))}: it cannot be read as one ({why}). Was it "
            "made by another version of gazeheads, or by hand? Use that one, or delete the line to have it made anew."
        ) from error
    return found


def must_be(line: Mapping[str, Any], name: str, types: tuple[type, ...]) -> None:
    """Raise `TypeError` for a value of another type, if there is one; a truth value is no number."""
    if name in line:
        value = line[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise TypeError(f"{name} is {shown(value)}")

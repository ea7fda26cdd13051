"""Lists of heads as others publish them, read for what they hold: which heads, best first, and their scores if any.

[{"layer": 24, "head": 29, "score": 0.7}, ...]   rows, also without scores
[[24, 29], ...] or [[24, 29, 0.7], ...]          pairs, also with scores
["L24H29", ...]                                  names
{"top20": [...]}                                 one of these lists under a name; of several the longest, if it
begins with the others
{"L24H29": 0.7, ...}                             names with their scores
a .npy array                                     scores (layer, head) of the whole model, or pairs as above
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gazeheads.checks import shown
from gazeheads.errors import HeadsError
from gazeheads.heads.head import Head

FORMS = (
    'a list of rows {"layer": 24, "head": 29, "score": 0.7}, of pairs [24, 29] or of names "L24H29", each with or '
    'without scores; {"top20": such a list}; {"L24H29": 0.7}; a .npy array of scores [layer, head] or of pairs'
)
Entry = tuple[Head, float | None]


def entries(data: Any) -> list[Entry]:
    """The heads of a list in one of these forms, in its order, with their scores.

    Raises `ValueError` or `HeadsError` for others.
    """
    if isinstance(data, Mapping):
        return _named(data)
    if not isinstance(data, Sequence) or isinstance(data, str) or not data:
        raise ValueError("the list is empty" if data == [] else f"{shown(data)} is no list of heads")
    found = [_entry(each) for each in data]
    if len({score is None for _, score in found}) > 1:
        raise ValueError("some heads have a score, and some have none")
    return found


def array(path: str | Path) -> npt.NDArray[Any]:
    """The array of a .npy file. Raises `OSError`, and `ValueError` for what is no array of numbers."""
    with Path(path).open("rb") as file:
        try:
            found = np.lib.format.read_array(file, allow_pickle=False)
        except (
            EOFError,
            SyntaxError,
            TypeError,
            MemoryError,
        ) as error:  # what numpy makes of a broken header
            raise ValueError(f"it is no array: {error}") from error
    if found.ndim != 2 or found.dtype.kind not in "iuf":
        raise ValueError(f"it is an array of shape {found.shape} of {found.dtype}")
    if not np.isfinite(found).all():
        raise ValueError("some entries are not finite numbers")
    return found


def _named(data: Mapping[Any, Any]) -> list[Entry]:
    """The heads of an object: names with scores, or lists with names."""
    if data and all(isinstance(score, int | float) for score in data.values()):
        scores = {Head.parse(name): _score(score) for name, score in data.items()}
        return [(head, scores[head]) for head in sorted(scores, key=lambda head: -scores[head])]
    named = {name: value for name, value in data.items() if isinstance(value, list) and value}
    if not named:
        raise ValueError("the object holds no list")
    lists = {}
    for name, value in named.items():
        try:
            lists[name] = entries(value)
        except (ValueError, HeadsError):
            if len(named) == 1:
                raise
    found_lists = sorted(lists.values(), key=len)
    if not found_lists:
        raise ValueError(f"none of {', '.join(map(repr, named))} is a list of heads")
    if any(longer[: len(shorter)] != shorter for shorter, longer in pairwise(found_lists)):
        raise ValueError(f"it holds several lists: {', '.join(map(repr, lists))}. Leave one")
    return found_lists[-1]


def _entry(value: Any) -> Entry:
    if isinstance(value, str):
        return Head.parse(value.strip()), None
    if isinstance(value, Mapping):
        missing = [key for key in ("layer", "head") if key not in value]
        if missing:
            raise ValueError(f"a row names no {' and no '.join(missing)}")
        score = value.get("score")
        return Head(_index(value["layer"]), _index(value["head"])), None if score is None else _score(score)
    if isinstance(value, list | tuple) and len(value) in (2, 3):
        return Head(_index(value[0]), _index(value[1])), _score(value[2]) if len(value) == 3 else None
    raise ValueError(f"{shown(value)} is no head")


def _index(value: Any) -> int:
    """A number of a layer or head; as arrays of numbers with commas have it, too."""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not whole or value < 0 or int(value) != value:
        raise ValueError(f"{shown(value)} is no number of a layer or head")
    return int(value)


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is no score")
    try:
        score = float(value)
    except OverflowError:
        score = math.inf
    if not math.isfinite(score):
        raise ValueError(f"{shown(value)} is no finite score")
    return score

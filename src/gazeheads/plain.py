"""From values to what JSON knows: what every `to_json` is made of."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def plain(value: Any) -> Any:
    """`value` as lists, dictionaries, texts and numbers, however deep.

    A value with `to_json` is what that says, any other dataclass a dictionary of its fields, an array or a sequence a
    list, and a number of numpy or torch a plain one. NaN and the infinite numbers are None, since JSON has none of
    them. What JSON does not know is its text: a path, a dtype, a function.
    """
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if hasattr(value, "tolist"):  # arrays and numbers of numpy and torch
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)

"""Heads on disk: one JSON file, written whole or not at all. What stands in it is `Heads.to_json`'s to say.

A *plain* file is a list that others publish, in one of the forms of `gazeheads.heads.lists`, best first. It does not
say of which model: give the model to load it. Heads that are not in the list have no score.
"""

import json
from pathlib import Path
from typing import Any

from gazeheads.errors import BadHeadsFile
from gazeheads.files import parse_json, write_whole
from gazeheads.heads import lists
from gazeheads.heads.lists import FORMS

AGAIN = "Write it again with `gazeheads discover`."


def write(path: str | Path, data: Any) -> None:
    """Write plain values to `path`, where the file appears only when it is complete. Raises `Unwritable`."""
    write_whole(path, json.dumps(data, allow_nan=False))


def is_ours(data: Any) -> bool:
    """Whether this is what `Heads.to_json` gives, and no plain list."""
    return isinstance(data, dict) and "schema" in data


def read(path: str | Path, schema: int) -> Any:
    """What the file `path` holds: our object, or what may be a plain list. Raises `BadHeadsFile` for neither."""
    try:
        if Path(path).suffix == ".npy":
            return lists.array(path)
        data = parse_json(Path(path).read_text(encoding="utf-8"), finite=True)
    except OSError as error:
        raise BadHeadsFile(
            f"Heads file {path} cannot be read: {error.strerror or error}. Check the path; `gazeheads "
            "discover` writes one."
        ) from error
    except ValueError as error:
        what = "a .npy array of heads" if Path(path).suffix == ".npy" else "JSON"
        raise BadHeadsFile(
            f"Heads file {path} is not {what}: {error}. {AGAIN} Also known: {FORMS}."
        ) from error
    if is_ours(data) and data["schema"] != schema:
        raise BadHeadsFile(
            f"Heads file {path}: schema {schema} was expected, found {data['schema']}. {AGAIN}"
        )
    return data

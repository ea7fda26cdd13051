"""Heads on disk: one JSON file, written whole or not at all. What stands in it is `Heads.to_json`'s to say.

A *plain* file is the list that others publish, `[{"layer": 17, "head": 4, "score": 0.7}, ...]`, best first. It does
not say of which model: give the model to load it. Heads that are not in the list have no score.
"""

import json
from pathlib import Path
from typing import Any

from gazeheads.errors import BadHeadsFile
from gazeheads.files import parse_json, write_whole

AGAIN = "Write it again with `gazeheads discover`."


def write(path: str | Path, data: Any) -> None:
    """Write plain values to `path`, where the file appears only when it is complete. Raises `Unwritable`."""
    write_whole(path, json.dumps(data, allow_nan=False))


def read(path: str | Path, schema: int) -> dict[str, Any] | list[Any]:
    """What the file `path` holds: a plain list, or our object. Raises `BadHeadsFile` for anything else."""
    try:
        data = parse_json(Path(path).read_text(encoding="utf-8"), finite=True)
    except OSError as error:
        raise BadHeadsFile(
            f"Heads file {path} cannot be read: {error.strerror or error}. Check the path; `gazeheads "
            "discover` writes one."
        ) from error
    except ValueError as error:
        raise BadHeadsFile(f"Heads file {path} is not JSON: {error}. {AGAIN}") from error
    if isinstance(data, list):
        return data
    if not isinstance(data, dict) or data.get("schema") != schema:
        found = data.get("schema", "none") if isinstance(data, dict) else f"a {type(data).__name__}"
        raise BadHeadsFile(f"Heads file {path}: schema {schema} was expected, found {found}. {AGAIN}")
    return data

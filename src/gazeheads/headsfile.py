"""Heads on disk: one JSON file, schema 1, written whole or not at all."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gazeheads.errors import BadHeadsFile, HeadsError
from gazeheads.files import write_whole
from gazeheads.heads import Draw, Head, Heads, Provenance

SCHEMA = 1


def save(heads: Heads, path: str | Path) -> None:
    """Write `heads` to `path`. The file appears only when it is complete.

    Raises `Unwritable` where it cannot be written.
    """
    write_whole(path, json.dumps(to_json(heads), allow_nan=False))


def load(path: str | Path) -> Heads:
    """The heads in the file `path`. Raises `BadHeadsFile` if it is not one of ours."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadHeadsFile(
            f"Heads file {path} cannot be read: {error.strerror or error}. Check the path; `gazeheads "
            "discover` writes one."
        ) from error
    except ValueError as error:
        raise BadHeadsFile(
            f"Heads file {path} is not JSON: {error}. Write it again with `gazeheads discover`."
        ) from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema", "none") if isinstance(data, dict) else f"a {type(data).__name__}"
        raise BadHeadsFile(
            f"Heads file {path}: schema {SCHEMA} was expected, found {found}. Write it again with "
            "`gazeheads discover`."
        )
    try:
        return from_json(data)
    except (KeyError, TypeError, ValueError, HeadsError) as error:
        raise BadHeadsFile(
            f"Heads file {path} does not hold a set of heads: {type(error).__name__}: {error}. Write it "
            "again with `gazeheads discover`."
        ) from error


def to_json(heads: Heads) -> dict[str, Any]:
    """Plain lists and numbers; `from_json` gives equal heads. A missing score is null."""
    return {
        "schema": SCHEMA,
        "provenance": asdict(heads.provenance),
        "heads": [str(head) for head in heads],
        "draw": None if heads.draw is None else asdict(heads.draw),
        "scores": _plain(heads.scores),
        "image_mass": _plain(heads.image_mass),
        "matrices": _plain(heads.matrices),
    }


def from_json(data: dict[str, Any]) -> Heads:
    """The heads that `to_json` wrote."""
    scores = _array(data["scores"])
    if scores is None:
        raise ValueError("scores are missing")
    return Heads(
        heads=tuple(Head.parse(text) for text in data["heads"]),
        scores=scores,
        provenance=Provenance(**data["provenance"]),
        image_mass=_array(data["image_mass"]),
        matrices=_array(data["matrices"]),
        draw=None if data["draw"] is None else Draw(**data["draw"]),
    )


def _plain(array: npt.NDArray[np.float64] | None) -> Any:
    if array is None:
        return None
    values = array.astype(object)
    values[np.isnan(array)] = None
    return values.tolist()


def _array(values: Any) -> npt.NDArray[np.float64] | None:
    return None if values is None else np.array(values, dtype=np.float64)

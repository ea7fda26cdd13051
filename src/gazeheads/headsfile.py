"""Heads on disk: one JSON file, schema 1, written whole or not at all. Files without `others` and `tuned` load too.

A *plain* file is the list that others publish, `[{"layer": 17, "head": 4, "score": 0.7}, ...]`, best first. It does
not say of which model: give the model to load it. Heads that are not in the list have no score.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gazeheads.errors import BadHeadsFile, HeadsError, WrongModel
from gazeheads.files import write_whole
from gazeheads.heads import PUBLISHED, Draw, Head, Heads, Provenance, Shaped, Tuned

SCHEMA = 1


def save(heads: Heads, path: str | Path, plain: bool = False) -> None:
    """Write `heads` to `path`. The file appears only when it is complete.

    Raises `Unwritable` where it cannot be written.
    """
    listed = [{"layer": h.layer, "head": h.head, "score": heads.score(h)} for h in heads]
    write_whole(path, json.dumps(listed if plain else to_json(heads), allow_nan=False))


def load(path: str | Path, model: Shaped | None = None) -> Heads:
    """The heads in the file `path`. Raises `BadHeadsFile` if it is not one, `WrongModel` for heads of another shape."""
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
    if isinstance(data, list) and model is None:
        raise BadHeadsFile(
            f"Heads file {path} is a plain list, which does not say of which model. Give it: Heads.load(path, model)."
        )
    if not isinstance(data, list) and (not isinstance(data, dict) or data.get("schema") != SCHEMA):
        found = data.get("schema", "none") if isinstance(data, dict) else f"a {type(data).__name__}"
        raise BadHeadsFile(
            f"Heads file {path}: schema {SCHEMA} was expected, found {found}. Write it again with "
            "`gazeheads discover`."
        )
    try:
        heads = from_json(data) if isinstance(data, dict) else from_list(data, model, str(path))
    except WrongModel:
        raise
    except (KeyError, TypeError, ValueError, HeadsError) as error:
        raise BadHeadsFile(
            f"Heads file {path} does not hold a set of heads: {type(error).__name__}: {error}. Write it "
            "again with `gazeheads discover`."
        ) from error
    if model is not None and heads.shape != (model.n_layers, model.n_heads):
        raise WrongModel(
            f"Heads file {path} is of {heads.provenance.model}, {heads.shape[0]} layers x {heads.shape[1]} heads; "
            f"{model.name} has {model.n_layers} x {model.n_heads}. Run `gazeheads discover` on this model."
        )
    return heads


def from_list(data: list[Any], model: Shaped | None, source: str) -> Heads:
    """The heads of a plain list, in its order. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
    if model is None or not data:
        raise ValueError("the list is empty")
    scores = np.full((model.n_layers, model.n_heads), np.nan)
    members = []
    for entry in data:
        head = Head(_index(entry["layer"]), _index(entry["head"]))
        members.append(head)
        if head.layer < model.n_layers and head.head < model.n_heads:
            scores[head] = float(entry["score"])
    origin = Provenance(model.name, model.n_layers, model.n_heads, data=source, score=PUBLISHED)
    return Heads(tuple(members), scores, origin)


def _index(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no number of a layer or head")
    return value


def to_json(heads: Heads) -> dict[str, Any]:
    """Plain lists and numbers; `from_json` gives equal heads. A missing score is null."""
    return {
        "schema": SCHEMA,
        "provenance": {k: v for k, v in asdict(heads.provenance).items() if v or k != "follow"},
        "heads": [str(head) for head in heads],
        "draw": None if heads.draw is None else asdict(heads.draw),
        "scores": _plain(heads.scores),
        "image_mass": _plain(heads.image_mass),
        "matrices": _plain(heads.matrices),
        "others": {name: _plain(scores) for name, scores in heads.others.items()},
        "tuned": None if heads.tuned is None else heads.tuned.to_json(),
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
        others={name: np.array(values, dtype=np.float64) for name, values in data.get("others", {}).items()},
        tuned=None if data.get("tuned") is None else Tuned.from_json(data["tuned"]),
    )


def _plain(array: npt.NDArray[np.float64] | None) -> Any:
    if array is None:
        return None
    values = array.astype(object)
    values[np.isnan(array)] = None
    return values.tolist()


def _array(values: Any) -> npt.NDArray[np.float64] | None:
    return None if values is None else np.array(values, dtype=np.float64)

"""A trace in a file: one .npz with the attention, the lengths of value vectors if there are any, and a JSON header."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from gazeheads.errors import BadTrace
from gazeheads.files import write_whole
from gazeheads.grid import ImageGrid
from gazeheads.heads import Head
from gazeheads.trace import GazeTrace, Patterns

SCHEMA = 1


def save(trace: GazeTrace, path: str | Path) -> Path:
    """Write a trace to one .npz file; the path. Raises `Unwritable`."""
    about = {
        "schema": SCHEMA,
        "grid": trace.grid.to_json(),
        "heads": [str(head) for head in trace.heads],
        "keep": trace.keep,
        "weigh": trace.weigh,
        "pieces": trace.pieces,
    }
    arrays = {"looks": trace.looks, "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    if trace.lengths is not None:
        arrays["lengths"] = trace.lengths
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its stubs take the names for flags
    return write_whole(path, file.getvalue())


def load(path: str | Path) -> GazeTrace:
    """The trace in the file `path`. Raises `BadTrace` if it is not one of ours."""
    try:
        with np.load(path, allow_pickle=False) as file:
            looks, about = file["looks"], json.loads(file["about"].tobytes())
            lengths = file.get("lengths")
        return _made(looks, about, lengths)
    except OSError as error:
        raise BadTrace(
            f"Trace file {path} cannot be read: {error.strerror or error}. Check the path."
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise BadTrace(
            f"Trace file {path} does not hold a trace: {type(error).__name__}: {error}. Write one with trace.save."
        ) from error


def _made(looks: Patterns, about: dict[str, Any], lengths: Patterns | None) -> GazeTrace:
    if about["schema"] != SCHEMA:
        raise ValueError(f"schema {SCHEMA} was expected, found {about['schema']}")
    return GazeTrace(
        looks=looks,
        grid=ImageGrid.from_json(about["grid"]),
        heads=tuple(Head.parse(text) for text in about["heads"]),
        keep=about["keep"],
        weigh=about["weigh"],
        pieces=tuple(about["pieces"]),
        lengths=lengths,
    )

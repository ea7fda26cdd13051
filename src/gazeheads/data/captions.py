"""What people wrote about the panels of a folder: `captions.txt`, or `captions.json`.

`captions.txt` has one line a panel. `captions.json` is a list with an entry a panel, or an object
`{"p1": ..., "p2": ...}`; an entry is a text, or a list of wordings of the same truth.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gazeheads.checks import few, shown
from gazeheads.errors import DataError
from gazeheads.files import parse_json, read_file

MOST_BYTES = 50_000_000
MOST_TOLD = 10
NAMES = ("captions.txt", "captions.json")
Captions = tuple[tuple[str, ...], ...]


def captions_of(folder: Path, n: int) -> Captions:
    """The wordings for each of the `n` panels of a folder; empty where it has no file of captions.

    Raises `DataError` that lists all that is wrong with the file.
    """
    files = _files(folder)
    if not files:
        return ()
    if len(files) > 1:
        raise DataError(f"Captions of {folder}: both {NAMES[0]} and {NAMES[1]} are there. Keep one.")
    (path,) = files
    try:
        data = read_file(path, MOST_BYTES)
        text = data.decode("utf-8-sig") if path.suffix == ".txt" else ""
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Captions {path}: they cannot be read ({error}). Save them as UTF-8 text."
        ) from error
    entries = _lines(text) if path.suffix == ".txt" else _entries(data, path, n)
    return wordings(entries, n, path)


def captions_place(folder: Path) -> Path:
    """What a fault of a folder's captions is about: the file, or the folder where there are two or none."""
    files = _files(folder)
    return files[0] if len(files) == 1 else folder


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in NAMES if os.path.lexists(folder / name)]


def wordings(entries: Sequence[Any], n: int, path: Path | str) -> Captions:
    """Each entry as a tuple of wordings. Raises `DataError` unless there are `n`, and none is empty."""
    texts = [entry if isinstance(entry, list) else [entry] for entry in entries]
    faults = [] if len(texts) == n else [f"{len(texts)} captions for {n} panels"]
    for number, entry in enumerate(texts, start=1):
        if not entry or not all(isinstance(text, str) for text in entry):
            faults.append(f"caption {number} is neither a text nor a list of texts")
        elif not all(text.strip() for text in entry):
            faults.append(f"caption {number} is empty")
    if faults:
        more = len(faults) - MOST_TOLD
        told = "; ".join(faults[:MOST_TOLD]) + (f"; and {more} more like these" if more > 0 else "")
        raise DataError(f"Captions {path}: {told}. Write one for each panel, in order.")
    return tuple(tuple(text.strip() for text in entry) for entry in texts)


def _lines(text: str) -> list[str]:
    """The lines; blank ones at the end do not count."""
    return text.rstrip().split("\n") if text.strip() else []


def _entries(data: bytes, path: Path, n: int) -> list[Any]:
    """The entries of a list, or of an object whose keys are the panels' names."""
    try:
        content = parse_json(data)
    except ValueError as error:
        raise DataError(
            f"Captions {path}: this is not JSON ({error}). Write a list with a text for each panel."
        ) from error
    if isinstance(content, list):
        return content
    if not isinstance(content, dict):
        raise DataError(
            f"Captions {path}: it holds a {type(content).__name__}. Write a list with a text for each panel."
        )
    names = [
        f"p{k}" for k in range(1, min(n, len(content) + MOST_TOLD + 1) + 1)
    ]  # n may be a slip of the pen
    wrong = [f"{name} is missing" for name in names if name not in content]
    wrong += [f"{shown(key)} is not a panel" for key in content if key not in set(names)]
    if wrong:
        raise DataError(
            f"Captions {path}: {few(wrong, MOST_TOLD, '; ')}. The panels of the folder are p1 to p{n}."
        )
    return [content[name] for name in names]

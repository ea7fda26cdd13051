"""Files that are there whole or not at all, and JSON that is told to be none where it cannot be read."""

import errno
import json
import os
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from gazeheads.errors import Unwritable


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Write `content`, text as UTF-8, to `path`, making its folder if there is none; the path.

    It goes to a draft beside its place and is moved there when the disk has all of it, so that no reader, and
    no crash, meets half a file. Raises `Unwritable` where the folder cannot be made or written to.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        settle(draft)
        draft.replace(path)
    except OSError as error:
        raise Unwritable(
            f"Asked to write {path}; the system says: {error.strerror or error}. "
            "Name a file in a folder that you may write to."
        ) from error
    finally:
        _forget(draft)
    return path


def parse_json(data: str | bytes, *, finite: bool = False) -> Any:
    """The value of a JSON text. finite: NaN and infinity, which JSON does not have but Python reads, are refused.

    Raises `ValueError` for whatever cannot be read: what is no JSON, no Unicode, too deep, or a number without end.
    """
    try:
        return json.loads(data, parse_constant=_refuse if finite else None)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


def _forget(draft: Path) -> None:
    """Remove the draft if it is still there; where even its folder is none, there is nothing to remove."""
    try:
        draft.unlink(missing_ok=True)
    except NotADirectoryError:
        return


def settle(path: str | Path) -> None:
    """Wait until the disk has what was written to a file, or which names a folder holds. Raises `OSError`."""
    place = os.open(path, os.O_RDONLY)
    try:
        os.fsync(place)
    except OSError as error:
        if error.errno != errno.EINVAL or not Path(path).is_dir():  # some network disks cannot for a folder
            raise
    finally:
        os.close(place)

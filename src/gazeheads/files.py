"""Files that are there whole or not at all."""

import errno
import os
from pathlib import Path
from uuid import uuid4

from gazeheads.errors import Unwritable


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Write `content`, text as UTF-8, to `path`, making its folder if there is none; the path.

    It goes to a draft beside its place and is moved there when it is complete, so that no reader, and
    no crash, meets half a file. Raises `Unwritable` where the folder cannot be made or written to.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(path)
    except OSError as error:
        raise Unwritable(
            f"Asked to write {path}; the system says: {error.strerror or error}. "
            "Name a file in a folder that you may write to."
        ) from error
    finally:
        _forget(draft)
    return path


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

"""Files that are there whole or not at all, and files of others, which may be anything."""

import errno
import json
import os
import stat
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


KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def must_be_file(path: str | Path) -> int:
    """The size in bytes of a regular file. Raises `OSError` for anything else: a pipe would wait for ever."""
    try:
        status = Path(path).stat()
    except ValueError as error:  # a name with a zero in it, or with half a character
        raise FileNotFoundError(f"no file can be called {os.fspath(path)!r}") from error
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError("it is a folder")
    for is_kind, kind in KINDS:
        if is_kind(status.st_mode):
            raise OSError(f"it is {kind}, not a file")
    return status.st_size


def read_file(path: str | Path, most: int) -> bytes:
    """The bytes of a file of others. Raises `OSError` for what is no file, and for more than `most` bytes."""
    size = must_be_file(path)
    if size > most:
        raise OSError(f"it has {size / 1e6:.0f} MB, and {most / 1e6:g} MB are the most")
    return Path(path).read_bytes()


def read_json(path: str | Path, most: int) -> Any:
    """What a JSON file of others says. Raises `OSError` as `read_file`, and `ValueError` for what is not JSON.

    So is a key that stands twice, of which `json` would keep the last, and a text that holds half a character.
    """
    return parse_json(read_file(path, most))


def parse_json(data: str | bytes, *, finite: bool = False) -> Any:
    """What a JSON text says. finite: NaN and infinity, which JSON does not have but Python reads, are refused.

    Raises `ValueError` for whatever cannot be read: what is no JSON, no Unicode, too deep, a number without end, a key
    that stands twice, a text that holds half a character.
    """
    try:
        content = json.loads(data, object_pairs_hook=_single, parse_constant=_refuse if finite else None)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if "\\ud" in (data if isinstance(data, str) else data.decode("utf-8", "replace")).lower():
        try:
            json.dumps(content, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"a text holds half a character, {error.object[error.start]!r}") from error
    return content


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return content


def inside(folder: str | Path, name: Any) -> Path:
    """The file that data calls `name` in a folder. Raises `ValueError` unless it is a text, and leads to a place in it.

    Links are followed. Those of a hub's cache, from `snapshots` into `blobs` beside it, are inside, too.
    """
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"{name!r} is not the name of a file")
    root = Path(folder)
    try:
        home = root.resolve()
        place = (home / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"no file can be called {name!r}") from error
    caches = [above.parent / "blobs" for above in home.parents if above.name == "snapshots"]
    if not any(place != each and place.is_relative_to(each) for each in (home, *caches)):
        raise ValueError(f"{name!r} leads out of the folder {folder}")
    return root / name


def is_folder(path: str | Path) -> bool:
    """Whether this is a folder; what no system could have is none."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False

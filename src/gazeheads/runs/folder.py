"""A run folder: one run, its settings and all that came of it.

    manifest.json       the settings, versions, and hashes of model, heads and data
    generations.jsonl   one line per trial (`records.Generated`), by the trial's key
    verdicts.jsonl      one line per verdict, by judge and generation
    .lock               held by the process that writes; it lets go when it ends, however it ends
    .writer             the number of that process, for the message to others

A run that was stopped goes on where it was when it is begun again with the same settings; other settings in the same
folder are refused, setting by setting. `merging.merge` makes one folder of the shards of a run.
"""

import errno
import os
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from gazeheads.errors import DifferentRun, RunError, RunInUse
from gazeheads.runs.ledger import Ledger
from gazeheads.runs.manifest import MANIFEST, differences, keep, plain, read, settings, taken_part, unwritable

GENERATIONS, VERDICTS = "generations.jsonl", "verdicts.jsonl"
LOCK, WRITER = ".lock", ".writer"
NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)  # of a folder that nobody here can write to
DRAFTS = ".*." + "[0-9a-f]" * 32  # of `files.write_whole`


class RunFolder:
    """One run in one folder: `RunFolder.begin` to generate, `RunFolder.open` to judge and report.

    manifest: what `manifest.json` says. generations, verdicts: the ledgers, read when first asked for. As a context
    manager it closes itself; until then, or until the process ends, no other process can write to the folder.
    """

    def __init__(self, path: Path, manifest: dict[str, Any], lock: "Lock | None") -> None:
        self.path = path
        self.manifest = manifest
        self._lock = lock

    @classmethod
    def begin(
        cls, path: str | Path, manifest: Mapping[str, Any], *, any_version: bool = False
    ) -> "RunFolder":
        """Make the folder of a run with these settings, or go on with the one that is there.

        Versions of packages are settings too, since numbers may depend on them; `any_version` lets a run go on under
        others, and "other_versions" of its manifest keeps all that took part.
        Raises `DifferentRun` where the folder holds another run, with every difference; `RunInUse` where another
        process writes to it; `Unwritable` where it cannot be made or written to.
        """
        path, asked = Path(path), plain(manifest)
        make(path)
        lock = Lock(path)
        try:
            for draft in path.glob(DRAFTS):  # of a process that was killed while it wrote a file
                draft.unlink()
            is_there = (path / MANIFEST).exists()
            found = _continued(path, asked, any_version) if is_there else _fresh(path, asked)
        except BaseException:
            lock.release()
            raise
        return cls(path, found, lock)

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> "RunFolder":
        """The run in `path`: to append to (a judge), or `read_only`: to look at, even while it is being written.

        Raises `RunError` where there is none, `RunInUse` where another process writes to it, `Unwritable` where it
        cannot be written to.
        """
        path = Path(path)
        manifest = read(path)
        return cls(path, manifest, None if read_only else Lock(path))

    @property
    def read_only(self) -> bool:
        """Whether nothing can be appended: opened so, or closed."""
        return self._lock is None

    @cached_property
    def generations(self) -> Ledger:
        """What the model said, by the key of the trial."""
        return Ledger(self.path / GENERATIONS, read_only=self.read_only, lock=self._lock)

    @cached_property
    def verdicts(self) -> Ledger:
        """What judges made of it."""
        return Ledger(self.path / VERDICTS, read_only=self.read_only, lock=self._lock)

    def close(self) -> None:
        """Let others write. What was read can still be read."""
        for name in ("generations", "verdicts"):
            if name in self.__dict__:
                self.__dict__[name].close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Lock:
    """The right to write to a run folder, which one process can have at a time; `reading`: to read what stays as it is.

    Raises `RunInUse` where another has it, and `Unwritable` where the folder cannot be written to (not for reading: a
    folder that nobody here can write to needs no lock). It is let go when the process ends, or when nobody holds this
    object any more.
    """

    def __init__(self, folder: Path, *, reading: bool = False) -> None:
        lock = FileLock(folder / LOCK, thread_local=False)
        self.release = weakref.finalize(self, lock.release, True)
        try:
            lock.acquire(blocking=False)
            if not reading:
                (folder / WRITER).write_text(f"{os.getpid()}\n")
        except Timeout as error:
            raise _in_use(folder) from error
        except OSError as error:
            self.release()
            if not reading or error.errno not in NOT_OURS:
                raise unwritable(folder, error) from error


def _in_use(folder: Path) -> RunInUse:
    place = folder / WRITER
    writer = place.read_text().strip() if place.exists() else ""
    own = writer == str(os.getpid())
    who = "this process" if own else f"another process ({writer or 'just begun'})"
    return RunInUse(
        f"Asked to use the run in {folder}, which {who} has open to write to. Wait until it is done, or end it."
    )


def make(path: Path) -> None:
    """Make the folder, if there is none. Raises `Unwritable`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def _fresh(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    orphans = [name for name in (GENERATIONS, VERDICTS) if (path / name).exists()]
    if orphans:
        raise RunError(
            f"Asked to begin a run in {path}: it holds {' and '.join(orphans)} but no {MANIFEST}, so that nobody knows "
            "what they were made with. Name another folder, or bring its manifest back."
        )
    keep(path, asked)
    return asked


def _continued(path: Path, asked: dict[str, Any], any_version: bool) -> dict[str, Any]:
    found = read(path)
    other = list(differences(settings(found, "versions"), settings(asked, "versions")))
    known = asked.get("versions") in taken_part(found)
    versions = [] if known else list(differences(found.get("versions"), asked.get("versions"), "versions"))
    if other or (versions and not any_version):
        hint = "" if other else ", or let this one go on under other versions with --any-version"
        raise DifferentRun(
            f"Asked to go on with the run in {path}, whose settings are others: "
            f"{'; '.join(other + versions)}. Name another folder, or ask for the same settings{hint}."
        )
    if versions:
        found["other_versions"] = [*found.get("other_versions", []), asked.get("versions")]
        keep(path, found)
    return found

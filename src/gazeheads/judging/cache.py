"""Replies that were paid for, kept by a hash of all that they depend on: SQLite, which survives being killed.

Several processes can share one file. A reply is kept once it has been read and understood; what could not be read is
asked for again the next time.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

from gazeheads.errors import JudgeError, Unwritable

WAIT = 60.0  # seconds for another process to finish its write


class Replies:
    """Replies by key, in the SQLite file `path`; None: in memory, until the program ends.

    Raises `JudgeError` for a file that holds something else, `Unwritable` where it cannot be written.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._lock = Lock()
        with self._told():
            place = ":memory:" if self.path is None else str(self.path)
            self._file = sqlite3.connect(place, timeout=WAIT, check_same_thread=False)
            with self._file:
                self._file.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT)")

    def get(self, key: str) -> Any | None:
        """The reply, as plain values, or None."""
        with self._lock, self._told(), closing(self._file.cursor()) as cursor:
            row = cursor.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, key: str, reply: Any) -> None:
        """Keep a reply, on the disk before this returns."""
        with self._lock, self._told(), self._file:
            self._file.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, json.dumps(reply)))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _told(self) -> "_Told":
        return _Told(self.path)


class _Told:
    """What SQLite raises, as our errors."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.OperationalError):
            raise Unwritable(
                f"Asked to keep the judge's replies in {self.path}; SQLite says: {error}. What was judged is kept: "
                "make room, or name a file in a folder that you may write to, and start again."
            ) from error
        if isinstance(error, sqlite3.DatabaseError):
            raise JudgeError(
                f"Asked to keep the judge's replies in {self.path}, which SQLite cannot read: {error}. Name another "
                "file, or delete this one to pay for its replies again."
            ) from error

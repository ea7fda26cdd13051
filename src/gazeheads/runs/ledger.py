"""A ledger: a file of JSON lines, each with a key of its own, to which lines are added, and that survives being killed.

    ledger = Ledger("out/generations.jsonl")
    todo = [trial for trial in trials if trial.key not in ledger]
    ledger.append(generated.to_json() for generated in ...)

A batch of lines is one write, flushed to the disk before `append` returns. What a crash can leave is therefore the
beginning of the last batch: whole lines, which count, and perhaps a half-written last one, which is cut off when the
file is next read. Anything else that is no line of a ledger was done by somebody else, and is an error.

Lines are plain ASCII (other characters are escaped), so that no text can break one: neither a line separator nor half
of a surrogate pair.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from gazeheads.errors import BadLedger, Unwritable
from gazeheads.files import settle, write_whole


class Ledger:
    """The lines of a file, in its order, by their keys; a file that is not there has none.

    lines: key to line, as read from the file. cut: how many bytes of a half-written last line were found and left out.
    read_only: nothing is appended and nothing mended, as for a file that somebody else may be writing. lock: what must
    not be let go as long as lines may be appended.
    Raises `BadLedger` for a file that is no ledger, naming the line; `Unwritable` where its end cannot be mended.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, lock: object = None) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self._lock = lock
        self.lines: dict[str, dict[str, Any]] = {}
        self.cut = 0
        self._size = 0  # bytes of the lines that count
        try:
            with self.path.open("rb") as file:
                ends_well = self._read(file)
        except FileNotFoundError:
            return
        except OSError as error:
            raise BadLedger(
                f"Asked to read {self.path}; the system says: {error.strerror or error}. Name a file that can be read."
            ) from error
        if not read_only and (self.cut or not ends_well):
            self._mend(ends_well)

    def __contains__(self, key: object) -> bool:
        return key in self.lines

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.lines.values())

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Add a batch of lines, and return when the disk has them.

        Each line is an object with a text "key" that is not yet there. All of the batch is added or nothing: raises
        `BadLedger` for a line that cannot be one, and `Unwritable`, with the file as it was, where the disk is full,
        the file is read-only, or somebody else has changed it.
        """
        if self.read_only:
            raise Unwritable(
                f"Asked to append to {self.path}, which was opened for reading alone or was closed. "
                "Open its folder for writing."
            )
        new: dict[str, dict[str, Any]] = {}
        batch = bytearray()
        for line in lines:
            raw = encode(line)
            found = json.loads(raw)  # what will be read, so that a continued run sees what this one sees
            key = self._key(found)
            if key is None:
                self._refuse_line(raw, 'no text as its "key"', "Give every line one")
            if key in self.lines or key in new:
                self._refuse_line(raw, "a key that is there already", "Append each line once")
            new[key] = found
            batch += raw
        if batch:
            self._write(bytes(batch))
            self.lines |= new
            self._size += len(batch)

    def drop(self, keys: Iterable[str]) -> None:
        """Take the lines of these keys out: the file is written anew without them, or stays as it was.

        Raises `Unwritable` as `append` does, and `KeyError` for a key that is not there.
        """
        gone = set(keys)
        if not gone:
            return
        if unknown := gone - self.lines.keys():
            raise KeyError(min(unknown))
        if self.read_only:
            raise Unwritable(
                f"Asked to take lines out of {self.path}, which was opened for reading alone or was closed. "
                "Open its folder for writing."
            )
        kept = {key: line for key, line in self.lines.items() if key not in gone}
        whole = b"".join(encode(line) for line in kept.values())
        try:
            self._check_size(self.path.stat().st_size)
        except OSError as error:
            raise self._unwritable(error) from error
        write_whole(self.path, whole)
        self.lines, self._size = kept, len(whole)

    def close(self) -> None:
        """No more lines: what is read stays."""
        self.read_only, self._lock = True, None

    def _read(self, file: BinaryIO) -> bool:
        """Read all lines; whether the last one that counts ends with a newline."""
        raw = b"\n"
        for number, raw in enumerate(file, 1):
            try:
                # Some editors put a mark before the first line.
                found = _DECODER.decode(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                if raw.endswith(b"\n"):  # a newline is written last, so that no crash leaves one here
                    self._refuse(
                        number, raw, f"is not JSON ({error})", "Delete that line to have it made anew"
                    )
                self.cut = len(raw)
                return True
            key = self._key(found)
            if key is None:
                self._refuse(
                    number, raw, 'is no object with a text as its "key"', "Give it one, or delete it"
                )
            if key in self.lines:
                first = 1 + list(self.lines).index(key)
                self._refuse(number, raw, f"has the key of line {first}", "Delete one of the two")
            self.lines[key] = found
            self._size += len(raw)
        return raw.endswith(b"\n")

    @staticmethod
    def _key(found: Any) -> str | None:
        key = found.get("key") if isinstance(found, dict) else None
        return key if isinstance(key, str) else None

    def _refuse(self, number: int, raw: bytes, why: str, what_to_do: str) -> NoReturn:
        raise BadLedger(f"Asked to read {self.path}; line {number} {why}: {_short(raw)}. {what_to_do}.")

    def _refuse_line(self, raw: bytes, why: str, what_to_do: str) -> NoReturn:
        raise BadLedger(f"Asked to append to {self.path} a line with {why}: {_short(raw)}. {what_to_do}.")

    def _mend(self, ends_well: bool) -> None:
        """Cut off the half-written last line, or end a whole one with its newline."""
        try:
            if self.cut:
                os.truncate(self.path, self._size)
                settle(self.path)
        except OSError as error:
            raise self._unwritable(error) from error
        if not ends_well:
            self._write(b"\n")
            self._size += 1

    def _write(self, batch: bytes) -> None:
        """Append all of `batch` and wait for the disk, or leave the file as it is."""
        flags = os.O_WRONLY | os.O_APPEND | (0 if self._size else os.O_CREAT)
        try:
            place = os.open(self.path, flags, 0o666)
        except FileNotFoundError as error:
            self._check_size(0)
            raise self._unwritable(error) from error
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._check_size(os.fstat(place).st_size)
            try:
                rest = memoryview(batch)
                while rest:
                    rest = rest[os.write(place, rest) :]
                os.fsync(place)
                if not self._size:
                    settle(self.path.parent)  # the file's name is new there
            except BaseException:
                os.ftruncate(place, self._size)
                os.fsync(place)
                raise
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            os.close(place)

    def _check_size(self, found: int) -> None:
        if found != self._size:
            raise Unwritable(
                f"Asked to append to {self.path}, which had {self._size} bytes and now has {found}: somebody else "
                "has changed it. End all but one of those who write to it, and start again: it goes on from what is "
                "there."
            )

    def _unwritable(self, error: OSError) -> Unwritable:
        return Unwritable(
            f"Asked to append to {self.path}; the system says: {error.strerror or error}. Nothing that was there is "
            "lost: make room, or make it writable, and start again."
        )


def encode(line: Mapping[str, Any]) -> bytes:
    """The line as it stands in the file. Raises `BadLedger` for what JSON cannot say, such as NaN."""
    try:
        return (json.dumps(dict(line), allow_nan=False) + "\n").encode("ascii")
    except (TypeError, ValueError) as error:
        raise BadLedger(
            f"Asked to write the line {_short(repr(line).encode(errors='replace'))}, which JSON cannot say: {error}. "
            "Give numbers, texts, lists and objects of them alone."
        ) from error


def _short(raw: bytes) -> str:
    """The first characters, for a message."""
    text = raw.decode(errors="backslashreplace").strip()
    return repr(text if len(text) <= 60 else text[:60] + "...")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)

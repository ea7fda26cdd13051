"""A ledger loses no line, doubles none, and says which line is broken, whatever happens to it."""

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gazeheads.errors import BadLedger, Unwritable
from gazeheads.runs.ledger import Ledger, encode

TEXTS = [
    "",
    "two\nlines\r\n",
    "\u2028 and \x85 and \x0c",
    "half a pair: \ud83d",
    "whole: \U0001f600",
    'a "key"',
    "\x00",
]
LINES = [
    {"key": f"vqa||doodle-{i}|gaze|{i % 6}", "text": text, "before": 0.1 * i} for i, text in enumerate(TEXTS)
]
WHOLE = b"".join(encode(line) for line in LINES)
ENDS = [0, *(i + 1 for i, byte in enumerate(WHOLE) if byte == ord("\n"))]


def on_disk(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "generations.jsonl"
    path.write_bytes(content)
    return path


def test_lines_come_back_in_order_whatever_their_text(tmp_path: Path) -> None:
    path = tmp_path / "generations.jsonl"
    ledger = Ledger(path)
    assert len(ledger) == 0 and not path.exists()
    ledger.append(LINES[:3])
    ledger.append(iter(LINES[3:]))
    ledger.append([])
    assert path.read_bytes() == WHOLE
    for found in (ledger, Ledger(path), Ledger(path, read_only=True)):
        assert list(found) == LINES and list(found.lines) == [line["key"] for line in LINES]
        assert len(found) == len(LINES) and found.cut == 0
        assert LINES[2]["key"] in found and "another" not in found
    assert path.read_bytes() == WHOLE


def test_what_is_kept_in_memory_is_what_will_be_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a.jsonl")
    ledger.append([{"key": "a", "tour": (2, 0, 1), "halves": "\ud83d\ude00"}])
    assert (
        ledger.lines
        == Ledger(tmp_path / "a.jsonl").lines
        == {"a": {"key": "a", "tour": [2, 0, 1], "halves": "😀"}}
    )


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(
    cut=st.integers(0, len(WHOLE)),
    junk=st.sampled_from([b"", b"\0" * 9, b'{"key": "x", "te', b"\xff"]),
)
def test_cut_at_any_byte_it_goes_on_as_if_nothing_had_happened(tmp_path: Path, cut: int, junk: bytes) -> None:
    whole = max(n for n, end in enumerate(ENDS) if end <= cut)
    is_cut_before_newline = cut + 1 in ENDS
    whole += is_cut_before_newline and not junk
    path = on_disk(tmp_path, WHOLE[:cut] + junk)
    looked_at = Ledger(path, read_only=True)
    assert path.read_bytes() == WHOLE[:cut] + junk
    ledger = Ledger(path)
    assert list(ledger) == list(looked_at) == LINES[:whole]
    assert path.read_bytes() == WHOLE[: ENDS[whole]]
    assert ledger.cut == looked_at.cut == max(0, cut + len(junk) - ENDS[whole])
    ledger.append(LINES[whole:])
    assert path.read_bytes() == WHOLE
    assert list(ledger) == list(Ledger(path)) == LINES


@pytest.mark.parametrize("last", [b"not ours\n", b"\n", b"\xff\n", b'{"key": "half\n'])
def test_a_last_line_that_ends_and_is_none_is_somebody_elses(tmp_path: Path, last: bytes) -> None:
    path = on_disk(tmp_path, WHOLE + last)
    with pytest.raises(BadLedger, match=f"line {len(LINES) + 1} is not JSON"):
        Ledger(path)
    assert path.read_bytes() == WHOLE + last


def test_a_mark_before_the_first_line_is_read_over(tmp_path: Path) -> None:
    path = on_disk(tmp_path, b"\xef\xbb\xbf" + WHOLE)
    ledger = Ledger(path)
    assert list(ledger) == LINES
    ledger.append([{"key": "more"}])
    assert list(Ledger(path)) == [*LINES, {"key": "more"}]


@pytest.mark.parametrize(
    "place, line, message",
    [
        (
            2,
            b'{"key": "half',
            r"line 3 is not JSON \(.*\): '\{\"key\": \"half'\. Delete that line to have it made anew",
        ),
        (0, b"", "line 1 is not JSON"),
        (1, b"\xff\xfe", "line 2 is not JSON"),
        (2, b'{"key": "\xff"}', r"line 3 is not JSON \('utf-8' codec"),
        (4, b'{"key": "nan", "margin": NaN}', r"line 5 is not JSON \(NaN is no number\)"),
        (3, b"[" * 100_000, "line 4 is not JSON"),
        (
            3,
            b'{"text": "no key"}',
            'line 4 is no object with a text as its "key": .*Give it one, or delete it',
        ),
        (7, b'{"key": 7}', 'line 8 is no object with a text as its "key"'),
        (6, b"[1, 2]", 'line 7 is no object with a text as its "key"'),
        (5, encode(LINES[1]).strip(), "line 6 has the key of line 2: .*Delete one of the two"),
        (7, encode(LINES[6]).strip(), "line 8 has the key of line 7"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, place: int, line: bytes, message: str) -> None:
    lines = WHOLE.splitlines(keepends=True)
    path = on_disk(tmp_path, b"".join([*lines[:place], line + b"\n", *lines[place:]]))
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(BadLedger, match=rf"^Asked to read .*generations\.jsonl; {message}[^\n]*\.$"):
            Ledger(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_a_ledger_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadLedger, match=r"the system says: Is a directory\. Name a file"):
        Ledger(tmp_path)


@pytest.mark.parametrize(
    "batch, message",
    [
        ([{"key": "new"}, LINES[0]], "a key that is there already: .*Append each line once"),
        ([{"key": "new"}, {"key": "new", "text": "again"}], "a key that is there already"),
        ([{"key": "new"}, {"text": "no key"}], 'no text as its "key"'),
        ([{"key": "new"}, {"key": 3}], 'no text as its "key"'),
        (
            [{"key": "new"}, {"key": "x", "margin": float("nan")}],
            "which JSON cannot say: .*Give numbers, texts",
        ),
        ([{"key": "new"}, {"key": "x", "path": Path("a")}], "which JSON cannot say: .*PosixPath"),
    ],
)
def test_of_a_batch_with_a_line_that_cannot_be_nothing_is_added(
    tmp_path: Path, batch: list[dict[str, Any]], message: str
) -> None:
    ledger = Ledger(on_disk(tmp_path, WHOLE))
    with pytest.raises(BadLedger, match=message):
        ledger.append(batch)
    assert list(ledger) == LINES and ledger.path.read_bytes() == WHOLE
    ledger.append([{"key": "new"}])
    assert len(Ledger(ledger.path)) == len(LINES) + 1


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "I/O error"), KeyboardInterrupt()],
)
@pytest.mark.parametrize("after", [0, 1, 40, 10_000])
@pytest.mark.parametrize("content", [WHOLE, b""])
def test_a_write_that_fails_half_way_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, after: int, content: bytes
) -> None:
    """The disk takes `after` bytes, a few at a time; past the whole batch it is the flush that fails."""
    ledger = Ledger(on_disk(tmp_path, content))
    batch = [{"key": "new", "text": "x" * 50}, {"key": "newer"}]
    room, write, fsync = [after], os.write, os.fsync

    def little(place: int, data: memoryview) -> int:
        if not room[0]:
            raise error
        n = write(place, data[: min(7, room[0])])
        room[0] -= n
        return n

    def fail_once(place: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        raise error

    monkeypatch.setattr(os, "write", little)
    if after == 10_000:
        monkeypatch.setattr(os, "fsync", fail_once)
    with pytest.raises((Unwritable, KeyboardInterrupt), match=r"No space left|I/O error|^$") as caught:
        ledger.append(batch)
    if isinstance(error, OSError):
        assert caught.type is Unwritable and "make room" in str(caught.value)
    assert ledger.path.read_bytes() == content
    assert "new" not in ledger
    monkeypatch.undo()
    ledger.append(batch)
    assert ledger.path.read_bytes() == content + b"".join(encode(line) for line in batch)


def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda place, data: write(place, data[:5]))
    Ledger(tmp_path / "a.jsonl").append(LINES)
    assert (tmp_path / "a.jsonl").read_bytes() == WHOLE


def test_a_file_that_may_grow_no_further_is_a_full_disk_for_real(tmp_path: Path) -> None:
    """Another process, since the limit is the process's: the system itself takes half of the batch and then refuses."""
    code = f"""
import resource, sys
from gazeheads.errors import Unwritable
from gazeheads.runs.ledger import Ledger
ledger = Ledger(sys.argv[1])
ledger.append([{{"key": "a"}}])
resource.setrlimit(resource.RLIMIT_FSIZE, (600, {resource.RLIM_INFINITY}))
try:
    ledger.append({{"key": str(i), "text": "x" * 100}} for i in range(10))
except Unwritable as error:
    print(error)
assert list(ledger.lines) == ["a"]
ledger.append([{{"key": "b"}}])
"""
    path = tmp_path / "a.jsonl"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "File too large. Nothing that was there is lost" in done.stdout
    assert path.read_bytes() == b'{"key": "a"}\n{"key": "b"}\n'


def test_a_file_that_somebody_else_changed_is_left_alone(tmp_path: Path) -> None:
    path = on_disk(tmp_path, WHOLE)
    first, second = Ledger(path), Ledger(path)
    first.append([{"key": "mine"}])
    with pytest.raises(
        Unwritable, match=rf"had {len(WHOLE)} bytes and now has {len(WHOLE) + 16}: somebody else"
    ):
        second.append([{"key": "other"}])
    assert list(Ledger(path)) == [*LINES, {"key": "mine"}]
    path.unlink()
    with pytest.raises(Unwritable, match=r"bytes and now has 0: somebody else"):
        first.append([{"key": "more"}])
    assert not path.exists()


def test_a_folder_that_is_gone_or_none_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(
        Unwritable, match=r"^Asked to append to .*a\.jsonl; the system says: No such file[^\n]*$"
    ):
        Ledger(tmp_path / "gone" / "a.jsonl").append(LINES)
    (tmp_path / "plain").write_text("")
    with pytest.raises((Unwritable, BadLedger), match=r"the system says: Not a directory"):
        Ledger(tmp_path / "plain" / "a.jsonl").append(LINES)


@pytest.mark.parametrize("content", [WHOLE[:-1], WHOLE[:-5]])
def test_an_end_that_cannot_be_mended_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    path = on_disk(tmp_path, content)
    monkeypatch.setattr(os, "truncate", refuse)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unwritable, match="the system says: Read-only file system"):
        Ledger(path)
    assert len(Ledger(path, read_only=True)) == len(LINES) - (content == WHOLE[:-5])
    assert path.read_bytes() == content


def test_what_is_open_for_reading_or_closed_takes_no_line(tmp_path: Path) -> None:
    path = on_disk(tmp_path, WHOLE)
    closed = Ledger(path)
    closed.close()
    for ledger in (closed, Ledger(path, read_only=True)):
        with pytest.raises(
            Unwritable, match=r"opened for reading alone or was closed\. Open its folder for writing"
        ):
            ledger.append([{"key": "new"}])
        assert list(ledger) == LINES
    assert path.read_bytes() == WHOLE


def test_lines_that_are_dropped_are_gone_and_can_be_made_anew(tmp_path: Path) -> None:
    ledger = Ledger(on_disk(tmp_path, WHOLE))
    ledger.drop([LINES[1]["key"], LINES[6]["key"]])
    kept = [line for n, line in enumerate(LINES) if n not in (1, 6)]
    assert list(ledger) == list(Ledger(ledger.path)) == kept
    ledger.append([LINES[1]])
    assert list(ledger) == list(Ledger(ledger.path)) == [*kept, LINES[1]]
    ledger.drop([])
    ledger.drop(ledger.lines)
    ledger.append(LINES)
    assert ledger.path.read_bytes() == WHOLE and list(tmp_path.iterdir()) == [ledger.path]


def test_a_drop_that_cannot_be_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = on_disk(tmp_path, WHOLE)
    ledger, first = Ledger(path), LINES[0]["key"]
    with pytest.raises(KeyError, match="another"):
        ledger.drop([first, "another"])
    with pytest.raises(Unwritable, match="Asked to take lines out of .*, which was opened for reading alone"):
        Ledger(path, read_only=True).drop([first])
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", lambda place: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(Unwritable, match="No space left"):
            ledger.drop([first])
    assert path.read_bytes() == WHOLE and list(ledger) == LINES and list(tmp_path.iterdir()) == [path]
    path.write_bytes(WHOLE + b'{"key": "theirs"}\n')
    with pytest.raises(Unwritable, match="somebody else"):
        ledger.drop([first])
    assert len(Ledger(path)) == len(LINES) + 1
    path.unlink()
    with pytest.raises(Unwritable, match="No such file"):
        ledger.drop([first])


def test_each_batch_is_on_the_disk_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write and one flush a batch, in this order; and the new file's name with the first."""
    done: list[str] = []
    write, fsync = os.write, os.fsync
    monkeypatch.setattr(os, "write", lambda place, data: (done.append("write"), write(place, data))[1])
    monkeypatch.setattr(
        os,
        "fsync",
        lambda place: (done.append("folder" if os.path.isdir(place) else "file"), fsync(place))[1],  # noqa: PTH112
    )
    ledger = Ledger(tmp_path / "a.jsonl")
    ledger.append(LINES[:4])
    assert done == ["write", "file", "folder"]
    ledger.append(LINES[4:])
    assert done[3:] == ["write", "file"]


def test_any_locale_reads_the_same(tmp_path: Path) -> None:
    path = on_disk(tmp_path, WHOLE + '{"key": "ä", "text": "雪"}\n'.encode())
    code = "import sys; from gazeheads.runs.ledger import Ledger; print(ascii(list(Ledger(sys.argv[1]))))"
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout.strip() == ascii([*LINES, {"key": "ä", "text": "雪"}])


def test_each_line_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = {
        "text": "A fox digs a hole in the snow. " * 8,
        "before": 0.123,
        "after": 0.987,
        "token_texts": ["word "] * 15,
    }
    end = json.dumps(line)[1:]
    path = on_disk(
        tmp_path, "".join(f'{{"key": "vqa||doodle-{i}|gaze|3", {end}\n' for i in range(2_000)).encode()
    )
    parsed = []
    raw_decode = json.JSONDecoder.raw_decode

    def counted(self: json.JSONDecoder, text: str, idx: int = 0) -> tuple[Any, int]:
        parsed.append(len(text))
        return raw_decode(self, text, idx)

    monkeypatch.setattr(json.JSONDecoder, "raw_decode", counted)
    ledger = Ledger(path, read_only=True)
    assert len(ledger) == len(parsed) == 2_000
    assert sum(parsed) <= path.stat().st_size

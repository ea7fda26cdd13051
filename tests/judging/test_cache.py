"""Replies that were paid for survive kills, and files that cannot hold them are named."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gazeheads.errors import JudgeError, Unwritable
from gazeheads.judging.cache import Replies

WRITER = """
import sys
from gazeheads.judging.cache import Replies
replies = Replies(sys.argv[1])
for n in range(10**6):
    replies.put(f"key {n}", {"n": n, "much": "x" * 2000})
    print(n, flush=True)
"""


@pytest.mark.parametrize("at", [1, 40])
def test_what_was_kept_is_there_after_a_kill(tmp_path: Path, at: int) -> None:
    file = tmp_path / "replies.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) == at:
                writer.send_signal(signal.SIGKILL)
                break
    assert writer.returncode == -signal.SIGKILL
    replies = Replies(file)
    assert [replies.get(f"key {n}") for n in range(at + 1)] == [
        {"n": n, "much": "x" * 2000} for n in range(at + 1)
    ]
    replies.put("key 0", "anew")
    assert replies.get("key 0") == "anew"
    replies.close()


def test_two_programs_share_a_file(tmp_path: Path) -> None:
    one, two = Replies(tmp_path / "r"), Replies(tmp_path / "r")
    one.put("a", [1])
    two.put("b", {"c": None})
    assert (two.get("a"), one.get("b"), one.get("c")) == ([1], {"c": None}, None)
    one.close()
    two.close()


def test_files_that_hold_or_can_hold_no_replies_are_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"something else " * 100)
    with pytest.raises(JudgeError, match="other, which SQLite cannot read: .*Name another file"):
        Replies(other)
    assert other.read_bytes() == b"something else " * 100
    with pytest.raises(Unwritable, match="SQLite says: unable to open"):
        Replies(tmp_path / "no" / "folder")

"""Processes killed at random instants (SIGKILL: nothing of them gets to tidy up), and what they leave behind.

After each kill, what is on the disk is the beginning of what an undisturbed run writes, and no whole line that was
there before is gone. In the end it is the same, byte for byte.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from gazeheads.runs.folder import GENERATIONS, VERDICTS


def left(path: Path) -> dict[str, bytes]:
    """What is on the disk."""
    return {
        name: (path / name).read_bytes() if (path / name).exists() else b""
        for name in (GENERATIONS, VERDICTS)
    }


def whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def killed_until_done(
    begin: Callable[[Path], int], path: Path, expected: dict[str, bytes], delays: Iterator[float]
) -> Counter[str]:
    """Begin a run again and again, until one of them is not killed before it is done; what was met on the way.

    begin: starts a process of ours that works on a folder; its id. expected: `left` of an undisturbed run. delays:
    after how many seconds each is killed.
    """
    met: Counter[str] = Counter()
    before = left(path)
    for delay in delays:
        child = begin(path)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)  # a process that has ended is still there to be asked how
        _, status = os.waitpid(child, 0)
        found = left(path)
        for name, content in found.items():
            assert expected[name].startswith(content), f"{name} is not what an undisturbed run writes"
            assert content.startswith(before[name]), f"{name} has lost lines"
            before[name] = whole_lines(content)
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0, "the run failed"
            break
        met["kills"] += 1
        met["in the middle of a line"] += any(whole_lines(content) != content for content in found.values())
        met["while judging"] += bool(found[VERDICTS])
        met["before the manifest"] += not (path / "manifest.json").exists()
    else:
        raise AssertionError(f"never done: killed {met['kills']} times, each time too soon")
    assert left(path) == expected, "the end is not that of an undisturbed run"
    return met

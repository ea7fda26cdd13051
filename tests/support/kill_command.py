"""Kills the real commands, on the bundled model, and begins them again until they are done.

    python tests/support/kill_command.py FOLDER [--kills 5] [--judge-kills 2] [--strips 4] [--seed 0]

What must hold after each kill: `killing`. Prints what happened as JSON.
"""

import argparse
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from killing import killed_until_done, left

from gazeheads.runs.folder import WRITER


def command(*words: str) -> Callable[[Path], int]:
    """What starts `gazeheads WORDS` on a folder, which takes the place of "DIR", and waits until it works there.

    Before, while it imports and loads, it has nothing to lose. All that it says goes into a file.
    """

    def begin(path: Path) -> int:
        argv = [sys.executable, "-m", "gazeheads", *(str(path) if word == "DIR" else word for word in words)]
        said = str(path.with_suffix(".log"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        to_file = [(os.POSIX_SPAWN_OPEN, 1, said, flags, 0o644), (os.POSIX_SPAWN_DUP2, 1, 2)]
        child = os.posix_spawn(sys.executable, argv, os.environ, file_actions=to_file)
        while not has_lock(child, path) and not os.waitid(
            os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT
        ):
            time.sleep(0.01)
        return child

    return begin


def has_lock(child: int, path: Path) -> bool:
    """Whether the process is, or was the last, to have the right to write to the folder."""
    return (path / WRITER).exists() and (path / WRITER).read_text() == f"{child}\n"


def undisturbed(begin: Callable[[Path], int], path: Path) -> float:
    """How many seconds it works."""
    child, start = begin(path), time.monotonic()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, path.with_suffix(".log").read_text()
    return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=5, help="of `gazeheads run`, at least")
    parser.add_argument("--judge-kills", type=int, default=2, help="of `gazeheads judge`, at least")
    parser.add_argument("--strips", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    asked = ("--data", f"doodles:{args.strips}:test", "--conditions", "none,gaze,controls:2", "--batch", "8")
    # How often each is killed, and at which share of its work at the latest. A judge writes its few batches at the end.
    stages = {
        "run": (command("run", "vqa", *asked, "--out", "DIR"), args.kills, 0.5),
        "judge": (command("judge", "DIR", "--judge", "rules"), args.judge_kills, 1.25),
    }
    chosen = random.Random(args.seed)
    calm, report = args.folder / "undisturbed", {}
    for name, (begin, kills, latest) in stages.items():
        before = args.folder / f"before-{name}"
        if calm.exists():
            shutil.copytree(calm, before)
        taken = undisturbed(begin, calm)
        expected = left(calm)
        met: Counter[str] = Counter()
        while met["kills"] < kills:
            folder = args.folder / f"{name}-{met['folders']}"
            if before.exists():
                shutil.copytree(before, folder)
            delays = (chosen.uniform(0, latest * taken) for _ in range(100))
            met += killed_until_done(begin, folder, expected, delays)
            met["folders"] += 1
            assert (calm / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()
        report[name] = {"seconds": taken, "lines": sum(c.count(b"\n") for c in expected.values()), **met}
    print(json.dumps(report))


if __name__ == "__main__":
    main()

"""Killed at 30 random instants and begun again each time, a run ends with the lines of one that nobody disturbed."""

import json
import subprocess
import sys
from pathlib import Path

RUNNER = Path(__file__).with_name("kill_runner.py")


def test_a_run_that_is_killed_at_random_instants_loses_no_line_and_doubles_none(tmp_path: Path) -> None:
    """What must hold after each kill is asserted in the runner; here, that it came to what it is there to show."""
    done = subprocess.run(
        [sys.executable, str(RUNNER), str(tmp_path), "--kills", "30"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    met = json.loads(done.stdout)
    assert met["lines"] == {"generations.jsonl": 8 * (1 + 6 * 4), "verdicts.jsonl": 8 * (1 + 6 * 4)}
    assert met["kills"] >= 30 and met["in the middle of a line"] and met["while judging"]
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == met["runs"] + 1
    for name in ("generations.jsonl", "verdicts.jsonl", "manifest.json"):
        assert len({(folder / name).read_bytes() for folder in folders}) == 1
    for folder in folders:
        assert len(list(folder.iterdir())) == 4, "a draft was left behind"

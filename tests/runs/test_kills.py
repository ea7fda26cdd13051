"""Killed at random instants and begun again each time, a run ends with the lines of one that nobody disturbed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def reported(script: str, *words: str) -> Any:
    """What a script of this folder prints. What must hold after each kill is asserted there."""
    place = Path(__file__).parents[1] / "support" / script
    done = subprocess.run([sys.executable, str(place), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow  # 30 processes
def test_a_run_that_is_killed_at_random_instants_loses_no_line_and_doubles_none(tmp_path: Path) -> None:
    met = reported("kill_runner.py", str(tmp_path), "--kills", "30")
    assert met["lines"] == {"generations.jsonl": 8 * (1 + 6 * 4), "verdicts.jsonl": 8 * (1 + 6 * 4)}
    assert met["kills"] >= 30 and met["in the middle of a line"] and met["while judging"]
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == met["runs"] + 1
    for name in ("generations.jsonl", "verdicts.jsonl", "manifest.json"):
        assert len({(folder / name).read_bytes() for folder in folders}) == 1
    for folder in folders:
        assert len(list(folder.iterdir())) == 5, "a draft was left behind"


@pytest.mark.slow
def test_the_commands_on_the_bundled_model_are_killed_and_end_the_same(tmp_path: Path) -> None:
    met = reported("kill_command.py", str(tmp_path), "--kills", "5", "--judge-kills", "2", "--strips", "4")
    answers = 4 * (1 + 6 * 3)
    assert met["run"]["kills"] >= 5 and met["run"]["lines"] == answers
    assert met["judge"]["kills"] >= 2 and met["judge"]["lines"] == 2 * answers

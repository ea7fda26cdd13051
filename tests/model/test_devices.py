"""What runs on a GPU must run on a device that is not the CPU: `device_cases`, in a process of their own.

The pretended device takes PyTorch's place for devices of others, for good: no other test should meet it.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
def test_everything_runs_on_a_device_that_is_not_the_cpu() -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            "-p",
            "no:cacheprovider",
            "support/device_cases.py",
        ],
        cwd=TESTS,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-6000:]
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed and int(passed[1]) >= 11

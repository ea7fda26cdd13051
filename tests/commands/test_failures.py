"""The last net: whatever is raised below a command becomes one line and an exit code, never a traceback."""

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gazeheads import cli
from gazeheads.commands import doodles as command
from gazeheads.commands import run as run_command
from gazeheads.errors import UsageError
from gazeheads.files import parse_json

LINE = ["doodles", "--out", "a b"]


@pytest.fixture
def outcome(monkeypatch, capsys, tmp_path):
    """What a command that raises an error gives: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def raising(error, words=LINE, module=command):
        def fails(args, say):
            raise error

        monkeypatch.setattr(module, "run", fails)
        return cli.main(words), *capsys.readouterr()

    return raising


class OutOfMemoryError(RuntimeError):
    """As torch calls its own."""


@pytest.mark.parametrize(
    "error, line",
    [
        (UsageError("Asked for X."), "gazeheads: Asked for X."),
        (UsageError("of a\nb\x1b[2J\udcff"), r"gazeheads: of a b\x1b[2J\udcff"),
        (
            OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), "long.png"),
            "gazeheads: The system says: File name too long (long.png). Check the path",
        ),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "gazeheads: The system says: No space left on"),
        (
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
            "gazeheads: Some text cannot be read or written: 'utf-8' codec",
        ),
        (
            UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
            "gazeheads: Some text cannot",
        ),
        (MemoryError(), "gazeheads: Out of memory: the system gives no more. Give a smaller --batch"),
        (OutOfMemoryError("CUDA: tried to allocate 2 GiB"), "gazeheads: Out of memory: CUDA: tried to"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.\nMore"),
            "gazeheads: Out of memory: DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_user_can_mend_is_one_line(error, line, outcome):
    code, out, err = outcome(error)
    assert code == 2 and not out
    assert err.startswith(line) and err.count("\n") == 1 and "Traceback" not in err


def test_a_message_of_any_length_is_a_line_that_can_be_read(outcome):
    _, _, err = outcome(UsageError("a" * 90_000 + "z"))
    assert len(err) < 2100 and err.endswith("az\n")


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), RecursionError("too deep"), KeyError("x")])
def test_a_mistake_of_ours_keeps_its_traceback_in_a_file(error, outcome):
    code, out, err = outcome(error)
    assert code == 70 and not out and err.count("\n") == 1 and "Traceback" not in err
    assert err.startswith(
        f"gazeheads: something went wrong that should not: {type(error).__name__}: {error}."
    )
    kept = Path(re.search(r"report it to the project, with the traceback in (\S+) ", err)[1])
    text = kept.read_text()
    kept.unlink()
    assert "doodles --out 'a b'" in text and "Traceback" in text and type(error).__name__ in text


def test_debug_shows_the_traceback(outcome):
    for error, code in ((UsageError("No."), 2), (ZeroDivisionError("by zero"), 70)):
        found, _, err = outcome(error, [*LINE, "--debug"])
        assert found == code and "Traceback" in err and err.splitlines()[-1].startswith("gazeheads: ")


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(outcome):
    code, out, err = outcome(KeyboardInterrupt())
    assert (code, out) == (130, "")
    assert (
        err == "gazeheads: stopped. Nothing more is written. To begin again: gazeheads doodles --out 'a b'\n"
    )
    words = ["run", "this-panel", "--out", "my run"]
    code, _, err = outcome(KeyboardInterrupt(), words, run_command)
    assert code == 130 and err == (
        "gazeheads: stopped. The answers so far are kept in the folder; the same command goes on after them. "
        "To go on: gazeheads run this-panel --out 'my run'\n"
    )


def test_whoever_closes_the_output_hears_nothing(outcome):
    assert outcome(BrokenPipeError()) == (1, "", "")


@pytest.mark.parametrize("word", ["\udcff.png", "a\ud800"])
def test_words_that_are_not_text_are_refused_before_anything_is_done(word, capsys):
    assert cli.main(["look", word, "--ask", "What?", "--panel", "1/2"]) == 2
    err = capsys.readouterr().err
    assert "is not UTF-8 text. Rename the file" in err and err.count("\n") == 1


@pytest.mark.parametrize("depth", [100_000])
def test_json_that_cannot_be_read_is_told_to_be_none(depth):
    for raw in ("[" * depth + "]" * depth, '{"a":' * depth, b"\xff\xfe\xfa", "9" * 5000, "nonsense"):
        with pytest.raises(ValueError, match="nested|delimiter|property name|decode|digits|Expecting"):
            parse_json(raw)
    assert parse_json("[NaN, 1]")[1] == 1
    for constant in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(ValueError, match=f"{constant} is not a number of JSON"):
            parse_json(f"[{constant}]", finite=True)


def test_json_holds_no_nan(monkeypatch, capsys):
    monkeypatch.setattr(command, "run", lambda args, say: {"a": float("nan"), "b": [float("inf"), 1.5]})
    assert cli.main([*LINE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5]}


def shell(line: str, **environment) -> subprocess.CompletedProcess:
    """The command in a shell, as a process of its own."""
    return subprocess.run(
        ["bash", "-c", line.replace("gazeheads", f"{sys.executable} -m gazeheads")],
        capture_output=True,
        env=os.environ | environment,
    )


def test_a_closed_pipe_and_a_full_disk_end_without_a_traceback():
    done = shell("gazeheads heads --list 50 | true; echo ${PIPESTATUS[0]}")
    assert done.stdout.decode().strip() in ("0", "1") and not done.stderr
    done = shell("gazeheads heads > /dev/full")
    assert done.returncode == 2 and done.stderr.startswith(b"gazeheads: The system says: No space left")
    assert done.stderr.count(b"\n") == 1


def test_a_terminal_that_knows_ascii_only(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    monkeypatch.setattr(command, "run", lambda args, say: say("a cat in the caf\xe9") or {})
    assert cli.main(LINE) == 0
    assert raw.getvalue() == b"a cat in the caf\\xe9\n"


def test_figures_are_ours_whatever_matplotlib_was_told(tmp_path):
    """A backend that is none, TeX for all text, and a style that hides everything: the figure is the same."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nlines.linewidth: 40\nfont.family: fantasy\n")
    draw = f"gazeheads heads --plot {tmp_path}/NAME.png"
    for name, settings in (("plain", {}), ("odd", {"MPLBACKEND": "nonsense", "MATPLOTLIBRC": str(tmp_path)})):
        done = shell(draw.replace("NAME", name), **settings)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "odd.png").read_bytes()

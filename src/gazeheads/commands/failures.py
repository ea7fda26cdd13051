"""The last net of the command line: whatever is raised below it becomes a line on stderr and an exit code.

    2    what the user can mend: a `GazeHeadsError`, the system's own errors, memory that is not there
    130  Ctrl-C: a line says what is kept
    1    whoever read the output has closed it (`gazeheads heads | head`): nothing is said
    70   anything else is a mistake of ours: its traceback goes to a file, the line says where it is

With `--debug` the traceback is shown as well.
"""

import os
import re
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module

from gazeheads.commands.output import Bar
from gazeheads.errors import GazeHeadsError, UsageError
from gazeheads.text import redacted
from gazeheads.version import __version__

MENDABLE, UNREAD, OURS, STOPPED = 2, 1, 70, 130
DEBUG = "--debug"
LONGEST = 2000  # characters of a line


def guarded(words: Sequence[str], act: Callable[[], int]) -> int:
    """The exit code of `act`, or of what it raised. words: the command line."""
    _escape_what_cannot_be_printed()
    try:
        try:
            code = act()
        except SystemExit as stop:  # --help and --version
            code = stop.code if isinstance(stop.code, int) else 0
        sys.stdout.flush()
    except BaseException as error:
        return _told(error, words)
    return code


def must_be_text(words: Iterable[str]) -> None:
    """Raise `UsageError` for a word that is not UTF-8: pages, manifests and models could not hold it."""
    for word in words:
        if not _is_text(word):
            raise UsageError(
                f"{_line(word)!r} is not UTF-8 text. Rename the file, or type it in a terminal whose encoding is UTF-8."
            )


def _told(error: BaseException, words: Sequence[str]) -> int:
    """Say what happened; the exit code."""
    if isinstance(error, BrokenPipeError):
        _close_stdout()
        return UNREAD
    Bar.end()
    if DEBUG in words:
        traceback.print_exception(error)
    code, line = _outcome(error, words)
    print(f"gazeheads: {_line(redacted(line))}", file=sys.stderr)
    if isinstance(error, OSError):
        _close_stdout_if_full()
    return code


def _outcome(error: BaseException, words: Sequence[str]) -> tuple[int, str]:
    match error:
        case GazeHeadsError():
            return MENDABLE, str(error)
        case KeyboardInterrupt():
            return STOPPED, f"stopped. {_kept(words)}"
        case MemoryError():
            return MENDABLE, _out_of_memory(error)
        case RuntimeError() if _is_memory(error):
            return MENDABLE, _out_of_memory(error)
        case UnicodeError():
            return MENDABLE, (
                f"Some text cannot be read or written: {error}. Save text files as UTF-8, and name files in UTF-8."
            )
        case OSError():
            names = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
            return MENDABLE, (
                f"The system says: {error.strerror or error}{f' ({names})' if names else ''}. Check the path, that you "
                "may read and write there, and that the disk has room."
            )
        case _:
            return OURS, (
                f"something went wrong that should not: {type(error).__name__}: {error}. {_report(error, words)}"
            )


def _is_memory(error: RuntimeError) -> bool:
    """Whether torch had not enough memory; told by its words, so that nothing loads torch here."""
    return type(error).__name__ == "OutOfMemoryError" or bool(
        re.search(r"can't allocate memory|out of memory|not enough memory", str(error))
    )


def _out_of_memory(error: BaseException) -> str:
    said = str(error).splitlines()[0] if str(error) else "the system gives no more"
    return f"Out of memory: {said}. Give a smaller --batch, smaller images, or a smaller model."


def _kept(words: Sequence[str]) -> str:
    """What a command leaves behind when it is stopped, as its module says, and how to go on."""
    again = shlex.join(["gazeheads", *map(redacted, words)])
    try:
        kept: str = import_module(f"gazeheads.commands.{words[0]}").KEPT
    except (IndexError, ImportError, AttributeError):
        return f"Nothing more is written. To begin again: {again}"
    return f"{kept} To go on: {again}"


def _report(error: BaseException, words: Sequence[str]) -> str:
    """Keep the traceback in a file, and say where it is and what to do with it."""
    head = (
        f"gazeheads {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n{shlex.join(words)}\n\n"
    )
    content = redacted(head + "".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile("wb", prefix="gazeheads-", suffix=".txt", delete=False) as file:
            file.write(content.encode(errors="backslashreplace"))
    except OSError:
        return f"Please report it to the project, with what `{DEBUG}` shows."
    return f"Please report it to the project, with the traceback in {file.name} (`{DEBUG}` shows it)."


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _line(text: str) -> str:
    """The text as one line that any terminal takes: control characters and what is not Unicode as escapes."""
    text = re.sub(r"\s*[\r\n]\s*", " ", text)
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", lambda sign: ascii(sign[0])[1:-1], text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


def _escape_what_cannot_be_printed() -> None:
    """Print "é" as an escape where the terminal has no such letter, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _close_stdout_if_full() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _close_stdout()


def _close_stdout() -> None:
    """Let what is still to be printed go nowhere, so that Python does not complain about it at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # a stdout that is no file, as under a test
        return

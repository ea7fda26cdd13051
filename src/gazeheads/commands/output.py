"""What commands say: results go to stdout through the `Say` that they are given, progress and notes to stderr here."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gazeheads.errors import UsageError

if TYPE_CHECKING:
    from tqdm import tqdm

Say = Callable[[str], None]  # a line of the result for people; with --json it says nothing


def note(text: str) -> None:
    """A word of caution beside the result."""
    print(f"note: {text}", file=sys.stderr)


@contextmanager
def own_style() -> Iterator[None]:
    """Draw figures as this package means them, whatever backend, rc file or TeX the user has set for matplotlib."""
    os.environ["MPLBACKEND"] = "agg"  # one that does not exist would stop matplotlib's import
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        yield


class Bar:
    """A progress bar on stderr that starts anew with every stage."""

    newest: ClassVar["Bar | None"] = None

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None
        self.stage = ""
        Bar.newest = self

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` more of `total` units of this stage."""
        from tqdm import tqdm

        if self.bar is None or stage != self.stage:
            self.close()
            self.bar, self.stage = tqdm(total=total, desc=stage, file=sys.stderr), stage
        self.bar.update(done)

    def close(self) -> None:
        """Finish the bar."""
        if self.bar is not None:
            self.bar.close()

    @classmethod
    def end(cls) -> None:
        """Finish the bar that an error may have left open, so that the message gets a line of its own."""
        if cls.newest is not None:
            cls.newest.close()


def writable_folder(path: Path) -> Path:
    """The folder, made if it is not there. Raises `UsageError` if nothing can be written into it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".gazeheads-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"Output folder {path}: it cannot be made or written ({error.strerror}). Choose another one."
        ) from error
    return path

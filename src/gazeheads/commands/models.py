"""The model that a command works with, and its heads."""

from pathlib import Path
from typing import TYPE_CHECKING

from gazeheads.commands.output import note
from gazeheads.errors import UsageError

if TYPE_CHECKING:
    from gazeheads.heads.heads import Heads
    from gazeheads.model.model import GazeModel


def loaded(path: str | None) -> "GazeModel":
    """The model, without the library's own progress bars."""
    from transformers.utils import logging

    from gazeheads.model.loading import load

    logging.disable_progress_bar()
    return load(path)


def heads_of(model: "GazeModel", path: Path | None) -> "Heads":
    """All that is known of the model's heads: of the file, or what ships with the bundled model."""
    from gazeheads.heads.heads import Heads
    from gazeheads.model.bundled import HEADS

    if path is None and not model.is_bundled:
        raise UsageError(
            f"Heads of {model.name}: none were given, and only the bundled model brings its own. Find them with "
            "`gazeheads discover --model ... --out heads.json`, then pass --heads heads.json."
        )
    return Heads.load(path or HEADS, model)


def selected(heads: "Heads", top: int | float | None) -> "Heads":
    """The heads to steer: as many as --top says, or `Heads.selected`."""
    return heads.selected if top is None else heads.top(top)


def say_what_it_knows(path: str | None) -> None:
    """A word of caution where an image of one's own was shown to the bundled model."""
    if path is None:
        note("the bundled model knows its own doodles only; on other images its words mean little")

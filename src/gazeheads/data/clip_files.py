"""Clips in files: the frames of an animation."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from gazeheads.data.pictures import checked, flattened, open_picture
from gazeheads.errors import DataError


def is_clip(path: Path) -> bool:
    """Whether a file holds more than one image; what is no image is no clip."""
    try:
        with Image.open(path) as file:
            return getattr(file, "n_frames", 1) > 1
    except (OSError, SyntaxError, ValueError):
        return False


def frames_of(path: Path, n: int | None = None) -> list[Image.Image]:
    """The frames of a clip in RGB; `n`: so many, evenly spaced, the first and the last among them.

    Raises `DataError` for more than there are, fewer than one, and files that cannot be read.
    """
    open_picture(path)  # or why not
    with Image.open(path) as file:
        count = getattr(file, "n_frames", 1)
        if n is not None and not 1 <= n <= count:
            raise DataError(f"Clip {path}: {n} frames were asked for; it has {count}. Ask for 1 to {count}.")
        wanted = range(count) if n is None else {round(float(at)) for at in np.linspace(0, count - 1, n)}
        return [
            checked(flattened(frame.copy()), str(path))
            for number, frame in enumerate(ImageSequence.Iterator(file))
            if number in wanted
        ]

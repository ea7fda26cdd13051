"""Clips in files: the frames of an animation."""

from pathlib import Path

from PIL import Image

from gazeheads import images
from gazeheads.errors import DataError


def is_clip(path: Path) -> bool:
    """Whether a file holds more than one image; what is no image is no clip."""
    try:
        with images.opened(path, str(path)) as file:
            return images.frame_count(file) > 1
    except DataError:
        return False


def frames_of(path: Path, n: int | None = None) -> list[Image.Image]:
    """The frames of a clip in RGB, upright; `n`: so many, evenly spaced, the first and the last among them.

    Raises `DataError` for more than there are, fewer than one, too many pixels, and files that cannot be read.
    """
    return images.frames(path, str(path), n)

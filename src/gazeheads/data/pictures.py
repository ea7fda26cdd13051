"""Images in files, and as the bytes of files: listed by their headers, opened when they are needed."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from gazeheads.errors import DataError
from gazeheads.files import must_be_file
from gazeheads.images import (
    Size,
    header_orientation,
    must_be_still,
    must_be_usable,
    opened,
    orientation,
    rgb,
    upright_size,
)


@dataclass(frozen=True)
class ImageFile:
    """An image that is opened when it is needed: a file, or the bytes of one.

    `name`: its path, or what messages call it. `size`: upright width and height in pixels, as first seen.
    `orientation`: the EXIF tag, 1 where the file itself is upright.
    """

    name: str
    size: Size
    orientation: int = 1
    data: bytes | None = field(default=None, repr=False)

    @classmethod
    def at(cls, path: str | Path) -> "ImageFile":
        """The image file at `path`; only its header is read. Raises `DataError` as `open_picture` does."""
        return cls(str(path), *_header(path, str(path)))

    @classmethod
    def of(cls, name: str, data: bytes) -> "ImageFile":
        """The image file whose bytes these are. Raises `DataError` as `open_picture` does."""
        return cls(name, *_header(data, name), data)

    def open(self) -> Image.Image:
        """The image in RGB, upright. Raises `DataError` if it is gone, broken, or of another size than at first."""
        with opened(self.name if self.data is None else self.data, self.name) as file:
            image = rgb(file, self.name)
            way_up = orientation(file)
        if way_up != self.orientation:
            raise DataError(
                f"Image {self.name}: its EXIF orientation is {way_up}, and its header did not say so. Save it upright."
            )
        if image.size != self.size:
            raise DataError(
                f"Image {self.name}: it was {_by(self.size)} px when it was listed, and is {_by(image.size)} px "
                "now. Start again with the files as they are, or save it upright if viewers turn it."
            )
        return image

    @property
    def digest(self) -> str:
        """SHA-256 of the file. Raises `DataError` if it cannot be read."""
        if self.data is not None:
            return hashlib.sha256(self.data).hexdigest()
        try:
            must_be_file(self.name)
            with Path(self.name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(
                f"Image {self.name}: it cannot be read ({error.strerror or error}). Put it back, or start again."
            ) from error


def open_picture(path: str | Path) -> Image.Image:
    """The image in RGB, upright (EXIF orientation honoured), transparent parts on white.

    Raises `DataError` if the file is missing, not an image, cut off, too large, or too long and thin.
    """
    with opened(path, str(path)) as file:
        must_be_still(file, str(path))
        must_be_usable(file.size, str(path))
        return rgb(file, str(path))


def _header(source: str | Path | bytes, name: str) -> tuple[Size, int]:
    """Width and height of the upright image, and its orientation, from its header alone."""
    with opened(source, name) as file:
        must_be_still(file, name)
        way_up = header_orientation(file)
        size = upright_size(file.size, way_up)
    must_be_usable(size, name)
    return size, way_up


def _by(size: Size) -> str:
    return f"{size[0]} x {size[1]}"

"""Open an image file, or say exactly why not."""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from gazeheads.errors import DataError

MOST_PIXELS = 100_000_000
LONGEST_SHAPE = 200  # the image processors of the Qwen families refuse longer images
ORIENTATION, LYING = 0x0112, (5, 6, 7, 8)  # the EXIF tag, and its values that turn an image by a quarter
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by orientation


@dataclass(frozen=True)
class ImageFile:
    """An image that is opened when it is needed: a file, or the bytes of one.

    `name`: its path, or what messages call it. `size`: upright width and height in pixels, as first seen.
    """

    name: str
    size: tuple[int, int]
    data: bytes | None = field(default=None, repr=False)

    @classmethod
    def at(cls, path: str | Path) -> "ImageFile":
        """The image file at `path`; only its header is read. Raises `DataError` as `open_picture` does."""
        return cls(str(path), _size(path, None))

    @classmethod
    def of(cls, name: str, data: bytes) -> "ImageFile":
        """The image file whose bytes these are. Raises `DataError` as `open_picture` does."""
        return cls(name, _size(name, data), data)

    def open(self) -> Image.Image:
        """The image in RGB, upright. Raises `DataError` if it is gone, broken, or of another size than at first."""
        image = _open(self.name, self.data)
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
    return _open(path, None)


def _open(path: str | Path, data: bytes | None) -> Image.Image:
    with _file(path, data) as file:
        image = turned(flattened(file), orientation(file))
    return checked(image, str(path))


def _size(path: str | Path, data: bytes | None) -> tuple[int, int]:
    """Width and height of the upright image, from its header alone."""
    with _file(path, data) as file:
        size: tuple[int, int] = file.size
        # To ask a PNG for its orientation is to decode it, unless the header has one.
        told = orientation(file) if file.format != "PNG" or "exif" in file.info else 1
    size = size[::-1] if told in LYING else size
    _check_shape(size, str(path))
    return size


@contextmanager
def _file(path: str | Path, data: bytes | None) -> Iterator[Image.Image]:
    """The opened file, whose pixels are not read yet; what goes wrong with it is a `DataError`."""
    try:
        if data is None:
            path = Path(path)
            if not path.exists():
                raise DataError(f"Image {path}: there is no such file. Check the path.")
            if path.is_dir():
                raise DataError(f"Image {path}: this is a folder. Give an image file.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            with Image.open(path if data is None else io.BytesIO(data)) as file:
                width, height = file.size
                if width * height > MOST_PIXELS:
                    raise DataError(
                        f"Image {path}: {width} x {height} px is more than {MOST_PIXELS / 1e6:g} million pixels. "
                        "Make it smaller first."
                    )
                yield file
    except UnidentifiedImageError as error:
        raise DataError(
            f"Image {path}: this is not an image in a format that Pillow reads. Give a PNG, JPEG, WebP, GIF or "
            "BMP file."
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(f"Image {path}: far too many pixels ({error}). Make it smaller first.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"Image {path}: it cannot be read to its end ({error}). Save it again.") from error


def orientation(file: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where none can be read. What other tags hold is nobody's business."""
    try:
        found = file.getexif().get(ORIENTATION)
    except Exception:  # odd tags do not make the pixels unreadable
        return 1
    return found if found in TURNS else 1


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The image as it is seen. Pillow's `exif_transpose` rewrites all tags, which fails on some."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def flattened(image: Image.Image) -> Image.Image:
    """The image in RGB, transparent parts on white, 16 bits of grey as 8 (which Pillow would cut off, not scale)."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        page = Image.new("RGBA", layer.size, "#ffffff")
        page.alpha_composite(layer)
        return page.convert("RGB")
    return image.convert("RGB")


def checked(image: Image.Image, name: str) -> Image.Image:
    """The image, or `DataError` if no region of it could be looked at."""
    _check_shape(image.size, name)
    return image


def _check_shape(size: tuple[int, int], name: str) -> None:
    if min(size) < 2:
        raise DataError(
            f"Image {name}: it is {_by(size)} px, too small to have regions. Give one of at least 2 x 2 px."
        )
    if max(size) > LONGEST_SHAPE * min(size):
        raise DataError(
            f"Image {name}: {_by(size)} px is more than {LONGEST_SHAPE} times as long as wide, which image "
            "processors refuse. Cut it into several images."
        )


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"

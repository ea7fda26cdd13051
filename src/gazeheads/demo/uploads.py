"""From the bytes of a stranger to an image.

What it is is decided by its content, never by a name; only decoders of plain image formats may look at it (Pillow
has others that start programs). Its size is read from the header before any pixel is, so a file that unpacks to more
than it may is refused unopened. Images that a camera turned are turned back.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from gazeheads.data.pictures import LYING, checked, flattened, orientation, turned
from gazeheads.demo.limits import Limits
from gazeheads.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


@dataclass(frozen=True, eq=False)
class Upload:
    """An image in RGB, upright. note: what was done to it, for the visitor; "" if nothing was."""

    picture: Image.Image
    note: str


def opened(data: bytes, limits: Limits) -> Upload:
    """The image whose file these bytes are. Raises `DataError` that says what is wrong with them."""
    if len(data) > limits.upload_bytes:
        raise DataError(
            f"The image file has {len(data) / 1e6:.1f} MB; {limits.upload_bytes / 1e6:g} MB are the most. "
            "Save it smaller."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of decoders about odd files: what can be read is taken
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as file:
                return _read(file, limits)
        except DataError:
            raise
        except Image.DecompressionBombError as error:  # Pillow's own limit, above ours
            raise DataError(
                f"The image has far more than {limits.upload_pixels / 1e6:g} million pixels, the most. "
                "Make it smaller first."
            ) from error
        except Exception as error:  # decoders meet what they never saw: whatever they raise, it is the file
            raise DataError(
                f"The file cannot be read as an image ({type(error).__name__}). Give a whole "
                f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]} file."
            ) from error


def _read(file: Image.Image, limits: Limits) -> Upload:
    width, height = file.size
    if width * height > limits.upload_pixels:
        raise DataError(
            f"The image is {width} x {height} px; {limits.upload_pixels / 1e6:g} million pixels are the most. "
            "Make it smaller first."
        )
    checked(file, "that was uploaded")  # of a wrong shape: known before a pixel is decoded
    way_up = orientation(file)
    if way_up in LYING:
        width, height = height, width
    if file.format == "JPEG":
        file.draft(
            "RGB", (limits.side, limits.side)
        )  # decodes at a half, a quarter ... if that is still enough
    picture = turned(flattened(file), way_up)
    if max(picture.size) > limits.side:
        share = limits.side / max(picture.size)
        size = (max(2, round(picture.width * share)), max(2, round(picture.height * share)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    note = (
        ""
        if max(width, height) <= limits.side
        else f"made smaller: {width} x {height} px came, {picture.width} x {picture.height} px are used"
    )
    return Upload(picture, note)

"""From the bytes of a stranger to an image: as `images` reads any, within what a visitor may bring."""

from dataclasses import dataclass

from PIL import Image, ImageFile

from gazeheads import images
from gazeheads.demo.limits import Limits
from gazeheads.errors import DataError

NAME = "that was uploaded"


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
    with images.opened(data, NAME, limits.upload_pixels) as file:
        return _read(file, limits)


def _read(file: ImageFile.ImageFile, limits: Limits) -> Upload:
    width, height = images.upright_size(file.size, images.header_orientation(file))
    images.must_be_usable((width, height), NAME)  # known before a pixel is decoded
    if file.format == "JPEG":
        file.draft(
            "RGB", (limits.side, limits.side)
        )  # decodes at a half, a quarter ... if that is still enough
    frames = images.frame_count(file)
    picture = images.rgb(file, NAME)
    if (width > height) != (picture.width > picture.height):  # a PNG that tells its orientation at its end
        width, height = height, width
    if max(picture.size) > limits.side:
        share = limits.side / max(picture.size)
        size = (max(2, round(picture.width * share)), max(2, round(picture.height * share)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    notes = [f"the first of {frames} frames is used"] if frames > 1 else []
    if max(width, height) > limits.side:
        notes.append(
            f"made smaller: {width} x {height} px came, {picture.width} x {picture.height} px are used"
        )
    return Upload(picture, "; ".join(notes))

"""The border that every image crosses: files, uploads, rows of data sets, frames of clips, and images from Python.

Behind it an image is upright, in RGB, and whole. What `rgb` makes of each mode of Pillow:

    RGB                         as it is
    1, L, P, RGBX, CMYK, YCbCr, HSV     Pillow's conversion
    LA, La, PA, RGBA, RGBa, and P, L, RGB with a transparent colour     on white
    I;16 and its kin            16 bits of grey as 8, scaled
    I, F, LAB, anything else    refused: nothing says which value is black and which is white

`opened` decides by content, never by name, what a file is, and only the decoders of `FORMATS` may look at it: Pillow
has others that start programs. A size is read from the header before any pixel is.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from gazeheads.errors import DataError, GazeHeadsError
from gazeheads.files import must_be_file

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
KNOWN = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
MOVING = ("GIF", "WEBP", "PNG")  # what may hold a clip; a JPEG of several images holds small copies of one
MOST_PIXELS = 100_000_000  # of one image, or of all frames of a clip that are kept
MOST_DECODED = 10 * MOST_PIXELS  # of all frames of a clip: to see the last, all must be decoded
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
PLAIN = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV")
SWITCH = Lock()
Size = tuple[int, int]


def rgb(image: Image.Image, name: str, boxes: bool = False) -> Image.Image:
    """The image upright, in RGB, transparent parts on white, without tags; one that is so already is returned itself.

    name: what messages call it. boxes: whether boxes come along, which are of the image as it is, turned or not.
    Raises `DataError` for a file that is cut off, a mode that says no colours, an image of no usable size, and where
    an EXIF orientation leaves open which way up is meant.
    """
    if min(image.size) < 1 or image.width * image.height > MOST_PIXELS:
        must_be_usable(image.size, name)
    loaded(image, name)
    way_up = _way_up(image, name, boxes)
    in_memory = not isinstance(image, ImageFile.ImageFile)
    if in_memory and image.mode == "RGB" and way_up == 1 and not image.has_transparency_data:
        return image
    upright = turned(_flattened(image, name), way_up)
    upright.info.clear()  # or the next reader would turn it once more
    return upright


def loaded(image: Image.Image, name: str) -> Image.Image:
    """The image, whose pixels are read now if they were not before. Raises `DataError` where they cannot be."""
    if isinstance(image, ImageFile.ImageFile) and image.format == "EPS" and image.tile:
        raise DataError(f"Image {name}: this is PostScript, a program. Save it as {KNOWN}.")
    with reading(name), _to_the_end():
        image.load()
    return image


@contextmanager
def _to_the_end() -> Iterator[None]:
    """Some libraries set a switch of Pillow by which the rest of a cut file is grey, without a word."""
    if not ImageFile.LOAD_TRUNCATED_IMAGES:
        yield
        return
    with SWITCH:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = True


@contextmanager
def opened(source: str | Path | bytes, name: str, most: int | None = None) -> Iterator[ImageFile.ImageFile]:
    """The image file at a path, or with these bytes; its pixels are not read yet. most: pixels that it may have.

    What goes wrong with it, also while it is used, is a `DataError`.
    """
    most = MOST_PIXELS if most is None else most
    with reading(name, most), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of decoders about odd files; our own limit follows
        if not isinstance(source, bytes):
            try:
                must_be_file(source)
            except FileNotFoundError as error:
                raise DataError(f"Image {name}: there is no such file. Check the path.") from error
            except IsADirectoryError as error:
                raise DataError(f"Image {name}: this is a folder. Give an image file.") from error
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as file:
            width, height = file.size
            if width * height > most:
                raise DataError(
                    f"Image {name}: {width} x {height} px is more than {most / 1e6:g} million pixels. Make it smaller "
                    "first."
                )
            _must_have_its_end(file)
            yield file


@contextmanager
def reading(name: str, most: int = MOST_PIXELS) -> Iterator[None]:
    """Whatever decoders raise in between, as a `DataError`: they meet what they never saw, and raise anything."""
    try:
        yield
    except GazeHeadsError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(
            f"Image {name}: this is not an image in a format that is read. Give a {KNOWN} file."
        ) from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, above ours
        raise DataError(
            f"Image {name}: it has far more than {most / 1e6:g} million pixels, the most. Make it smaller first."
        ) from error
    except Exception as error:
        why = str(getattr(error, "strerror", None) or error) or type(error).__name__
        raise DataError(
            f"Image {name}: it cannot be read to its end ({why.rstrip('.')}). Save it again."
        ) from error


def _must_have_its_end(file: ImageFile.ImageFile) -> None:
    """A GIF that was cut between two frames looks like a shorter clip."""
    if file.format == "GIF" and file.fp is not None:
        here = file.fp.tell()
        size = file.fp.seek(0, io.SEEK_END)
        file.fp.seek(max(0, size - 1024))
        end = file.fp.read().rstrip(b"\0")
        file.fp.seek(here)
        if not end.endswith(b";"):
            raise OSError("its end is missing, or something else follows it")


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where none can be read. What other tags hold is nobody's business."""
    try:
        tag = image.getexif().get(ORIENTATION)
    except Exception:  # odd tags do not make the pixels unreadable
        return 1
    return tag if tag in TURNS else 1


def header_orientation(file: ImageFile.ImageFile) -> int:
    """The same from the header alone: to ask a PNG for its orientation is to decode it, unless the header has one."""
    return orientation(file) if file.format != "PNG" or "exif" in file.info else 1


def turned(image: Image.Image, way_up: int) -> Image.Image:
    """The image as it is seen. Pillow's `exif_transpose` rewrites all tags, which fails on some."""
    return image.transpose(TURNS[way_up]) if way_up in TURNS else image


def upright_size(size: Size, way_up: int) -> Size:
    """Width and height of an image as it is seen."""
    return (size[1], size[0]) if way_up in LYING else size


def frames(source: str | Path | bytes, name: str, n: int | None = None) -> list[Image.Image]:
    """The frames of a clip as `rgb` makes them; `n`: so many, evenly spaced, the first and the last among them.

    Raises `DataError` for more than there are, fewer than one, more pixels than `MOST_PIXELS` in those that are
    kept, and more than `MOST_DECODED` in all.
    """
    with opened(source, name) as file:
        total, first = frame_count(file), int(bool(file.info.get("default_image")))  # which is of no clip
        if n is not None and not 1 <= n <= total:
            raise DataError(f"Clip {name}: {n} frames were asked for; it has {total}. Ask for 1 to {total}.")
        pixels = file.width * file.height
        _must_be_bounded(name, file.size, total, n or total)
        wanted = range(total) if n is None else {round(float(at)) for at in np.linspace(0, total - 1, n)}
        way_up, kept = orientation(file), []
        for number in sorted(wanted):
            file.seek(number + first)
            loaded(file, name)
            if file.width * file.height > pixels:
                raise DataError(f"Clip {name}: frame {number + 1} is larger than the first. Save it again.")
            frame = turned(_flattened(file, name), way_up)
            frame = frame.copy() if frame is file else frame
            frame.info.clear()
            must_be_usable(frame.size, name)
            kept.append(frame)
        return kept


def must_be_still(file: ImageFile.ImageFile, name: str) -> None:
    """Raise `DataError` for a clip where one image is meant."""
    if (count := frame_count(file)) > 1:
        raise DataError(
            f"Image {name}: it is a clip of {count} frames. Save the frame that is meant as a PNG file."
        )


def _must_be_bounded(name: str, size: Size, total: int, kept: int) -> None:
    pixels = size[0] * size[1]
    of = f"Clip {name}: {total} frames of {size[0]} x {size[1]} px"
    if total * pixels > MOST_DECODED:
        raise DataError(
            f"{of} are {total * pixels / 1e6:.0f} million pixels, and {MOST_DECODED / 1e6:g} million are the most that "
            "are decoded. Make the clip smaller, or shorter."
        )
    if kept * pixels > MOST_PIXELS:
        raise DataError(
            f"{of}; {kept} of them are {kept * pixels / 1e6:.0f} million pixels, and {MOST_PIXELS / 1e6:g} million are "
            f"the most that are kept. Ask for at most {MOST_PIXELS // pixels} frames, or make the clip smaller."
        )


def frame_count(file: ImageFile.ImageFile) -> int:
    """How many frames a file holds as a clip: 1 for what does not move."""
    if file.format not in MOVING:
        return 1
    return int(getattr(file, "n_frames", 1)) - int(bool(file.info.get("default_image")))


def must_be_usable(size: Size, name: str) -> None:
    """Raise `DataError` for a size of which no region could be looked at, or that no memory is for."""
    width, height = size
    by = f"{width} x {height} px"
    if min(size) < 2:
        raise DataError(
            f"Image {name}: it is {by}, too small to have regions. Give one of at least 2 x 2 px."
        )
    if max(size) > LONGEST_SHAPE * min(size):
        raise DataError(
            f"Image {name}: {by} is more than {LONGEST_SHAPE} times as long as wide, which image processors refuse. "
            "Cut it into several images."
        )
    if width * height > MOST_PIXELS:
        raise DataError(
            f"Image {name}: {by} is more than {MOST_PIXELS / 1e6:g} million pixels. Make it smaller first."
        )


def _way_up(image: Image.Image, name: str, boxes: bool) -> int:
    """The orientation to obey. Raises `DataError` where it is open what a box, or an image made of it, was made of."""
    way_up = orientation(image)
    if way_up == 1:
        return way_up
    tag = f"Image {name}: its EXIF orientation is {way_up}, so viewers turn it"
    cure = "Turn it first: image = PIL.ImageOps.exif_transpose(PIL.Image.open(path))"
    if boxes:
        raise DataError(
            f"{tag}, and nothing says whether the boxes that come along are of the turned image. {cure}, and give "
            "boxes in pixels of that one."
        )
    if not isinstance(image, ImageFile.ImageFile):
        raise DataError(
            f"{tag}, and it was changed since it was opened, so nothing says whether it was turned already. {cure}."
        )
    return way_up


def _flattened(image: Image.Image, name: str) -> Image.Image:
    """The image in RGB, as the table above says. Raises `DataError` for a mode that is refused."""
    if image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode == "La":  # which Pillow turns into nothing but LA
        image = image.convert("LA")
    if image.mode not in (*PLAIN, "LA", "PA", "RGBA", "RGBa"):
        raise DataError(
            f"Image {name}: it is of mode {image.mode!r}, which does not say which value is black and which white. "
            "Scale its values to 0 ... 255 and make it of mode L or RGB: "
            'PIL.Image.fromarray(array.astype("uint8")).'
        )
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        page = Image.new("RGBA", layer.size, "#ffffff")
        page.alpha_composite(layer)
        return page.convert("RGB")
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Scaled: Pillow would cut values off at 255. A value that is transparent becomes white."""
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey = np.where(values == clear, np.uint8(255), grey)
    return Image.fromarray(grey).convert("RGB")

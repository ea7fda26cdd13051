"""Open a picture file, or say exactly why not."""

import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from gazeheads.errors import BadInput

MOST_PIXELS = 100_000_000
LONGEST_SHAPE = 200  # the image processors of the Qwen families refuse longer pictures


def open_picture(path: str | Path) -> Image.Image:
    """The picture in RGB, upright (EXIF orientation honoured), transparent parts on white.

    Raises `BadInput` if the file is missing, not a picture, cut off, too large, or too long and thin.
    """
    path = Path(path)
    if not path.exists():
        raise BadInput(f"Picture {path}: there is no such file. Check the path.")
    if path.is_dir():
        raise BadInput(f"Picture {path}: this is a folder. Give a picture file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            with Image.open(path) as file:
                width, height = file.size
                if width * height > MOST_PIXELS:
                    raise BadInput(
                        f"Picture {path}: {width} x {height} px is more than {MOST_PIXELS / 1e6:g} million pixels. "
                        "Make it smaller first."
                    )
                picture = ImageOps.exif_transpose(file)
                picture.load()
    except UnidentifiedImageError as error:
        raise BadInput(
            f"Picture {path}: this is not a picture in a format that Pillow reads. Give a PNG, JPEG, WebP or BMP file."
        ) from error
    except Image.DecompressionBombError as error:
        raise BadInput(f"Picture {path}: far too many pixels ({error}). Make it smaller first.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"Picture {path}: it cannot be read to its end ({error}). Save it anew.") from error
    return checked(flattened(picture), str(path))


def flattened(picture: Image.Image) -> Image.Image:
    """The picture in RGB, transparent parts on white."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        page = Image.new("RGBA", layer.size, "#ffffff")
        page.alpha_composite(layer)
        return page.convert("RGB")
    return picture.convert("RGB")


def checked(picture: Image.Image, name: str) -> Image.Image:
    """The picture, or `BadInput` if no region of it could be looked at."""
    width, height = picture.size
    if min(width, height) < 2:
        raise BadInput(
            f"Picture {name}: it is {width} x {height} px, too small to have regions. Give one of at least 2 x 2 px."
        )
    if max(width, height) > LONGEST_SHAPE * min(width, height):
        raise BadInput(
            f"Picture {name}: {width} x {height} px is more than {LONGEST_SHAPE} times as long as wide, which image "
            "processors refuse. Cut it into several pictures."
        )
    return picture

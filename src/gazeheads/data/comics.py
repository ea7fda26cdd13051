"""Comics in files: a folder of panels `p1.png ... pN.png` becomes a strip, or a grid.

A collection is a folder of such folders, read in natural order: comic2 before comic10. Panels may be png, jpg, webp or
bmp files, as many as there are; `captions` says how people's words about them are stored, `layout` how panels are put
together. Only headers are read until a picture is looked at.
"""

import re
from collections import defaultdict
from pathlib import Path

from gazeheads.data.captions import captions_of
from gazeheads.data.layout import Layout
from gazeheads.data.pictures import StoredPicture
from gazeheads.data.stored import strip
from gazeheads.errors import DataError
from gazeheads.sample import Sample

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """A key that sorts file names as people count: p2 before p10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part], path.name


def numbered(folder: Path) -> dict[int, list[Path]]:
    """The panel files of a folder by their number; a number that is there twice has two."""
    found = defaultdict(list)
    for path in sorted(folder.iterdir(), key=natural):
        match = re.fullmatch(r"p(\d+)", path.stem)
        if match and path.suffix.lower() in SUFFIXES:
            found[int(match[1])].append(path)
    return dict(sorted(found.items()))


def panel_files(folder: Path) -> list[Path]:
    """`p1 ... pN` of a folder, in order. Raises `DataError` if there are none, or one is missing or double."""
    found = numbered(folder)
    for number, paths in found.items():
        if len(paths) > 1:
            raise DataError(
                f"Panel folder {folder}: panel {number} is there twice, {paths[0].name} and {paths[1].name}. Keep one."
            )
    if not found:
        raise DataError(
            f"Panel folder {folder}: it holds no panel. Name the panels p1.png, p2.png, ... (also jpg, webp, bmp)."
        )
    missing = gaps(found)
    if missing or 0 in found:
        wrong = f"p{missing[0]} is missing" if missing else "there is a p0"
        raise DataError(
            f"Panel folder {folder}: {len(found)} panels up to p{max(found)}, but {wrong}. "
            "Number them from 1 without gaps."
        )
    return [paths[0] for paths in found.values()]


def gaps(found: dict[int, list[Path]]) -> list[int]:
    """The numbers that are missing, from 1 to the largest."""
    return sorted(set(range(1, max(found, default=0) + 1)) - set(found))


def strip_of(folder: str | Path, layout: str = "row") -> Sample:
    """The comic in a folder as one sample, with its captions. Raises `DataError` with the file that is wrong."""
    folder = _folder(folder)
    panels = [StoredPicture.at(path) for path in panel_files(folder)]
    name = f"comics/{folder.resolve().name}"
    rows = Layout(layout).rows(len(panels), name)
    source = {"data": "comics", "folder": str(folder), "layout": layout}
    return strip(name, panels, captions_of(folder, len(panels)), source, rows)


def comics(folder: str | Path, layout: str = "row", *, n: int | None = None, start: int = 0) -> list[Sample]:
    """One sample for each folder of panels in `folder`, or for `folder` itself where it holds panels.

    layout: "row", "grid" (the most nearly square) or rows and columns such as "2x3". n, start: only `n` of them, from
    the `start`-th on, zero-based. Raises `DataError` for what cannot be used, naming the file.
    """
    folders = strip_folders(_folder(folder))
    if start < 0 or (n is not None and n < 1) or start + (1 if n is None else n) > len(folders):
        asked = "all" if n is None else n
        raise DataError(
            f"Comics {folder}: {asked} from number {start} on were asked for, and it holds {len(folders)}. "
            "Ask for fewer."
        )
    return [strip_of(path, layout) for path in folders[start : None if n is None else start + n]]


def strip_folders(folder: Path) -> list[Path]:
    """The folders of panels in a collection, in natural order; a folder that holds panels is its own."""
    below = sorted((path for path in folder.iterdir() if is_strip_folder(path)), key=natural)
    if below and numbered(folder):
        raise DataError(
            f"Comics {folder}: it holds panels and the folder {below[0].name}. Keep each strip in a folder of its own."
        )
    return below or [folder]


def is_strip_folder(path: Path) -> bool:
    """Whether this is a folder that people made; a name with a dot in front is the system's."""
    return path.is_dir() and not path.name.startswith((".", "__MACOSX"))


def _folder(folder: str | Path) -> Path:
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"Panel folder {folder}: there is no such folder. Check the path.")
    return folder

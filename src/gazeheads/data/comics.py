"""Comics in files: a folder of panels `p1.png ... pN.png` becomes a strip, or a grid.

A collection is a folder of such folders, read in natural order: comic2 before comic10. Panels may be png, jpg, webp,
bmp or gif files, as many as there are; `captions` says how people's words about them are stored, `layout` how panels
are put together. Only headers are read until an image is looked at.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from gazeheads.checks import few
from gazeheads.data.captions import NAMES, Captions, captions_of, captions_place
from gazeheads.data.layout import Layout
from gazeheads.data.source import RAISE, DataSource, Reports, Spec
from gazeheads.data.stored import strip
from gazeheads.errors import DataError
from gazeheads.files import is_folder
from gazeheads.images import SUFFIXES
from gazeheads.sample import Sample

NUMBER = re.compile("[0-9]+")  # as Python's int reads them, and nothing that only looks like digits
PANEL = re.compile("p([0-9]+)", re.IGNORECASE)


def natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """A key that sorts file names as people count: p2 before p10."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [(0, int(part), "") if NUMBER.match(part) else (1, 0, part) for part in parts if part], path.name


def entries(folder: Path) -> list[Path]:
    """What lies in a folder. Raises `DataError` where it cannot be listed."""
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"Folder {folder}: it cannot be listed ({error.strerror or error}). Mend that."
        ) from error


def numbered(folder: Path) -> dict[int, list[Path]]:
    """The panel files of a folder by their number; a number that is there twice has two."""
    panels = defaultdict(list)
    for path in sorted(entries(folder), key=natural):
        match = PANEL.fullmatch(path.stem)
        if match and path.suffix.lower() in SUFFIXES:
            panels[int(match[1])].append(path)
    return dict(sorted(panels.items()))


def strip_of(folder: str | Path, layout: str = "row") -> Sample:
    """The comic in a folder as one sample, with its captions. Raises `DataError` with the file that is wrong."""
    sample = _strip(_folder(folder), layout, RAISE)
    assert sample is not None, "what is wrong was raised"
    return sample


def comics(
    folder: str | Path, layout: str = "row", *, n: int | None = None, start: int = 0, reports: Reports = RAISE
) -> list[Sample]:
    """One sample for each folder of panels in `folder`, or for `folder` itself where it holds panels.

    layout: "row", "grid" (the most nearly square) or rows and columns such as "2x3". n, start: only `n` of them, from
    the `start`-th on, zero-based. Raises `DataError` for what cannot be used, naming the file, unless `reports` keeps
    it.
    """
    root = _folder(folder)
    folders = strip_folders(root)
    if start < 0 or (n is not None and n < 1) or start + (1 if n is None else n) > len(folders):
        asked = "all" if n is None else n
        raise DataError(
            f"Comics {folder}: {asked} from number {start} on were asked for, and it holds {len(folders)}. "
            "Ask for fewer."
        )
    if reports.thorough and folders != [root]:
        for path in _others(root, folders):
            reports.note(path, "part of no strip, so it is not read")
    chosen = folders[start : None if n is None else start + n]
    return [sample for path in chosen if (sample := _strip(path, layout, reports))]


def _strip(folder: Path, layout: str, reports: Reports) -> Sample | None:
    """The comic in a folder; None where something is wrong with it."""
    name, before = f"comics/{folder.resolve().name}", reports.faults
    panels = numbered(folder)
    _check_numbers(folder, panels, reports)
    _check_formats(folder, panels, reports)
    if reports.thorough:
        _note_others(folder, panels, reports)
    files = reports.images((paths[0], None) for paths in panels.values())
    captions: Captions = ()
    with reports.at(captions_place(folder)):
        captions = captions_of(folder, max(panels, default=0))
    if files is None or reports.faults > before:
        return None
    rows = 0
    with reports.at(folder):
        rows = Layout(layout).rows(len(files), name)
    source = {"data": "comics", "folder": str(folder), "layout": layout}
    return strip(name, files, captions, source, rows) if rows else None


def _check_numbers(folder: Path, panels: dict[int, list[Path]], reports: Reports) -> None:
    """Whether the panels are numbered from 1 without gaps, each once."""
    for number, (first, *others) in panels.items():
        for path in others:
            reports.fault(
                path,
                DataError(
                    f"Panel {path}: panel {number} is there twice, {first.name} and {path.name}. Keep one."
                ),
            )
    if not panels:
        reports.fault(
            folder,
            DataError(
                f"Panel folder {folder}: it holds no panel. Name the panels p1.png, p2.png, ... "
                "(also jpg, webp, bmp, gif)."
            ),
        )
        return
    last = max(panels)
    missing = few(f"p{k}" for k in range(1, last) if k not in panels)
    if missing:
        reports.fault(
            folder,
            DataError(
                f"Panel folder {folder}: {len(panels)} panels up to p{last}, but {missing} "
                f"{'are' if ' ' in missing else 'is'} missing. Number them from 1 without gaps."
            ),
        )
    for path in panels.get(0, []):
        reports.fault(path, DataError(f"Panel {path}: panels count from 1, and this is p0. Renumber them."))


def _check_formats(folder: Path, panels: dict[int, list[Path]], reports: Reports) -> None:
    """Images that are named like panels and are none would be missing from the strip without a word."""
    used = {path for paths in panels.values() for path in paths}
    for path in sorted(set(entries(folder)) - used, key=natural):
        if _is_called_like_one(path):
            why = (
                "this format is not read"
                if PANEL.fullmatch(path.stem)
                else "its number is not written in 0 to 9"
            )
            reports.fault(
                path,
                DataError(f"Panel {path}: named like a panel, but {why}. Save it as p1.png, p2.png, ..."),
            )


def _is_called_like_one(path: Path) -> bool:
    """Whether an image is called p and a number, in whatever digits and format."""
    called = path.stem[:1] in ("p", "P") and path.stem[1:].isnumeric()
    return called and path.suffix.lower() in Image.registered_extensions()


def _note_others(folder: Path, panels: dict[int, list[Path]], reports: Reports) -> None:
    """Files of a strip's folder that are not read."""
    used = [path for paths in panels.values() for path in paths] + [folder / name for name in NAMES]
    for path in _others(folder, used):
        if not _is_called_like_one(path):  # that was said already
            reports.note(path, "not a panel, so it is not read")


def _others(folder: Path, used: Iterable[Path]) -> list[Path]:
    """What else a folder holds, hidden files left out, in natural order."""
    return sorted(
        {path for path in entries(folder) if not path.name.startswith(".")} - set(used), key=natural
    )


def strip_folders(folder: Path) -> list[Path]:
    """The folders of panels in a collection, in natural order; a folder that holds panels is its own."""
    below = sorted((path for path in entries(folder) if is_strip_folder(path)), key=natural)
    if below and numbered(folder):
        raise DataError(
            f"Comics {folder}: it holds panels and the folder {below[0].name}. Keep each strip in a folder of its own."
        )
    return below or [folder]


def is_strip_folder(path: Path) -> bool:
    """Whether this is a folder that people made; a name with a dot in front is the system's."""
    return is_folder(path) and not path.name.startswith((".", "__MACOSX"))


def _folder(folder: str | Path) -> Path:
    folder = Path(folder)
    if not is_folder(folder):
        raise DataError(f"Panel folder {folder}: there is no such folder. Check the path.")
    return folder


def _read(spec: Spec, seed: int, reports: Reports) -> list[Sample]:
    n = spec.option("n", 1) if "n" in spec.options else None
    return comics(spec.body, spec.layout, n=n, start=spec.start, reports=reports)


SOURCE = DataSource(
    "comics:FOLDER[:layout=row|grid][:grid=RxC][:n=N][:start=I]",
    "a folder of panels p1.png, p2.png, ..., or a folder of such folders",
    _read,
)

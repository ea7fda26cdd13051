"""Raw COMICS (Iyyer et al. 2017): `<comic>/<page>_<panel>.jpg`, from which strips are drawn by a seed.

A strip is six consecutive panels of one page, as in Gandikota and Bau 2026 (arXiv 2606.14703): of comics over ten
pages, the first five and the last five are left out (covers, advertisements). Where we go beyond the paper: a page
with fewer than six consecutive panels is no candidate, no page is used twice, and no comic a second time before each
had its turn. So strip i depends on the folder, the seed and i alone, not on how many are asked for.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gazeheads.data.comics import entries, is_strip_folder, natural
from gazeheads.data.layout import Layout
from gazeheads.data.source import RAISE, DataSource, Reports, Spec
from gazeheads.data.stored import strip
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.errors import DataError, UsageError
from gazeheads.files import is_folder
from gazeheads.images import SUFFIXES
from gazeheads.sample import Sample

EDGE = 5  # pages left out at either end of a comic of more than twice as many
NAME = re.compile("([0-9]+)_([0-9]+)")


@dataclass(frozen=True)
class RawComic:
    """One comic: of each page its panels by number, and which pages may be drawn from."""

    folder: Path
    pages: dict[int, dict[int, Path]]
    strays: tuple[Path, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "RawComic":
        """The comic in a folder. Raises `DataError` for a panel that is there twice."""
        pages: dict[int, dict[int, Path]] = defaultdict(dict)
        strays = []
        for path in sorted(entries(folder), key=natural):
            match = NAME.fullmatch(path.stem)
            if not match or path.suffix.lower() not in SUFFIXES:
                strays += [] if path.name.startswith(".") else [path]
                continue
            page, panel = int(match[1]), int(match[2])
            if panel in pages[page]:
                raise DataError(
                    f"Comic {folder}: panel {panel} of page {page} is there twice, {pages[page][panel].name} and "
                    f"{path.name}. Keep one."
                )
            pages[page][panel] = path
        return cls(folder, dict(sorted(pages.items())), tuple(strays))

    @property
    def interior(self) -> list[int]:
        """The pages that may be drawn from."""
        pages = list(self.pages)
        return pages[EDGE:-EDGE] if len(pages) > 2 * EDGE else pages

    def starts(self, page: int, panels: int) -> list[int]:
        """The panels of a page from which so many consecutive ones follow."""
        here = self.pages[page]
        return [first for first in sorted(here) if all(first + k in here for k in range(panels))]

    def candidates(self, panels: int) -> list[int]:
        """The interior pages that have so many consecutive panels."""
        return [page for page in self.interior if self.starts(page, panels)]


def comic_folders(folder: str | Path) -> list[Path]:
    """The comics of a collection, in natural order. Raises `DataError` if there are none."""
    folder = Path(folder)
    if not is_folder(folder):
        raise DataError(f"Raw comics {folder}: there is no such folder. Check the path.")
    folders = sorted((path for path in entries(folder) if is_strip_folder(path)), key=natural)
    if not folders:
        raise DataError(
            f"Raw comics {folder}: it holds no comic. Files should lie in it as <comic>/<page>_<panel>.jpg."
        )
    return folders


@dataclass(frozen=True)
class Window:
    """The panels that become one strip. `index`: its number among those of the seed."""

    index: int
    comic: str
    page: int
    first: int
    files: tuple[Path, ...]


def raw_comics(
    folder: str | Path,
    n: int,
    seed: int = 0,
    *,
    panels: int = 6,
    layout: str = "row",
    start: int = 0,
    reports: Reports = RAISE,
) -> list[Sample]:
    """`n` samples of consecutive panels, drawn by the seed from a folder of raw comics; `start` continues a list.

    Raises `DataError` where there are fewer candidate pages, with the count of what is there and why it is no
    candidate, and for a file that cannot be used, unless `reports` keeps it.
    """
    rows = Layout(layout).rows(panels, f"of {folder}")
    if reports.thorough and not _survey(folder, panels, reports):
        return []
    samples = []
    for window in windows(folder, n, seed, panels, start):
        source = {
            "data": "comics-raw",
            "folder": str(folder),
            "comic": window.comic,
            "page": window.page,
            "first": window.first,
            "panels": panels,
            "layout": layout,
            "seed": seed,
            "index": window.index,
        }
        name = f"comics-raw/{window.comic}/{window.page}/{window.first}-{window.first + panels - 1}"
        files = reports.images((path, None) for path in window.files)
        if files is not None:
            samples.append(strip(name, files, (), source, rows))
    return samples


def _survey(folder: str | Path, panels: int, reports: Reports) -> bool:
    """Look at the names of all comics, also of those that are not drawn; whether none is wrong."""
    count, before = Count(panels), reports.faults
    for path in comic_folders(folder):
        with reports.at(path):
            comic = RawComic.read(path)
            count.add(comic)
            for stray in comic.strays:
                reports.note(stray, "not named <page>_<panel>.jpg, so it is not read")
    reports.note(folder, str(count))
    return reports.faults == before


def windows(folder: str | Path, n: int, seed: int, panels: int, start: int) -> list[Window]:
    """The choice that `raw_comics` makes, before any image is opened."""
    if n < 1 or start < 0 or panels < 1:
        raise UsageError(
            f"Raw comics {folder}: {n} strips of {panels} panels from number {start} on were asked for. Ask for at "
            "least one of at least one panel, from 0 on."
        )
    folders = comic_folders(folder)
    chosen = []
    for index, (comic, page) in enumerate(islice(_pages(folders, seed, panels), start, start + n), start):
        first = pick(random.Random(f"comics-raw/window/{seed}/{index}"), comic.starts(page, panels))
        files = tuple(comic.pages[page][first + k] for k in range(panels))
        chosen.append(Window(index, comic.folder.name, page, first, files))
    if len(chosen) < n:
        count = Count(panels)
        for path in folders:
            count.add(RawComic.read(path))
        raise DataError(
            f"Raw comics {folder}: {n} strips of {panels} panels from number {start} on were asked for; {count}. "
            "Ask for fewer."
        )
    return chosen


def _pages(folders: list[Path], seed: int, panels: int) -> Iterator[tuple[RawComic, int]]:
    """All candidate pages, in the order in which strips take them. A comic is read when its turn comes."""
    waiting: list[tuple[Path, list[int]]] = []
    for folder in shuffled(random.Random(f"comics-raw/comics/{seed}"), folders):
        comic = RawComic.read(folder)
        rng = random.Random(f"comics-raw/pages/{seed}/{folder.name}")
        pages = shuffled(rng, comic.candidates(panels))
        if pages:
            yield comic, pages[0]
        waiting.append((folder, pages[1:]))
    while waiting := [(folder, pages) for folder, pages in waiting if pages]:
        yield from ((RawComic.read(folder), pages[0]) for folder, pages in waiting)
        waiting = [(folder, pages[1:]) for folder, pages in waiting]


@dataclass
class Count:
    """What a folder of raw comics holds, added up comic by comic for strips of so many `panels`."""

    panels: int
    comics: int = 0
    pages: int = 0
    interior: int = 0
    candidates: int = 0
    bare: int = 0

    def add(self, comic: RawComic) -> None:
        """One comic more."""
        found = len(comic.candidates(self.panels))
        self.comics += 1
        self.pages += len(comic.pages)
        self.interior += len(comic.interior)
        self.candidates += found
        self.bare += not found

    def __str__(self) -> str:
        return (
            f"there are {self.candidates} candidate pages in {self.comics} comics ({self.pages - self.interior} pages "
            f"at the ends of comics are none, nor are {self.interior - self.candidates} interior pages with fewer than "
            f"{self.panels} consecutive panels; {self.bare} comics have no candidate at all)"
        )


def _read(spec: Spec, seed: int, reports: Reports) -> list[Sample]:
    folder, _, number = spec.body.rpartition(":")
    if not folder:
        raise spec.wrong("the number of strips is missing")
    n, panels = spec.number(number, 1), spec.option("panels", 6)
    return raw_comics(folder, n, seed, panels=panels, layout=spec.layout, start=spec.start, reports=reports)


SOURCE = DataSource(
    "comics-raw:FOLDER:N[:panels=P][:layout=row|grid][:grid=RxC][:start=I]",
    "N strips drawn by the seed from folders of <page>_<panel>.jpg",
    _read,
)

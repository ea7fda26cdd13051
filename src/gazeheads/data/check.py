"""What is wrong with a data set, file by file: every file is opened whole, and the first fault does not end it.

A *problem* is what a run would stop at; a *note* is what may surprise: files that belong to no strip (hidden ones do
not count), strips of different length. Of raw comics all names are looked at, but only the panels that the source draws
are opened.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gazeheads.data.captions import NAMES, captions_of
from gazeheads.data.comics import gaps, is_strip_folder, natural, numbered, strip_folders
from gazeheads.data.pictures import open_picture
from gazeheads.data.rawcomics import Comic, Count, comic_folders, windows
from gazeheads.data.sources import Source, fingerprint, named, raw_asked, read_coco, read_hub
from gazeheads.data.stored import StoredSample
from gazeheads.errors import DataError, FaultyData
from gazeheads.sample import Sample

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Finding:
    """Something about one place: a file, a folder, a row."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass
class Report:
    """What was found. `samples`: how many can be used as they are. `content`: their hash, where nothing is wrong."""

    source: str
    samples: int = 0
    problems: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    content: str = ""

    def problem(self, place: Path | str, what: str | DataError) -> None:
        """Something that a run would stop at."""
        self.problems.append(Finding(str(place), _bare(what, place)))

    def note(self, place: Path | str, what: str) -> None:
        """Something that may surprise."""
        self.notes.append(Finding(str(place), what))

    def as_json(self) -> dict[str, Any]:
        """The fields, and whether the data fits a run."""
        return {**asdict(self), "fits": not self.problems}


def check(source: str, seed: int = 0, progress: Progress | None = None) -> Report:
    """Look at everything that `source` names (see `sources`). progress: called with the number of pictures opened.

    Raises `DataError` where there is nothing to look at: no such source, no such folder, no network.
    """
    report, tell = Report(source), progress or (lambda n: None)
    samples: list[Sample] = []
    for part in named(source):
        before = len(report.problems)
        LOOKS.get(part.kind, _look)(part, seed, report, samples, tell)
        if part.kind in ("comics", "comics-raw") and len(report.problems) == before:
            samples += _read(part, seed, report)
    for name, count in Counter(sample.id for sample in samples).items():
        if count > 1:
            report.problem(
                name, f"{count} samples have this id. Name each source once, and folders differently."
            )
    report.samples += len(samples)
    report.content = "" if report.problems else fingerprint(samples)
    return report


def _look(part: Source, seed: int, report: Report, samples: list[Sample], tell: Progress) -> None:
    """Any source: read it, and open each picture, its files one by one."""
    found = read_hub(part, report.problem) if part.kind == "hub" else _read(part, seed, report)
    _open(found, report, samples, tell)


def _coco(part: Source, seed: int, report: Report, samples: list[Sample], tell: Progress) -> None:
    """COCO: what was left out is a note."""
    try:
        found, left = read_coco(part)
    except FaultyData as error:
        for fault in error.faults:
            report.problem(part.text, fault)
        return
    except DataError as error:
        report.problem(part.text, error)
        return
    things = Counter(slots["size"] for sample in found for slots in sample.slots)
    told = ", ".join(f"{things[size]} {size}" for size in ("large", "medium", "small"))
    report.note(part.text, f"{sum(things.values())} objects in {len(found)} pictures: {told}")
    for what, count in sorted(left.items()):
        report.note(part.text, f"left out: {count} {what}")
    _open(found, report, samples, tell)


def _open(found: list[Sample], report: Report, samples: list[Sample], tell: Progress) -> None:
    """Open each picture, its files one by one."""
    for sample in found:
        before = len(report.problems)
        for file in sample.files if isinstance(sample, StoredSample) else ():
            try:
                file.open()
            except DataError as error:
                report.problem(file.name, error)
        tell(1)
        if len(report.problems) == before:
            samples.append(sample)


def _read(part: Source, seed: int, report: Report) -> list[Sample]:
    try:
        return part.read(seed)
    except DataError as error:
        report.problem(part.text, error)
        return []


def _comics(part: Source, seed: int, report: Report, samples: list[Sample], tell: Progress) -> None:
    """A collection of strips: each folder and each file in it."""
    root = Path(part.body)
    if not root.is_dir():
        raise DataError(f"Panel folder {root}: there is no such folder. Check the path.")
    try:
        folders = strip_folders(root)
    except DataError as error:
        report.problem(root, error)
        return
    lengths: Counter[int] = Counter()
    captioned, whole = 0, 0
    for folder in folders:
        before = len(report.problems)
        n = _strip_folder(folder, report, tell)
        lengths[n] += 1
        captioned += any((folder / name).exists() for name in NAMES)
        whole += len(report.problems) == before
    if folders != [root]:
        for path in sorted(root.iterdir(), key=natural):
            if not is_strip_folder(path) and not path.name.startswith("."):
                report.note(path, "it belongs to no strip and is not read")
    if len(lengths) > 1:
        told = ", ".join(f"{count} of {n} panels" for n, count in sorted(lengths.items()))
        report.note(root, f"strips differ in length: {told}")
    if 0 < captioned < len(folders):
        report.note(root, f"{captioned} of {len(folders)} strips have captions")
    if whole < len(folders):
        report.samples += whole


def _strip_folder(folder: Path, report: Report, tell: Progress) -> int:
    """One strip; how many panels it has."""
    panels = numbered(folder)
    for number, paths in panels.items():
        for path in paths:
            try:
                open_picture(path)
            except DataError as error:
                report.problem(path, error)
            tell(1)
        for path in paths[1:]:
            report.problem(path, f"panel {number} is there already, as {paths[0].name}. Keep one.")
    for number in gaps(panels):
        report.problem(folder, f"p{number} is missing. Number panels from 1 without gaps.")
    if 0 in panels:
        report.problem(panels[0][0], "panels count from 1, and this is p0. Number them anew.")
    if not panels:
        report.problem(
            folder, "it holds no panel. Name the panels p1.png, p2.png, ... (also jpg, webp, bmp)."
        )
    last = max(panels, default=0)
    try:
        captions_of(folder, last)
    except DataError as error:
        present = [folder / name for name in NAMES if (folder / name).exists()]
        report.problem(present[0] if len(present) == 1 else folder, error)
    used = {path for paths in panels.values() for path in paths} | {folder / name for name in NAMES}
    others = {path for path in folder.iterdir() if not path.name.startswith(".")} - used
    for path in sorted(others, key=natural):
        if re.fullmatch(r"p\d+", path.stem) and path.is_file():
            report.problem(path, "it is named like a panel, in a format that is not read. Save it as PNG.")
        else:
            report.note(path, "it is no panel and is not read")
    return last


def _raw(part: Source, seed: int, report: Report, samples: list[Sample], tell: Progress) -> None:
    """Raw comics: all names, and the pictures that are drawn."""
    root, n, panels, start = raw_asked(part)
    count, before = Count(panels), len(report.problems)
    folders = comic_folders(root)
    for folder in folders:
        try:
            comic = Comic.read(folder)
        except DataError as error:
            report.problem(folder, error)
            continue
        count.add(comic)
        for path in comic.strays:
            report.note(path, "it is no <page>_<panel>.jpg and is not read")
    report.note(root, str(count))
    if len(report.problems) > before:
        return
    try:
        drawn = windows(root, n, seed, panels, start)
    except DataError as error:
        report.problem(root, error)
        return
    whole = 0
    for window in drawn:
        before = len(report.problems)
        for path in window.files:
            try:
                open_picture(path)
            except DataError as error:
                report.problem(path, error)
            tell(1)
        whole += len(report.problems) == before
    if whole < len(drawn):
        report.samples += whole


LOOKS = {"comics": _comics, "comics-raw": _raw, "coco": _coco}


def _bare(what: str | DataError, place: Path | str) -> str:
    """A message without the place that it begins with, which is said anyway."""
    head, found, rest = str(what).partition(f"{place}: ")
    return rest if found and len(head) <= len("Panel folder ") else str(what)

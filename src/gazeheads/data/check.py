"""What is wrong with a data set, file by file: every image is opened whole, and the first fault does not end it.

The readers tell it as they read: a *problem* is what a run would stop at; a *note* is what may surprise, such as files
that belong to no strip (hidden ones do not count), or strips of different length. Of raw comics all names are looked
at, but only the panels that the source draws are opened.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gazeheads.data.pictures import ImageFile
from gazeheads.data.source import Reports
from gazeheads.data.sources import fingerprint, specs
from gazeheads.errors import DataError, FaultyData, GazeHeadsError
from gazeheads.plain import plain
from gazeheads.sample import PANELS, Sample

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Finding:
    """Something about one place: a file, a folder, a row."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass
class DataReport:
    """What `data check` says. `samples`: how many can be used. `content`: their hash, where nothing is wrong."""

    source: str
    samples: int = 0
    problems: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    content: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields, and whether the data fits a run."""
        return {**plain(vars(self)), "fits": not self.problems}


class Collector(Reports):
    """Keeps what readers tell, and has them go on. Images are opened whole; progress: called for each."""

    thorough = True

    def __init__(self, report: DataReport, progress: Progress) -> None:
        self.report, self.progress = report, progress
        self.opened = 0

    @property
    def faults(self) -> int:
        """How many there are so far."""
        return len(self.report.problems)

    def fault(self, place: Path | str, error: GazeHeadsError) -> None:
        """Keep what is wrong, each part of a `FaultyData` by itself."""
        messages = error.faults if isinstance(error, FaultyData) else [str(error)]
        self.report.problems += [Finding(str(place), _bare(message, place)) for message in messages]

    def note(self, place: Path | str, what: str, serious: bool = False) -> None:
        """Keep what may surprise, or what is serious."""
        (self.report.problems if serious else self.report.notes).append(Finding(str(place), what))

    def all_of(self, faults: Sequence[tuple[Path | str, GazeHeadsError]]) -> None:
        """Keep each."""
        for place, error in faults:
            self.fault(place, error)

    def image(self, name: Path | str, data: bytes | None = None) -> ImageFile:
        """The image file, which was opened whole. Raises `DataError` if it cannot be."""
        self.opened += 1
        try:
            image = super().image(name, data)
            image.open()
        finally:
            self.progress(1)
        return image


def check(source: str, seed: int = 0, progress: Progress | None = None) -> DataReport:
    """Look at everything that `source` names (see `sources`). progress: called with the number of images opened.

    Raises `UsageError` for a source that cannot be meant, and `MissingPackage` for one that cannot be read here.
    """
    report, tell = DataReport(source), progress or (lambda n: None)
    collector = Collector(report, tell)
    samples: list[Sample] = []
    for spec in specs(source):
        part: list[Sample] = []
        before = collector.opened
        with collector.at(spec.text):
            part = spec.read(seed, collector)
        if collector.opened == before:
            tell(len(part))
        _note_differences(spec.text, part, collector)
        samples += part
    for name, count in Counter(sample.id for sample in samples).items():
        if count > 1:
            what = f"{count} samples have this id. Name each source once, and folders differently."
            collector.fault(name, DataError(what))
    report.samples = len(samples)
    report.content = "" if report.problems else fingerprint(samples)
    return report


def _note_differences(place: str, samples: list[Sample], reports: Reports) -> None:
    """Where the strips of a source are not alike."""
    strips = [sample for sample in samples if sample.kind in PANELS]
    lengths = Counter(len(sample.boxes) for sample in strips)
    if len(lengths) > 1:
        parts = ", ".join(f"{count} of {n} panels" for n, count in sorted(lengths.items()))
        reports.note(place, f"strips differ in length: {parts}")
    captioned = sum(bool(sample.captions) for sample in strips)
    if 0 < captioned < len(strips):
        reports.note(place, f"{captioned} of {len(strips)} strips have captions")


def _bare(message: str, place: Path | str) -> str:
    """A message without the place that it begins with, which is said anyway."""
    head, found, rest = message.partition(f"{place}: ")
    return rest if found and len(head) <= len("Panel folder ") else message

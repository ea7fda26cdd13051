"""What a source of data is: how it is typed, what it is, and how it is read.

A `DataSource` carries its own facts; `data.sources` finds it by name. What a reader meets on its way it tells a
`Reports`: as it is, for runs, that raises the first fault; `data check` collects them all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gazeheads.checks import shown
from gazeheads.data.pictures import ImageFile
from gazeheads.errors import DataError, FaultyData, GazeHeadsError, UsageError
from gazeheads.sample import Sample

MOST = 1_000_000  # samples, panels and rows that can be counted in a name


class Reports:
    """What a reader tells besides its samples. As it is, for runs: a fault is raised, notes go nowhere.

    thorough: whether to look at what no sample is made of, too.
    """

    thorough = False

    @property
    def faults(self) -> int:
        """How many there are so far."""
        return 0

    def fault(self, place: Path | str, error: GazeHeadsError) -> None:
        """What makes a sample unusable. Raises the error, or keeps it and lets the reader go on without the sample."""
        raise error

    def note(self, place: Path | str, what: str, serious: bool = False) -> None:
        """What may surprise. serious: `data check` fails for it, though a run goes on."""

    def all_of(self, faults: Sequence[tuple[Path | str, GazeHeadsError]]) -> None:
        """Several faults at once. Raises `FaultyData`, or keeps each."""
        if faults:
            raise FaultyData([str(error) for _, error in faults])

    @contextmanager
    def at(self, place: Path | str) -> Iterator[None]:
        """A `DataError` in between is a fault of this place."""
        try:
            yield
        except DataError as error:
            self.fault(place, error)

    def image(self, name: Path | str, data: bytes | None = None) -> ImageFile:
        """The image file at this path, or these bytes of one. Raises `DataError` if it cannot be used."""
        return ImageFile.at(name) if data is None else ImageFile.of(str(name), data)

    def images(self, files: Iterable[tuple[Path | str, bytes | None]]) -> list[ImageFile] | None:
        """Image files by path, or with their bytes; each that cannot be used is a fault, and then it is None."""
        images, before = [], self.faults
        for name, data in files:
            with self.at(name):
                images.append(self.image(name, data))
        return None if self.faults > before else images


RAISE = Reports()


@dataclass(frozen=True)
class DataSource:
    """A kind of data that is named in one line.

    form: as it is typed, "name:PARTS[:option=VALUE]". about: one line of help. read: the samples that a `Spec` names,
    drawn by a seed if they are drawn.
    """

    form: str
    about: str
    read: "Callable[[Spec, int, Reports], list[Sample]]"

    @property
    def name(self) -> str:
        """What stands before the first colon."""
        return self.form.partition(":")[0]

    @property
    def options(self) -> list[str]:
        """The keys that may follow as `key=value`."""
        return re.findall(r"\[:(\w+)=", self.form)


class Spec:
    """One source as it was typed, taken apart: its own parts (`body`), and `options`.

    Raises `UsageError` for an option that the source does not have, or has twice, and where nothing is named.
    """

    def __init__(self, text: str, source: DataSource) -> None:
        self.text, self.source = text, source
        parts, options = text.partition(":")[2].split(":"), []
        while parts and re.fullmatch(r"[a-z]+=.*", parts[-1]):
            options.append(parts.pop().split("=", 1))
        self.body = ":".join(parts)
        self.options: dict[str, str] = dict(reversed(options))
        for number, (key, _) in enumerate(options):
            if key not in source.options:
                raise self.wrong(f"option {key!r} is unknown")
            if key in dict(options[:number]):
                raise self.wrong(f"option {key!r} is given twice")
        if not self.body:
            raise self.wrong("nothing follows the colon")

    def read(self, seed: int, reports: Reports = RAISE) -> list[Sample]:
        """Its samples."""
        return self.source.read(self, seed, reports)

    def wrong(self, what: str) -> UsageError:
        """The error for a source that cannot be meant."""
        return UsageError(f"Data {self.text!r}: {what}. Write {self.source.form}.")

    def number(self, text: str | None, default: int, least: int = 1) -> int:
        """A whole number of the text."""
        if text is None:
            return default
        if not re.fullmatch(r"0*[0-9]{1,10}", text) or not least <= int(text[-10:]) <= MOST:
            raise self.wrong(f"{shown(text)} is not a whole number of at least {least} and at most {MOST}")
        return int(text[-10:])

    def option(self, key: str, default: int, least: int = 1) -> int:
        """A whole number given as an option."""
        return self.number(self.options.get(key), default, least)

    @property
    def start(self) -> int:
        """How many samples to leave out."""
        return self.option("start", 0, 0)

    @property
    def layout(self) -> str:
        """How panels are put together: "row", "grid", "2x3"."""
        layout, grid = self.options.get("layout"), self.options.get("grid")
        if grid is not None and (layout not in (None, "grid") or not re.fullmatch(r"[0-9]+x[0-9]+", grid)):
            raise self.wrong(f"grid={grid} is not a grid, or contradicts layout={layout}")
        if layout not in (None, "row", "grid"):
            raise self.wrong(f"layout={layout} is unknown")
        return grid or layout or "row"

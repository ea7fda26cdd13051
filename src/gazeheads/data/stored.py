"""Samples whose pictures lie in files: opened when they are looked at, so that thousands of panels fit into memory."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ref

from PIL import Image

from gazeheads.data.layout import paste, places
from gazeheads.data.pictures import StoredPicture
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample


class StoredSample(Sample):
    """A sample that keeps no pixels: `picture` opens the files anew, unless somebody still holds what it gave last.

    Hold on to `sample.picture` while you work with it. Raises `DataError`, naming the file, where one is gone or
    broken.
    """

    @property
    def picture(self) -> Image.Image:
        """The picture, opened from its files."""
        kept: Callable[[], Image.Image | None] | None = self.__dict__.get("_kept")
        picture = kept() if kept else None
        if picture is None:
            page = self._page
            picture = page if isinstance(page, Image.Image) else page.open()
            self.__dict__["_kept"] = ref(picture)
        return picture

    @picture.setter
    def picture(self, page: "Page | Image.Image") -> None:
        """What the constructor is given: a page; or a picture, by `dataclasses.replace`, which is then kept."""
        self.__dict__["_page"] = page

    @property
    def _page(self) -> "Page | Image.Image":
        page: Page | Image.Image = self.__dict__["_page"]
        return page

    @property
    def files(self) -> "tuple[StoredPicture, ...]":
        """The files that the picture is made of, in order."""
        page = self._page
        return () if isinstance(page, Image.Image) else page.panels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels, without opening it."""
        return self._page.size

    @property
    def content(self) -> str:
        """SHA-256 over those of its files, in order. Raises `DataError` for one that is gone."""
        page = self._page
        if isinstance(page, Image.Image):
            return super().content
        return hashlib.sha256("".join(file.digest for file in page.panels).encode()).hexdigest()


@dataclass(frozen=True)
class Page:
    """What the picture of a sample is made of: panels and their boxes; without boxes, one picture as it is."""

    panels: tuple[StoredPicture, ...]
    size: tuple[int, int]
    boxes: tuple[Box, ...] = ()

    def open(self) -> Image.Image:
        """The picture."""
        if not self.boxes:
            return self.panels[0].open()
        return paste((panel.open() for panel in self.panels), self.size, self.boxes)


def strip(
    name: str,
    panels: Sequence[StoredPicture],
    captions: tuple[tuple[str, ...], ...],
    source: Mapping[str, Any],
    rows: int = 1,
    height: int = 256,
    cell: int = 32,
) -> Sample:
    """Panels as one sample, a strip or a grid, laid out at this size; `Sample.resized` lays them out at another.

    name: its id; "/2x3" is added where there are several rows.
    """
    size, boxes = places([panel.size for panel in panels], height, cell, rows)
    return StoredSample(
        id=name if rows == 1 else f"{name}/{rows}x{len(panels) // rows}",
        kind="strip" if rows == 1 else "grid",
        picture=Page(tuple(panels), size, boxes),  # type: ignore[arg-type]
        boxes=boxes,
        names=tuple(f"panel {i + 1}" for i in range(len(boxes))),
        captions=captions,
        source=source,
        redraw=lambda h, c: strip(name, panels, captions, source, rows, h, c),
    )

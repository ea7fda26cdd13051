"""Samples whose images lie in files: panels laid out when somebody looks at them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from gazeheads.data.layout import paste, places
from gazeheads.data.pictures import ImageFile
from gazeheads.images import must_be_usable
from gazeheads.sample import Sample, StoredImage


def digest_of(files: Sequence[ImageFile]) -> str:
    """SHA-256 over those of the files, in order. Raises `DataError` for one that is gone."""
    return hashlib.sha256("".join(file.digest for file in files).encode()).hexdigest()


def whole(file: ImageFile) -> StoredImage:
    """The image of one file as it is."""
    return StoredImage(file.size, file.open, lambda: digest_of([file]))


def strip(
    name: str,
    panels: Sequence[ImageFile],
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
    must_be_usable(size, f"of {name}")
    return Sample(
        id=name if rows == 1 else f"{name}/{rows}x{len(panels) // rows}",
        kind="strip" if rows == 1 else "grid",
        pixels=StoredImage(
            size,
            lambda: paste((panel.open() for panel in panels), size, boxes),
            lambda: digest_of(panels),
        ),
        boxes=boxes,
        names=tuple(f"panel {i + 1}" for i in range(len(boxes))),
        captions=captions,
        source=source,
        redraw=lambda h, c: strip(name, panels, captions, source, rows, h, c),
    )

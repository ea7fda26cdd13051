"""A single image with a JSON file of boxes beside it: a strip, a page or a photograph that somebody annotated.

`page.png` goes with `page.json`: a list with an entry for each region, in reading order, or an object with that list
as "boxes". An entry is `{"box": [x0, y0, x1, y1], "name": ..., "caption": ...}` in pixels of the upright image; name
and caption may be left out, the captions only all together.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

from gazeheads.checks import shown
from gazeheads.data.captions import Captions, wordings
from gazeheads.data.source import RAISE, DataSource, Reports, Spec
from gazeheads.data.stored import whole
from gazeheads.errors import DataError, EmptyBox, RegionError
from gazeheads.files import read_json
from gazeheads.regions.grid import Box
from gazeheads.regions.region import OVERHANG
from gazeheads.sample import Sample

MOST_BYTES = 50_000_000
ENTRY = '{"box": [x0, y0, x1, y1], "name": "...", "caption": "..."}'


def boxed(path: str | Path, reports: Reports = RAISE) -> Sample:
    """The image and the boxes of the JSON file beside it, of the same name. Raises `DataError` with what is wrong.

    Its kind is "strip" if the boxes run from left to right beside each other, "grid" otherwise.
    """
    path = Path(path)
    if path.suffix == ".json":
        raise DataError(
            f"Boxes {path}: the image was asked for. Name it; its boxes are read from the file beside it."
        )
    image = reports.image(path)
    beside = path.with_suffix(".json")
    entries = _entries(beside)
    boxes, faults = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            boxes.append(_box(entry, number, image.size, beside))
        except DataError as error:
            faults.append(str(error))
    if faults:
        raise DataError(" ".join(faults))
    row = all(a.x0 < b.x0 and a.y0 < b.y1 and b.y0 < a.y1 for a, b in pairwise(boxes))
    return Sample(
        id=f"strip/{path.stem}",
        kind="strip" if row else "grid",
        pixels=whole(image),
        boxes=tuple(boxes),
        names=tuple(_name(entry, number, beside) for number, entry in enumerate(entries, start=1)),
        captions=_captions(entries, beside),
        source={"data": "strip", "picture": str(path)},
    )


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        content = read_json(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"Boxes {path}: there is no such file. Write a list of {ENTRY} into it.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"Boxes {path}: they cannot be read ({error}). Write a list of {ENTRY}.") from error
    entries = content.get("boxes") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not entries:
        raise DataError(
            f'Boxes {path}: there is no list of boxes. Write a list of {ENTRY}, or {{"boxes": [...]}}.'
        )
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or "box" not in entry:
            raise DataError(f"Boxes {path}: entry {number} has no box. Write {ENTRY}.")
        unknown = sorted(set(entry) - {"box", "name", "caption"})
        if unknown:
            raise DataError(f"Boxes {path}: entry {number} has an unknown key {unknown[0]!r}. Write {ENTRY}.")
    return entries


def _box(entry: dict[str, Any], number: int, size: tuple[int, int], path: Path) -> Box:
    corners = entry["box"]
    if not isinstance(corners, list) or len(corners) != 4:
        raise DataError(
            f"Boxes {path}: box {number} is {shown(corners)}. Write four numbers, [x0, y0, x1, y1]."
        )
    try:
        box = Box(*corners)
    except OverflowError as error:
        raise DataError(
            f"Boxes {path}: box {number} holds a number that is too large. Correct it."
        ) from error
    except (EmptyBox, RegionError) as error:
        raise DataError(f"Boxes {path}: box {number} cannot be used. {error}") from error
    out = max(-box.x0, -box.y0, box.x1 - size[0], box.y1 - size[1])
    if out > OVERHANG:
        raise DataError(
            f"Boxes {path}: box {number}, {box}, sticks out of the image of {size[0]} x {size[1]} px by {out:g} px. "
            "Give pixels of the upright image: left, top, right, bottom."
        )
    return box


def _name(entry: dict[str, Any], number: int, path: Path) -> str:
    name = entry.get("name", f"panel {number}")
    if not isinstance(name, str) or not name.strip():
        raise DataError(
            f"Boxes {path}: the name of box {number} is {shown(name)}. Give a text, or leave it out."
        )
    return name


def _captions(entries: list[dict[str, Any]], path: Path) -> Captions:
    captioned = [number for number, entry in enumerate(entries, start=1) if "caption" in entry]
    if not captioned:
        return ()
    if len(captioned) < len(entries):
        without = min(set(range(1, len(entries) + 1)) - set(captioned))
        raise DataError(
            f"Boxes {path}: box {captioned[0]} has a caption and box {without} has none. Give all of them one, or none."
        )
    return wordings([entry["caption"] for entry in entries], len(entries), path)


def _read(spec: Spec, seed: int, reports: Reports) -> list[Sample]:
    samples = []
    with reports.at(spec.body):
        samples.append(boxed(spec.body, reports))
    return samples


SOURCE = DataSource("strip:IMAGE.png", "one image, and its boxes in IMAGE.json", _read)

"""A file of COCO annotations, whose parts are there and of the right kinds.

`images`, `categories` and `annotations` are lists of objects with an id, a whole number or a text, that no other of the
list has. Everything that is wrong is told at once, not the first of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gazeheads.checks import few, shown
from gazeheads.errors import DataError, FaultyData
from gazeheads.files import read_json
from gazeheads.images import MOST_PIXELS

ANNOTATIONS = "annotations/instances_val2017.json"
MOST_BYTES = 2_000_000_000
MOST_EDGE = 1e9  # px, of what may be a number at all


def is_number(value: Any) -> bool:
    """Whether this is a finite number of JSON, of a size that pixels can have."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST_EDGE


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool) and value != ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_length(value: Any) -> bool:
    return is_number(value) and value >= 1 and int(value) == value


def _is_flag(value: Any) -> bool:
    return isinstance(value, int) and value in (0, 1)


Check = tuple[Callable[[Any], bool], str]
ID: Check = _is_id, "a whole number or a text"
TEXT: Check = _is_text, "a text"
LENGTH: Check = _is_length, "a whole number of pixels"
PARTS: Mapping[str, Mapping[str, Check | None]] = {
    "images": {"id": ID, "file_name": TEXT, "width": LENGTH, "height": LENGTH},
    "categories": {"id": ID, "name": TEXT},
    "annotations": {"id": ID, "image_id": ID, "category_id": ID, "bbox": None},
}
MAY_BE_THERE: Mapping[str, Check] = {"iscrowd": (_is_flag, "0 or 1, as numbers")}


def content_of(path: Path) -> dict[str, Any]:
    """The file. Raises `DataError` for one that cannot be read, and `FaultyData` with all that is wrong in it."""
    try:
        content = read_json(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise DataError(
            f"COCO {path}: there is no such file. Name the folder that holds {ANNOTATIONS}, or add :annotations=FILE."
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"COCO {path}: it cannot be read as JSON ({error}). Download it again.") from error
    faults: list[str] = []
    for part, keys in PARTS.items():
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not entries:
            raise DataError(
                f"COCO {path}: it has no list of {part}, or an empty one. Give a file of object instances, such as "
                f"{ANNOTATIONS}."
            )
        wrong = [
            fault for number, entry in enumerate(entries) for fault in _faults(entry, keys, number, part)
        ]
        faults += wrong or _doubles(entries, part)
    if not faults:
        faults = _of_images(content["images"])
    if faults:
        raise FaultyData([f"COCO {path}: {fault} Correct the file." for fault in faults])
    return dict(content)


def _faults(entry: Any, keys: Mapping[str, Check | None], number: int, part: str) -> list[str]:
    """What is missing in an entry of a list, or of another kind."""
    if not isinstance(entry, dict):
        return [f"entry {number} of {part} is {shown(entry)}, not an object."]
    faults = [f"entry {number} of {part} has no {key!r}." for key in keys if key not in entry]
    optional = MAY_BE_THERE if part == "annotations" else {}
    for key, check in (*keys.items(), *optional.items()):
        if check and key in entry and not check[0](entry[key]):
            faults.append(f"entry {number} of {part} has the {key} {shown(entry[key])}; it is {check[1]}.")
    return faults


def _doubles(entries: list[dict[str, Any]], part: str) -> list[str]:
    counts = Counter(entry["id"] for entry in entries)
    if len(counts) == len(entries):
        return []
    return [f"two entries of {part} have one id: {few(repr(id_) for id_, n in counts.items() if n > 1)}."]


def _of_images(entries: list[dict[str, Any]]) -> list[str]:
    """Files that are there twice, and sizes that no image may have."""
    faults, seen = [], dict[PurePosixPath, Any]()
    for entry in entries:
        name = PurePosixPath(entry["file_name"])
        if name in seen:
            faults.append(f"images {seen[name]!r} and {entry['id']!r} are of one file, {shown(str(name))}.")
        seen[name] = entry["id"]
        if entry["width"] * entry["height"] > MOST_PIXELS:
            faults.append(f"image {entry['id']!r} has more than {MOST_PIXELS / 1e6:g} million pixels.")
    return faults

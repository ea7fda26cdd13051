"""COCO as it lies on disk: `FOLDER/annotations/instances_val2017.json` and the pictures in `FOLDER/val2017/`.

One sample is one picture with its objects, from left to right. Left out and counted: crowds (one mask for many things),
boxes without area, boxes of less than 750 px (as in Gandikota & Bau 2026), pictures that keep no object, and pictures
that viewers turn, whose boxes are of the unturned one. Size classes are COCO's, by the annotation's area. What does not
fit together, a picture that is not there or of another size, a box outside of it, is an error.

The JSON is read as it stands; masks are looked at only if they are asked for (`data.runlength`).
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gazeheads.data.pictures import StoredPicture
from gazeheads.data.runlength import Masks, must_be_polygons, runs_of
from gazeheads.data.stored import Page, StoredSample
from gazeheads.errors import DataError, FaultyData, GazeHeadsError
from gazeheads.regions.grid import Box
from gazeheads.regions.region import OVERHANG
from gazeheads.sample import Sample
from gazeheads.text import a

ANNOTATIONS = "annotations/instances_val2017.json"
LEAST = 750  # px of box area: the paper leaves smaller ones out
SMALL, MEDIUM = 32**2, 96**2  # px of area below which an object is small, medium


@dataclass(frozen=True)
class Thing:
    """One object of a picture. id, area: of the annotation; px."""

    id: Any
    name: str
    box: Box
    area: float
    segmentation: Any = None

    @property
    def size(self) -> str:
        """Its class as COCO has it: "small", "medium" or "large"."""
        return "small" if self.area < SMALL else "medium" if self.area < MEDIUM else "large"


def coco(
    folder: str | Path,
    *,
    n: int | None = None,
    start: int = 0,
    annotations: str | None = None,
    images: str | None = None,
    masks: bool = False,
) -> tuple[list[Sample], Counter[str]]:
    """The pictures with objects, in the order of the file, `n` of them from number `start` on; and what was left out.

    annotations: the JSON file, images: the folder of the pictures, both from `folder` on; by default val2017, or what
    the file's name says ("instances_NAME.json"). masks: read them, too. Raises `DataError` with what does not fit.
    """
    root = Path(folder)
    path = root / (annotations or ANNOTATIONS)
    found = _read(path)
    named = re.fullmatch(r"instances_(.+)\.json", path.name)
    if images is None and named is None:
        raise DataError(f"COCO {path}: its name does not say where the pictures are. Add :images=FOLDER.")
    place = root / (images or (named[1] if named else ""))
    left: Counter[str] = Counter()
    samples: list[Sample] = []
    faults: list[str] = []
    things = _things(found, path, masks, left, faults)
    left["pictures without objects"] += sum(not mine for mine in things.values())
    asked = [entry for entry in found["images"] if things[entry["id"]]]
    stop = None if n is None else start + n
    for entry in asked[start:stop]:
        try:
            sample = _sample(entry, things[entry["id"]], place, path, masks)
        except GazeHeadsError as error:
            faults.append(str(error))
            continue
        if sample is None:
            left["pictures that viewers turn"] += 1
        else:
            samples.append(sample)
    if faults:
        raise FaultyData(faults)
    if not samples or (n is not None and len(asked[start:stop]) < n):
        raise DataError(
            f"COCO {path}: {n or 'some'} pictures from number {start} on were asked for; {len(asked)} have objects. "
            "Ask for others."
        )
    return samples, +left


def _read(path: Path) -> dict[str, Any]:
    """The file, whose parts are there and of the right kind."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            f"COCO {path}: there is no such file. Name the folder that holds {ANNOTATIONS}, or add :annotations=FILE."
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"COCO {path}: it cannot be read as JSON ({error}). Get it anew.") from error
    parts = {"images": ("id", "file_name", "width", "height"), "categories": ("id", "name")}
    parts["annotations"] = ("id", "image_id", "category_id", "bbox")
    for part, keys in parts.items():
        entries = found.get(part) if isinstance(found, dict) else None
        if not isinstance(entries, list) or not entries:
            raise DataError(
                f"COCO {path}: it has no list of {part}. Give a file of object instances, such as {ANNOTATIONS}."
            )
        for number, entry in enumerate(entries):
            missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if missing:
                raise DataError(f"COCO {path}: entry {number} of {part} has no {missing[0]!r}. Mend it.")
        if len({entry["id"] for entry in entries}) < len(entries):
            raise DataError(f"COCO {path}: two entries of {part} have one id. Mend it.")
    return dict(found)


def _things(
    found: dict[str, Any], path: Path, masks: bool, left: Counter[str], faults: list[str]
) -> dict[Any, list[Thing]]:
    """By the id of each picture its objects; what is left out is counted, what is wrong told."""
    things: dict[Any, list[Thing]] = {entry["id"]: [] for entry in found["images"]}
    sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in found["images"]}
    names = {entry["id"]: entry["name"] for entry in found["categories"]}
    for entry in found["annotations"]:
        where = f"COCO {path}: annotation {entry['id']}"
        image, category, corners = entry["image_id"], entry["category_id"], entry["bbox"]
        if image not in things or category not in names:
            what = f"picture {image}" if image not in things else f"category {category}"
            faults.append(f"{where} is of {what}, which the file does not hold. Mend it.")
        elif not _numbers(corners):
            faults.append(f"{where} has the box {corners!r}. Give four numbers: left, top, width, height.")
        elif entry.get("iscrowd"):
            left["crowds"] += 1
        elif corners[2] <= 0 or corners[3] <= 0:
            left["boxes without area"] += 1
        elif corners[2] * corners[3] < LEAST:
            left[f"boxes under {LEAST} px"] += 1
        else:
            x, y, wide, high = map(float, corners)
            area, drawn = entry.get("area", wide * high), entry.get("segmentation")
            if not _numbers([area], 1):
                faults.append(f"{where} has the area {area!r}. Give a number of pixels, or none.")
                continue
            if masks:
                try:
                    if _is_empty(drawn, sizes[image]):
                        left["masks without a pixel"] += 1
                        continue
                except DataError as error:
                    faults.append(f"{where}: {error}")
                    continue
            things[image].append(
                Thing(entry["id"], names[category], Box(x, y, x + wide, y + high), area, drawn)
            )
    return things


def _is_empty(segmentation: Any, size: tuple[int, int]) -> bool:
    """Whether run lengths say that no pixel is inside. Raises `DataError` for a mask that cannot be drawn."""
    if isinstance(segmentation, list):
        must_be_polygons(segmentation)
        return False
    return not runs_of(segmentation, size)[1::2].any()


def _sample(
    entry: dict[str, Any], things: list[Thing], place: Path, path: Path, masks: bool
) -> Sample | None:
    """One picture; None where viewers turn it."""
    picture = StoredPicture.at(place / entry["file_name"])
    told = entry["width"], entry["height"]
    if picture.size != told:
        if picture.size == told[::-1]:
            return None
        raise DataError(
            f"COCO {path}: picture {entry['file_name']} is {told[0]} x {told[1]} px there, and its file "
            f"{picture.size[0]} x {picture.size[1]} px. Give the pictures that belong to the annotations."
        )
    things = sorted(things, key=lambda thing: thing.box.corners)
    for thing in things:
        box = thing.box
        out = max(-box.x0, -box.y0, box.x1 - told[0], box.y1 - told[1])
        if out > OVERHANG:
            raise DataError(
                f"COCO {path}: annotation {thing.id}, {a(thing.name)} in {entry['file_name']}, sticks "
                f"out of the picture of {told[0]} x {told[1]} px by {out:g} px. Give the annotations that belong to "
                "the pictures."
            )
    several = Counter(thing.name for thing in things)
    seen: Counter[str] = Counter()
    names = []
    for thing in things:
        seen[thing.name] += 1
        names.append(f"{thing.name} {seen[thing.name]}" if several[thing.name] > 1 else thing.name)
    return StoredSample(
        id=f"coco/{place.name}/{Path(entry['file_name']).stem}",
        kind="photo",
        picture=Page((picture,), picture.size),  # type: ignore[arg-type]
        boxes=tuple(thing.box for thing in things),
        names=tuple(names),
        captions=tuple((f"{a(thing.name)}.",) for thing in things),
        slots=tuple({"object": thing.name, "size": thing.size} for thing in things),
        masks=Masks([thing.segmentation for thing in things], told) if masks else (),
        source={"data": "coco", "annotations": str(path), "image": entry["id"]},
    )


def _numbers(found: Any, n: int = 4) -> bool:
    return (
        isinstance(found, list)
        and len(found) == n
        and all(isinstance(each, int | float) and abs(each) < 1e9 for each in found)
    )

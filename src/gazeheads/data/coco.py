"""COCO as it lies on disk: `FOLDER/annotations/instances_val2017.json` and the images in `FOLDER/val2017/`.

One sample is one image with its objects, from left to right. Left out and counted: crowds (one mask for many objects),
boxes without area, boxes of less than 750 px (as in Gandikota & Bau 2026), images that keep no object, and images
that viewers turn, whose boxes are of the unturned one. Size classes are COCO's, by the annotation's area. What does not
fit together, an image that is not there or of another size, a box outside of it, is an error.

The JSON is read as it stands; masks are looked at only if they are asked for (`data.runlength`).
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gazeheads.data.runlength import Masks, must_be_polygons, runs_of
from gazeheads.data.source import RAISE, DataSource, Reports, Spec
from gazeheads.data.stored import whole
from gazeheads.errors import DataError, GazeHeadsError, UsageError
from gazeheads.regions.grid import Box
from gazeheads.regions.region import OVERHANG
from gazeheads.sample import Sample
from gazeheads.text import a

ANNOTATIONS = "annotations/instances_val2017.json"
LEAST = 750  # px of box area: the paper leaves smaller ones out
SMALL, MEDIUM = 32**2, 96**2  # px of area below which an object is small, medium


@dataclass(frozen=True)
class CocoObject:
    """One object of an image. id, area: of the annotation; px."""

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
    reports: Reports = RAISE,
) -> list[Sample]:
    """The images with objects, in the order of the file, `n` of them from number `start` on.

    annotations: the JSON file, images: the folder of the images, both from `folder` on; by default val2017, or what
    the file's name says ("instances_NAME.json"). masks: read them, too. Raises `DataError` with all that does not fit,
    unless `reports` keeps it; what was left out is noted.
    """
    root = Path(folder)
    path = root / (annotations or ANNOTATIONS)
    content = _content(path)
    split = re.fullmatch(r"instances_(.+)\.json", path.name)
    if images is None and split is None:
        raise UsageError(f"COCO {path}: its name does not say where the images are. Add :images=FOLDER.")
    place = root / (images or (split[1] if split else ""))
    left: Counter[str] = Counter()
    faults: list[tuple[Path | str, GazeHeadsError]] = []
    objects = _objects(content, path, masks, left, faults)
    left["images without objects"] += sum(not mine for mine in objects.values())
    asked = [entry for entry in content["images"] if objects[entry["id"]]]
    chosen = asked[start : None if n is None else start + n]
    samples: list[Sample] = []
    for entry in chosen:
        try:
            sample = _sample(entry, objects[entry["id"]], place, path, masks, reports)
        except GazeHeadsError as error:
            faults.append((place / entry["file_name"], error))
            continue
        if sample is None:
            left["images that viewers turn"] += 1
        else:
            samples.append(sample)
    reports.all_of(faults)
    if not faults and (not samples or (n is not None and len(chosen) < n)):
        raise DataError(
            f"COCO {path}: {n or 'some'} images from number {start} on were asked for; {len(asked)} have objects. "
            "Ask for others."
        )
    _note_counts(path, samples, left, reports)
    return samples


def _note_counts(path: Path, samples: list[Sample], left: Counter[str], reports: Reports) -> None:
    """How many objects there are of each size class, and what was left out."""
    sizes = Counter(slots["size"] for sample in samples for slots in sample.slots)
    parts = ", ".join(f"{sizes[size]} {size}" for size in ("large", "medium", "small"))
    reports.note(path, f"{sizes.total()} objects in {len(samples)} images: {parts}")
    for what, count in sorted((+left).items()):
        reports.note(path, f"left out: {count} {what}")


def _content(path: Path) -> dict[str, Any]:
    """The file, whose parts are there and of the right kind."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            f"COCO {path}: there is no such file. Name the folder that holds {ANNOTATIONS}, or add :annotations=FILE."
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"COCO {path}: it cannot be read as JSON ({error}). Download it again.") from error
    parts = {"images": ("id", "file_name", "width", "height"), "categories": ("id", "name")}
    parts["annotations"] = ("id", "image_id", "category_id", "bbox")
    for part, keys in parts.items():
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not entries:
            raise DataError(
                f"COCO {path}: it has no list of {part}. Give a file of object instances, such as {ANNOTATIONS}."
            )
        for number, entry in enumerate(entries):
            missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if missing:
                raise DataError(
                    f"COCO {path}: entry {number} of {part} has no {missing[0]!r}. Correct the file."
                )
        if len({entry["id"] for entry in entries}) < len(entries):
            raise DataError(f"COCO {path}: two entries of {part} have one id. Correct the file.")
    return dict(content)


def _objects(
    content: dict[str, Any],
    path: Path,
    masks: bool,
    left: Counter[str],
    faults: list[tuple[Path | str, GazeHeadsError]],
) -> dict[Any, list[CocoObject]]:
    """By the id of each image its objects; what is left out is counted, what is wrong is added to `faults`."""
    objects: dict[Any, list[CocoObject]] = {entry["id"]: [] for entry in content["images"]}
    sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in content["images"]}
    names = {entry["id"]: entry["name"] for entry in content["categories"]}
    for entry in content["annotations"]:
        image, category = entry["image_id"], entry["category_id"]
        try:
            if image not in objects or category not in names:
                what = f"image {image}" if image not in objects else f"category {category}"
                raise DataError(f"is of {what}, which the file does not hold. Correct the file.")
            why = _left_out(entry, sizes[image], masks)
        except DataError as error:
            faults.append((path, DataError(f"COCO {path}: annotation {entry['id']} {error}")))
            continue
        if why:
            left[why] += 1
            continue
        x, y, wide, high = map(float, entry["bbox"])
        box, area = Box(x, y, x + wide, y + high), entry.get("area", wide * high)
        objects[image].append(CocoObject(entry["id"], names[category], box, area, entry.get("segmentation")))
    return objects


def _left_out(entry: dict[str, Any], size: tuple[int, int], masks: bool) -> str | None:
    """Why an annotation is left out; None if it is not. Raises `DataError` for one that is wrong."""
    corners = entry["bbox"]
    if not _numbers(corners):
        raise DataError(f"has the box {corners!r}. Give four numbers: left, top, width, height.")
    wide, high = corners[2:]
    if entry.get("iscrowd"):
        return "crowds"
    if wide <= 0 or high <= 0:
        return "boxes without area"
    if wide * high < LEAST:
        return f"boxes under {LEAST} px"
    if not _numbers([entry.get("area", wide * high)], 1):
        raise DataError(f"has the area {entry['area']!r}. Give a number of pixels, or none.")
    try:
        return "masks without a pixel" if masks and _is_empty(entry.get("segmentation"), size) else None
    except DataError as error:
        raise DataError(f"cannot be used: {error}") from error


def _is_empty(segmentation: Any, size: tuple[int, int]) -> bool:
    """Whether run lengths say that no pixel is inside. Raises `DataError` for a mask that cannot be drawn."""
    if isinstance(segmentation, list):
        must_be_polygons(segmentation)
        return False
    return not runs_of(segmentation, size)[1::2].any()


def _sample(
    entry: dict[str, Any],
    objects: list[CocoObject],
    place: Path,
    path: Path,
    masks: bool,
    reports: Reports,
) -> Sample | None:
    """One image; None where viewers turn it."""
    image = reports.image(place / entry["file_name"])
    size = entry["width"], entry["height"]
    if image.size != size:
        if image.size == size[::-1]:
            return None
        raise DataError(
            f"COCO {path}: image {entry['file_name']} is {size[0]} x {size[1]} px there, and its file "
            f"{image.size[0]} x {image.size[1]} px. Use the images that belong to the annotations."
        )
    objects = sorted(objects, key=lambda each: each.box.corners)
    for each in objects:
        box = each.box
        out = max(-box.x0, -box.y0, box.x1 - size[0], box.y1 - size[1])
        if out > OVERHANG:
            raise DataError(
                f"COCO {path}: annotation {each.id}, {a(each.name)} in {entry['file_name']}, sticks "
                f"out of the image of {size[0]} x {size[1]} px by {out:g} px. Use the annotations that belong to "
                "the images."
            )
    return Sample(
        id=f"coco/{place.name}/{Path(entry['file_name']).stem}",
        kind="photo",
        pixels=whole(image),
        boxes=tuple(each.box for each in objects),
        names=_numbered([each.name for each in objects]),
        captions=tuple((f"{a(each.name)}.",) for each in objects),
        slots=tuple({"object": each.name, "size": each.size} for each in objects),
        masks=Masks([each.segmentation for each in objects], size) if masks else (),
        source={"data": "coco", "annotations": str(path), "image": entry["id"]},
    )


def _numbered(names: list[str]) -> tuple[str, ...]:
    """The names, with running numbers where one is there several times: "dog 1", "dog 2", "cat"."""
    several, so_far = Counter(names), Counter[str]()
    numbered = []
    for name in names:
        so_far[name] += 1
        numbered.append(f"{name} {so_far[name]}" if several[name] > 1 else name)
    return tuple(numbered)


def _numbers(value: Any, n: int = 4) -> bool:
    return (
        isinstance(value, list)
        and len(value) == n
        and all(isinstance(each, int | float) and abs(each) < 1e9 for each in value)
    )


def _read(spec: Spec, seed: int, reports: Reports) -> list[Sample]:
    folder, _, number = spec.body.rpartition(":")
    if not (folder and re.fullmatch("[0-9]+", number)):
        folder, number = spec.body, ""
    masks = spec.options.get("masks", "no")
    if masks not in ("yes", "no"):
        raise spec.wrong(f"masks={masks} is neither yes nor no")
    return coco(
        folder,
        n=spec.number(number, 1) if number else None,
        start=spec.start,
        annotations=spec.options.get("annotations"),
        images=spec.options.get("images"),
        masks=masks == "yes",
        reports=reports,
    )


SOURCE = DataSource(
    "coco:FOLDER[:N][:start=I][:annotations=FILE][:images=FOLDER][:masks=yes]",
    "photographs with COCO's annotations of object instances",
    _read,
)

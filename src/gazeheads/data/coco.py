"""COCO as it lies on disk: `FOLDER/annotations/instances_val2017.json` and the images in `FOLDER/val2017/`.

One sample is one image with its objects, from left to right. Left out and counted: crowds (one mask for many objects),
boxes without area, boxes of less than 750 px (as in Gandikota & Bau 2026), images that keep no object, and images
that viewers turn, whose boxes are of the unturned one. Size classes are COCO's, by the annotation's area. What does not
fit together, an image that is not there or of another size, a box outside of it, is an error.

The JSON is read as it stands; masks are looked at only if they are asked for (`data.runlength`).
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gazeheads.checks import shown
from gazeheads.data.coco_file import ANNOTATIONS, content_of, is_number
from gazeheads.data.pictures import ImageFile
from gazeheads.data.runlength import Masks, is_empty
from gazeheads.data.source import RAISE, DataSource, Reports, Spec
from gazeheads.data.stored import whole
from gazeheads.errors import DataError, GazeHeadsError, UsageError
from gazeheads.files import inside
from gazeheads.images import upright_size
from gazeheads.regions.grid import Box
from gazeheads.regions.region import OVERHANG
from gazeheads.sample import Sample
from gazeheads.text import a

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
    content = content_of(path)
    split = re.fullmatch(r"instances_(.+)\.json", path.name)
    if images is None and split is None:
        raise UsageError(f"COCO {path}: its name does not say where the images are. Add :images=FOLDER.")
    place = root / (images or (split[1] if split else ""))
    left: Counter[str] = Counter()
    faults: list[tuple[Path | str, GazeHeadsError]] = []
    objects = _objects(content, path, masks, left, faults)
    left["images without objects"] += sum(not mine for mine in objects.values())
    asked = [entry for entry in content["images"] if objects[entry["id"]]]
    names = Counter(PurePosixPath(entry["file_name"]).stem for entry in content["images"])
    upright: list[dict[str, Any]] = []
    for entry in asked:
        if n is not None and len(upright) == start + n:
            break
        if _is_turned(entry, place):
            left["images that viewers turn"] += 1
        else:
            upright.append(entry)
    samples: list[Sample] = []
    for entry in upright[start:]:
        try:
            name = PurePosixPath(entry["file_name"])
            name = PurePosixPath(name.stem) if names[name.stem] == 1 else name
            samples.append(_sample(entry, str(name), objects[entry["id"]], place, path, masks, reports))
        except GazeHeadsError as error:
            faults.append((place / entry["file_name"], error))
    reports.all_of(faults)
    if not faults and (not samples or (n is not None and len(samples) < n)):
        parts = ", ".join(f"{count} {what}" for what, count in sorted((+left).items()))
        raise DataError(
            f"COCO {path}: {n or 'some'} images from number {start} on were asked for; {len(upright)} have objects"
            + (f" (left out: {parts})" if parts else "")
            + ". Ask for others."
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


def _image(entry: dict[str, Any], place: Path) -> Path:
    """Where an image lies. Raises `DataError` for a name that leads out of the folder of images."""
    try:
        return inside(place, entry["file_name"])
    except ValueError as error:
        raise DataError(
            f"COCO: image {entry['id']!r} cannot be used: {error}. Put the image into that folder, or name its folder "
            "by :images=FOLDER."
        ) from error


def _is_turned(entry: dict[str, Any], place: Path) -> bool:
    """Whether viewers turn an image and its boxes are of the unturned one, or of nobody knows which."""
    try:
        file = ImageFile.at(_image(entry, place))
    except DataError:  # which is told when it is its turn
        return False
    size = int(entry["width"]), int(entry["height"])
    return file.orientation != 1 and upright_size(file.size, file.orientation) == size


def _objects(
    content: dict[str, Any],
    path: Path,
    masks: bool,
    left: Counter[str],
    faults: list[tuple[Path | str, GazeHeadsError]],
) -> dict[Any, list[CocoObject]]:
    """By the id of each image its objects; what is left out is counted, what is wrong is added to `faults`."""
    objects: dict[Any, list[CocoObject]] = {entry["id"]: [] for entry in content["images"]}
    sizes = {entry["id"]: (int(entry["width"]), int(entry["height"])) for entry in content["images"]}
    names = {entry["id"]: entry["name"] for entry in content["categories"]}
    for entry in content["annotations"]:
        image, category = entry["image_id"], entry["category_id"]
        try:
            if image not in objects or category not in names:
                what = f"image {image!r}" if image not in objects else f"category {category!r}"
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
        raise DataError(f"has the box {shown(corners)}. Give four numbers: left, top, width, height.")
    wide, high = corners[2:]
    if entry.get("iscrowd"):
        return "crowds"
    if wide <= 0 or high <= 0:
        return "boxes without area"
    if wide * high < LEAST:
        return f"boxes under {LEAST} px"
    area = entry.get("area", wide * high)
    if not is_number(area) or area < 0:
        raise DataError(f"has the area {shown(area)}. Give a number of pixels, or none.")
    try:
        return "masks without a pixel" if masks and is_empty(entry.get("segmentation"), size) else None
    except DataError as error:
        raise DataError(f"cannot be used: {error}") from error


def _sample(
    entry: dict[str, Any],
    name: str,
    objects: list[CocoObject],
    place: Path,
    path: Path,
    masks: bool,
    reports: Reports,
) -> Sample:
    """One image. name: its own, in its id."""
    image = reports.image(_image(entry, place))
    size = int(entry["width"]), int(entry["height"])
    if image.size != size:
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
        id=f"coco/{place.name}/{name}",
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
    return isinstance(value, list) and len(value) == n and all(map(is_number, value))


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

"""COCO's layout as it stands: what is read, what is left out and counted, what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_folder import annotations, drawn, packed, write
from PIL import Image

from gazeheads import cli
from gazeheads.data.check import Collector, DataReport, check
from gazeheads.data.coco import coco
from gazeheads.data.runlength import drawn as mask_of
from gazeheads.data.runlength import unpacked
from gazeheads.data.sources import fingerprint, samples_of
from gazeheads.errors import DataError, MissingPackage, UsageError
from gazeheads.sample import Sample, run_lengths


@pytest.fixture(scope="module")
def scenes() -> list[Sample]:
    return drawn(3)  # of 4, 2 and 2 objects; the second is wider than high


@pytest.fixture
def told(scenes: list[Sample]) -> dict[str, Any]:
    return annotations(scenes)


def read(root: Path, **options: Any) -> tuple[list[Sample], dict[str, int]]:
    """The samples, and what was left out."""
    report = DataReport("")
    samples = coco(root, **options, reports=Collector(report, lambda n: None))
    assert not report.problems
    left = [re.fullmatch(r"left out: (\d+) (.*)", note.what) for note in report.notes]
    return samples, {match[2]: int(match[1]) for match in left if match}


def test_a_folder_is_read_as_it_stands(tmp_path: Path, scenes: list[Sample]) -> None:
    write(tmp_path, scenes)
    found = samples_of(f"coco:{tmp_path}:masks=yes")
    assert [sample.id for sample in found] == [f"coco/val2017/{n:012}" for n in (1, 2, 3)]
    for mine, scene in zip(found, scenes, strict=True):
        order = sorted(range(len(scene.boxes)), key=lambda k: scene.boxes[k].corners)
        assert mine.boxes == tuple(scene.boxes[k] for k in order)
        assert mine.names == tuple(scene.names[k] for k in order)
        assert [slots["object"] for slots in mine.slots] == list(mine.names)
        assert all(np.array_equal(mine.masks[i], scene.masks[k]) for i, k in enumerate(order))
        assert np.array_equal(mine.image, scene.image) and mine.size == scene.size
    assert fingerprint(found) == fingerprint(samples_of(f"coco:{tmp_path}:masks=yes"))
    assert fingerprint(found) != fingerprint(samples_of(f"coco:{tmp_path}")), "boxes alone are other data"


def test_some_of_the_pictures_are_asked_for_by_number(tmp_path: Path, scenes: list[Sample]) -> None:
    write(tmp_path, scenes)
    assert [s.id[-1] for s in samples_of(f"coco:{tmp_path}:2")] == ["1", "2"]
    assert [s.id[-1] for s in samples_of(f"coco:{tmp_path}:1:start=2")] == ["3"]
    with pytest.raises(DataError, match=r"4 images from number 0 on were asked for; 3 have objects"):
        samples_of(f"coco:{tmp_path}:4")
    with pytest.raises(UsageError, match=r"masks=maybe is neither yes nor no"):
        samples_of(f"coco:{tmp_path}:masks=maybe")


def test_size_classes_are_cocos_by_the_annotations_area(
    tmp_path: Path, scenes: list[Sample], told: Any
) -> None:
    areas = [1023, 1024, 9215, 9216]
    for entry, area in zip(told["annotations"], areas, strict=False):
        entry["area"] = area
    write(tmp_path, scenes, told)
    sizes = {s["object"]: s["size"] for sample in samples_of(f"coco:{tmp_path}") for s in sample.slots}
    names = {entry["id"]: entry["name"] for entry in told["categories"]}
    got = [sizes[names[entry["category_id"]]] for entry in told["annotations"][:4]]
    assert got == ["small", "medium", "medium", "large"]


def test_several_of_one_category_are_numbered_from_the_left(
    tmp_path: Path, scenes: list[Sample], told: Any
) -> None:
    for entry in told["annotations"]:
        entry["category_id"] = 10
    write(tmp_path, scenes, told)
    (sample, *_) = samples_of(f"coco:{tmp_path}")
    name = told["categories"][0]["name"]
    assert sample.names == tuple(f"{name} {n}" for n in range(1, len(sample.boxes) + 1))
    assert {slots["object"] for slots in sample.slots} == {name}
    assert [box.x0 for box in sample.boxes] == sorted(box.x0 for box in sample.boxes)


def test_what_is_left_out_is_counted(tmp_path: Path, scenes: list[Sample], told: Any) -> None:
    entries = told["annotations"]
    first = [entry for entry in entries if entry["image_id"] == 2]
    others = [entry for entry in entries if entry["image_id"] == 1]
    for entry in first:
        entry["iscrowd"] = 1
    others[0]["bbox"][2] = 0
    others[1]["bbox"][2:] = [30, 24.9]
    told["images"].append({"id": 99, "file_name": "99.png", "width": 9, "height": 9})
    write(tmp_path, scenes, told)
    found, left = read(tmp_path)
    assert left == {
        "crowds": len(first),
        "boxes without area": 1,
        "boxes under 750 px": 1,
        "images without objects": 2,
    }
    assert len(found) == 2 and len(found[0].boxes) == len(others) - 2
    others[1]["bbox"][2:] = [30, 25]
    write(tmp_path, scenes, told)
    assert len(coco(tmp_path)[0].boxes) == len(others) - 1, "750 px are enough"


def test_the_check_tells_what_was_left_out(
    tmp_path: Path, scenes: list[Sample], told: Any, capsys: Any
) -> None:
    told["annotations"][0]["iscrowd"] = 1
    write(tmp_path, scenes, told)
    assert cli.main(["data", "check", f"coco:{tmp_path}"]) == 0
    said = capsys.readouterr().out
    assert "left out: 1 crowds" in said and "3 samples can be used, 0 problems" in said
    assert f"{len(told['annotations']) - 1} objects in 3 images" in said
    (tmp_path / "val2017" / "000000000002.png").write_bytes(b"no image")
    report = check(f"coco:{tmp_path}")
    assert not report.to_json()["fits"] and "000000000002" in str(report.problems[0])


def tagged(path: Path, way_up: int) -> None:
    """Say in a file that viewers are to turn it."""
    with Image.open(path) as file:
        exif = file.getexif()
        exif[0x0112] = way_up
        file.load()
        file.save(path, exif=exif)


@pytest.mark.parametrize("way_up", range(2, 9))
def test_a_picture_that_viewers_turn_is_left_out(tmp_path: Path, scenes: list[Sample], way_up: int) -> None:
    write(tmp_path, scenes)
    square = next(n for n, scene in enumerate(scenes, 1) if scene.size[0] == scene.size[1])
    tagged(tmp_path / "val2017" / f"{square:012}.png", way_up)
    found, left = read(tmp_path)
    assert left["images that viewers turn"] == 1 and len(found) == 2
    assert len(read(tmp_path, n=2)[0]) == 2, "as many as were asked for"


def test_boxes_that_are_of_the_turned_picture_are_taken(
    tmp_path: Path, scenes: list[Sample], told: Any
) -> None:
    """The annotations say the size that viewers see, and a turn by a quarter leaves no other meaning."""
    wide = next(entry for entry in told["images"] if entry["width"] != entry["height"])
    write(tmp_path, scenes, told)
    path = tmp_path / "val2017" / wide["file_name"]
    Image.open(path).transpose(Image.Transpose.ROTATE_90).save(path)
    tagged(path, 6)
    found, left = read(tmp_path)
    assert len(found) == 3 and "images that viewers turn" not in left
    assert np.array_equal(found[1].image, scenes[1].image)


def test_swapped_sizes_without_a_tag_are_a_fault(tmp_path: Path, scenes: list[Sample], told: Any) -> None:
    wide = next(entry for entry in told["images"] if entry["width"] != entry["height"])
    wide["width"], wide["height"] = wide["height"], wide["width"]
    write(tmp_path, scenes, told)
    with pytest.raises(DataError, match="Use the images that belong to the annotations"):
        samples_of(f"coco:{tmp_path}")


def broken(part: str, **values: Any) -> Any:
    """A change of the first entry of one part of the file."""
    return lambda told: told[part][0].update(values)


@pytest.mark.parametrize(
    "change, said",
    [
        (broken("images", width=77), r"is 77 x 224 px there, and its file 224 x 224 px"),
        (broken("images", file_name="gone.png"), r"gone\.png: there is no such file"),
        (
            broken("annotations", image_id=500),
            r"annotation 1 is of image 500, which the file does not hold",
        ),
        (broken("annotations", category_id=500), r"annotation 1 is of category 500"),
        (broken("annotations", bbox=[1, 2, 3]), r"annotation 1 has the box \[1, 2, 3\]"),
        (broken("annotations", bbox=[1, 2, float("inf"), 3]), r"annotation 1 has the box"),
        (broken("annotations", area=None), r"annotation 1 has the area None"),
        (broken("annotations", area="large"), r"annotation 1 has the area 'large'"),
        (broken("annotations", area=float("nan")), r"annotation 1 has the area nan"),
        (broken("annotations", bbox=[250, 2, 400, 30]), r"sticks out of the image .* by \d+ px"),
        (
            lambda told: told["annotations"].append(told["annotations"][0]),
            r"two entries of annotations have one id",
        ),
        (lambda told: told["images"][0].pop("width"), r"entry 0 of images has no 'width'"),
        (lambda told: told.pop("categories"), r"it has no list of categories"),
        (lambda told: told.update(annotations=[]), r"it has no list of annotations"),
    ],
)
def test_what_does_not_fit_is_an_error(
    tmp_path: Path, scenes: list[Sample], told: Any, change: Any, said: str
) -> None:
    change(told)
    write(tmp_path, scenes, told)
    with pytest.raises(DataError, match=said):
        samples_of(f"coco:{tmp_path}")


def test_many_faults_are_counted(tmp_path: Path, scenes: list[Sample], told: Any) -> None:
    for entry in told["annotations"]:
        entry["image_id"] = 500
    write(tmp_path, scenes, told)
    with pytest.raises(DataError, match=rf"And {len(told['annotations']) - 5} more like these"):
        samples_of(f"coco:{tmp_path}")
    assert len(check(f"coco:{tmp_path}").problems) == len(told["annotations"])


def test_the_check_tells_all_kinds_of_faults_at_once(tmp_path: Path, scenes: list[Sample], told: Any) -> None:
    _, second, third = (entry["id"] for entry in told["images"])
    for entry in told["annotations"]:
        if entry["image_id"] == second:
            entry["bbox"] = [0, 0, 4000, 40]
    told["annotations"][0]["category_id"] = 999
    write(tmp_path, scenes, told)
    (tmp_path / "val2017" / next(e["file_name"] for e in told["images"] if e["id"] == third)).unlink()
    found = [problem.what for problem in check(f"coco:{tmp_path}").problems]
    assert len(found) == 3
    for said in (
        "is of category 999",
        r"annotation \d+, an? \w+.* sticks out of the image",
        "no such file",
    ):
        assert any(re.search(said, what) for what in found), found


def test_a_file_that_is_no_coco_is_named(tmp_path: Path, scenes: list[Sample]) -> None:
    with pytest.raises(DataError, match=r"instances_val2017\.json: there is no such file"):
        samples_of(f"coco:{tmp_path}")
    write(tmp_path, scenes)
    file = tmp_path / "annotations" / "instances_val2017.json"
    file.rename(tmp_path / "mine.json")
    with pytest.raises(UsageError, match=r"does not say where the images are. Add :images=FOLDER"):
        samples_of(f"coco:{tmp_path}:annotations=mine.json")
    assert len(samples_of(f"coco:{tmp_path}:annotations=mine.json:images=val2017")) == 3
    (tmp_path / "mine.json").write_text("{")
    with pytest.raises(DataError, match=r"cannot be read as JSON"):
        samples_of(f"coco:{tmp_path}:annotations=mine.json:images=val2017")


def test_run_lengths_come_plain_or_packed(scenes: list[Sample]) -> None:
    for mask in scenes[0].masks:
        size = list(mask.shape)
        runs = run_lengths(mask)
        assert unpacked(packed(runs)) == runs
        for counts in (runs, packed(runs)):
            found = mask_of({"size": size, "counts": counts}, (size[1], size[0]))
            assert found.dtype == bool and np.array_equal(found, mask)


def test_packed_run_lengths_are_those_of_the_reference(scenes: list[Sample]) -> None:
    reference = pytest.importorskip("pycocotools.mask", reason="pycocotools (extra coco) is not installed")
    mask = scenes[0].masks[0]
    theirs = reference.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert packed(run_lengths(mask)) == theirs and unpacked(theirs) == run_lengths(mask)


def test_polygons_are_drawn_by_the_reference(tmp_path: Path, scenes: list[Sample], told: Any) -> None:
    pytest.importorskip("pycocotools.mask", reason="pycocotools (extra coco) is not installed")
    for entry in told["annotations"]:
        x, y, w, h = entry["bbox"]
        entry["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    write(tmp_path, scenes, told)
    for sample in samples_of(f"coco:{tmp_path}:masks=yes"):
        for box, mask in zip(sample.boxes, sample.masks, strict=True):
            x0, y0, x1, y1 = map(int, box.corners)
            assert mask.shape == sample.size[::-1] and mask[y0:y1, x0:x1].all()
            assert mask.sum() == (x1 - x0) * (y1 - y0)


@pytest.mark.parametrize(
    "segmentation, said",
    [
        ({"size": [256, 999], "counts": [1]}, r"annotation 1 cannot be used: A mask is of \[256, 999\]"),
        ({"size": None, "counts": [3, 4]}, r"add up to 7 pixels"),
        ({"size": None, "counts": [-1, 2]}, r"not whole numbers of at least 0"),
        ({"size": None, "counts": "a~"}, r"hold the character '~'"),
        ({"size": None, "counts": "P"}, r"end within a number"),
        ({"size": None, "counts": "000O"}, r"not whole numbers of at least 0"),
        ({"counts": [1]}, r"neither a list of polygons nor run lengths"),
        (None, r"neither a list of polygons nor run lengths"),
        ([], r"has no polygon"),
        ([[1, 2, 3, 4]], r"not a list of three or more points"),
        ([[1, 2, 3, 4, 5, "6"]], r"a value that is not a number"),
    ],
)
def test_masks_that_are_broken_are_refused_only_if_they_are_asked_for(
    tmp_path: Path, scenes: list[Sample], told: Any, segmentation: Any, said: str
) -> None:
    if isinstance(segmentation, dict) and segmentation.get("size", 0) is None:
        segmentation = segmentation | {"size": list(scenes[0].size[::-1])}
    told["annotations"][0]["segmentation"] = segmentation
    write(tmp_path, scenes, told)
    assert len(samples_of(f"coco:{tmp_path}")) == 3
    with pytest.raises(DataError, match=said):
        samples_of(f"coco:{tmp_path}:masks=yes")


def test_a_mask_without_a_pixel_is_left_out(tmp_path: Path, scenes: list[Sample], told: Any) -> None:
    entry = told["annotations"][0]
    rows, cols = entry["segmentation"]["size"]
    entry["segmentation"]["counts"] = [rows * cols]
    write(tmp_path, scenes, told)
    found, left = read(tmp_path, masks=True)
    assert left == {"masks without a pixel": 1} and len(found[0].boxes) == len(scenes[0].boxes) - 1


def test_polygons_without_pycocotools_say_what_to_install(
    tmp_path: Path, scenes: list[Sample], told: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    told["annotations"][0]["segmentation"] = [[0, 0, 9, 0, 9, 9]]
    write(tmp_path, scenes, told)
    with pytest.raises(MissingPackage, match=r'pip install "gazeheads\[coco\]"'):
        samples_of(f"coco:{tmp_path}:masks=yes")


def test_pictures_are_opened_when_they_are_looked_at(tmp_path: Path, scenes: list[Sample]) -> None:
    write(tmp_path, scenes)
    (first, *_) = samples_of(f"coco:{tmp_path}")
    (tmp_path / "val2017" / "000000000001.png").unlink()
    assert first.size == scenes[0].size
    with pytest.raises(DataError, match=r"000000000001\.png: there is no such file"):
        _ = first.image
    assert json.loads(json.dumps(first.to_json()))["kind"] == "photo"

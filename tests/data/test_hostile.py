"""Data of others: what leads out of its folder, what is too much, what only looks like a number, and a fuzz."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_folder import annotations, drawn, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gazeheads.data import hub
from gazeheads.data.boxed import boxed
from gazeheads.data.captions import captions_of
from gazeheads.data.check import check
from gazeheads.data.coco import coco
from gazeheads.data.comics import comics, strip_of
from gazeheads.data.runlength import drawn as mask_of
from gazeheads.data.source import RAISE
from gazeheads.data.sources import samples_of
from gazeheads.drawing.clips import moving_doodle
from gazeheads.drawing.scenes import scenes as drawn_scenes
from gazeheads.drawing.strips import doodles
from gazeheads.errors import DataError, FaultyData, GazeHeadsError, UsageError
from gazeheads.files import inside
from gazeheads.sample import Sample

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def scenes() -> list[Sample]:
    return drawn(3)


@pytest.fixture
def told(scenes: list[Sample]) -> dict[str, Any]:
    return annotations(scenes)


def panels(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (32, 32)).save(folder / name, "PNG")
    return folder


# -- out of the folder ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
def test_a_coco_file_name_stays_in_its_folder(
    tmp_path: Path, scenes: list[Sample], told: Any, kind: str
) -> None:
    outside = tmp_path / "secret.png"
    scenes[0].image.save(outside)
    names = {"above": "../../secret.png", "absolute": str(outside), "link": "link.png"}
    told["images"][0]["file_name"] = names[kind]
    write(tmp_path / "coco", scenes, told | {"images": told["images"]})
    (tmp_path / "coco" / "val2017" / "link.png").unlink(missing_ok=True)
    (tmp_path / "coco" / "val2017" / "link.png").symlink_to(outside)
    scenes[0].image.save(outside)
    with pytest.raises(DataError, match="leads out of the folder .*val2017"):
        samples_of(f"coco:{tmp_path / 'coco'}")


def test_links_within_a_cache_of_the_hub_are_inside(tmp_path: Path) -> None:
    home = tmp_path / "snapshots" / "abc" / "val2017"
    home.mkdir(parents=True)
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "f00").write_bytes(b"x")
    (home / "1.jpg").symlink_to(tmp_path / "blobs" / "f00")
    assert inside(home, "1.jpg") == home / "1.jpg"
    for name in ("../../../x", "", ".", None, 7, "a\0b"):
        with pytest.raises(ValueError, match=r"leads out|not the name|can be called"):
            inside(home, name)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/hostname", "link.png"])
def test_a_row_that_names_a_file_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    folder = panels(tmp_path / "rows", "p1.png")
    panels(tmp_path, "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    where = {"name": str(folder), "layout": "row"}

    def sample(path: str) -> Sample | None:
        row = {"comic_id": "c", "panel_1": {"bytes": None, "path": path}, "caption_1": "A dog."}
        return hub._sample(row, ["panel_1"], where, "rows", RAISE)

    assert sample("p1.png") is not None
    with pytest.raises(DataError, match="panel_1 cannot be used: .* leads out of the folder"):
        sample(name)


def test_a_row_of_the_hub_reads_no_file_of_this_machine(tmp_path: Path) -> None:
    path = panels(tmp_path, "p1.png") / "p1.png"
    row = {"comic_id": "c", "panel_1": {"bytes": None, "path": str(path)}, "caption_1": "A dog."}
    with pytest.raises(DataError, match="names the file .* and holds no image"):
        hub._sample(row, ["panel_1"], {"name": "somebody/strips", "layout": "row"}, "x", RAISE)


# -- too much, and for ever -----------------------------------------------------------------------------------------
def test_a_panel_of_a_huge_number_is_an_error_at_once(tmp_path: Path) -> None:
    folder = panels(tmp_path / "one", "p1.png", "p4000000.png")
    (folder / "captions.json").write_text('{"p1": "A dog."}')
    with pytest.raises(
        DataError, match="2 panels up to p4000000, but p2, p3, p4, p5, p6 and more are missing"
    ):
        strip_of(folder)
    assert max(len(problem.what) for problem in check(f"comics:{folder}").problems) < 500
    with pytest.raises(DataError, match="p2 is missing; p3 is missing.* and more"):
        captions_of(folder, 10**18)


@pytest.mark.parametrize("name", ["captions.txt", "captions.json", "p1.png"])
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path, name: str) -> None:
    folder = panels(tmp_path / "one", "p1.png")
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(DataError, match=f"{name}: .*a named pipe, not a file"):
        strip_of(folder)


def test_pipes_and_devices_in_place_of_json(tmp_path: Path) -> None:
    panels(tmp_path, "page.png")
    os.mkfifo(tmp_path / "page.json")
    with pytest.raises(DataError, match="a named pipe, not a file"):
        boxed(tmp_path / "page.png")
    with pytest.raises(DataError, match="a device, not a file"):
        coco(tmp_path, annotations="/dev/zero", images=".")


@pytest.mark.parametrize(
    "source",
    [
        "doodles:999999999", "scenes:1000001", "doodles:" + "9" * 5000, "doodles:3:start=" + "9" * 30,
        "doodles:3:panels=" + "9" * 20, "doodles:3:grid=99999x99999", "doodles:3:grid=" + "9" * 5000 + "x1",
        "hub:a/b:" + "9" * 5000, "doodles:¹", "doodles:①", "doodles:٣", "doodles:3:start=²", "comics:x:n=③",
        "doodles:3:start=", "doodles: 3", "doodles:+3", "doodles:3_0", "doodles:0x3", "doodles:3.0", "doodles:1e3",
    ],
)  # fmt: skip
def test_numbers_that_are_none_or_too_large_are_refused(source: str) -> None:
    with pytest.raises(UsageError) as caught:
        samples_of(source)
    assert "Ask for" in str(caught.value) or "Write " in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: doodles(10**9),
        lambda: doodles(1, start=-1),
        lambda: doodles("3"),  # type: ignore[arg-type]
        lambda: drawn_scenes(10**9),
        lambda: drawn_scenes(1)[0].resized(10**6, 16),
        lambda: doodles(1)[0].resized(10**6, 16),
        lambda: doodles(1)[0].resized(48, 0),
        lambda: moving_doodle(frames=10**7),
        lambda: moving_doodle(width=1e9),
        lambda: moving_doodle(width=float("nan")),
    ],
)
def test_drawings_are_bounded(call: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        call()


def limited(code: str) -> subprocess.CompletedProcess[str]:
    """Run code that may take no more than 2 GB of memory."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))

    return subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=bound,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("corner", [1e9, 1e8, -5e7, 300.0])
def test_a_corner_far_outside_is_an_error_and_takes_no_memory(corner: float) -> None:
    """In a process of its own: pycocotools would end it, without a word."""
    code = (
        "from gazeheads.data.runlength import is_empty\nfrom gazeheads.errors import DataError\n"
        f"try: is_empty([[0, 0, {corner}, 0, 9, 9]], (64, 64))\nexcept DataError as e: print(e)"
    )
    done = limited(code)
    assert "out of the image of 64 x 64 px by" in done.stdout or "not a number of pixels" in done.stdout, done


def test_a_polygon_without_an_end_is_an_error() -> None:
    zigzag = [[value for k in range(30_000) for value in (1000.0 * (k % 2), 0.5)]]
    with pytest.raises(DataError, match="million px long"):
        mask_of(zigzag, (1000, 1000))
    with pytest.raises(DataError, match="a number without an end"):
        mask_of({"size": [8, 8], "counts": "o" * 1_000_000}, (8, 8))


# -- COCO -----------------------------------------------------------------------------------------------------------
def test_a_polygon_outside_or_without_a_pixel_is_told(
    tmp_path: Path, scenes: list[Sample], told: Any
) -> None:
    pytest.importorskip("pycocotools.mask", reason="pycocotools (extra coco) is not installed")
    told["annotations"][0]["segmentation"] = [[-90, -90, -50, -90, -50, -50]]
    told["annotations"][1]["segmentation"] = [[5, 5, 5, 5, 5, 5]]
    write(tmp_path, scenes, told)
    report = check(f"coco:{tmp_path}:masks=yes")
    assert "annotation 1 cannot be used: a polygon of its mask has the corner (-90, -90)" in str(
        report.problems[0]
    )
    assert "left out: 1 masks without a pixel" in [note.what for note in report.notes]


@pytest.mark.parametrize(
    "part, key, value",
    [
        ("images", "id", None), ("images", "id", [1]), ("images", "id", 1.5), ("images", "id", True),
        ("images", "file_name", None), ("images", "file_name", 7), ("images", "file_name", " "),
        ("images", "width", "640"), ("images", "width", -3), ("images", "height", 2.5), ("images", "height", None),
        ("categories", "id", {}), ("categories", "name", 5), ("categories", "name", ""),
        ("annotations", "id", None), ("annotations", "image_id", []), ("annotations", "category_id", {}),
        ("annotations", "iscrowd", "0"), ("annotations", "iscrowd", None), ("annotations", "iscrowd", 2),
    ],
)  # fmt: skip
def test_values_of_another_type_are_named(
    tmp_path: Path, scenes: list[Sample], told: Any, part: str, key: str, value: Any
) -> None:
    told[part][0][key] = value
    told["annotations"][-1]["id"] = None
    write(tmp_path, scenes, told)
    with pytest.raises(FaultyData) as caught:
        samples_of(f"coco:{tmp_path}")
    assert f"entry 0 of {part} has the {key} " in str(caught.value)
    last = len(told["annotations"]) - 1
    assert f"entry {last} of annotations has the id None" in str(caught.value), "all are told"


def test_boxes_of_truth_values_and_negative_areas_are_named(
    tmp_path: Path, scenes: list[Sample], told: Any
) -> None:
    told["annotations"][0]["bbox"] = [True, 2, 30, 30]
    told["annotations"][1]["area"] = -1
    write(tmp_path, scenes, told)
    with pytest.raises(DataError, match=r"annotation 1 has the box.*annotation 2 has the area -1"):
        samples_of(f"coco:{tmp_path}")


def test_ids_and_files_that_are_there_twice_are_named(
    tmp_path: Path, scenes: list[Sample], told: Any
) -> None:
    told["annotations"] += [told["annotations"][0], told["annotations"][2]]
    write(tmp_path, scenes, told)
    with pytest.raises(DataError, match=r"two entries of annotations have one id: 1, 3\."):
        samples_of(f"coco:{tmp_path}")
    told["annotations"] = told["annotations"][:-2]
    told["images"][1]["file_name"] = "./" + told["images"][0]["file_name"]
    write(tmp_path, scenes, told)
    with pytest.raises(DataError, match=r"images 1 and 2 are of one file"):
        samples_of(f"coco:{tmp_path}")


def test_equal_names_in_two_folders_are_two_images(tmp_path: Path, scenes: list[Sample], told: Any) -> None:
    for entry, scene, name in zip(told["images"], scenes, ("a/1.png", "b/1.png", "2.png"), strict=True):
        entry["file_name"] = name
        (tmp_path / "val2017" / name).parent.mkdir(parents=True, exist_ok=True)
        scene.image.save(tmp_path / "val2017" / name)
    write(tmp_path, scenes, told)
    names = [sample.id for sample in samples_of(f"coco:{tmp_path}")]
    assert names == ["coco/val2017/a/1.png", "coco/val2017/b/1.png", "coco/val2017/2"]


def test_no_objects_says_what_was_left_out(tmp_path: Path, scenes: list[Sample], told: Any) -> None:
    for number, entry in enumerate(told["annotations"]):
        entry.update({"iscrowd": 1} if number < 2 else {"bbox": [1, 1, 5, 5]})
    write(tmp_path, scenes, told)
    small = len(told["annotations"]) - 2
    with pytest.raises(
        DataError, match=rf"0 have objects \(left out: {small} boxes under 750 px, 2 crowds, 3 images"
    ):
        samples_of(f"coco:{tmp_path}")


# -- names that look like numbers -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["p².png", "p③.png", "p٣.png", "p½.png", "p3.tiff"])
def test_a_panel_that_would_be_missing_is_a_fault(tmp_path: Path, name: str) -> None:
    folder = panels(tmp_path / "one", "p1.png", "p2.png", name)
    with pytest.raises(DataError, match="named like a panel, but"):
        strip_of(folder)


def test_names_with_odd_digits_are_sorted_and_read(tmp_path: Path) -> None:
    for name in ("comic²", "comic①", "comic10", "comic2", "x٣"):
        panels(tmp_path / name, "P1.png", "p02.png")
    assert [sample.id for sample in comics(tmp_path)][:2] == ["comics/comic2", "comics/comic10"]
    assert len(comics(tmp_path)) == 5 and len(strip_of(tmp_path / "x٣").boxes) == 2


# -- a fuzz of every reader -----------------------------------------------------------------------------------------
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=5), part, max_size=4),
    max_leaves=12,
)
TEXTS = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())
ODD = st.sampled_from([b"[" * 100_000, b'{"a": 1, "a": 2}', b'["\\ud800"]', b"\xef\xbb\xbf[]", b"9" * 5000])


def named_or_read(call: Callable[[], object]) -> None:
    message = ""
    try:
        call()
    except GazeHeadsError as error:
        message = str(error)
    assert len(message) < 5000


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(TEXTS | ODD, st.sampled_from(["captions.txt", "captions.json", "page.json"]))
def test_texts_are_read_or_named(tmp_path: Path, data: bytes, name: str) -> None:
    folder = panels(tmp_path / "one", "page.png")
    (folder / name).write_bytes(data)
    named_or_read(lambda: captions_of(folder, 2))
    named_or_read(lambda: boxed(folder / "page.png"))
    (folder / name).unlink()


BOX = st.fixed_dictionaries(
    {"box": JSON | st.lists(st.floats() | st.integers(-5, 40) | st.just(10**400), min_size=4, max_size=4)},
    optional={"name": JSON, "caption": JSON},
)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(st.lists(BOX, max_size=3))
def test_boxes_are_read_or_named(tmp_path: Path, entries: list[Any]) -> None:
    folder = panels(tmp_path, "page.png")
    (folder / "page.json").write_text(json.dumps(entries))
    named_or_read(lambda: boxed(folder / "page.png"))


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["images", "categories", "annotations"]),
            st.integers(0, 2),
            st.sampled_from(["id", "file_name", "width", "height", "name", "image_id", "category_id", "bbox", "iscrowd",
                             "area", "segmentation"]),
            JSON | st.lists(st.lists(st.floats() | st.integers(), max_size=8), max_size=2)
            | st.fixed_dictionaries({"size": JSON, "counts": JSON | st.text(max_size=9)}),
        ),
        min_size=1, max_size=3,
    ),
    st.sampled_from(["yes", "no"]),
)  # fmt: skip
def test_coco_is_read_or_named(
    tmp_path: Path, scenes: list[Sample], changes: list[tuple[str, int, str, Any]], masks: str
) -> None:
    told = annotations(scenes)
    if not (tmp_path / "val2017").is_dir():
        write(tmp_path, scenes, told)
    for part, number, key, value in changes:
        told[part][number % len(told[part])][key] = value
    (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(told))
    named_or_read(
        lambda: [np.asarray(m) for s in samples_of(f"coco:{tmp_path}:masks={masks}") for m in s.masks]
    )


IMAGE = JSON | st.fixed_dictionaries({"bytes": st.none() | st.binary(max_size=30), "path": JSON})


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(st.fixed_dictionaries({"comic_id": JSON, "panel_1": IMAGE, "caption_1": JSON}))
def test_rows_are_read_or_named(tmp_path: Path, row: dict[str, Any]) -> None:
    where = {"name": str(tmp_path), "layout": "row"}
    named_or_read(lambda: hub._sample(row, ["panel_1"], where, "x", RAISE))


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["doodles:", "scenes:", "comics:", "comics-raw:", "strip:", "coco:", ""]),
    st.text(alphabet="0129:=x+²①٣-_. nstarplgid/\0~", max_size=14).filter(lambda text: "99" not in text),
)
def test_names_of_sources_are_read_or_named(name: str, rest: str) -> None:
    if len(rest.partition(":")[0]) < 3:  # thousands of drawings take their time
        named_or_read(lambda: samples_of(name + rest))

"""Comics in files: folders of panels, captions, grids, raw COMICS, annotated images; and what is wrong with them."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from weakref import ref

import numpy as np
import pytest
from PIL import Image

import gazeheads
from gazeheads.data import pictures
from gazeheads.data.boxed import boxed
from gazeheads.data.comics import comics, strip_of
from gazeheads.data.layout import Layout, places
from gazeheads.data.rawcomics import EDGE, RawComic, raw_comics, windows
from gazeheads.data.sources import fingerprint
from gazeheads.errors import DataError, GazeHeadsError, UsageError

SIDE = 32


def panels(folder: Path, n: int = 6, suffix: str = "png", size: tuple[int, int] = (SIDE, SIDE)) -> Path:
    """A folder of n panels, each of its own colour."""
    folder.mkdir(parents=True)
    for k in range(1, n + 1):
        Image.new("RGB", size, (0, 0, 30 * k)).save(folder / f"p{k}.{suffix}")
    return folder


# -- folders -------------------------------------------------------------------------------------------------------


def test_comics_are_read_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    for name in ("comic10", "comic2", "Comic1"):
        panels(tmp_path / name, 2)
    (tmp_path / ".cache").mkdir()
    (tmp_path / "readme.md").write_text("no strip")
    assert [s.id for s in gazeheads.comics(tmp_path)] == ["comics/Comic1", "comics/comic2", "comics/comic10"]
    assert [s.id for s in comics(tmp_path, n=1, start=1)] == ["comics/comic2"]
    assert [s.id for s in comics(tmp_path / "comic2")] == ["comics/comic2"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "bmp", "PNG"])
def test_every_format_and_any_number_of_panels(suffix: str, tmp_path: Path) -> None:
    sample = strip_of(panels(tmp_path / "one", 3, suffix))
    assert sample.names == ("panel 1", "panel 2", "panel 3") and sample.kind == "strip"
    blues = [
        sample.image.crop(tuple(map(int, b.corners))).resize((1, 1)).getpixel((0, 0)) for b in sample.boxes
    ]
    assert [round(blue[2] / 30) for blue in blues] == [1, 2, 3]


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda f: (f / "p2.png").unlink(), "3 panels up to p4, but p2 is missing"),
        (lambda f: (f / "p1.png").rename(f / "p0.png"), "p1 is missing"),
        (
            lambda f: (f / "p0.png").write_bytes((f / "p1.png").read_bytes()),
            "panels count from 1, and this is p0",
        ),
        (lambda f: (f / "p01.png").write_bytes((f / "p1.png").read_bytes()), "panel 1 is there twice, p"),
        (lambda f: [p.unlink() for p in f.iterdir()], "it holds no panel"),
        (lambda f: (f / "p3.png").write_text("hello"), "p3.png: this is not an image"),
        (lambda f: (f / "p3.png").write_bytes(b""), "p3.png: this is not an image"),
        (
            lambda f: Image.new("RGB", (900, 3)).save(f / "p3.png"),
            "p3.png: 900 x 3 px is more than 200 times",
        ),
        (lambda f: Image.new("RGB", (9, 1)).save(f / "p3.png"), "p3.png: it is 9 x 1 px, too small"),
    ],
)
def test_a_folder_that_is_no_strip_says_why(
    wrong: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    folder = panels(tmp_path / "one", 4)
    wrong(folder)
    with pytest.raises(DataError, match=message):
        strip_of(folder)


def test_a_collection_that_cannot_be_meant_says_why(tmp_path: Path) -> None:
    panels(tmp_path / "a" / "one", 2)
    with pytest.raises(DataError, match="there is no such folder"):
        comics(tmp_path / "nowhere")
    for n, start in ((2, 0), (1, 1), (None, 1), (0, 0), (1, -1)):
        with pytest.raises(DataError, match=rf"from number {start} on were asked for, and it holds 1"):
            comics(tmp_path / "a", n=n, start=start)
    Image.new("RGB", (9, 9)).save(tmp_path / "a" / "p1.png")
    with pytest.raises(DataError, match="it holds panels and the folder one"):
        comics(tmp_path / "a")


# -- captions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, text, found",
    [
        ("captions.txt", "a cat \nein Hund – froh\n\n", (("a cat",), ("ein Hund – froh",))),
        ("captions.json", '["a cat", "a dog"]', (("a cat",), ("a dog",))),
        ("captions.json", '[["a cat", "cat"], "a dog"]', (("a cat", "cat"), ("a dog",))),
        ("captions.json", '{"p2": "a dog", "p1": ["a cat", "cat"]}', (("a cat", "cat"), ("a dog",))),
    ],
)
def test_captions_come_with_the_panels(name: str, text: str, found: object, tmp_path: Path) -> None:
    folder = panels(tmp_path / "one", 2)
    assert strip_of(folder).captions == ()
    (folder / name).write_text(text, encoding="utf-8")
    assert strip_of(folder).captions == found


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("captions.txt", "a\nb\nc\n", "3 captions for 2 panels"),
        ("captions.txt", "", "0 captions for 2 panels"),
        ("captions.txt", "\nb\n", "caption 1 is empty"),
        ("captions.txt", "\nb\nc", "3 captions for 2 panels; caption 1 is empty"),
        ("captions.json", '["a", "  "]', "caption 2 is empty"),
        ("captions.json", '["a", []]', "caption 2 is neither a text nor a list of texts"),
        ("captions.json", '["a", 3]', "caption 2 is neither a text nor a list of texts"),
        ("captions.json", '["a", ["b", ""]]', "caption 2 is empty"),
        (
            "captions.json",
            '{"p1": "a", "p3": "c"}',
            "p2 is missing; 'p3' is not a panel. The panels of the folder are p1 to p2",
        ),
        ("captions.json", '"a"', "it holds a str"),
        ("captions.json", '["a",', "this is not JSON"),
    ],
)
def test_captions_that_do_not_fit_the_panels(name: str, text: str, message: str, tmp_path: Path) -> None:
    folder = panels(tmp_path / "one", 2)
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=f"{name}: .*{message}"):
        strip_of(folder)


def test_two_files_of_captions_or_one_that_is_no_text(tmp_path: Path) -> None:
    folder = panels(tmp_path / "one", 1)
    (folder / "captions.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataError, match=r"captions.txt: they cannot be read \(.*utf-8"):
        strip_of(folder)
    (folder / "captions.json").write_text('["a"]')
    with pytest.raises(DataError, match="both captions.txt and captions.json are there"):
        strip_of(folder)


# -- layout --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, rows", [(4, 2), (6, 2), (8, 2), (9, 3), (12, 3), (16, 4)])
def test_a_grid_is_as_near_to_a_square_as_it_goes(n: int, rows: int) -> None:
    assert Layout("grid").rows(n, "x") == rows


@pytest.mark.parametrize("height, cell", [(48, 16), (256, 32)])
def test_panels_of_a_grid_lie_on_the_token_grid_and_keep_their_shape(height: int, cell: int) -> None:
    sizes = [(300, 300), (200, 400), (512, 256), (300, 400), (300, 300), (300, 300)]
    (width, high), boxes = places(sizes, height, cell, 2)
    assert high == 2 * height and width == max(-(-boxes[2].x1 // cell), -(-boxes[5].x1 // cell)) * cell
    assert [box.y0 for box in boxes] == [0] * 3 + [height] * 3
    assert all(box.x0 % cell == 0 and box.y0 % cell == 0 for box in boxes)
    for left, right in ((0, 1), (1, 2), (3, 4), (4, 5)):
        assert cell > boxes[right].x0 - boxes[left].x1 >= 1, "a gap"
    assert all(0 < (y + 1) * height - box.y1 < cell for y, box in zip([0] * 3 + [1] * 3, boxes, strict=True))
    for box, (w, h) in zip(boxes, sizes, strict=True):
        assert box.width == pytest.approx(w * box.height / h, abs=cell / 2 + 1)


def test_the_gap_counts_in_the_rounding_to_cells() -> None:
    assert places([(238, 256)], 256, 32)[0] == (256, 256), (
        "238 + 6 px are nearer to eight cells than to seven"
    )


def test_a_grid_is_drawn_where_its_boxes_say_at_every_size(tmp_path: Path) -> None:
    sample = comics(panels(tmp_path / "one", 6), "3x2")[0]
    for each in (sample, sample.resized(48, 16)):
        assert each.kind == "grid" and each.id == "comics/one/3x2" and each.image.size == each.size
        array = np.asarray(each.image)
        white = np.ones(array.shape[:2], dtype=bool)
        for k, box in enumerate(each.boxes, start=1):
            x0, y0, x1, y1 = map(int, box.corners)
            assert (array[y0:y1, x0:x1] == (0, 0, 30 * k)).all()
            white[y0:y1, x0:x1] = False
        assert (array[white] == 255).all()
    assert sample.resized(48, 16).size[1] == 3 * 48


@pytest.mark.parametrize(
    "layout, message",
    [
        ("grid", "5 panels cannot be divided into equal rows"),
        ("2x3", "a grid of 2x3 has 6 panels, and the strip 5"),
        ("0x5", "Layout '0x5': there is no such layout"),
        ("circle", "Layout 'circle': there is no such layout"),
    ],
)
def test_an_uneven_grid_is_refused(layout: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(GazeHeadsError, match=message):
        comics(panels(tmp_path / "one", 5), layout)


# -- files are opened late -----------------------------------------------------------------------------------------


def test_panels_are_decoded_when_looked_at_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(8):
        panels(tmp_path / f"comic{i}", 6)
    decoded: list[str] = []
    rgb = pictures.rgb

    def counting(picture: Image.Image, name: str) -> Image.Image:
        decoded.append("one")
        return rgb(picture, name)

    monkeypatch.setattr(pictures, "rgb", counting)
    samples = [sample.resized(48, 16) for sample in comics(tmp_path)]
    assert len(samples) == 8 and [s.to_json()["size"] for s in samples] == [[6 * 48, 48]] * 8
    assert len(fingerprint(samples)) == 64 and not decoded, "headers and bytes are enough"
    held = samples[0].image
    assert samples[0].image is held and len(decoded) == 6, "one image while somebody holds it"
    del held
    seen = ref(samples[0].image)
    assert seen() is None and len(decoded) == 12, "the sample does not keep it"


def test_a_file_that_is_gone_meanwhile_is_named(tmp_path: Path) -> None:
    sample = strip_of(panels(tmp_path / "one", 3))
    (tmp_path / "one" / "p2.png").unlink()
    for use in (lambda: sample.image, lambda: sample.resized(48, 16).image, lambda: sample.content):
        with pytest.raises(DataError, match=r"one/p2.png: "):
            use()


def test_a_file_that_is_another_one_meanwhile_is_named(tmp_path: Path) -> None:
    sample = strip_of(panels(tmp_path / "one", 3))
    before = sample.content
    Image.new("RGB", (SIDE, SIDE), "red").save(tmp_path / "one" / "p3.png")
    assert sample.content != before and sample.image.getpixel((sample.size[0] - 20, 9)) == (255, 0, 0)
    Image.new("RGB", (SIDE, SIDE + 2)).save(tmp_path / "one" / "p3.png")
    with pytest.raises(
        DataError, match=r"p3.png: it was 32 x 32 px when it was listed, and is 32 x 34 px now"
    ):
        _ = sample.image


def test_a_panel_that_is_cut_off_is_named_when_it_is_looked_at(tmp_path: Path) -> None:
    folder = panels(tmp_path / "one", 2, "jpg")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "p2.jpg")
    (folder / "p2.jpg").write_bytes((folder / "p2.jpg").read_bytes()[:1500])
    sample = strip_of(folder)
    with pytest.raises(DataError, match=r"p2.jpg: it cannot be read to its end"):
        _ = sample.image


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_panel_that_viewers_turn_is_laid_out_upright(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    picture = Image.new("RGB", (60, 40), "red")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "one" / f"p1.{suffix}", exif=exif)
    sample = strip_of(tmp_path / "one", "row").resized(48, 16)
    assert sample.size == (32, 48) and sample.image.size == (32, 48)


def test_what_is_changed_about_a_sample_from_files_keeps_it_unopened(tmp_path: Path) -> None:
    sample = strip_of(panels(tmp_path / "one", 2))
    other = replace(sample, names=("left", "right"))
    (tmp_path / "one" / "p1.png").write_bytes(b"x")
    assert other.size == sample.size and other.content == sample.content
    with pytest.raises(DataError, match=r"p1.png: this is not an image"):
        _ = other.image


def test_a_sample_from_files_can_be_changed_like_any_other(tmp_path: Path) -> None:
    sample = strip_of(panels(tmp_path / "one", 2))
    other = replace(sample, names=("left", "right"))
    assert other.names == ("left", "right") and other.image.tobytes() == sample.image.tobytes()
    assert len(other.content) == 64 and "left" in repr(other)


def test_the_hash_of_a_folder_is_blind_to_its_place(tmp_path: Path) -> None:
    one, two = panels(tmp_path / "here" / "one"), panels(tmp_path / "there" / "one")
    (one / "notes.txt").write_text("no panel")
    assert fingerprint(comics(one)) == fingerprint(comics(two))
    (two / "captions.txt").write_text("\n".join("abcdef"))
    assert fingerprint(comics(one)) != fingerprint(comics(two))
    Image.new("RGB", (SIDE, SIDE), (0, 0, 31)).save(one / "p1.png")
    (two / "captions.txt").unlink()
    assert fingerprint(comics(one)) != fingerprint(comics(two))


# -- raw COMICS ----------------------------------------------------------------------------------------------------


def raw(folder: Path, pages: dict[int, int | list[int]]) -> Path:
    """A comic with so many panels on each page, or with the panels of these numbers."""
    folder.mkdir(parents=True)
    stored = Image.new("RGB", (8, 8), "blue")
    stored.save(folder / "0_0.jpg")
    data = (folder / "0_0.jpg").read_bytes()
    (folder / "0_0.jpg").unlink()
    for page, found in pages.items():
        for panel in range(found) if isinstance(found, int) else found:
            (folder / f"{page}_{panel}.jpg").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long comics, a short one, and one without a page of six."""
    root = tmp_path_factory.mktemp("raw")
    for name in ("3", "20", "100"):
        raw(root / name, {page: 9 if page % 2 else 5 for page in range(16)})
    raw(root / "short", dict.fromkeys(range(4), 7))
    raw(root / "bare", dict.fromkeys(range(16), 5))
    return root


def test_a_window_is_consecutive_panels_of_one_interior_page(library: Path) -> None:
    found = windows(library, 10, 0, 6, 0)
    for window in found:
        names = [path.stem for path in window.files]
        assert names == [f"{window.page}_{window.first + k}" for k in range(6)]
        assert {path.parent.name for path in window.files} == {window.comic}
        assert window.comic == "short" or (EDGE <= window.page < 16 - EDGE and window.page % 2)
        assert 0 <= window.first <= (1 if window.comic == "short" else 3)
    assert len({window.first for window in found}) > 1, "windows begin anywhere on a page"


def test_every_comic_has_its_turn_before_any_comes_again_and_no_page_twice(library: Path) -> None:
    found = windows(library, 13, 1, 6, 0)  # all there are: three pages of three comics, four of the short one
    assert {w.comic for w in found[:4]} == {"3", "20", "100", "short"}
    assert len({(w.comic, w.page) for w in found}) == 13


def test_a_strip_depends_on_seed_and_number_alone(library: Path) -> None:
    all_ = windows(library, 13, 5, 6, 0)
    for start, n in ((0, 1), (3, 4), (12, 1)):
        assert windows(library, n, 5, 6, start) == all_[start : start + n]
    orders = {tuple((w.comic, w.page, w.first) for w in windows(library, 6, seed, 6, 0)) for seed in range(4)}
    assert len(orders) == 4
    firsts = {windows(library, 1, seed, 6, 0)[0].comic for seed in range(12)}
    assert len(firsts) > 1, "the seed chooses the comics, too"
    samples = raw_comics(library, 2, 5, start=3)
    assert [s.source["index"] for s in samples] == [3, 4] and len(samples[0].boxes) == 6
    assert len({s.id for s in raw_comics(library, 13, 5)}) == 13


def test_panels_that_do_not_follow_each_other_are_no_window(tmp_path: Path) -> None:
    raw(tmp_path / "one", {0: [0, 1, 2, 4, 5, 6], 1: [2, 3, 4, 5, 6, 7, 9]})
    assert RawComic.read(tmp_path / "one").candidates(6) == [1]
    (window,) = windows(tmp_path, 1, 0, 6, 0)
    assert (window.page, window.first) == (1, 2)


@pytest.mark.parametrize("pages, interior", [(10, range(10)), (11, range(5, 6)), (16, range(5, 11))])
def test_only_comics_over_ten_pages_lose_their_ends(pages: int, interior: range, tmp_path: Path) -> None:
    assert RawComic.read(raw(tmp_path / "one", dict.fromkeys(range(pages), 1))).interior == list(interior)


def test_fewer_candidates_than_asked_for_are_counted(library: Path) -> None:
    with pytest.raises(
        DataError, match="14 strips of 6 panels from number 0 on were asked for; there are 13"
    ) as error:
        raw_comics(library, 14)
    told = str(error.value)
    assert "13 candidate pages in 5 comics (40 pages at the ends of comics are none" in told
    assert "15 interior pages with fewer than 6 consecutive panels; 1 comics have no candidate at all" in told
    assert len(raw_comics(library, 3, panels=9, layout="3x3")) == 3


def test_raw_comics_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder"):
        raw_comics(tmp_path / "nowhere", 1)
    with pytest.raises(DataError, match="it holds no comic"):
        raw_comics(tmp_path, 1)
    folder = raw(tmp_path / "one", {0: 6})
    with pytest.raises(UsageError, match="0 strips of 6 panels"):
        raw_comics(tmp_path, 0)
    (folder / "00_03.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"panel 3 of page 0 is there twice, 0+_0?3.jpg and 0+_0?3.jpg"):
        raw_comics(tmp_path, 1)
    (folder / "00_03.jpg").unlink()
    (folder / "0_3.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"0_3.jpg: this is not an image"):
        raw_comics(tmp_path, 1)


# -- an image and its boxes ---------------------------------------------------------------------------------------


def annotated(folder: Path, entries: object) -> Path:
    Image.new("RGB", (100, 50), "blue").save(folder / "page.png")
    (folder / "page.json").write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return folder / "page.png"


LEFT, RIGHT = {"box": [0, 0, 40, 50]}, {"box": [50, 0, 100.5, 50]}


def test_a_picture_with_boxes_beside_it(tmp_path: Path) -> None:
    one, two = LEFT | {"name": "cat", "caption": "a cat"}, RIGHT | {"caption": ["a dog", "dog"]}
    for entries in ([one, two], {"boxes": [one, two]}):
        sample = boxed(annotated(tmp_path, entries))
        assert [b.corners for b in sample.boxes] == [(0, 0, 40, 50), (50, 0, 100.5, 50)]
        assert sample.names == ("cat", "panel 2") and sample.captions == (("a cat",), ("a dog", "dog"))
        assert sample.id == "strip/page" and sample.kind == "strip"
        assert sample.resized(48, 16) is sample and sample.image.size == sample.size == (100, 50)
    assert boxed(annotated(tmp_path, [RIGHT, LEFT])).boxes[0].x0 == 50, "the order is the reader's"
    assert boxed(annotated(tmp_path, [RIGHT, LEFT])).kind == "grid"
    assert boxed(annotated(tmp_path, [LEFT])).captions == ()


@pytest.mark.parametrize(
    "entries, message",
    [
        ([LEFT, {"box": [50, 0, 103, 50]}], r"box 2, .*sticks out of the image of 100 x 50 px by 3 px"),
        ([{"box": [-2, 0, 40, 50]}], "box 1, .*sticks out .* by 2 px"),
        ([{"box": [4, 0, 4, 50]}], r"box 1 cannot be used. Box \(4, 0, 4, 50\) is empty"),
        (
            [{"box": [4, 0, 4, 50]}, LEFT, {"box": [0, 0, 9, 99]}],
            "box 1 cannot be used.*box 3, .* sticks out",
        ),
        ([{"box": [0, 0, "x", 50]}], "box 1 cannot be used. x1 of a box is a number"),
        ([{"box": [0, 0, 50]}], r"box 1 is \[0, 0, 50\]. Write four numbers"),
        ([{"panel": 1}], "entry 1 has no box"),
        ([[0, 0, 40, 50]], "entry 1 has no box"),
        ([LEFT | {"text": "x"}], "entry 1 has an unknown key 'text'"),
        ([LEFT | {"name": ""}], "the name of box 1 is ''"),
        ([LEFT | {"caption": ""}], "caption 1 is empty"),
        ([LEFT | {"caption": "a"}, RIGHT], "box 1 has a caption and box 2 has none"),
        ([], "there is no list of boxes"),
        ({"panels": [LEFT]}, "there is no list of boxes"),
        ("[", "they cannot be read"),
    ],
)
def test_boxes_that_cannot_be_used(entries: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        boxed(annotated(tmp_path, entries))


def test_a_picture_without_boxes_or_boxes_without_a_picture(tmp_path: Path) -> None:
    path = annotated(tmp_path, [LEFT])
    path.with_suffix(".json").unlink()
    with pytest.raises(DataError, match="page.json: there is no such file"):
        boxed(path)
    path.unlink()
    with pytest.raises(DataError, match="page.png: there is no such file"):
        boxed(path)


def test_order_of_files_on_disk_does_not_matter(tmp_path: Path) -> None:
    numbers = list(range(1, 13))
    random.Random(0).shuffle(numbers)
    for i in numbers:
        panels(tmp_path / f"c{i}", 1)
    assert [s.id for s in comics(tmp_path)] == [f"comics/c{i}" for i in range(1, 13)]

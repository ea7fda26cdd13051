"""Images and comics from files: opened whole and upright, laid out on the token grid."""

import itertools

import numpy as np
import pytest
from PIL import Image

from gazeheads import images
from gazeheads.data.comics import numbered, strip_of
from gazeheads.data.layout import panels_of, paste, places
from gazeheads.data.pictures import open_picture
from gazeheads.data.sources import samples_of
from gazeheads.errors import DataError


def test_exif_orientation_is_honoured(tmp_path):
    picture = Image.new("RGB", (60, 40), "red")
    exif = picture.getexif()
    exif[0x0112] = 6  # turn a quarter clockwise
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert open_picture(tmp_path / "turned.jpg").size == (40, 60)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16"])
def test_any_mode_becomes_rgb(mode, tmp_path):
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.new(mode, (8, 8)).save(tmp_path / f"x.{suffix}")
    assert open_picture(tmp_path / f"x.{suffix}").mode == "RGB"


def test_transparent_parts_are_white(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert np.asarray(open_picture(tmp_path / "clear.png")).min() == 255


def test_a_picture_beyond_the_limit_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Image.new("L", (400, 300)).save(tmp_path / "big.png")
    monkeypatch.setattr(images, "MOST_PIXELS", 100_000)
    with pytest.raises(DataError, match=r"400 x 300 px is more than 0.1 million pixels"):
        open_picture(tmp_path / "big.png")


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(DataError, match="this is a folder"):
        open_picture(tmp_path)


@pytest.mark.parametrize("height, cell", [(48, 16), (256, 32)])
def test_panels_lie_on_the_token_grid(height, cell):
    panels = [Image.new("RGB", size, "blue") for size in ((300, 300), (200, 400), (512, 256))]
    size, boxes = places([panel.size for panel in panels], height, cell)
    page = paste(panels, size, boxes)
    assert page.height == height and page.width % cell == 0
    assert all(box.x0 % cell == 0 and box.height == height for box in boxes)
    array = np.asarray(page)
    assert (array[:, int(boxes[0].x1) : int(boxes[1].x0)] == 255).all(), "white gap"
    for box, panel in zip(boxes, panels, strict=True):
        assert box.width == pytest.approx(panel.width * height / panel.height, abs=cell)


def test_panels_are_read_in_the_order_of_their_numbers(tmp_path):
    for k in (1, 2, 10, 3, 4, 5, 6, 7, 8, 9):
        Image.new("RGB", (32, 32), (20 * k, 0, 0)).save(tmp_path / f"p{k}.bmp")
    (tmp_path / "notes.txt").write_text("not a panel")
    assert [path.stem for (path,) in numbered(tmp_path).values()] == [f"p{k}" for k in range(1, 11)]
    sample = strip_of(tmp_path)
    assert len(sample.boxes) == 10 and sample.resized(48, 16).image.height == 48


def test_a_panel_that_is_there_twice(tmp_path):
    for name in ("p1.png", "p1.jpg"):
        Image.new("RGB", (32, 32)).save(tmp_path / name)
    with pytest.raises(DataError, match="panel 1 is there twice, p1.jpg and p1.png"):
        strip_of(tmp_path)


def test_sources_by_name(tmp_path):
    assert [s.source["split"] for s in samples_of("doodles:2")] == ["dev", "dev"]
    assert samples_of("scenes:1:test", seed=4)[0].source["seed"] == 4
    for comic in ("comic1", "comic2"):
        (tmp_path / comic).mkdir()
        for k in (1, 2):
            Image.new("RGB", (32, 32)).save(tmp_path / comic / f"p{k}.png")
    assert [s.id for s in samples_of(f"comics:{tmp_path}")] == ["comics/comic1", "comics/comic2"]
    assert len(samples_of(f"comics:{tmp_path / 'comic1'}")) == 1


def test_equal_panels_tile_a_picture():
    boxes = panels_of(Image.new("RGB", (100, 20)), 3)
    assert boxes[0].x0 == 0 and boxes[-1].x1 == 100
    assert all(a.x1 == b.x0 for a, b in itertools.pairwise(boxes))

"""The border that every image crosses: the colours that each mode means, which way up, how much, and nothing half."""

import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from gazeheads import images
from gazeheads.data.clip_files import frames_of, is_clip
from gazeheads.data.pictures import open_picture
from gazeheads.errors import DataError, GazeHeadsError
from gazeheads.images import FORMATS, rgb
from gazeheads.model.model import GazeModel
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample

RED, BLUE, WHITE, GREY = (255, 0, 0), (0, 0, 255), (255, 255, 255), (128, 128, 128)


def one(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, (4, 4), value)


def with_info(image: Image.Image, **info: Any) -> Image.Image:
    image.info.update(info)
    return image


def palette(mode: str, *colours: tuple[int, ...]) -> Image.Image:
    image = one("P", 0)
    image.putpalette([value for colour in colours for value in colour], mode)
    return image


MEANT = {
    "RGB": (one("RGB", RED), RED),
    "1": (one("1", 1), WHITE),
    "L": (one("L", 128), GREY),
    "P": (palette("RGB", RED), RED),
    "RGBX": (one("RGBX", (*RED, 0)), RED),
    "CMYK": (one("CMYK", (0, 255, 255, 0)), RED),
    "YCbCr": (one("RGB", BLUE).convert("YCbCr"), BLUE),
    "HSV": (one("HSV", (0, 255, 255)), RED),
    "RGBA, clear": (one("RGBA", (*RED, 0)), WHITE),
    "RGBA, half": (one("RGBA", (*RED, 128)), (255, 127, 127)),
    "RGBA, solid": (one("RGBA", (*RED, 255)), RED),
    "RGBa": (one("RGBA", (*RED, 128)).convert("RGBa"), (255, 127, 127)),
    "LA": (one("LA", (0, 0)), WHITE),
    "La": (one("LA", (0, 0)).convert("La"), WHITE),
    "PA": (one("RGBA", (*RED, 0)).convert("P").convert("PA"), WHITE),
    "P with a clear colour": (with_info(palette("RGB", RED), transparency=0), WHITE),
    "P with clear bytes": (with_info(palette("RGB", RED), transparency=b"\0"), WHITE),
    "P of RGBA": (palette("RGBA", (*RED, 0)), WHITE),
    "L with a clear value": (with_info(one("L", 9), transparency=9), WHITE),
    "RGB with a clear colour": (with_info(one("RGB", RED), transparency=RED), WHITE),
    "I;16": (one("I;16", 0x8000), GREY),
    "I;16B": (one("I;16B", 0x8000), GREY),
    "I;16, white": (one("I;16", 0xFFFF), WHITE),
    "I;16 with a clear value": (with_info(one("I;16", 7), transparency=7), WHITE),
}


@pytest.mark.parametrize("name", MEANT)
def test_each_mode_becomes_the_colours_that_it_means(name: str) -> None:
    image, colour = MEANT[name]
    made = rgb(image.copy() if name != "RGB" else image, "x")
    assert made.mode == "RGB" and not made.info
    np.testing.assert_allclose(np.asarray(made)[2, 2], colour, atol=1)


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_a_mode_that_says_no_colours_is_refused(mode: str) -> None:
    with pytest.raises(DataError, match=f"Image x: it is of mode '{mode}', which does not say"):
        rgb(Image.new(mode, (4, 4)), "x")


def corner() -> Image.Image:
    """Wider than high, red in its upper left corner."""
    image = Image.new("RGB", (24, 16), "white")
    image.paste("red", (0, 0, 8, 8))
    return image


def tagged(way_up: int, form: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = way_up
    file = io.BytesIO()
    corner().save(file, form, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("way_up", range(1, 9))
def test_a_tagged_image_is_turned_once_and_as_viewers_do(way_up: int) -> None:
    file = Image.open(io.BytesIO(tagged(way_up)))
    made = rgb(file, "x")
    assert np.array_equal(made, ImageOps.exif_transpose(Image.open(io.BytesIO(tagged(way_up)))))
    assert rgb(made, "x") is made and rgb(made, "x", boxes=True) is made
    with images.opened(tagged(way_up), "x") as opened:
        assert np.array_equal(rgb(opened, "x"), made)


def test_a_tag_that_leaves_open_what_is_meant_is_refused() -> None:
    with pytest.raises(DataError, match=r"orientation is 6.*boxes that come along"):
        rgb(Image.open(io.BytesIO(tagged(6))), "x", boxes=True)
    with pytest.raises(DataError, match=r"it was changed since it was opened.*exif_transpose"):
        rgb(Image.open(io.BytesIO(tagged(6))).convert("L"), "x")
    assert rgb(ImageOps.exif_transpose(Image.open(io.BytesIO(tagged(6)))), "x", boxes=True).size == (16, 24)


def test_a_sample_made_in_python_crosses_the_border_too() -> None:
    def sample(image: Image.Image) -> Sample:
        return Sample("mine", "photo", image, (Box(0, 0, 4, 4),), ("a",))

    assert sample(one("RGBA", (*RED, 0))).image.getpixel((1, 1)) == WHITE
    with pytest.raises(DataError, match="Image of mine: its EXIF orientation is 3"):
        _ = sample(Image.open(io.BytesIO(tagged(3)))).image
    with pytest.raises(DataError, match="Image of mine: it cannot be read to its end"):
        _ = sample(Image.open(io.BytesIO(tagged(1)[:-40]))).content


def noise(form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("switch", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_cut_off_is_never_shown_half(
    form: str, switch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a library set the switch by which Pillow makes the rest of it grey."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", switch)
    data = noise(form)
    with images.opened(data, "x") as file:
        whole = np.asarray(rgb(file, "x"))
    for left in range(1, len(data), 29):
        with suppress(DataError), images.opened(data[:left], "x") as file:
            assert np.array_equal(rgb(file, "x"), whole)
    with pytest.raises(DataError, match="cannot be read to its end"), images.opened(data[:-90], "x") as file:
        rgb(file, "x")
    if form != "WEBP":  # which Pillow itself refuses to open
        with pytest.raises(DataError, match="cannot be read to its end"):
            rgb(Image.open(io.BytesIO(data[:-90])), "x")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is switch


def test_a_closed_file_is_a_clear_error(tmp_path: Path) -> None:
    corner().save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as file:
        pass
    with pytest.raises(DataError, match="Image x: it cannot be read to its end"):
        rgb(file, "x")


def clip(form: str, n: int = 4, size: tuple[int, int] = (24, 16), **settings: Any) -> bytes:
    first, *rest = (Image.new("RGB", size, (60 * k, 0, 0)) for k in range(n))
    file = io.BytesIO()
    first.save(file, form, save_all=True, append_images=rest, **settings)
    return file.getvalue()


def test_a_clip_that_was_cut_between_two_frames_is_no_shorter_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    data = clip("GIF")
    path.write_bytes(data)
    assert is_clip(path) and [frame.getpixel((1, 1))[0] for frame in frames_of(path, 2)] == [0, 180]
    path.write_bytes(data[:-1])
    with pytest.raises(DataError, match="its end is missing"):
        frames_of(path)


def test_the_image_before_an_animation_is_no_frame_of_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.png"
    path.write_bytes(clip("PNG", default_image=True))
    assert [frame.getpixel((1, 1))[0] for frame in frames_of(path)] == [60, 120, 180]


def test_frames_are_turned_as_their_file_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "clip.webp"
    path.write_bytes(clip("WEBP", exif=exif.tobytes(), lossless=True))
    assert {frame.size for frame in frames_of(path)} == {(16, 24)}


def test_a_clip_is_no_still_image(tmp_path: Path) -> None:
    (tmp_path / "clip.png").write_bytes(clip("GIF"))
    with pytest.raises(DataError, match="it is a clip of 4 frames"):
        open_picture(tmp_path / "clip.png")


def test_what_a_clip_may_hold_is_bounded_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.gif"
    path.write_bytes(clip("GIF"))
    monkeypatch.setattr(images, "loaded", pytest.fail)
    monkeypatch.setattr(images, "MOST_PIXELS", 1000)
    with pytest.raises(DataError, match=r"4 frames of 24 x 16 px; 3 of them .* Ask for at most 2 frames"):
        frames_of(path, 3)
    monkeypatch.setattr(images, "MOST_DECODED", 1000)
    with pytest.raises(DataError, match=r"are the most that are decoded"):
        frames_of(path, 1)


def test_postscript_by_whatever_name_starts_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", pytest.fail)
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    (tmp_path / "p1.png").write_bytes(program)
    assert not is_clip(tmp_path / "p1.png")
    with pytest.raises(DataError, match="not an image in a format that is read"):
        open_picture(tmp_path / "p1.png")
    with (
        Image.open(tmp_path / "p1.png") as file,
        pytest.raises(DataError, match="this is PostScript, a program"),
    ):
        rgb(file, "x")


@pytest.mark.parametrize("form", ["TIFF", "PPM", "TGA", "ICO", "PCX", "SGI", "JPEG2000"])
def test_other_formats_are_not_even_tried(form: str, tmp_path: Path) -> None:
    corner().save(tmp_path / "x", form)
    with pytest.raises(DataError, match="Give a PNG, JPEG, WEBP, BMP or GIF file"):
        open_picture(tmp_path / "x")


def test_a_pipe_and_a_device_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p1.png")
    for path, kind in ((tmp_path / "p1.png", "a named pipe"), (Path("/dev/zero"), "a device")):
        assert not is_clip(path)
        with pytest.raises(DataError, match=f"it is {kind}, not a file"):
            open_picture(path)
    for name in ("a\0b.png", "x" * 300 + ".png", "\ud800.png"):
        with pytest.raises(DataError, match="Image "):
            open_picture(tmp_path / name)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [*map(noise, FORMATS), clip("GIF"), clip("WEBP"), clip("PNG"), tagged(6), tagged(6, "JPEG")]
    ),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=9)), max_size=8),
    st.integers(0, 3000),
)
def test_damaged_bytes_are_an_image_or_a_named_error(
    data: bytes, damage: list[tuple[int, bytes]], cut: int
) -> None:
    damaged = bytearray(data)
    for place, values in damage:
        damaged[place % len(data) : place % len(data) + len(values)] = values
    content = bytes(damaged[: len(damaged) - cut] if cut < len(damaged) else damaged)
    for read in (lambda: images.frames(content, "x"), lambda: [_still(content)]):
        with suppress(GazeHeadsError):
            assert all(image.mode == "RGB" and min(image.size) >= 1 for image in read())


def _still(data: bytes) -> Image.Image:
    with images.opened(data, "x") as file:
        return rgb(file, "x")


def test_a_model_is_given_what_the_border_makes(model: GazeModel) -> None:
    clear = Image.new("RGBA", (96, 32), (*RED, 0))
    white = Image.new("RGB", (96, 32), "white")
    scene, expected = model.encode(clear, "What?"), model.encode(white, "What?")
    for name, value in expected.tensors.items():
        assert value.equal(scene.tensors[name]), name
    assert scene.images[0].mode == "RGB" and scene.images[0].getpixel((3, 3)) == WHITE
    with pytest.raises(DataError, match="Image 2 of 2: it is of mode 'F'"):
        model.encode([white, Image.new("F", (96, 32))], "What?")


def test_a_model_is_given_a_photograph_as_viewers_show_it(model: GazeModel) -> None:
    large, file = corner().resize((96, 64)), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    large.save(file, "PNG", exif=exif)
    scene = model.encode(Image.open(file), "What?")
    assert scene.images[0].size == (64, 96)
    assert np.array_equal(scene.images[0], large.transpose(Image.Transpose.ROTATE_270))
    with pytest.raises(DataError, match="boxes that come along"):
        model.encode(Image.open(file), "What?", panels=[Box(0, 0, 32, 64)])
    with pytest.raises(DataError, match="cannot be read to its end"):
        model.encode(Image.open(io.BytesIO(file.getvalue()[:-60])), "What?")

"""Images of strangers."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest

pytest.importorskip("fastapi", reason='of the extra "demo", which the extra "dev" brings, too')

import tiny
from demo_visits import file, page, server, until
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gazeheads.demo.limits import Limits
from gazeheads.demo.uploads import opened
from gazeheads.errors import DataError, GazeHeadsError
from gazeheads.images import FORMATS
from gazeheads.model.model import GazeModel

LIMITS = Limits(upload_bytes=200_000, upload_pixels=1_000_000, side=128)


@pytest.mark.parametrize("form", FORMATS)
def test_plain_formats_are_read_whatever_they_are_called(form: str) -> None:
    picture = Image.new("RGB", (40, 30), "#3366cc")
    found = opened(file(picture, form), LIMITS)
    assert found.picture.size == (40, 30) and found.picture.mode == "RGB" and found.note == ""
    np.testing.assert_allclose(np.asarray(found.picture)[15, 20], (0x33, 0x66, 0xCC), atol=6)


def test_a_turned_photograph_is_turned_back() -> None:
    picture = Image.new("RGB", (40, 20), "#ffffff")
    picture.paste("#000000", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    found = opened(file(picture, "JPEG", exif=exif.tobytes(), quality=95), LIMITS).picture
    assert found.size == (20, 40)
    assert np.asarray(found)[5, 10].max() < 60 < np.asarray(found)[35, 10].min()


def test_a_large_picture_is_made_smaller_and_says_so() -> None:
    for form in ("PNG", "JPEG"):
        found = opened(file(Image.new("RGB", (600, 300), "#808080"), form), LIMITS)
        assert found.picture.size == (128, 64)
        assert found.note == "made smaller: 600 x 300 px came, 128 x 64 px are used"


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


PICTURE = file(tiny.noise(40, 30))
HOSTILE = {
    "more bytes than may be": (b"\0" * 200_001, "the most"),
    "a bomb": (bomb(50_000, 50_000), "far more than 1 million pixels"),
    "a bomb just above the limit": (bomb(1001, 1000), "1001 x 1000 px"),
    "more pixels than any": (bomb(2**31 - 1, 2**31 - 1), "far more than 1 million pixels"),
    "an image without its end": (PICTURE[: len(PICTURE) // 2], "cannot be read to its end"),
    "nothing": (b"", "not an image in a format that is read"),
    "a page": (b"<script>alert(1)</script>", "not an image in a format that is read"),
    "a vector drawing": (
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "not an image in a format that is read",
    ),
    "a pickle": (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not an image in a format that is read"),
    "a path": (b"/etc/passwd", "not an image in a format that is read"),
    "PostScript, which Pillow gives to a program": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "not an image in a format that is read",
    ),
    "one pixel": (file(Image.new("RGB", (1, 1))), "too small to have regions"),
    "a thread": (file(Image.new("RGB", (2, 900))), "times as long as wide"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_the_reason(name: str) -> None:
    data, why = HOSTILE[name]
    with pytest.raises(DataError, match=why):
        opened(data, LIMITS)


def test_a_format_that_starts_programs_is_not_even_tried() -> None:
    tiff = io.BytesIO()
    Image.new("RGB", (9, 9)).save(tiff, "TIFF")
    with pytest.raises(DataError, match="not an image in a format that is read"):
        opened(tiff.getvalue(), LIMITS)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    st.integers(0, 400),
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    form: str, damage: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(file(tiny.noise(24, 16), form))
    for place, value in damage:
        data[place % len(data)] = value
    try:
        found = opened(bytes(data[: len(data) - cut] if cut < 200 else data), LIMITS)
    except GazeHeadsError:
        return
    assert found.picture.mode == "RGB" and max(found.picture.size) <= LIMITS.side


def test_a_hostile_upload_ends_no_visit(model: GazeModel) -> None:
    with server(model, upload_bytes=50_000) as client, page(client, None) as socket:
        for data in (b"", b"\x80\x04.", bomb(50_000, 50_000), b"\0" * 50_001):
            socket.send_bytes(data)
            assert until(socket, "error")[-1]["where"] == "picture"
        socket.send_bytes(PICTURE)
        shown = until(socket, "picture")[-1]
        assert (shown["width"], shown["height"]) == (40, 30)
        asked = {"picture": {"data": base64.b64encode(bomb(9_000, 9_000)).decode()}, "prompt": "?"}
        answer = client.post("/v1/look", json=asked)
        assert answer.status_code == 422 and "9000 x 9000 px" in answer.json()["error"]


def test_sixteen_bits_of_grey_are_scaled_not_cut() -> None:
    ramp = np.linspace(0, 65535, 64 * 96).reshape(64, 96).astype(np.uint16)
    found = np.asarray(opened(file(Image.fromarray(ramp)), LIMITS).picture)
    assert found[0, 0].max() == 0 and found[-1, -1].min() == 255
    assert found.mean() == pytest.approx(127.5, abs=1)


def test_odd_tags_beside_the_orientation_do_not_make_a_photograph_unreadable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pillow turns an image by writing all its tags anew, which fails on some; where none can be read, none turns."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = file(Image.new("RGB", (40, 20)), "JPEG", exif=exif.tobytes())

    def fails(*_: object) -> bytes:
        raise TypeError("a tag that nobody has seen")

    monkeypatch.setattr(Image.Exif, "tobytes", fails)
    assert opened(data, LIMITS).picture.size == (20, 40)
    monkeypatch.setattr(Image.Image, "getexif", fails)
    assert opened(data, LIMITS).picture.size == (40, 20)


def test_a_picture_of_an_impossible_shape_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(DataError, match="too small to have regions"):
        opened(bomb(1_000_000, 1), LIMITS)


def test_a_turned_photograph_that_is_made_smaller_says_so_in_its_own_way_up() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    found = opened(file(Image.new("RGB", (600, 300)), "JPEG", exif=exif.tobytes()), LIMITS)
    assert found.note == "made smaller: 300 x 600 px came, 64 x 128 px are used"

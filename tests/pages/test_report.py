"""Reports: self-contained, escaped, whole or not at all."""

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gazeheads
from gazeheads import figures
from gazeheads.errors import GazeHeadsError
from gazeheads.pages.report import CaptionedFigure, Report, Section, Table

EVIL = "<script>alert('x')</script> & \"quotes\""


class Reader(HTMLParser):
    """Collects (tag, attributes) and the text inside each kind of tag; checks that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def images(self) -> list[tuple[str, bytes]]:
        sources = [attrs["src"] or "" for tag, attrs in self.tags if tag == "img"]
        parts = [re.fullmatch(r"data:image/([a-z+]+);base64,(.+)", source) for source in sources]
        return [(part[1], base64.b64decode(part[2])) for part in parts if part]


def full_report() -> Report:
    figure, (axes,) = figures.new_figure(3, 2)
    figures.region_matrix(axes, np.eye(3))
    report = Report(f"Title {EVIL}", lead="A lead.", facts={"model": "tiny & small"})
    report.section(
        "First: what & why",
        "One paragraph\nof two lines.\n\n  Another.",
        [CaptionedFigure(figure, "A <figure>")],
    )
    report.section(
        "Numbers",
        tables=[
            Table(["condition", "accuracy"], [["gaze", "83.1% [79.0, 86.0]"], [EVIL, "—"]], "Of 24.", [0])
        ],
        commands=["gazeheads quickstart", "make test"],
    )
    report.section("Pixels", figures=[CaptionedFigure(Image.new("RGB", (3, 2), "#0a0b0c"), half=True)])
    return report


def test_everything_is_there_in_order() -> None:
    page = Reader(full_report().html())
    assert page.texts["h1"] == [f"Title {EVIL}"]
    assert page.texts["h2"] == ["First: what & why", "Numbers", "Pixels"]
    assert page.texts["p"] == ["A lead.", "One paragraph\nof two lines.", "Another."]
    assert (page.texts["dt"], page.texts["dd"]) == (["model"], ["tiny & small"])
    assert page.texts["td"] == ["gaze", "83.1% [79.0,\u00a086.0]", EVIL, "—"]
    assert "Of 24." in page.texts["div"]
    assert page.texts["figcaption"] == ["A <figure>"]
    assert page.texts["code"] == ["gazeheads quickstart\nmake test"]
    assert gazeheads.__version__ in page.texts["footer"][0]
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert links == [f"#{anchor}" for anchor in sections] == ["#first-what-why", "#numbers", "#pixels"]


def test_numbers_stand_to_the_right_and_strong_rows_stand_out() -> None:
    page = Reader(full_report().html())
    cells = [attrs.get("class") for tag, attrs in page.tags if tag in ("th", "td")]
    assert cells == [None, "number"] * 3
    assert [attrs.get("class") for tag, attrs in page.tags if tag == "tr"] == [None, "strong", None]
    assert Table(["a"], [["12 heads"]]).numeric == [False]
    assert Table(["a"], [["−3.5"], ["+2"], ["(1 / 2)"]]).numeric == [False]


def test_images_are_inside_and_exact() -> None:
    vector, pixels = Reader(full_report().html()).images()
    assert vector[0] == "svg+xml"
    assert b"<svg" in vector[1]
    assert b"<script" not in vector[1]
    assert pixels[0] == "png"
    opened = Image.open(io.BytesIO(pixels[1]))
    assert opened.size == (3, 2)
    assert opened.getpixel((1, 1)) == (10, 11, 12)


def test_nothing_is_fetched_and_nothing_runs() -> None:
    page = Reader(full_report().html())
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    for _, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")]
        for name in ("src", "href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:image/"))
    assert "url(" not in "".join(page.texts["style"])
    assert "prefers-color-scheme: dark" in page.texts["style"][0]


def test_the_same_report_is_the_same_file() -> None:
    assert full_report().html() == full_report().html()


def test_a_report_is_written_as_it_is(tmp_path: Path) -> None:
    report = full_report()
    place = report.write(tmp_path / "new" / "report.html")
    assert place.read_text(encoding="utf-8") == report.html()
    assert list(place.parent.iterdir()) == [place]


def test_a_table_with_an_odd_row_is_refused() -> None:
    with pytest.raises(GazeHeadsError, match="2 columns, but row 1 has 1 cells"):
        Table(["a", "b"], [["1", "2"], ["3"]])


def test_an_empty_report_is_a_page() -> None:
    page = Reader(Report("Nothing yet").html())
    assert page.texts["h1"] == ["Nothing yet"]
    assert "dl" not in page.texts
    assert Section("A  b!").anchor == "a-b"

"""The page that shows where heads looked: its data, its markup, and what a browser makes of it."""

import base64
import json
import re
import shutil
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import watched_by_hand
from hypothesis import given
from hypothesis import strategies as st

from gazeheads import GazeModel, Scene
from gazeheads.errors import UsageError
from gazeheads.watching import packing, page

HOSTILE = (
    "</script><script>alert(1)</script>",
    " <!-- <img src=x onerror=alert(2)> ",
    "&lt;b&gt; ",
    "it's \u2028 a cat.",
)


class Reader(HTMLParser):
    """Every start tag with its attributes, and what stands in each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.said = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
        elif self._open != "style":
            self.said += data


def data_of(html: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Reader(html).scripts[0])
    return found


def array(text: str, kind: str, shape: tuple[int, ...], deflated: bool = False) -> np.ndarray[Any, Any]:
    raw = base64.b64decode(text)
    return np.frombuffer(zlib.decompress(raw) if deflated else raw, dtype=kind).reshape(shape)


def test_the_page_holds_the_trace(scene: Scene) -> None:
    watched = watched_by_hand.watched(scene)
    data = data_of(watched.html())
    tokens, cells = len(watched_by_hand.PIECES), len(scene.grid)
    for made, kept in zip(data["sets"], watched.sets, strict=True):
        codes = array(made["codes"], "u1", (2, tokens, cells), deflated=True).astype(np.float64)
        scales = array(made["scales"], "<f4", (2, tokens)).astype(np.float64)
        bound = np.sqrt(kept.trace.attention * scales[..., None]) / 255 + scales[..., None] / 260_000
        assert (np.abs(scales[..., None] * (codes / 255) ** 2 - kept.trace.attention) <= bound + 1e-9).all()
        np.testing.assert_array_equal(array(made["lengths"], "<f4", (2, cells)), kept.trace.value_norms)
        assert made["heads"] == [str(head) for head in kept.trace.heads]
    np.testing.assert_array_equal(
        array(data["weights"], "<f4", (3, cells)), np.float32([panel.weights for panel in scene.panels])
    )
    assert data["words"] == [[w.start, w.stop] for w in watched.words]
    assert [thing[0] for thing in data["things"]] == ["a cat", "the red kite"]
    assert [cell[1:5] for cell in data["cells"]] == scene.grid.rects.tolist()


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
def test_what_is_packed_is_read_back_within_its_bound(numbers: list[float]) -> None:
    values = np.float32([numbers])
    codes, scales = packing.codes(values)
    bound = np.sqrt(values * scales[:, None]) / 255 + scales[:, None] / 260_100
    assert (np.abs(packing.values(codes, scales) - values) <= 1.0001 * bound + 1e-12).all()
    assert (packing.values(codes, scales)[values == 0] == 0).all()


def test_what_a_model_says_cannot_become_markup(model: GazeModel) -> None:
    scene = watched_by_hand.encoded(model, prompt='<svg onload="alert(3)"> </title>?')
    html = watched_by_hand.watched(scene, HOSTILE).html()
    read = Reader(html)
    assert [attrs.get("type") for tag, attrs in read.tags if tag == "script"] == ["application/json", None]
    assert not [attrs for _, attrs in read.tags if any(name.startswith("on") for name in attrs)]
    assert "svg" not in [tag for tag, _ in read.tags]
    assert data_of(html)["token_texts"] == list(HOSTILE)
    assert not re.search("[<>&\u2028]", read.scripts[0])
    assert "".join(HOSTILE) in read.said and scene.prompt in read.said


def test_the_page_asks_for_nothing_from_elsewhere(scene: Scene) -> None:
    html = watched_by_hand.watched(scene).html()
    read = Reader(html)
    fetched = [
        attrs[name] for _, attrs in read.tags for name in ("src", "href", "srcset", "data") if name in attrs
    ]
    assert fetched and all(str(address).startswith("data:image/png;base64,") for address in fetched)
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(styles) == 1 and not re.search(r"url\(|@import", styles[0])
    assert not re.search(r"https?:|fetch\(|XMLHttp|import\s*\(|WebSocket", read.scripts[1])


def test_the_parts_of_the_text_are_the_text(scene: Scene) -> None:
    watched = watched_by_hand.watched(scene, ("“A", " cat", "”, ", "so-called", "... a", " cat", "!\n"))
    parts, rest = page.parts(watched)
    assert "".join(p.before + p.word + p.behind for p in parts) + rest == watched.answer.text
    assert [p.word for p in parts] == [w.text for w in watched.words] == ["A", "cat", "so-called", "a", "cat"]
    assert [p.behind for p in parts] == ["", "”,", "...", "", "!"]


def test_a_page_that_no_browser_would_like_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "LARGEST", 4 * len(watched_by_hand.PIECES) * len(scene.grid) - 1)
    with pytest.raises(UsageError, match=r"7 tokens, 12 image tokens.*Watch fewer heads \(--top\)"):
        watched_by_hand.watched(scene).html()


def test_a_saved_page_figure_and_numbers(scene: Scene, tmp_path: Path) -> None:
    watched = watched_by_hand.watched(scene)
    assert watched.save(tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert watched.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    numbers = json.loads(watched.save(tmp_path / "a.json").read_text(encoding="utf-8"))
    kite = numbers["things"][1]
    assert (kite["text"], kite["tokens"]) == ("the red kite", [3, 6])
    np.testing.assert_allclose(kite["shares"][1][0], watched.over(1, "raw")[3:6].mean(0), atol=1e-5)
    with pytest.raises(UsageError, match=r"End it in \.html, \.png or \.json"):
        watched.save(tmp_path / "a.pdf")


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def dumped(place: Path, asked: str) -> str:
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={place.parent / 'chromium'}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        f"file://{place}#{asked}",
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.slow
@pytest.mark.browser  # `make test-browser` insists on Chromium; elsewhere the skip is told, with its reason
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the page with")
@pytest.mark.parametrize(
    "asked, number, weighting, tokens",
    [
        ("w=1", 0, "value-norm", (1, 2)),
        ("thing=1&set=1", 1, "value-norm", (3, 6)),
        ("t=2-4&by=raw", 0, "raw", (2, 5)),
    ],
)
def test_a_browser_shows_what_python_computes(
    scene: Scene, tmp_path: Path, asked: str, number: int, weighting: str, tokens: tuple[int, int]
) -> None:
    watched = watched_by_hand.watched(scene)
    shown = dumped(watched.save(tmp_path / "page.html"), asked)
    assert 'data-ready="yes"' in shown
    shares = [float(text) for text in re.findall(r'class="share">([\d.]+)%<', shown)]
    expected = 100 * watched.over(number, weighting)[slice(*tokens)].mean(0)
    np.testing.assert_allclose(shares, expected, atol=0.8)
    said = "".join(watched_by_hand.PIECES[slice(*tokens)]).strip()
    assert f"“{said}”" in shown

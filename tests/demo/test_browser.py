"""The demo's whole story in Chromium, on the bundled model: `make test-browser`."""

import base64
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright", reason="`make test-browser` installs it")

from browsing import Page, browser, demo
from demo_visits import file
from PIL import Image

import gazeheads as gh
from gazeheads.drawing.scenes import scenes

pytestmark = pytest.mark.browser

SLOTS = [set(" ".join(slots.values()).split()) for slots in gh.doodles(1, seed=0)[0].slots]
CONTRAST = """() => {
  const one = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
  const pen = one.getContext("2d", {willReadFrequently: true});
  const over = (colour, below) => { pen.clearRect(0, 0, 1, 1);
    for (const c of [below, colour]) { pen.fillStyle = c; pen.fillRect(0, 0, 1, 1); }
    return `rgb(${[...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).join(",")})`; };
  const ground = (e) => e ? over(getComputedStyle(e).backgroundColor, ground(e.parentElement)) : "white";
  const light = (c) => { const [r, g, b] = c.match(/\\d+/g).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.checkVisibility() || !e.getClientRects().length) continue;
    if (e.classList.contains("skip")) continue;
    const below = ground(e);
    const [a, b] = [light(over(getComputedStyle(e).color, below)), light(below)].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), walk.currentNode.textContent.trim().slice(0, 40)]);
  }
  return found; }"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with demo() as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture
def open_page(chromium: Any, url: str) -> Iterator[Any]:
    """Opens pages; at the end none of them may have complained, or asked anybody else for anything."""
    opened: list[Page] = []

    def opens(path: str = "/", **settings: Any) -> Page:
        opened.append(Page(chromium, url, path, **settings))
        return opened[-1]

    yield opens
    for page in opened:
        page.context.close()
        assert (page.complaints, page.strangers) == ([], [])


def test_the_text_follows_the_cursor_in_mid_sentence(open_page: Any) -> None:
    page: Page = open_page()
    page.set("tokens", 40)
    page.hover(2)
    page.page.locator("#prompt").press("Enter")
    for panel, words in ((4, 8), (0, 18)):
        page.said(words)
        page.hover(panel)
    page.done()
    words = page.words()
    order = list(dict.fromkeys(word["aim"] for word in words))
    assert order == ["2", "4", "0"]
    for panel in (2, 4, 0):
        mine = [word for word in words if word["aim"] == str(panel)]
        assert {word["text"].strip(".,") for word in mine} & SLOTS[panel]
        assert sum(word["looked"] == word["aim"] for word in mine) >= 0.9 * len(mine)
    assert "→ 100%" in page.page.inner_text("#proof")
    assert all(word["aim"] == "" for word in page.words("unsteered"))
    assert {word["looked"] for word in page.words("unsteered")} >= {"0", "1"}  # it reads in order, by itself


def test_a_box_on_an_uploaded_scene_is_what_is_named(open_page: Any) -> None:
    """Unsteered it names each thing once; with a box on one of them it comes back to that one."""
    scene = scenes(1, seed=4)[0]
    page: Page = open_page()
    upload = {"name": "scene.png", "mimeType": "image/png", "buffer": file(scene.image)}
    page.page.set_input_files("#file", upload)
    page.wait("document.querySelector('#name').textContent === 'your image'")
    page.set("tokens", 12)
    page.page.fill("#prompt", "What objects are in this image?")
    width, height = scene.size
    for thing, name in enumerate(("cat", "hat")):
        box = scene.boxes[thing]
        assert scene.names[thing].endswith(name)
        page.page.get_by_role("radio", name="Box").click()
        page.drag(box.x0 / width, box.y0 / height, box.x1 / width, box.y1 / height)
        assert page.page.inner_text("#looking") == f"looks at shape {'AB'[thing]}"
        page.generate()
        assert page.text().count(name) > page.text("unsteered").count(name)
        assert {word["aim"] for word in page.words()} == {str(100 + thing)}
    assert page.page.evaluate("document.querySelectorAll('.error:not([hidden])').length") == 0


def test_random_heads_do_not_redirect(open_page: Any) -> None:
    page: Page = open_page()
    page.set("tokens", 16)
    page.page.get_by_text("This panel", exact=True).click()
    page.hover(3)
    page.generate()
    assert {word.strip(".,") for word in page.text().split()[:6]} & SLOTS[3]
    fourth = gh.doodles(1, seed=0)[0].slots[3]
    for draw in range(1, 7):  # each press is another draw; some move an answer by a word
        page.page.get_by_role("radio", name="Random").click()
        assert f"draw {draw}" in page.page.inner_text("#heads-note")
        page.generate()
        first = page.text().split(".")[0]
        assert sum(fourth[slot] in first for slot in ("action", "object", "setting")) < 2, (
            first
        )  # the judge's rule
        assert {(word["aim"], word["looked"] == "3") for word in page.words()[:4]} == {("3", False)}


def test_a_word_shows_its_map_and_the_timeline_leads_through_them(open_page: Any) -> None:
    page: Page = open_page()
    page.set("tokens", 12)
    page.hover(1)
    page.generate()
    plain = page.page.locator("#stage").screenshot()
    page.page.locator("#steered .word").nth(2).click()
    page.wait("document.querySelectorAll('#steered .word')[2].ariaPressed === 'true'")
    assert "steered to panel 2; the watched heads looked at panel 2" in page.page.inner_text("#proof")
    assert page.page.locator("#stage").screenshot() != plain
    page.page.locator("#steered .word").nth(2).press("ArrowRight")
    page.page.locator("#steered .word").nth(3).press("Enter")
    page.wait("document.querySelectorAll('#steered .word')[3].ariaPressed === 'true'")
    page.set("scrub", 0)
    page.wait("document.querySelectorAll('#steered .word')[0].ariaPressed === 'true'")
    page.page.keyboard.press("Escape")
    page.wait("document.querySelectorAll('[aria-pressed=true].word').length === 0")


def test_a_run_is_saved_and_makes_the_same_words_again(open_page: Any) -> None:
    page: Page = open_page()
    page.set("tokens", 24)
    page.page.get_by_role("radio", name="Tour").click()
    for panel in (5, 1):
        page.hover(panel)
        page.page.mouse.down()
        page.page.mouse.up()
    page.wait("document.querySelectorAll('#stops li').length === 2")
    assert page.page.locator("#stops li").all_inner_texts() == ["1. panel 6 ×", "2. panel 2 ×"]
    page.generate()
    said = page.text()
    assert page.words()[0]["aim"] == "5" and page.words()[-1]["aim"] == "5"
    with page.page.expect_download() as saved:
        page.page.click("#json")
    run = json.loads(saved.value.path().read_text())
    assert run["text"].split() == said.split() and len(run["steered_tokens"]) == 24
    with page.page.expect_download() as picture:
        page.page.click("#png")
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")
    page.page.click("#link")
    page.wait("document.querySelector('#link').dataset.link")
    link = page.page.get_attribute("#link", "data-link")
    other: Page = open_page(link[link.index("/#") :])
    other.done()
    assert "replayed: the same words" in other.page.inner_text("#proof") and other.text() == said
    third: Page = open_page()
    third.page.set_input_files("#file", saved.value.path())
    third.wait("document.querySelector('#proof').textContent.includes('replayed')")
    assert "the same words" in third.page.inner_text("#proof") and third.text() == said


def test_a_tall_picture_can_be_painted(open_page: Any) -> None:
    page: Page = open_page()
    tall = {
        "name": "tall.png",
        "mimeType": "image/png",
        "buffer": file(Image.new("RGB", (256, 512), "#88aacc")),
    }
    page.page.set_input_files("#file", tall)
    page.wait("document.querySelector('#name').textContent === 'your image'")
    page.set("tokens", 4)
    page.page.get_by_role("radio", name="Paint").click()
    page.drag(0.3, 0.3, 0.6, 0.5)
    page.generate()
    assert {word["aim"] for word in page.words()} == {"100"}
    assert page.page.evaluate("document.querySelectorAll('.error:not([hidden])').length") == 0


def test_a_damaged_run_says_so_and_the_page_goes_on(open_page: Any) -> None:
    page: Page = open_page("/#run=QUJD")
    page.wait("!document.querySelector('[data-error=picture]').hidden")
    assert "The link cannot be read" in page.page.inner_text("[data-error=picture]")
    page.set("tokens", 4)
    page.generate()
    with page.page.expect_download() as saved:
        page.page.click("#json")
    run = json.loads(saved.value.path().read_text())
    target = {"kind": "mask", "rows": 60_000, "cols": 1, "bits": "?"}
    for change in (
        {"shapes": None},
        {"shapes": [[100, target]]},
        {"shapes": [[100, None]]},
        {"ask": {"prompt": 1}},
    ):
        send(page, run | change)
        page.wait("!document.querySelector('[data-error=picture]').hidden")
    for ask in (run["ask"] | {"tokens": 161}, run["ask"] | {"run": 77, "type": "stop"}):
        send(page, run | {"ask": ask})
        page.wait("document.querySelector('#generate').textContent === 'Generate'")
    page.generate()
    assert len(page.words()) > 0


def send(page: Page, run: Any) -> None:
    """Drop a saved run on the page."""
    text = json.dumps(run).encode()
    page.page.set_input_files("#file", {"name": "run.json", "mimeType": "application/json", "buffer": text})


def test_keys_and_fingers_point_too(open_page: Any) -> None:
    page: Page = open_page()
    stage = page.page.locator("#stage")
    stage.press("4")
    assert page.page.inner_text("#looking") == "looks at panel 4"
    stage.press("ArrowRight")
    assert page.page.inner_text("#looking") == "looks at panel 5"
    stage.press("Escape")
    assert page.page.inner_text("#looking") == "unsteered"
    page.page.get_by_role("radio", name="Hover").press("ArrowRight")
    stage.press("ArrowRight")
    assert page.page.inner_text("#looking") == "looks at spotlight"
    phone: Page = open_page(
        viewport={"width": 360, "height": 780}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = phone.page.locator("#stage").bounding_box()
    phone.page.locator("#stage").tap(position={"x": box["width"] * 0.5, "y": box["height"] / 2})
    assert phone.page.inner_text("#looking") == "looks at panel 2"


def test_errors_stand_where_they_happen(open_page: Any) -> None:
    page: Page = open_page()
    page.page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": b"no image"})
    page.wait("!document.querySelector('[data-error=picture]').hidden")
    assert "cannot be read as an image" in page.page.inner_text("[data-error=picture]")
    page.page.fill("#prompt", "   ")
    page.page.click("#generate")
    assert "There is no question" in page.page.inner_text("[data-error=prompt]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(open_page: Any, scheme: str) -> None:
    """WCAG AA: 4.5 to 1 everywhere."""
    page: Page = open_page(color_scheme=scheme)
    page.set("tokens", 14)
    page.hover(1)
    page.generate()
    found = page.page.evaluate(CONTRAST)
    assert len(found) > 40
    assert [each for each in found if each[0] < 4.5] == []


def test_what_is_painted_is_looked_at_and_shift_adds_to_it(open_page: Any) -> None:
    page: Page = open_page()
    page.set("tokens", 6)
    page.page.get_by_role("radio", name="Paint").click()
    page.drag(0.06, 0.4, 0.1, 0.6)
    assert page.page.inner_text("#looking") == "looks at shape A"
    page.page.keyboard.down("Shift")
    page.drag(0.9, 0.4, 0.94, 0.6)
    page.page.keyboard.up("Shift")
    assert page.page.inner_text("#looking") == "looks at shape B"
    with page.page.expect_download() as saved:
        page.generate()
        page.page.click("#json")
    run = json.loads(saved.value.path().read_text())
    assert {word["aim"] for word in page.words()} == {"101"}
    masks = [target for _, target in run["shapes"]]
    first, both = (
        np.unpackbits(np.frombuffer(base64.b64decode(m["bits"]), np.uint8)).astype(bool) for m in masks
    )
    assert first.any() and (both & first == first).all() and both.sum() > 1.5 * first.sum()


def test_every_push_and_slider_is_obeyed(open_page: Any) -> None:
    page: Page = open_page()
    page.set("tokens", 6)
    page.hover(3)
    for mode, after in (("uniform", 100), ("bias", 90), ("reweigh", 40), ("focus", 100)):
        page.set("mode", mode)
        page.generate()
        found = re.search(r"→ (\d+)%", page.page.inner_text("#proof"))
        assert found and after <= int(found[1]) <= 100, mode
    page.set("strength", 0)
    page.generate()
    assert page.text() == page.text("unsteered")
    page.set("strength", 1)
    page.page.get_by_role("radio", name="All").click()
    page.generate()
    assert len(set(page.text().split())) <= 2  # all heads on one panel wreck the model
    page.page.get_by_role("radio", name="Gaze").click()
    page.set("pace", 3)
    began = time.monotonic()
    page.generate()
    assert time.monotonic() - began > 1.4  # six tokens, three a second


def test_a_spotlight_grows_with_the_wheel_and_pictures_are_pasted_and_dropped(open_page: Any) -> None:
    page: Page = open_page()
    page.page.get_by_role("radio", name="Spotlight").click()
    page.hover(1)
    size = float(page.page.input_value("#size input"))
    page.page.mouse.wheel(0, -200)
    page.wait(f"Number(document.querySelector('#size input').value) > {size}")
    assert page.page.inner_text("#looking") == "looks at spotlight"
    shown = page.page.inner_text("#name")
    page.page.get_by_text("Draw another").click()
    page.wait(f"document.querySelector('#name').textContent !== '{shown}'")
    picture = base64.b64encode(file(scenes(1, seed=4)[0].image)).decode()
    event = """(bits) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(bits), (c) => c.charCodeAt(0));
      data.items.add(new File([bytes], "x.png", {type: "image/png"}));
      %s; }"""
    for sent in (
        "document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}))",
        "document.querySelector('#stage').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}))",
    ):
        page.page.evaluate(event % sent, picture)
        page.wait("document.querySelector('#name').textContent === 'your image'")
        page.page.get_by_text("Draw another").click()
        page.wait("document.querySelector('#name').textContent !== 'your image'")
    before = page.page.evaluate("document.documentElement.dataset.theme")
    page.page.click("#theme")
    assert page.page.evaluate("document.documentElement.dataset.theme") != before

"""The watched page under mouse and keys, in Chromium, on the bundled model: `make test-browser`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright", reason="`make test-browser` installs it")

from browsing import browser

import gazeheads as gh

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def watched() -> gh.Watched:
    model = gh.load()
    strip = model.resized(gh.doodles(n=1)[0])
    ask = "Please describe what happens in each panel, in order."
    return gh.watch(model, model.encode(strip.image, ask, panels=strip.boxes))


@pytest.fixture
def page(watched: gh.Watched, tmp_path: Path) -> Iterator[Any]:
    with browser() as chromium:
        context = chromium.new_context(viewport={"width": 1180, "height": 1400})
        found, complaints = context.new_page(), []
        found.on("pageerror", lambda error: complaints.append(str(error)))
        found.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        found.goto(watched.save(tmp_path / "page.html").as_uri())
        yield found
        assert complaints == []


def shares(page: Any) -> list[float]:
    return [float(text.rstrip("%")) for text in page.locator("#bars .share").all_inner_texts()]


def test_words_are_hovered_clicked_dragged_over_and_reached_by_keys(page: Any, watched: gh.Watched) -> None:
    words = page.locator(".w")
    span = watched.words
    words.nth(2).hover()
    assert f"“{span[2].text.rstrip('.')}”" in page.inner_text("#readout")
    words.nth(8).click()
    np.testing.assert_allclose(
        shares(page), 100 * watched.over(0)[span[8].start : span[8].stop].mean(0), atol=0.8
    )
    page.keyboard.press("Shift+ArrowRight")
    both = slice(span[8].start, span[9].stop)
    np.testing.assert_allclose(shares(page), 100 * watched.over(0)[both].mean(0), atol=0.8)
    page.keyboard.press("Escape")
    words.nth(4).hover()
    page.mouse.down()
    words.nth(7).hover()
    page.mouse.up()
    dragged = slice(span[4].start, span[7].stop)
    np.testing.assert_allclose(shares(page), 100 * watched.over(0)[dragged].mean(0), atol=0.8)


def test_the_timeline_the_sets_and_the_weighing_can_be_changed(page: Any, watched: gh.Watched) -> None:
    page.locator("#token").fill("5")
    np.testing.assert_allclose(shares(page), 100 * watched.over(0)[5], atol=0.8)
    page.locator("input[name=set]").nth(1).check()
    np.testing.assert_allclose(shares(page), 100 * watched.over(1)[5], atol=0.8)
    page.locator("input[name=by][value=raw]").check()
    np.testing.assert_allclose(shares(page), 100 * watched.over(1, "raw")[5], atol=0.8)


def test_heads_are_picked_one_by_one_and_none_is_said(page: Any, watched: gh.Watched) -> None:
    page.locator("#head").select_option(index=1)
    head = page.locator("#head option:checked").inner_text()
    assert head in page.inner_text("#readout") and head in {str(each) for each in watched.sets[0].trace.heads}
    assert "head=" in page.evaluate("location.hash")
    page.locator("#after").click()
    assert page.locator("#head option:checked").inner_text() != head
    page.locator("#none").click()
    assert "No head is chosen" in page.inner_text("#readout")

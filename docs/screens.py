"""Makes the pictures of pages in Chromium: docs/images/demo.png and docs/images/watch.png.

python docs/screens.py         # needs playwright and Chromium: make test-browser
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browsing import Page, browser, demo  # noqa: E402


def watching(chromium: Any) -> None:
    """The page of `gazeheads watch` on the first test strip, with "a guitar in the desert" chosen by the mouse."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "watch.html"
        ask = "Please describe what happens in each panel, in order."
        for command in (
            ["doodles", "--out", folder],
            ["watch", f"{folder}/strip1", "--ask", ask, "--out", str(file)],
        ):
            subprocess.run([sys.executable, "-m", "gazeheads", *command], check=True)
        context = chromium.new_context(
            viewport={"width": 1180, "height": 950}, color_scheme="light", device_scale_factor=1.5
        )
        page = context.new_page()
        page.goto(file.as_uri())
        words = page.locator(".w")
        first = words.all_inner_texts().index("guitar") - 1
        for word, press in ((first, page.mouse.down), (first + 4, page.mouse.up)):
            words.nth(word).hover()
            press()
        page.screenshot(path=IMAGES / "watch.png")
        print(page.inner_text("#readout"))
        context.close()


def demonstrating(chromium: Any) -> None:
    """The demo: hover panels 3, 5 and 1 of the first test strip while it speaks; then pick the word where it turned."""
    with demo() as url:
        page = Page(
            chromium,
            url,
            viewport={"width": 1120, "height": 760},
            color_scheme="light",
            device_scale_factor=1.5,
        )
        page.set("tokens", 30)
        page.hover(2)
        page.page.locator("#prompt").press("Enter")
        for panel, words in ((4, 9), (0, 17)):
            page.said(words)
            page.hover(panel)
        page.done()
        page.page.evaluate("document.activeElement.blur()")
        turned = next(i for i, word in enumerate(page.words()) if word["aim"] == "4")
        page.page.locator("#steered .word").nth(turned + 1).click()
        page.wait("document.querySelectorAll('[aria-pressed=true].word').length === 1")
        time.sleep(0.3)
        page.page.screenshot(path=IMAGES / "demo.png")
        print(page.text())


if __name__ == "__main__":
    with browser() as chromium:
        watching(chromium)
        demonstrating(chromium)

"""Makes the picture of docs/demo.md and README.md: the demo in Chromium, three moves of the mouse in one answer.

python docs/demo.py            # needs playwright and Chromium: make test-browser
"""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browsing import Page, browser, demo  # noqa: E402


def main() -> None:
    """Hover panels 3, 5 and 1 of the first test strip while it speaks; then pick the word where it turned."""
    with demo() as url, browser() as chromium:
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
        page.page.screenshot(path=ROOT / "docs" / "images" / "demo.png")
        print(page.text())


if __name__ == "__main__":
    main()

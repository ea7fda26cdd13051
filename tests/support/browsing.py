"""A demo server of its own process, and Chromium on its page."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def demo(*options: str) -> Iterator[str]:
    """The address of `gazeheads demo`, which runs as long as the block."""
    command = [sys.executable, "-m", "gazeheads", "demo", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("http"):
                yield line.split()[0]
                return
        raise AssertionError(f"the demo ended: {said}")
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            yield found
        finally:
            found.close()


class Page:
    """An open page of the demo. complaints: what the browser said of it; strangers: requests that went elsewhere."""

    def __init__(self, browser: Any, url: str, path: str = "/", **settings: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1180, "height": 900}} | settings))
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request",
            lambda asked: (
                asked.url.startswith((url, "data:", "blob:", url.replace("http", "ws")))
                or self.strangers.append(asked.url)
            ),
        )
        self.page.goto(url + path)
        self.wait("document.querySelector('#name').textContent.length > 3")

    def wait(self, script: str, seconds: float = 240.0) -> None:
        """Until it is true in the page. The page's policy forbids what `wait_for_function` does."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(script):
            assert time.monotonic() < end, (
                f"never: {script}\n{self.page.inner_text('main')}\n{self.complaints}"
            )
            time.sleep(0.03)

    def hover(self, panel: int, of: int = 6) -> None:
        """The mouse over the middle of a panel of a strip."""
        box = self.page.locator("#stage").bounding_box()
        self.page.mouse.move(box["x"] + box["width"] * (panel + 0.5) / of, box["y"] + box["height"] / 2)

    def drag(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Drag over the picture; places are shares of it."""
        box = self.page.locator("#stage").bounding_box()
        ends = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in ((x0, y0), (x1, y1))]
        self.page.mouse.move(*ends[0])
        self.page.mouse.down()
        self.page.mouse.move(*ends[1], steps=5)
        self.page.mouse.up()

    def set(self, name: str, value: object) -> None:
        """A slider or a choice, as a visitor sets it."""
        self.page.evaluate(
            "([id, value]) => { const e = document.getElementById(id); e.value = value;"
            " e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change')); }",
            [name, value],
        )

    def said(self, words: int, side: str = "steered") -> None:
        """Wait until so many words stand there."""
        self.wait(f"document.querySelectorAll('#{side} .word').length >= {words}")

    def generate(self) -> None:
        """Press Generate and wait for both answers."""
        self.page.click("#generate")
        self.done()

    def done(self) -> None:
        """Wait for both answers: first until the page shows that it has asked, so that none before counts."""
        self.page.evaluate(
            "() => new Promise((on) => requestAnimationFrame(() => requestAnimationFrame(on)))"
        )
        self.wait(
            "document.querySelector('#generate').textContent === 'Stop' || document.querySelector('#proof').textContent"
        )
        self.wait("document.querySelector('#generate').textContent === 'Generate'")
        self.wait("document.querySelector('#freely').textContent !== ''")

    def words(self, side: str = "steered") -> list[dict[str, str]]:
        """The words of an answer: text, aim and looked (numbers of regions, "" for none)."""
        script = (
            "side => [...document.querySelectorAll(`#${side} .word`)]"
            ".map(word => ({text: word.textContent, ...word.dataset}))"
        )
        found: list[dict[str, str]] = self.page.evaluate(script, side)
        return found

    def text(self, side: str = "steered") -> str:
        """An answer."""
        return " ".join(word["text"] for word in self.words(side))

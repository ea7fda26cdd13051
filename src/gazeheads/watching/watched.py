"""One answer that was watched, with its page, its figure and its files."""

import json
from pathlib import Path

from matplotlib.figure import Figure

from gazeheads.errors import UsageError
from gazeheads.files import write_whole
from gazeheads.watching import figure, page
from gazeheads.watching.looks import Looks


class Watched(Looks):
    """What `watch` returns: see `Looks` for what it holds."""

    def html(self, title: str = "Where the model looks") -> str:
        """One page that holds everything: see `gazeheads.watching.page`."""
        return page.html(self, title)

    def save(self, path: str | Path) -> Path:
        """Write the page (.html), the figure (.png) or the numbers (.json), by the name; the path.

        Raises `UsageError` for another name, `Unwritable`.
        """
        path = Path(path)
        if path.suffix == ".html":
            return write_whole(path, self.html())
        if path.suffix == ".json":
            return write_whole(path, json.dumps(self.to_json(), ensure_ascii=False, indent=1))
        if path.suffix == ".png":
            return write_whole(path, figure.png(self))
        raise UsageError(
            f"{path}: what is watched is saved as a page, a figure or numbers. End it in .html, .png or .json."
        )

    def figure(self) -> Figure:
        """Maps of the objects, and the staircase: see `gazeheads.watching.figure`."""
        return figure.figure(self)

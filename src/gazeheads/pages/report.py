"""A report: one HTML file that holds everything it shows, for any browser, light or dark, without a network.

    report = Report("Quickstart", lead="What the bundled model looks at.")
    report.section("Heads", prose="Ten heads look.", figures=[CaptionedFigure(figure, "Score of each head.")])
    report.write(folder / "report.html")

A report is sections in order; a section is a title, then prose, a list, figures, tables and commands, each where
there are any. Texts are escaped: what a model said cannot become markup. `markdown` writes the same as Markdown.
"""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from gazeheads.errors import UsageError
from gazeheads.files import write_whole
from gazeheads.pages.template import template
from gazeheads.version import __version__


@dataclass(frozen=True)
class CaptionedFigure:
    """A figure (drawn as SVG) or an image (kept as PNG, its pixels exact), at full or half width."""

    image: Figure | Image.Image
    caption: str = ""
    half: bool = False

    @property
    def content(self) -> tuple[str, bytes]:
        """What kind of file, svg or png, and the file."""
        out = io.BytesIO()
        if isinstance(self.image, Figure):
            # The salt makes the ids inside the file, and so the file, the same every time.
            with mpl.rc_context({"svg.hashsalt": "gazeheads", "svg.fonttype": "path"}):
                self.image.savefig(out, format="svg", dpi=200, bbox_inches="tight", metadata={"Date": None})
            return "svg", out.getvalue()
        self.image.save(out, format="PNG", optimize=True)
        return "png", out.getvalue()

    @property
    def uri(self) -> str:
        """The image as a data URI."""
        kind, content = self.content
        kind = {"svg": "svg+xml"}.get(kind, kind)
        return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


@dataclass(frozen=True)
class Table:
    """Rows of texts below a header; columns of numbers are set to the right, `strong` rows stand out."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    strong: Sequence[int] = ()

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise UsageError(
                    f"Table with {len(self.header)} columns, but row {number} has {len(row)} cells. Give one "
                    f"cell for each column; found {list(row)}."
                )

    def shown(self, column: int, cell: str) -> str:
        """The cell; "3 of 5" and, of numbers, what stands in brackets stay on one line."""
        cell = re.sub(r"(?<=\d) (of|/|→) (?=\d)", "\u00a0\\1\u00a0", cell)
        if not self.numeric[column]:
            return cell
        return re.sub(r"[\[(][^\])]*[\])]", lambda part: part[0].replace(" ", "\u00a0"), cell)

    @cached_property
    def numeric(self) -> list[bool]:
        """Which columns hold nothing but numbers, signs, dashes and ranges."""
        number = re.compile(r"(?:[\s\d.,%±+−–()\[\]—→-]|\bto\b)*")
        return [all(number.fullmatch(row[col]) for row in self.rows) for col in range(len(self.header))]


@dataclass(frozen=True)
class Section:
    """One part of a report. `prose`: paragraphs, parted by empty lines. `points`: a list. `commands`: one a line.

    `tone`: "warning" or "limits" for a box that is not to be overlooked.
    """

    title: str
    prose: str = ""
    figures: Sequence[CaptionedFigure] = ()
    tables: Sequence[Table] = ()
    commands: Sequence[str] = ()
    points: Sequence[str] = ()
    tone: Literal["", "warning", "limits"] = ""

    @property
    def anchor(self) -> str:
        """The id by which a link finds it."""
        return re.sub(r"\W+", "-", self.title.casefold()).strip("-")

    @property
    def paragraphs(self) -> list[str]:
        """The prose, paragraph by paragraph."""
        return [text.strip() for text in re.split(r"\n\s*\n", self.prose) if text.strip()]


@dataclass
class Report:
    """A title, a lead, some facts (name to value) in a row, and sections in the order they were added."""

    title: str
    lead: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)

    def section(
        self,
        title: str,
        prose: str = "",
        figures: Sequence[CaptionedFigure] = (),
        tables: Sequence[Table] = (),
        commands: Sequence[str] = (),
        points: Sequence[str] = (),
        tone: Literal["", "warning", "limits"] = "",
    ) -> None:
        """Add a section at the end."""
        self.sections.append(Section(title, prose, figures, tables, commands, points, tone))

    def html(self) -> str:
        """The whole file as text."""
        return template("report.html").render(report=self, version=__version__)

    def write(self, path: str | Path) -> Path:
        """Write the file, whole or not at all, and make its folder where there is none; the path.

        Raises `Unwritable` where the folder cannot be made or written to.
        """
        return write_whole(path, self.html())

"""A report as Markdown: one text file, and its figures as files beside it, for places that show Markdown."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gazeheads.files import write_whole
from gazeheads.pages.report import Report, Section, Table

FIGURES = "figures"


def write_markdown(report: Report, folder: str | Path, name: str = "report.md") -> Path:
    """Write `name` into the folder, and its figures below `figures/`; the path of the text.

    The figures are written first, so that the text never names one that is not there. Raises `Unwritable`.
    """
    folder, lines = Path(folder), [f"# {escaped(report.title)}", ""]
    if report.lead:
        lines += [escaped(report.lead), ""]
    if report.facts:
        lines += [*(f"- {escaped(key)}: **{escaped(value)}**" for key, value in report.facts.items()), ""]
    for section in report.sections:
        lines += _section(section, folder)
    return write_whole(folder / name, "\n".join(lines).rstrip() + "\n")


def _section(section: Section, folder: Path) -> Iterator[str]:
    yield from (f"## {escaped(section.title)}", "")
    for paragraph in section.paragraphs:
        yield from (escaped(paragraph), "")
    if section.points:
        yield from (f"- {escaped(point)}" for point in section.points)
        yield ""
    for number, picture in enumerate(section.figures, 1):
        kind, content = picture.content
        file = f"{FIGURES}/{section.anchor}-{number}.{kind}"
        write_whole(folder / file, content)
        yield from (f"![{escaped(picture.caption or section.title)}]({file})", "")
        if picture.caption:
            yield from (escaped(picture.caption), "")
    for table in section.tables:
        yield from _table(table)
    if section.commands:
        yield from ("```", *section.commands, "```", "")


def _table(table: Table) -> Iterator[str]:
    yield _row(map(escaped, table.header))
    yield _row("---:" if numeric else ":---" for numeric in table.numeric)
    for number, row in enumerate(table.rows):
        cells = [escaped(cell) for cell in row]
        yield _row([f"**{cell}**" if cell else "" for cell in cells] if number in table.strong else cells)
    yield ""
    if table.caption:
        yield from (escaped(table.caption), "")


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def escaped(text: str) -> str:
    """The text as one line in which nothing is markup."""
    one = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", one)

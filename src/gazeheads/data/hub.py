"""Comic strips from the HuggingFace hub, through the `datasets` library (extra "hub"), or from a local copy.

The schema is that of `baulab/openai-comic-strips`, the paper's evaluation strips: `comic_id`, `panel_1` to `panel_6`
(images) and `caption_1` to `caption_6`; another number of panels will do. Rows are streamed, so that forty strips do
not fetch five hundred; the revision is looked up once and pinned. Panels stay in memory as the files that they are,
about 1.5 MB for one of 1024 x 1024 px.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from gazeheads.checks import few, shown
from gazeheads.data.captions import wordings
from gazeheads.data.layout import Layout
from gazeheads.data.source import MOST, RAISE, DataSource, Reports, Spec
from gazeheads.data.stored import strip
from gazeheads.errors import DataError, MissingPackage, UsageError
from gazeheads.files import inside, is_folder
from gazeheads.sample import Sample

PATIENCE = 10  # seconds to wait for the hub's first word


@dataclass(frozen=True)
class HubName:
    """What `NAME[:SPLIT][@REVISION][:N]` says."""

    name: str
    split: str | None = None
    revision: str | None = None
    n: int | None = None

    @classmethod
    def parse(cls, text: str, wrong: Callable[[str], UsageError]) -> "HubName":
        """The parts of `text`; the revision may also stand before the split. Raises what `wrong` makes of a reason."""
        number = re.search(r":([0-9]+)$", text)
        rest = text[: number.start()] if number else text
        match = re.fullmatch(
            r"(?P<name>[^@]+?)(:(?P<split>[A-Za-z]\w*))?(@(?P<revision>[\w./-]+)(:(?P<late>[A-Za-z]\w*))?)?",
            rest,
        )
        if not match or (match["split"] and match["late"]) or (number and not _is_count(number[1])):
            raise wrong(f"{shown(text)} cannot be read")
        return cls(
            match["name"],
            match["split"] or match["late"],
            match["revision"],
            int(number[1]) if number else None,
        )


def hub_comics(
    name: str,
    split: str | None = None,
    revision: str | None = None,
    *,
    n: int | None = None,
    layout: str = "row",
    start: int = 0,
    reports: Reports = RAISE,
) -> list[Sample]:
    """`n` strips (all, without) of the data set `name`, or of a folder with such a one, from the `start`-th row on.

    split: may be left out where there is only one. revision: a branch, tag or commit; what it was resolved to is in
    `source["revision"]`. layout: as in `comics`. Raises `DataError` where the library is missing, the hub is out of
    reach, or what comes is of another schema, and for a row that cannot be used, unless `reports` keeps it.
    """
    datasets = _library()
    what = f"Data set {name!r}"
    local = is_folder(name)
    if local and revision:
        raise UsageError(
            f"{what}: a folder has no revision {revision!r}. Leave it out, or name a data set of the hub."
        )
    commit = None if local else _commit(name, revision)
    with _explained(what, "Check the network and the name, or fetch a copy and give its folder."):
        splits = datasets.load_dataset(name, revision=commit, streaming=True)
    if split is None and len(splits) == 1:
        split = next(iter(splits))
    if split not in splits:
        asked = "no split was named" if split is None else f"there is not a split {split!r}"
        raise DataError(
            f"{what}: {asked}; it has {', '.join(splits)}. Name one, as in hub:{name}:{next(iter(splits))}."
        )
    rows = splits[split]
    panels = _panels(rows.column_names or [], what)
    for column in panels:
        rows = rows.cast_column(column, datasets.Image(decode=False))
    where = {"data": "hub", "name": name, "split": split, "revision": commit, "layout": layout}
    title = Path(name).resolve().name if local else name
    samples, count = [], 0
    with _explained(what, "Check the network, or fetch a copy and give its folder."):
        for index, row in enumerate(islice(rows, start, None if n is None else start + n), start=start):
            count += 1
            with reports.at(f"row {index}"):
                sample = _sample(row, panels, where | {"index": index}, title, reports)
                samples += [] if sample is None else [sample]
    if count < (n or 1):
        raise DataError(
            f"{what}, split {split!r}: {n or 'all'} strips from number {start} on were asked for, and there are "
            f"{count}. Ask for fewer."
        )
    return samples


def _library() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingPackage(
            'Data from the hub needs the library `datasets`, which is not installed. Run: pip install "gazeheads[hub]"'
        ) from error
    return datasets


def _commit(name: str, revision: str | None) -> str:
    """The commit that a revision of a data set stands for. Asked first: it tells at once whether the hub is there."""
    from huggingface_hub import HfApi

    with _explained(
        f"Data set {name!r}" + (f" at {revision!r}" if revision else ""),
        "Check the network, the name and the revision; a copy on disk is named by its folder, hub:FOLDER.",
    ):
        return str(HfApi().dataset_info(name, revision=revision, timeout=PATIENCE).sha)


@contextmanager
def _explained(what: str, cure: str) -> Iterator[None]:
    """Whatever goes wrong in between as a `DataError`: the libraries below raise the errors of four transports."""
    try:
        yield
    except (DataError, AttributeError, NameError):  # ours: said already, or a mistake of ours
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        raise DataError(f"{what}: it cannot be read ({type(error).__name__}: {first}). {cure}") from error


def _panels(columns: Sequence[str], what: str) -> list[str]:
    """The panels' columns in order. Raises `DataError` unless the columns are those of the schema."""
    numbers = [
        int(match[1]) for match in (re.fullmatch(r"panel_([0-9]{1,6})", name) for name in columns) if match
    ]
    last = max([*numbers, 1])
    pairs = ((f"panel_{k}", f"caption_{k}") for k in range(1, last + 1))
    missing = few(
        name for name in chain(["comic_id"], chain.from_iterable(pairs)) if name not in set(columns)
    )
    if missing:
        raise DataError(
            f"{what}: column {missing} is missing; it has {few(columns, 20) or 'none'}. Give a data set "
            "with the columns comic_id, panel_1 to panel_N and caption_1 to caption_N."
        )
    return [f"panel_{k}" for k in range(1, last + 1)]


def _sample(
    row: Mapping[str, Any], panels: list[str], source: dict[str, Any], name: str, reports: Reports
) -> Sample | None:
    """One row as a sample; None where an image of it cannot be used."""
    called = row["comic_id"]
    if not isinstance(called, str | int) or isinstance(called, bool) or not str(called).strip():
        raise DataError(
            f"Strip of {name}: its comic_id is {shown(called)}. Give each row a text or a number."
        )
    title = f"hub/{name}/{called}"
    stored_at: list[tuple[Path | str, bytes | None]] = []
    for column in panels:
        stored = row[column]
        if not isinstance(stored, Mapping) or not (stored.get("bytes") or stored.get("path")):
            raise DataError(f"Strip {title}: {column} is empty. Leave this row out, or mend it.")
        data = stored.get("bytes")
        if isinstance(data, bytes) and data:
            stored_at.append((f"{title}/{column}", data))
        else:
            stored_at.append((_inside(source["name"], stored["path"], f"Strip {title}: {column}"), None))
    files = reports.images(stored_at)
    captions = wordings([row[f"caption_{k}"] for k in range(1, len(panels) + 1)], len(panels), title)
    if files is None:
        return None
    return strip(title, files, captions, source, Layout(source["layout"]).rows(len(panels), title))


def _inside(folder: str, path: Any, what: str) -> Path:
    """An image file that a row names. Raises `DataError` unless it lies in the folder that was named."""
    if not is_folder(folder):
        raise DataError(
            f"{what} names the file {shown(path)} and holds no image. Use a data set with images in it."
        )
    try:
        return inside(folder, path)
    except ValueError as error:
        raise DataError(
            f"{what} cannot be used: {error}. Put the image into that folder, or into the row."
        ) from error


def _is_count(text: str) -> bool:
    return len(text) <= 10 and 1 <= int(text) <= MOST


def _read(spec: Spec, seed: int, reports: Reports) -> list[Sample]:
    name = HubName.parse(spec.body, spec.wrong)
    return hub_comics(
        name.name,
        name.split,
        name.revision,
        n=name.n,
        layout=spec.layout,
        start=spec.start,
        reports=reports,
    )


SOURCE = DataSource(
    "hub:NAME[:SPLIT][@REVISION][:N][:layout=row|grid][:grid=RxC][:start=I]",
    "strips of a data set on the HuggingFace hub, or of a folder with a copy",
    _read,
)

"""Name a data set in one line: `doodles:24:dev`, `comics:FOLDER:layout=grid`, `scenes:10`.

What follows the kind's own parts are options, `key=value`. Several sources joined by "+" are one data set:
`doodles:40:test:panels=3+doodles:40:test:panels=4`.

The fingerprint is one hash for a data set: the same for the same pictures and the same truth about them, on every
machine. Where a picture lies in files, the files are hashed, not their pixels: two versions of a JPEG decoder differ in
the last bit. Where the files lie, and when they were written, does not count.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from gazeheads.data.boxed import boxed
from gazeheads.data.coco import coco
from gazeheads.data.comics import comics
from gazeheads.data.rawcomics import raw_comics
from gazeheads.drawing.grammar import SPLITS, Split
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import doodles
from gazeheads.errors import UsageError
from gazeheads.sample import Sample

__all__ = ["FORMS", "fingerprint", "named", "samples_of"]


def samples_of(source: str, seed: int = 0) -> list[Sample]:
    """The samples that `source` names, in one of `FORMS`, or several joined by "+".

    Doodles and scenes (split "dev" unless given) and the windows of raw comics are drawn from the seed; the other
    kinds do not depend on it. `start` leaves out as many samples, so that disjoint sets can be named. Raises
    `UsageError` for anything that cannot be read or meant, and for two samples of one id.
    """
    found = [sample for part in named(source) for sample in part.read(seed)]
    counts = Counter(sample.id for sample in found)
    double = next((name for name, count in counts.items() if count > 1), None)
    if double is not None:
        raise UsageError(
            f"Data {source!r}: two samples are called {double!r}. Name each source once, and folders differently."
        )
    return found


class Source:
    """One source by name, taken apart: its `kind`, its own parts (`body`), and `options`."""

    def __init__(self, text: str) -> None:
        kind, _, rest = text.partition(":")
        if kind not in FORMS:
            raise UsageError(
                f"Data {text!r}: there is no such source. Write one of {', '.join(FORMS.values())}."
            )
        self.text, self.kind, self.form = text, kind, FORMS[kind]
        parts, options = rest.split(":"), []
        while parts and re.fullmatch(r"[a-z]+=.*", parts[-1]):
            options.append(parts.pop().split("=", 1))
        self.body = ":".join(parts)
        self.options: dict[str, str] = dict(reversed(options))
        known = re.findall(r"\[:(\w+)=", self.form)
        for key, _ in options:
            if key not in known or len(self.options) < len(options):
                what = "is unknown" if key not in known else "or another one is given twice"
                raise self.wrong(f"option {key!r} {what}")
        if not self.body:
            raise self.wrong("it does not say which")

    def wrong(self, what: str) -> UsageError:
        """The error for a source that cannot be meant."""
        return UsageError(f"Data {self.text!r}: {what}. Write {self.form}.")

    def number(self, text: str | None, default: int, least: int = 1) -> int:
        """A whole number of the source's text."""
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]+", text) or int(text) < least:
            raise self.wrong(f"{text!r} is no whole number from {least} on")
        return int(text)

    def option(self, key: str, default: int, least: int = 1) -> int:
        """A whole number given as an option."""
        return self.number(self.options.get(key), default, least)

    @property
    def layout(self) -> str:
        """How panels are put together: "row", "grid", "2x3"."""
        layout, grid = self.options.get("layout"), self.options.get("grid")
        if grid is not None and (layout not in (None, "grid") or not re.fullmatch(r"\d+x\d+", grid)):
            raise self.wrong(f"grid={grid} is no grid, or fights with layout={layout}")
        if layout not in (None, "row", "grid"):
            raise self.wrong(f"layout={layout} is unknown")
        return grid or layout or "row"

    def read(self, seed: int) -> list[Sample]:
        """Its samples."""
        return READERS[self.kind](self, seed)


def named(source: str) -> list[Source]:
    """The sources that a name joins by "+", in order. A "+" that no kind follows belongs to a file's name."""
    return [Source(text) for text in re.split(rf"\+(?=(?:{'|'.join(FORMS)}):)", source)]


def _drawn(source: Source, seed: int) -> list[Sample]:
    number, _, split = source.body.partition(":")
    if split and split not in SPLITS:
        raise source.wrong(f"{split!r} is no split; there are {', '.join(SPLITS)}")
    part: Split = split or "dev"
    n, start = source.number(number, 1), source.option("start", 0, 0)
    if source.kind == "scenes":
        return scenes(n, seed, part, start=start)
    layout = source.layout
    if layout == "row":
        return doodles(n, seed, part, panels=source.option("panels", 6), start=start)
    rows, columns = (source.number(text, 1) for text in layout.split("x"))
    if source.option("panels", rows * columns) != rows * columns:
        raise source.wrong(f"a grid of {layout} has {rows * columns} panels")
    return doodles(n, seed, part, panels=rows * columns, columns=columns, start=start)


def _comics(source: Source, seed: int) -> list[Sample]:
    n = source.option("n", 1) if "n" in source.options else None
    return comics(source.body, source.layout, n=n, start=source.option("start", 0, 0))


def raw_asked(source: Source) -> tuple[str, int, int, int]:
    """Of a source of raw comics: the folder, how many strips, of how many panels, from which on."""
    folder, _, number = source.body.rpartition(":")
    if not folder:
        raise source.wrong("it does not say how many strips")
    return folder, source.number(number, 1), source.option("panels", 6), source.option("start", 0, 0)


def _raw(source: Source, seed: int) -> list[Sample]:
    folder, n, panels, start = raw_asked(source)
    return raw_comics(folder, n, seed, panels=panels, layout=source.layout, start=start)


def _strip(source: Source, seed: int) -> list[Sample]:
    return [boxed(source.body)]


def _coco(source: Source, seed: int) -> list[Sample]:
    return read_coco(source)[0]


def read_coco(source: Source) -> tuple[list[Sample], Counter[str]]:
    """The pictures of a source in COCO's layout, and what was left out."""
    folder, _, number = source.body.rpartition(":")
    if not (folder and re.fullmatch("[0-9]+", number)):
        folder, number = source.body, ""
    masks = source.options.get("masks", "no")
    if masks not in ("yes", "no"):
        raise source.wrong(f"masks={masks} is neither yes nor no")
    return coco(
        folder,
        n=source.number(number, 1) if number else None,
        start=source.option("start", 0, 0),
        annotations=source.options.get("annotations"),
        images=source.options.get("images"),
        masks=masks == "yes",
    )


def _hub(source: Source, seed: int) -> list[Sample]:
    return read_hub(source)


def read_hub(source: Source, on_fault: Callable[[str, str], object] | None = None) -> list[Sample]:
    """The strips of a source on the hub. on_fault: as in `hub_comics`."""
    from gazeheads.data.hub import HubName, hub_comics

    name = HubName.parse(source.body, source.wrong)
    return hub_comics(
        name.name,
        name.split,
        name.revision,
        n=name.n,
        layout=source.layout,
        start=source.option("start", 0, 0),
        on_fault=on_fault,
    )


READERS: Mapping[str, Callable[[Source, int], list[Sample]]] = {
    "doodles": _drawn,
    "scenes": _drawn,
    "comics": _comics,
    "comics-raw": _raw,
    "strip": _strip,
    "coco": _coco,
    "hub": _hub,
}


FORMS = {
    "doodles": "doodles:N[:SPLIT][:panels=P][:grid=RxC][:start=I]",
    "scenes": "scenes:N[:SPLIT][:start=I]",
    "comics": "comics:FOLDER[:layout=row|grid][:grid=RxC][:n=N][:start=I]",
    "comics-raw": "comics-raw:FOLDER:N[:panels=P][:layout=row|grid][:grid=RxC][:start=I]",
    "strip": "strip:PICTURE.png",
    "coco": "coco:FOLDER[:N][:start=I][:annotations=FILE][:images=FOLDER][:masks=yes]",
    "hub": "hub:NAME[:SPLIT][@REVISION][:N][:layout=row|grid][:grid=RxC][:start=I]",
}


def fingerprint(samples: Iterable[Sample]) -> str:
    """SHA-256 (64 hexadecimal digits) over the samples in their order: ids, kinds, boxes, all truths, pictures.

    Takes about as long as to read the files once; nothing is decoded. Raises `UsageError` for a file that is gone.
    """
    whole = hashlib.sha256()
    for sample in samples:
        told = sample.to_json()
        del told["source"], told["schema"]
        told["boxes"] = [[float(edge) for edge in box.corners] for box in sample.boxes]  # 0 and 0.0 are one
        told["content"] = sample.content
        whole.update(json.dumps(told, sort_keys=True).encode() + b"\n")
    return whole.hexdigest()

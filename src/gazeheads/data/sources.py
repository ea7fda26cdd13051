"""Name a data set in one line: `doodles:24:dev`, `comics:FOLDER:layout=grid`, `scenes:10`.

What follows the source's own parts are options, `key=value`. Several sources joined by "+" are one data set:
`doodles:40:test:panels=3+doodles:40:test:panels=4`. Other packages add sources by the entry point group
`gazeheads.data`.

The fingerprint is one hash for a data set: the same for the same images and the same truth about them, on every
machine. Where an image lies in files, the files are hashed, not their pixels: two versions of a JPEG decoder differ in
the last bit. Where the files lie, and when they were written, does not count.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from gazeheads.data import boxed, coco, comics, doodles, hub, rawcomics
from gazeheads.data.source import DataSource, Spec
from gazeheads.errors import UsageError
from gazeheads.plugins import Registry
from gazeheads.sample import Sample

SOURCES: Registry[DataSource] = Registry(
    "gazeheads.data",
    "Data source",
    DataSource,
    (
        doodles.DOODLES,
        doodles.SCENES,
        comics.SOURCE,
        rawcomics.SOURCE,
        boxed.SOURCE,
        coco.SOURCE,
        hub.SOURCE,
    ),
)


def forms() -> list[str]:
    """How each source is typed."""
    return [form for form, _ in _described()]


def listing() -> str:
    """All sources for `--help`: how each is typed, and what it is."""
    lines = [f"  {form}\n      {about}" for form, about in _described()]
    return "\n".join(['sources (several are joined by "+"):', *lines])


def _described() -> Iterator[tuple[str, str]]:
    """Form and meaning of each source. A package that cannot be loaded is in nobody's way here."""
    for name in SOURCES:
        try:
            yield SOURCES[name].form, SOURCES[name].about
        except UsageError as error:
            yield f"{name}:...", str(error)


def samples_of(text: str, seed: int = 0) -> list[Sample]:
    """The samples that `text` names, in one of `forms()`, or several joined by "+".

    Doodles and scenes (split "dev" unless given) and the windows of raw comics are drawn from the seed; the other
    sources do not depend on it. `start` leaves out as many samples, so that disjoint sets can be named. Raises
    `UsageError` for a name that cannot be read or meant, and for two samples of one id; `DataError` for files that
    cannot be used.
    """
    samples = [sample for spec in specs(text) for sample in spec.read(seed)]
    counts = Counter(sample.id for sample in samples)
    double = next((name for name, count in counts.items() if count > 1), None)
    if double is not None:
        raise UsageError(
            f"Data {text!r}: two samples are called {double!r}. Name each source once, and folders differently."
        )
    return samples


def specs(text: str) -> list[Spec]:
    """The sources that a name joins by "+", in order. A "+" that no source follows belongs to a file's name."""
    names = "|".join(map(re.escape, SOURCES))
    return [_spec(part) for part in re.split(rf"\+(?=(?:{names}):)", text)]


def _spec(text: str) -> Spec:
    name = text.partition(":")[0]
    if name not in SOURCES:
        raise UsageError(f"Data {text!r}: there is no such source. Write one of {', '.join(forms())}.")
    return Spec(text, SOURCES[name])


def fingerprint(samples: Iterable[Sample]) -> str:
    """SHA-256 (64 hexadecimal digits) over the samples in their order: ids, kinds, boxes, all truths, images.

    Takes about as long as to read the files once; nothing is decoded. Raises `DataError` for a file that is gone.
    """
    whole = hashlib.sha256()
    for sample in samples:
        facts = sample.to_json()
        del facts["source"], facts["schema"]
        facts["boxes"] = [[float(edge) for edge in box.corners] for box in sample.boxes]  # 0 and 0.0 are one
        facts["content"] = sample.content
        whole.update(json.dumps(facts, sort_keys=True).encode() + b"\n")
    return whole.hexdigest()

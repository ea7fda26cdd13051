"""Name a data set in one word: `doodles:24:dev`, `scenes:10`, `comics:FOLDER`."""

from pathlib import Path
from typing import get_args

from gazeheads.data.comics import strip_of
from gazeheads.data.doodles import doodles
from gazeheads.data.fingerprint import fingerprint
from gazeheads.data.grammar import Split
from gazeheads.data.scenery import scenes
from gazeheads.errors import BadInput
from gazeheads.records import Sample

__all__ = ["fingerprint", "samples_of"]


def samples_of(source: str, seed: int = 0) -> list[Sample]:
    """The samples that `source` names.

    `doodles:N[:SPLIT]` and `scenes:N[:SPLIT]` (split "dev" unless given) are drawn from the seed; `comics:FOLDER`
    reads one strip from each folder of panels in FOLDER, or from FOLDER itself. Raises `BadInput` for anything else.
    """
    kind, _, rest = source.partition(":")
    if kind in ("doodles", "scenes"):
        number, _, split = rest.partition(":")
        split = split or "dev"
        if not number.isdigit() or split not in get_args(Split):
            raise BadInput(
                f"Data {source!r}: write {kind}:N or {kind}:N:SPLIT, with a split of {get_args(Split)}."
            )
        make = doodles if kind == "doodles" else scenes
        return make(int(number), seed, split)  # type: ignore[arg-type]
    if kind == "comics":
        folder = Path(rest)
        if not folder.is_dir():
            raise BadInput(f"Data {source!r}: there is no folder {rest!r}. Check the path.")
        strips = sorted(path for path in folder.iterdir() if path.is_dir())
        return [strip_of(path) for path in strips or [folder]]
    raise BadInput(f"Data {source!r}: there is no such source. Write doodles:N, scenes:N or comics:FOLDER.")

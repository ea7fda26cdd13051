"""Shards of one run, made side by side or on several machines, as one run."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gazeheads.errors import BadShards, DifferentRun, RunError
from gazeheads.files import write_whole
from gazeheads.runs.folder import GENERATIONS, LOCK, VERDICTS, Lock, RunFolder, make
from gazeheads.runs.ledger import Ledger, encode
from gazeheads.runs.manifest import MANIFEST, differences, keep, settings, taken_part

Lines = dict[str, dict[str, Any]]


def merge(folders: Sequence[str | Path], out: str | Path, *, any_version: bool = False) -> RunFolder:
    """The shards of one run as one folder, open for writing: their lines in the order of the shards.

    folders: of `run --shard 1/n` to `n/n`, each once, in any order. Shards of other versions of packages are refused
    like any other setting, unless `any_version`; the merged manifest then keeps all of them. It is written last, so
    that a merge that was broken off is made good by merging again. Merging once more what was merged changes nothing.
    Raises `BadShards` for a shard that is missing, doubled, unfinished, or has a line of another, and for shards with
    other lines than were merged into `out` before; `DifferentRun` for shards of different settings, or where `out`
    holds another run; `RunInUse` while a shard is being written; `Unwritable` where `out` cannot be.
    """
    out = Path(out)
    with ExitStack() as stack:
        shards = _in_order([RunFolder.open(folder, read_only=True) for folder in folders])
        if out.resolve() in {shard.path.resolve() for shard in shards}:
            raise BadShards(f"Asked to merge into {out}, which is one of the shards. Name another folder.")
        for shard in shards:
            if (shard.path / LOCK).exists():  # a copy may come without
                stack.callback(Lock(shard.path, reading=True).release)
        manifest = _agreed(shards, any_version)
        _must_be_done(shards)
        generations = _together(shards, [shard.generations for shard in shards])
        verdicts = _together(shards, [shard.verdicts for shard in shards])
    if not (out / MANIFEST).exists():
        return _write(out, manifest, {GENERATIONS: generations, VERDICTS: verdicts})
    merged = RunFolder.begin(out, manifest, any_version=any_version)
    try:
        _is_within(generations, merged.generations)
        _is_within(verdicts, merged.verdicts)
    except BaseException:
        merged.close()
        raise
    return merged


def _in_order(shards: Sequence[RunFolder]) -> list[RunFolder]:
    """The shards by their number. Raises `BadShards` unless each is there once."""
    if not shards:
        raise BadShards("Asked to merge no folders. Name the folder of every shard.")
    placed = sorted(((_place(shard), shard) for shard in shards), key=lambda pair: pair[0])
    counted = Counter(place for place, _ in placed)
    n = placed[0][0][1]
    wrong = [f"{i}/{of} is there {times} times" for (i, of), times in counted.items() if times > 1]
    wrong += [f"{i}/{of} is none of {n} shards" for i, of in counted if of != n or not 1 <= i <= n]
    wrong += [f"{i}/{n} is missing" for i in range(1, n + 1) if (i, n) not in counted]
    if wrong:
        raise BadShards(
            f"Asked to merge {len(shards)} folders: shard {', '.join(wrong)}. "
            f"Name the folders of 1/{n} to {n}/{n}, each once."
        )
    return [shard for _, shard in placed]


def _place(shard: RunFolder) -> tuple[int, int]:
    match shard.manifest.get("shard"):
        case [int(i), int(n)]:
            return i, n
        case other:
            raise BadShards(
                f"Asked to merge {shard.path}, whose manifest says shard {other!r}. "
                "Name folders that were made with --shard i/n."
            )


def _agreed(shards: Sequence[RunFolder], any_version: bool) -> dict[str, Any]:
    """The manifest of all shards. Raises `DifferentRun` where they do not have one."""
    first = shards[0]
    versions = taken_part(first.manifest)
    for shard in shards[1:]:
        may_differ = any_version or shard.manifest.get("versions") in taken_part(first.manifest)
        own = ("shard", "versions") if may_differ else ("shard",)
        sides = f"in {first.path}", f"in {shard.path}"
        found = list(differences(settings(first.manifest, *own), settings(shard.manifest, *own), sides=sides))
        if found:
            hint = ", or let them differ with --any-version" if found[0].startswith("versions") else ""
            raise DifferentRun(
                f"Asked to merge shards of different settings: {'; '.join(found)}. Merge the shards of one run{hint}."
            )
        versions += [each for each in taken_part(shard.manifest) if each not in versions]
    merged = settings(first.manifest) | {
        "shard": [1, 1],
        "merged_from": [shard.path.name for shard in shards],
    }
    if all(isinstance(shard.manifest.get("trials"), int) for shard in shards):
        merged["trials"] = sum(shard.manifest["trials"] for shard in shards)
    return merged | ({"other_versions": versions[1:]} if versions[1:] else {})


def _must_be_done(shards: Sequence[RunFolder]) -> None:
    """Raises `BadShards` for shards that have fewer answers than trials; manifests of old do not say how many."""
    left = [
        f"{shard.path} has {len(shard.generations)} of {trials} answers"
        for shard in shards
        if isinstance(trials := shard.manifest.get("trials"), int) and len(shard.generations) < trials
    ]
    if left:
        raise BadShards(
            f"Asked to merge {len(shards)} shards, of which {len(left)} are not done: {'; '.join(left)}. Run them to "
            "their end: the same commands go on after what is there."
        )


def _together(shards: Sequence[RunFolder], ledgers: Sequence[Ledger]) -> Lines:
    """The lines of all shards. Raises `BadShards` for a key that two of them have."""
    lines: Lines = {}
    for shard, ledger in zip(shards, ledgers, strict=True):
        twice = [key for key in ledger.lines if key in lines]
        if twice:
            raise BadShards(
                f"Asked to merge {shard.path}: {len(twice)} of its lines are in a shard before it too, the first with "
                f"the key {twice[0]!r}. Merge folders that were made with --shard i/n and left as they were."
            )
        lines |= ledger.lines
    return lines


def _write(out: Path, manifest: dict[str, Any], ledgers: dict[str, Lines]) -> RunFolder:
    make(out)
    lock = Lock(out)
    try:
        for name, lines in ledgers.items():
            raw, place = b"".join(encode(line) for line in lines.values()), out / name
            if place.exists() and place.read_bytes() != raw:
                raise RunError(
                    f"Asked to merge into {out}, where {name} holds other lines, and no {MANIFEST} says of what. "
                    "Name another folder."
                )
            if raw:
                write_whole(place, raw)
        keep(out, manifest)
    except BaseException:
        lock.release()
        raise
    return RunFolder(out, manifest, lock)


def _is_within(lines: Lines, merged: Ledger) -> None:
    """Raises `BadShards` for lines that are not among those that were merged before, or are others there."""
    other = [key for key, line in lines.items() if merged.lines.get(key) != line]
    if other:
        raise BadShards(
            f"Asked to merge into {merged.path.parent}, which was merged before: {len(other)} lines of the shards are "
            f"not in its {merged.path.name}, or are others there, the first with the key {other[0]!r}. "
            "Merge into a new folder."
        )

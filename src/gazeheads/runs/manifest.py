"""The manifest of a run: all that decides about its numbers, and how two of them differ."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from gazeheads.errors import RunError, Unwritable
from gazeheads.experiments.trial import Experiment
from gazeheads.files import parse_json, settle, write_whole
from gazeheads.heads.heads import Heads
from gazeheads.version import __version__

MANIFEST = "manifest.json"

HISTORY = (
    "other_versions",
    "merged_from",
    "trials",
)  # what a manifest tells of the folder, not of the settings


def read(path: Path) -> dict[str, Any]:
    """The manifest of the run in folder `path`. Raises `RunError` where there is none."""
    place = path / MANIFEST
    try:
        found = parse_json(place.read_bytes())
    except FileNotFoundError as error:
        raise RunError(
            f"Asked to open the run in {path}: there is no {MANIFEST}. Name the folder of a run."
        ) from error
    except (OSError, ValueError) as error:
        raise RunError(
            f"Asked to open the run in {path}: {MANIFEST} cannot be read: {error}. Mend it."
        ) from error
    if not isinstance(found, dict):
        raise RunError(f"Asked to open the run in {path}: {MANIFEST} is no object of settings. Mend it.")
    return found


def keep(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, and wait until the disk has it: no line may be there before."""
    try:
        write_whole(path / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        settle(path)
    except OSError as error:
        raise unwritable(path, error) from error


def plain(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as it will be read: tuples become lists."""
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(manifest), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RunError(
            f"Asked for a run with settings that JSON cannot say: {error}. Give numbers, texts, lists and objects."
        ) from error
    return found


def differences(
    one: Any, other: Any, name: str = "", sides: tuple[str, str] = ("there", "asked")
) -> Iterator[str]:
    """Setting by setting, what two manifests say differently: "heads.k: 23 there, 12 asked"."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            inner = f"{name}.{key}" if name else key
            yield from differences(one.get(key, _NOTHING), other.get(key, _NOTHING), inner, sides)
    elif _said(one) != _said(other):
        said = _said(one), _said(other)
        if isinstance(one, list) and isinstance(other, list) and len(one) + len(other) > 4:
            # Of long lists, such as conditions, what is in one alone; all of them where only their order differs.
            alone = [", ".join(_said(x) for x in a if x not in b) for a, b in ((one, other), (other, one))]
            if any(alone):
                said = alone[0] or "nothing more", alone[1] or "nothing more"
        yield f"{name}: {said[0]} {sides[0]}, {said[1]} {sides[1]}"


def settings(manifest: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """What decides about a run's numbers: the manifest without its folder's history, and without those named."""
    return {name: value for name, value in manifest.items() if name not in (*HISTORY, *without)}


def taken_part(manifest: Mapping[str, Any]) -> list[Any]:
    """The versions under which the lines of a run were made, each once, in their order."""
    return [manifest.get("versions"), *manifest.get("other_versions", [])]


def unwritable(path: Path, error: OSError) -> Unwritable:
    """What to raise where the system lets nobody write to the run folder `path`."""
    return Unwritable(
        f"Asked to write to the run folder {path}; the system says: {error.strerror or error}. "
        "Make room, make it writable, or name another folder."
    )


def _said(value: Any) -> str:
    return "nothing" if value is _NOTHING else json.dumps(value, ensure_ascii=False, sort_keys=True)


_NOTHING = object()


PACKAGES = ("torch", "transformers", "numpy", "pillow")


def describe_experiment(experiment: Experiment) -> dict[str, Any]:
    """An experiment's name and what decides about its trials, as plain values; not what people read of it."""
    settings: dict[str, Any] = plain(_compared(experiment))
    return settings


def _compared(value: Any) -> Any:
    """A dataclass as a dict of the fields by which two of them are compared."""
    if is_dataclass(value):
        return {field.name: _compared(getattr(value, field.name)) for field in fields(value) if field.compare}
    return {"name": value.name} if hasattr(value, "trials") else value


def describe_heads(heads: Heads, k: int) -> dict[str, Any]:
    """Which heads: the scores' hash, where they came from, how many, and what they were tuned on."""
    text = json.dumps(heads.to_json(), sort_keys=True, allow_nan=False)
    tuned = heads.tuned
    return {
        "k": k,
        "of": heads.scores.size,
        "found_on": {"data": heads.provenance.data, "seed": heads.provenance.seed},
        "tuned_on": None if tuned is None else {"data": tuned.data, "seed": tuned.seed},
        "hash": hashlib.sha256(text.encode()).hexdigest(),
    }


def versions() -> dict[str, str]:
    """Of what the numbers may depend on."""
    return {
        "gazeheads": __version__,
        "python": python_version(),
        **{name: version(name) for name in PACKAGES},
    }

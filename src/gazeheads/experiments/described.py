"""What a manifest says of an experiment, of heads and of versions: plain values that can be compared."""

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version
from platform import python_version
from typing import Any

from gazeheads import __version__
from gazeheads.experiments.run import Experiment
from gazeheads.heads import Heads
from gazeheads.headsfile import to_json

PACKAGES = ("torch", "transformers", "numpy", "pillow")


def told(experiment: Experiment) -> dict[str, Any]:
    """An experiment's name and fields, as plain values."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(experiment)))  # type: ignore[call-overload]
    return found


def about(heads: Heads, k: int) -> dict[str, Any]:
    """Which heads: the scores' hash, where they came from, how many, and what they were tuned on."""
    told = json.dumps(to_json(heads), sort_keys=True, allow_nan=False)
    tuned = heads.tuned
    return {
        "k": k,
        "of": heads.scores.size,
        "found_on": {"data": heads.provenance.data, "seed": heads.provenance.seed},
        "tuned_on": None if tuned is None else {"data": tuned.data, "seed": tuned.seed},
        "hash": hashlib.sha256(told.encode()).hexdigest(),
    }


def versions() -> dict[str, str]:
    """Of what the numbers may depend on."""
    return {
        "gazeheads": __version__,
        "python": python_version(),
        **{name: version(name) for name in PACKAGES},
    }

"""Find the heads with which a vision-language model looks at what it describes, and point them elsewhere.

    import gazeheads as gh

    model = gh.load()                     # the bundled model, or gh.load("Qwen/Qwen3-VL-8B-Instruct")
    heads = gh.discover(model, gh.doodles(n=64, seed=0))
    scene = model.encode(photo, "What is happening here?")
    print(model.generate(scene, gaze=gh.Gaze(heads.top(0.09), at=scene.box(120, 40, 380, 300))))

Public names are loaded on first use: importing this package imports neither torch nor transformers.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gazeheads.data.comics import comics
    from gazeheads.data.doodles import doodles
    from gazeheads.discovery import discover
    from gazeheads.effect import Effect
    from gazeheads.errors import GazeHeadsError
    from gazeheads.gaze import Gaze
    from gazeheads.generation import Generation
    from gazeheads.grid import Box
    from gazeheads.heads import Head, Heads
    from gazeheads.live import Live
    from gazeheads.loading import load
    from gazeheads.mixes import Mix
    from gazeheads.model import GazeModel
    from gazeheads.push import Push
    from gazeheads.records import Sample
    from gazeheads.regions import Region
    from gazeheads.scenes import EncodedInput
    from gazeheads.schedule import Schedule
    from gazeheads.streaming import Token
    from gazeheads.trace import GazeTrace, Record
    from gazeheads.watched.watch import Watched, watch
    from gazeheads.words import Word

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Effect",
    "EncodedInput",
    "Gaze",
    "GazeHeadsError",
    "GazeModel",
    "GazeTrace",
    "Generation",
    "Head",
    "Heads",
    "Live",
    "Mix",
    "Push",
    "Record",
    "Region",
    "Sample",
    "Schedule",
    "Token",
    "Watched",
    "Word",
    "comics",
    "discover",
    "doodles",
    "load",
    "watch",
]

# Public name to its module. The block above repeats it for type checkers; a test compares the two.
_HOMES = {
    "Box": "grid",
    "Effect": "effect",
    "EncodedInput": "scenes",
    "Gaze": "gaze",
    "GazeHeadsError": "errors",
    "GazeModel": "model",
    "GazeTrace": "trace",
    "Generation": "generation",
    "Head": "heads",
    "Heads": "heads",
    "Live": "live",
    "Mix": "mixes",
    "Push": "push",
    "Record": "trace",
    "Region": "regions",
    "Sample": "records",
    "Schedule": "schedule",
    "Token": "streaming",
    "Watched": "watched.watch",
    "Word": "words",
    "comics": "data.comics",
    "discover": "discovery",
    "doodles": "data.doodles",
    "load": "loading",
    "watch": "watched.watch",
}


def __getattr__(name: str) -> object:
    """The public name `name`, from its module, kept here so that the next use is a plain look-up."""
    if name not in _HOMES:
        raise AttributeError(
            f"module 'gazeheads' has no attribute {name!r}; public names: {', '.join(__all__)}"
        )
    value = getattr(import_module(f"gazeheads.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names and what every module has."""
    return sorted({*globals(), *__all__})

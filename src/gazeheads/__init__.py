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

from gazeheads.version import __version__ as __version__

if TYPE_CHECKING:
    from gazeheads.data.comics import comics
    from gazeheads.discovery.discover import discover
    from gazeheads.drawing.strips import doodles
    from gazeheads.errors import GazeHeadsError
    from gazeheads.gaze.effect import Effect
    from gazeheads.gaze.gaze import Gaze
    from gazeheads.gaze.live import Live
    from gazeheads.gaze.push import Push
    from gazeheads.gaze.record import Record
    from gazeheads.gaze.schedule import Schedule
    from gazeheads.gaze.trace import GazeTrace
    from gazeheads.heads.head import Head
    from gazeheads.heads.heads import Heads
    from gazeheads.model.generation import Generation
    from gazeheads.model.loading import load
    from gazeheads.model.model import GazeModel
    from gazeheads.model.scene import Scene
    from gazeheads.model.stream import Token
    from gazeheads.regions.grid import Box
    from gazeheads.regions.mix import Mix
    from gazeheads.regions.region import Region
    from gazeheads.sample import Sample
    from gazeheads.text import Word
    from gazeheads.watching.watch import watch
    from gazeheads.watching.watched import Watched


__all__ = [
    "Box",
    "Effect",
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
    "Scene",
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
    "Box": "regions.grid",
    "Effect": "gaze.effect",
    "Scene": "model.scene",
    "Gaze": "gaze.gaze",
    "GazeHeadsError": "errors",
    "GazeModel": "model.model",
    "GazeTrace": "gaze.trace",
    "Generation": "model.generation",
    "Head": "heads.head",
    "Heads": "heads.heads",
    "Live": "gaze.live",
    "Mix": "regions.mix",
    "Push": "gaze.push",
    "Record": "gaze.record",
    "Region": "regions.region",
    "Sample": "sample",
    "Schedule": "gaze.schedule",
    "Token": "model.stream",
    "Watched": "watching.watched",
    "Word": "text",
    "comics": "data.comics",
    "discover": "discovery.discover",
    "doodles": "drawing.strips",
    "load": "model.loading",
    "watch": "watching.watch",
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

"""The public names, each from the module that it lives in: one line to add one."""

from .data.comics import comics as comics
from .discovery.discover import discover as discover
from .drawing.strips import doodles as doodles
from .errors import GazeHeadsError as GazeHeadsError
from .gaze.effect import Effect as Effect
from .gaze.gaze import Gaze as Gaze
from .gaze.live import Live as Live
from .gaze.push import Push as Push
from .gaze.record import Record as Record
from .gaze.schedule import Schedule as Schedule
from .gaze.trace import GazeTrace as GazeTrace
from .heads.head import Head as Head
from .heads.heads import Heads as Heads
from .model.generation import Generation as Generation
from .model.loading import load as load
from .model.model import GazeModel as GazeModel
from .model.scene import Scene as Scene
from .model.stream import Token as Token
from .regions.grid import Box as Box
from .regions.mix import Mix as Mix
from .regions.region import Region as Region
from .sample import Sample as Sample
from .text import Word as Word
from .watching.watch import watch as watch
from .watching.watched import Watched as Watched

__version__: str

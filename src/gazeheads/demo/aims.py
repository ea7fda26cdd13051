"""From a message to what the package understands: regions, pushes, heads."""

import base64
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gazeheads import Gaze, GazeModel, Heads, Live, Push, Region, Scene
from gazeheads.demo.wire import AtBox, AtMask, AtPanel, AtSpot, Manner
from gazeheads.errors import NoSuchDraw
from gazeheads.gaze.push import PUSHES

MOST_NATS = 10.0  # of a push that takes nats, at full strength


def region(scene: Scene, target: AtPanel | AtBox | AtSpot | AtMask) -> Region:
    """The region that a target names in this scene; a small one is grown to one image token. Raises `RegionError`."""
    width, height = scene.grid.sizes[0]
    match target:
        case AtPanel(index=index):
            return panel(scene, index)
        case AtBox(x0=x0, y0=y0, x1=x1, y1=y1):
            return scene.box(x0 * width, y0 * height, x1 * width, y1 * height, min_tokens=1)
        case AtSpot(x=x, y=y, radius=radius):
            return scene.point(x * width, y * height, radius * height, min_tokens=1)
        case AtMask(rows=rows, cols=cols, bits=bits):
            packed = np.frombuffer(base64.b64decode(bits), dtype=np.uint8)
            mask = np.unpackbits(packed)[: rows * cols].reshape(rows, cols).astype(bool)
            return scene.mask(mask, min_tokens=1)


def panel(scene: Scene, index: int) -> Region:
    """One panel or object, grown to one image token where it is smaller. Raises `RegionError` if there is none such."""
    if not index < len(scene.boxes):
        return scene.panel(index)  # says how many there are
    names = scene.names or ("",) * len(scene.boxes)
    return scene.box(*scene.boxes[index].corners, min_tokens=1, name=names[index])


def gaze(heads: Heads, at: Live, manner: Manner) -> Gaze:
    """These heads at a live target, as hard as was asked."""
    if PUSHES[manner.mode].scales:
        return Gaze(heads, at, Push.of(manner.mode, MOST_NATS * manner.strength), during="answer")
    weights = None if manner.strength == 1 else (manner.strength,) * len(heads)
    return Gaze(heads, at, Push(manner.mode), during="answer", weights=weights)


@dataclass(frozen=True, eq=False)
class SwitchableHeads:
    """The heads of one model, as the switches of the page choose among them. found: as in the heads file."""

    found: Heads

    @cached_property
    def ranking(self) -> Heads:
        """The gaze heads, best first."""
        selected, every = self.found.selected, self.found.all()
        if len(selected) < len(self.found) and self.found.tuned is not None:
            return self.found.by(self.found.tuned.score)
        is_cut = tuple(selected) == tuple(every)[: len(selected)]
        return every if is_cut else self.found  # a cut of a ranking, or heads that somebody named

    @property
    def k(self) -> int:
        """How many are pushed unless a visitor says otherwise."""
        return len(self.found.selected)

    @property
    def most(self) -> int:
        """How many can be: random heads must be others, and so must those that are only watched."""
        return max(1, min(len(self.ranking), self.ranking.scores.size // 2))

    def gaze_heads(self, manner: Manner) -> Heads:
        """The best ones. Raises `HeadsError` for more than there are."""
        return self.ranking.top(manner.k or self.k)

    def pushed(self, manner: Manner) -> Heads:
        """The heads that are pushed. Raises `HeadsError`."""
        if manner.heads == "all":
            return self.ranking.all()
        chosen = self.gaze_heads(manner)
        return chosen.controls(1, seed=manner.draw)[0] if manner.heads == "random" else chosen

    def watched(self, manner: Manner) -> Heads:
        """The heads that are watched: the gaze heads, or as many that come next. Raises `HeadsError`."""
        chosen = self.gaze_heads(manner)
        if manner.watch == "gaze":
            return chosen
        after = self.ranking.all() - chosen
        if len(after) < len(chosen):
            raise NoSuchDraw(
                f"The next {len(chosen)} heads were to be watched; {len(after)} are left. Choose fewer heads."
            )
        return after.top(len(chosen))

    def must_fit(self, model: GazeModel) -> None:
        """Raise `WrongModel` unless these are heads of that model."""
        from gazeheads.heads.heads import belong

        belong(self.found.heads, self.found.shape, model.n_layers, model.n_heads, "steered")

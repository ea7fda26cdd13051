"""The schema of what goes in and comes out: samples, trials, generations, verdicts. No torch.

A trial is one generation to make; a generation is a trial with what the model said; a verdict is what a judge makes of
it. The three are joined by the trial's key, so that each pass can be stopped, resumed and repeated on its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gazeheads.errors import GazeHeadsError
from gazeheads.grid import Box

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture and what is true of it.

    `boxes`, `names`, `captions` and `slots` run in parallel, in reading order: the panels of a strip or a grid, the
    things of a scene. Boxes are in pixels of `picture`. `captions[i]` holds several wordings of the same truth, and
    `slots[i]` the phrases by which an answer is judged (empty where nothing is known). `masks` are boolean arrays
    (row, col) of the visible pixels of each thing; empty where a box says it all.
    """

    id: str
    kind: str
    picture: Image.Image = field(repr=False)
    boxes: tuple[Box, ...]
    names: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...] = ()
    slots: tuple[Mapping[str, str], ...] = ()
    letters: tuple[str, ...] = ()
    masks: tuple[npt.NDArray[np.bool_], ...] = field(default=(), repr=False)
    source: Mapping[str, Any] = field(default_factory=dict)
    redraw: Callable[[int, int], "Sample"] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("names", "captions", "slots", "letters", "masks"):
            found = len(getattr(self, name))
            if found not in (0, len(self.boxes)) or (name == "names" and not found):
                raise GazeHeadsError(
                    f"Sample {self.id!r}: {len(self.boxes)} boxes but {found} {name}. Give one for each box."
                )

    def fit(self, height: int, cell: int) -> "Sample":
        """The same sample for a model whose strips are `height` pixels high and whose cells are `cell` pixels wide.

        Doodles are drawn anew and comics laid out anew, with panel edges on the token grid (as in the paper); a
        picture that cannot be made anew is returned as it is.
        """
        return self.redraw(height, cell) if self.redraw else self

    def to_json(self) -> dict[str, Any]:
        """Everything but the pixels; `source` says how to draw these again. `order` is the reading order of the boxes.

        Masks are run lengths as in COCO: of zeros and ones in turn, from zeros, down the columns.
        """
        return {
            "schema": SCHEMA,
            "id": self.id,
            "kind": self.kind,
            "size": list(self.picture.size),
            "boxes": [[b.x0, b.y0, b.x1, b.y1] for b in self.boxes],
            "names": list(self.names),
            "captions": [list(c) for c in self.captions],
            "slots": [dict(s) for s in self.slots],
            "letters": list(self.letters),
            "order": list(range(len(self.boxes))),
            "masks": [{"size": list(mask.shape), "counts": run_lengths(mask)} for mask in self.masks],
            "source": dict(self.source),
        }


def run_lengths(mask: npt.NDArray[np.bool_]) -> list[int]:
    """The lengths of the runs of zeros and ones of a mask (row, col), column by column, beginning with zeros."""
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    ends = np.concatenate([[0], edges, [flat.size]])
    lengths = [int(n) for n in np.diff(ends)]
    return [0, *lengths] if flat[0] else lengths


@dataclass(frozen=True)
class Trial:
    """One generation to make: what is asked about which sample, and which heads look where.

    `target` is the zero-based region that the heads are pointed at, None where nothing is steered. `condition` names
    the head set: "none", "gaze", "controls/3", "all".
    """

    experiment: str
    sample: str
    condition: str
    prompt: str
    max_new_tokens: int
    target: int | None = None

    @property
    def key(self) -> str:
        """Unique within a run."""
        return (
            f"{self.experiment}|{self.sample}|{self.condition}|{'-' if self.target is None else self.target}"
        )


@dataclass(frozen=True)
class Generated:
    """A trial and what the model said.

    `before` and `after` are the proof of effect: the steered heads' mean attention mass on the target without and with
    the push; None where nothing was steered.
    """

    trial: Trial
    text: str
    tokens: int
    finish: str
    before: float | None = None
    after: float | None = None

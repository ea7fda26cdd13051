"""A trace: where heads looked while an answer was made. A value of numpy arrays, without the model.

    story = model.generate(scene, record=lever)
    story.trace.over(scene.panels)            # (token, panel)
    story.trace.map("dog")                    # (row, col)

Row t of a trace is the attention of the query row that produced token t; for token 0 that is the last row of the
prompt. The softmax runs over all keys, so a row sums to the mass on the pictures, not to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from gazeheads.errors import BadTrace, RecordError
from gazeheads.given import members, several, shown, whole
from gazeheads.grid import ImageGrid
from gazeheads.heads import Head, Heads
from gazeheads.regions import Region, same_scene
from gazeheads.words import Word, words

Keep = Literal["mean", "heads"]
Weigh = Literal["raw", "values", "shares"]
Patterns = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Record:
    """What to record.

    keep: "mean" over the heads, or every one of the "heads". weigh: "raw" attention, or each image token's attention
    times the length of its "values" vector in that head (Kobayashi et al. 2020, arXiv 2004.10102, before the output
    projection, as Gandikota & Bau 2026 use it), which takes sinks out: they get much attention and carry nothing; or
    its "shares" of the sum of these products over all tokens of the row, text too: heads with long values and heads
    with short ones then compare, and where all values are equally long it is the raw attention.
    lengths: keep the lengths of the image tokens' value vectors beside the raw attention of every head, so that one
    recording gives both (`GazeTrace.weighed`).
    """

    heads: Heads | Sequence[Head]
    keep: Keep = "mean"
    weigh: Weigh = "raw"
    lengths: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.heads, Heads):
            object.__setattr__(self, "heads", members(self.heads, "A record", RecordError))
        if not all(isinstance(how, str) for how in (self.keep, self.weigh)) or (
            self.keep not in ("mean", "heads") or self.weigh not in get_args(Weigh)
        ):
            raise RecordError(
                f'keep={self.keep!r}, weigh={self.weigh!r} is unknown. Keep the "mean" or all "heads", weigh "raw", by '
                '"values" or by "shares".'
            )
        if self.lengths and (self.keep, self.weigh) != ("heads", "raw"):
            raise RecordError(
                f"lengths=True was given with keep={self.keep!r}, weigh={self.weigh!r}. Lengths belong to one head and "
                'weigh what is raw: give keep="heads", weigh="raw".'
            )
        if not len(self.heads) or len(set(self.members)) != len(self.heads):
            raise RecordError(
                f"A record names one or more heads, each once; found {[str(head) for head in self.members]}. Take "
                "heads.top(k)."
            )

    @property
    def members(self) -> tuple[Head, ...]:
        """The heads to record."""
        return tuple(self.heads)

    def to_json(self) -> dict[str, Any]:
        """What was asked for, in plain values."""
        asked = {"heads": [list(head) for head in self.members], "keep": self.keep, "weigh": self.weigh}
        return {**asked, "lengths": True} if self.lengths else asked


@dataclass(frozen=True, eq=False)
class GazeTrace:
    """Attention of `heads` over the image tokens of one scene, for every token of an answer, float32.

    looks: (head, token, image token), or with keep="mean" (1, token, image token). pieces: what each token wrote
    (see `words`). weigh: as in `Record`. lengths: (head, image token) of the value vectors, where they were recorded.
    """

    looks: Patterns = field(repr=False)
    grid: ImageGrid
    heads: tuple[Head, ...]
    keep: Keep
    weigh: Weigh
    pieces: tuple[str, ...] = field(repr=False)
    lengths: Patterns | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        lines = len(self.heads) if self.keep == "heads" else 1
        expected = lines, len(self.pieces), len(self.grid)
        if self.looks.shape != expected or self.looks.dtype != np.float32:
            raise BadTrace(
                f"A trace of shape (head, token, image token) = {expected} in float32 was expected, found "
                f"{self.looks.shape} in {self.looks.dtype}. Record it anew."
            )
        self.looks.flags.writeable = False
        if self.lengths is not None:
            if self.lengths.shape != (lines, len(self.grid)) or self.lengths.dtype != np.float32:
                raise BadTrace(
                    f"Lengths of shape (head, image token) = {(lines, len(self.grid))} in float32 were expected, found "
                    f"{self.lengths.shape} in {self.lengths.dtype}. Record them anew."
                )
            self.lengths.flags.writeable = False

    def __len__(self) -> int:
        return len(self.pieces)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, GazeTrace)
            and (self.grid, self.heads, self.keep, self.weigh, self.pieces)
            == (other.grid, other.heads, other.keep, other.weigh, other.pieces)
            and np.array_equal(self.looks, other.looks)
            and (self.lengths is None) == (other.lengths is None)
            and (self.lengths is None or np.array_equal(self.lengths, other.lengths))  # type: ignore[arg-type]
        )

    __hash__ = None  # type: ignore[assignment]  # equal by its arrays

    @property
    def mean(self) -> Patterns:
        """(token, image token), the mean over heads."""
        found: Patterns = self.looks.mean(0, dtype=np.float32)
        return found

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of the answer and their tokens."""
        return words(self.pieces)

    def of(self, heads: Head | Heads | Sequence[Head]) -> "GazeTrace":
        """The trace of one head, or of several of those kept. Raises `RecordError` for one that was not."""
        single = isinstance(heads, tuple) and len(heads) == 2 and not isinstance(heads[0], tuple)
        asked = members([heads] if single else heads, "trace.of", RecordError)
        for head in asked:
            if self.keep != "heads" or head not in self.heads:
                raise RecordError(
                    f"Head {head} was asked for; this trace keeps "
                    f"{'the mean of its heads' if self.keep == 'mean' else ', '.join(map(str, self.heads))}. Record "
                    'it with keep="heads".'
                )
        places = [self.heads.index(head) for head in asked]
        lengths = None if self.lengths is None else self.lengths[places]
        return replace(self, looks=self.looks[places], heads=asked, lengths=lengths)

    @property
    def weighed(self) -> "GazeTrace":
        """The same attention times the lengths of the value vectors. Raises `RecordError` if these were not recorded.

        It equals a trace recorded with weigh="values": the values of image tokens stay as they are while tokens follow.
        """
        if self.lengths is None:
            raise RecordError(
                f'This trace has no lengths of value vectors; it was recorded with weigh="{self.weigh}". Record with '
                'Record(heads, keep="heads", lengths=True).'
            )
        return replace(self, looks=self.looks * self.lengths[:, None], weigh="values", lengths=None)

    def over(self, regions: Sequence[Region]) -> Patterns:
        """(token, region): the mean over heads, summed over each region with its coverage.

        Raises `ForeignRegion` for a region of another scene.
        """
        regions = several(regions, "trace.over takes a list of regions", RecordError)
        for region in regions:
            if not isinstance(region, Region):
                raise RecordError(
                    f"trace.over takes regions; found {shown(region)}. Give scene.panels, or the regions of a mix."
                )
        same_scene(self.grid, regions)
        weights = np.array([region.weights for region in regions]).reshape(len(regions), len(self.grid))
        found: Patterns = (self.mean @ weights.T).astype(np.float32)
        return found

    def map(self, what: int | str | Word, view: int = 0) -> Patterns:
        """(row, col): the mean over heads for one token, or for the tokens of a word, on grid number `view`.

        A word given as text stands for every place where the answer says it, whatever its case: their mean.
        Scenes of one picture have one view or, where the processor tiles, several (`grid.views`). Raises
        `RecordError` for a token, word or view that is not there.
        """
        view = whole(view, "view= of trace.map", RecordError)
        if not 0 <= view < len(self.grid.views):
            raise RecordError(
                f"View {view} was asked for; this scene has {len(self.grid.views)}, counted from 0."
            )
        shape = self.grid.views[view]
        looks = self.mean[self._tokens(what)][:, self.grid.view_of == view]
        found: Patterns = looks.mean(0, dtype=np.float32).reshape(shape.rows, shape.cols)
        return found

    def _tokens(self, what: int | str | Word) -> list[int]:
        """The tokens that `what` names, each once."""
        if not isinstance(what, str | Word):
            what = whole(what, "A token", RecordError)
            if not 0 <= what < len(self):
                raise RecordError(
                    f"Token {what} was asked for; the answer has {len(self)} tokens. Count from 0, the first "
                    "generated one."
                )
            return [what]
        if isinstance(what, Word):
            spans = [what]
        else:
            spans = [word for word in self.words if word.text.casefold() == what.strip().casefold()]
        tokens = sorted({token for word in spans for token in range(word.start, word.stop)})
        if not tokens or tokens[-1] >= len(self):
            said = " ".join(word.text for word in self.words)
            raise RecordError(
                f'Word "{what}" was asked for; the answer says "{said}". Name one of its words.'
            )
        return tokens

    def save(self, path: str | Path) -> Path:
        """Write this trace to one .npz file; the path. Raises `Unwritable`. See `gazeheads.tracefile`."""
        from gazeheads.tracefile import save

        return save(self, path)

    @staticmethod
    def load(path: str | Path) -> "GazeTrace":
        """The trace in the file `path`. Raises `BadTrace` if it is not one of ours."""
        from gazeheads.tracefile import load

        return load(path)

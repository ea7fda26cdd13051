"""A trace: where heads looked while an answer was made. A value of numpy arrays, without the model.

    story = model.generate(scene, record=lever)
    story.trace.over(scene.panels)            # (token, panel)
    story.trace.map("dog")                    # (row, col)

Row t of a trace is the attention of the query row that produced token t; for token 0 that is the last row of the
prompt. The softmax runs over all keys, so a row sums to the mass on the pictures, not to 1.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from gazeheads.errors import BadTrace, RecordError
from gazeheads.files import write_whole
from gazeheads.given import members, several, shown, whole
from gazeheads.grid import ImageGrid
from gazeheads.heads import Head, Heads
from gazeheads.regions import Region, same_scene
from gazeheads.words import Word, words

Keep = Literal["mean", "heads"]
Weigh = Literal["raw", "values", "shares"]
Patterns = npt.NDArray[np.float32]

SCHEMA = 1


@dataclass(frozen=True)
class Record:
    """What to record.

    keep: "mean" over the heads, or every one of the "heads". weigh: "raw" attention, or each image token's attention
    times the length of its "values" vector in that head (Kobayashi et al. 2020, arXiv 2004.10102, before the output
    projection, as Gandikota & Bau 2026 use it), which takes sinks out: they get much attention and carry nothing; or
    its "shares" of the sum of these products over all tokens of the row, text too: heads with long values and heads
    with short ones then compare, and where all values are equally long it is the raw attention.
    """

    heads: Heads | Sequence[Head]
    keep: Keep = "mean"
    weigh: Weigh = "raw"

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
        return {"heads": [list(head) for head in self.members], "keep": self.keep, "weigh": self.weigh}


@dataclass(frozen=True, eq=False)
class GazeTrace:
    """Attention of `heads` over the image tokens of one scene, for every token of an answer, float32.

    looks: (head, token, image token), or with keep="mean" (1, token, image token). pieces: what each token wrote
    (see `words`). weigh: as in `Record`.
    """

    looks: Patterns = field(repr=False)
    grid: ImageGrid
    heads: tuple[Head, ...]
    keep: Keep
    weigh: Weigh
    pieces: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        lines = len(self.heads) if self.keep == "heads" else 1
        expected = lines, len(self.pieces), len(self.grid)
        if self.looks.shape != expected or self.looks.dtype != np.float32:
            raise BadTrace(
                f"A trace of shape (head, token, image token) = {expected} in float32 was expected, found "
                f"{self.looks.shape} in {self.looks.dtype}. Record it anew."
            )
        self.looks.flags.writeable = False

    def __len__(self) -> int:
        return len(self.pieces)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, GazeTrace)
            and (self.grid, self.heads, self.keep, self.weigh, self.pieces)
            == (other.grid, other.heads, other.keep, other.weigh, other.pieces)
            and np.array_equal(self.looks, other.looks)
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

    def of(self, head: Head) -> "GazeTrace":
        """The trace of one head. Raises `RecordError` if it was not kept."""
        (head,) = members([head], "trace.of", RecordError)
        if self.keep != "heads" or head not in self.heads:
            raise RecordError(
                f"Head {head} was asked for; this trace keeps "
                f"{'the mean of its heads' if self.keep == 'mean' else ', '.join(map(str, self.heads))}. Record it "
                'with keep="heads".'
            )
        place = self.heads.index(head)
        return GazeTrace(
            self.looks[place : place + 1].copy(), self.grid, (head,), self.keep, self.weigh, self.pieces
        )

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
        """Write this trace to one .npz file; the path. Raises `Unwritable`."""
        about = {
            "schema": SCHEMA,
            "grid": self.grid.to_json(),
            "heads": [str(head) for head in self.heads],
            "keep": self.keep,
            "weigh": self.weigh,
            "pieces": self.pieces,
        }
        file = io.BytesIO()
        np.savez_compressed(
            file, looks=self.looks, about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        )
        return write_whole(path, file.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> "GazeTrace":
        """The trace in the file `path`. Raises `BadTrace` if it is not one of ours."""
        try:
            with np.load(path, allow_pickle=False) as file:
                looks, about = file["looks"], json.loads(file["about"].tobytes())
            return cls._from(looks, about)
        except OSError as error:
            raise BadTrace(
                f"Trace file {path} cannot be read: {error.strerror or error}. Check the path."
            ) from error
        except (AttributeError, KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
            raise BadTrace(
                f"Trace file {path} does not hold a trace: {type(error).__name__}: {error}. Write one with trace.save."
            ) from error

    @classmethod
    def _from(cls, looks: Patterns, about: dict[str, Any]) -> "GazeTrace":
        if about["schema"] != SCHEMA:
            raise ValueError(f"schema {SCHEMA} was expected, found {about['schema']}")
        return cls(
            looks=looks,
            grid=ImageGrid.from_json(about["grid"]),
            heads=tuple(Head.parse(text) for text in about["heads"]),
            keep=about["keep"],
            weigh=about["weigh"],
            pieces=tuple(about["pieces"]),
        )

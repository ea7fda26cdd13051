"""A trace: where heads looked while an answer was made. A value of numpy arrays, without the model.

    story = model.generate(scene, record=selected)
    story.trace.over(scene.panels)            # (token, panel)
    story.trace.map("dog")                    # (row, col)

Row t of a trace is the attention of the query row that produced token t; for token 0 that is the last row of the
prompt. The softmax runs over all keys, so a row sums to the attention mass on the images, not to 1.

In a file a trace is one .npz with the attention, the norms of value vectors if there are any, and a JSON header.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from gazeheads.arrays import Floats, Floats32
from gazeheads.checks import several, shown, whole
from gazeheads.errors import BadTrace, RecordError
from gazeheads.files import parse_json, write_whole
from gazeheads.gaze.record import Keep, Weighting
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads, members
from gazeheads.regions.grid import ImageGrid
from gazeheads.regions.region import Region, same_scene
from gazeheads.text import Word, words

Patterns = Floats32


@dataclass(frozen=True, eq=False)
class GazeTrace:
    """Attention of `heads` over the image tokens of one scene, for every token of an answer, float32.

    attention: (head, token, image token), or with keep="mean" (1, token, image token). token_texts: what each token
    wrote (see `words`). weighting: as in `Record`. value_norms: (head, image token), where they were recorded.
    """

    attention: Float32[Floats32, "line token image_token"] = field(repr=False)
    grid: ImageGrid
    heads: tuple[Head, ...]
    keep: Keep
    weighting: Weighting
    token_texts: tuple[str, ...] = field(repr=False)
    value_norms: Float32[Floats32, "line image_token"] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        lines = len(self.heads) if self.keep == "heads" else 1
        expected = lines, len(self.token_texts), len(self.grid)
        if self.attention.shape != expected or self.attention.dtype != np.float32:
            raise BadTrace(
                f"A trace of shape (head, token, image token) = {expected} in float32 was expected, found "
                f"{self.attention.shape} in {self.attention.dtype}. Record it anew."
            )
        self.attention.flags.writeable = False
        if self.value_norms is not None:
            if self.value_norms.shape != (lines, len(self.grid)) or self.value_norms.dtype != np.float32:
                raise BadTrace(
                    f"Norms of shape (head, image token) = {(lines, len(self.grid))} in float32 were expected, found "
                    f"{self.value_norms.shape} in {self.value_norms.dtype}. Record them anew."
                )
            self.value_norms.flags.writeable = False

    def __len__(self) -> int:
        return len(self.token_texts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, GazeTrace)
            and (self.grid, self.heads, self.keep, self.weighting, self.token_texts)
            == (other.grid, other.heads, other.keep, other.weighting, other.token_texts)
            and np.array_equal(self.attention, other.attention)
            and (self.value_norms is None) == (other.value_norms is None)
            and (self.value_norms is None or np.array_equal(self.value_norms, other.value_norms))  # type: ignore[arg-type]
        )

    __hash__ = None  # type: ignore[assignment]  # equal by its arrays

    @property
    def mean(self) -> Float32[Floats32, "token image_token"]:
        """The mean over heads."""
        found: Patterns = self.attention.mean(0, dtype=np.float32)
        return found

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of the answer and their tokens."""
        return words(self.token_texts)

    def select(self, heads: Head | Heads | Sequence[Head]) -> "GazeTrace":
        """The trace of one head, or of several of those kept. Raises `RecordError` for one that was not."""
        single = isinstance(heads, tuple) and len(heads) == 2 and not isinstance(heads[0], tuple)
        asked = members([heads] if single else heads, "trace.select", RecordError)
        for head in asked:
            if self.keep != "heads" or head not in self.heads:
                raise RecordError(
                    f"Head {head} was asked for; this trace keeps "
                    f"{'the mean of its heads' if self.keep == 'mean' else ', '.join(map(str, self.heads))}. Record "
                    'it with keep="heads".'
                )
        places = [self.heads.index(head) for head in asked]
        value_norms = None if self.value_norms is None else self.value_norms[places]
        return replace(self, attention=self.attention[places], heads=asked, value_norms=value_norms)

    @property
    def value_weighted(self) -> "GazeTrace":
        """The same attention times the norms of the value vectors. Raises `RecordError` if these were not recorded.

        It equals a trace recorded with weighting="value-norm": the values of image tokens stay while tokens follow.
        """
        if self.value_norms is None:
            raise RecordError(
                f'This trace has no norms of value vectors; it was recorded with weighting="{self.weighting}". Record '
                'with Record(heads, keep="heads", value_norms=True).'
            )
        return replace(
            self,
            attention=self.attention * self.value_norms[:, None],
            weighting="value-norm",
            value_norms=None,
        )

    def over(self, regions: Sequence[Region]) -> Float32[Floats32, "token region"]:
        """The mean over heads, summed over each region with its coverage.

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

    def map(self, what: int | str | Word, view: int = 0) -> Float32[Floats32, "row col"]:
        """The mean over heads for one token, or for the tokens of a word, on grid number `view`.

        A word given as text stands for every place where the answer says it, whatever its case: their mean.
        Scenes of one image have one view or, where the processor tiles, several (`grid.views`). Raises
        `RecordError` for a token, word or view that is not there.
        """
        view = whole(view, "view= of trace.map", RecordError)
        if not 0 <= view < len(self.grid.views):
            raise RecordError(
                f"View {view} was asked for; this scene has {len(self.grid.views)}, counted from 0."
            )
        shape = self.grid.views[view]
        attention = self.mean[self._tokens(what)][:, self.grid.view_of == view]
        found: Patterns = attention.mean(0, dtype=np.float32).reshape(shape.rows, shape.cols)
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
        """Write this trace to one .npz file; the path. Raises `Unwritable`. See `gazeheads.gaze.trace`."""
        return save(self, path)

    @staticmethod
    def load(path: str | Path) -> "GazeTrace":
        """The trace in the file `path`. Raises `BadTrace` if it is not one of ours."""
        return load(path)


def looks_at(trace: GazeTrace, tokens: Sequence[int]) -> Float64[Floats, "line image_token"]:
    """Mean attention while these tokens were produced."""
    found: Floats = trace.attention[:, list(tokens)].mean(1, dtype=np.float64)
    return found


SCHEMA = 1


def save(trace: GazeTrace, path: str | Path) -> Path:
    """Write a trace to one .npz file; the path. Raises `Unwritable`."""
    about = {
        "schema": SCHEMA,
        "grid": trace.grid.to_json(),
        "heads": [str(head) for head in trace.heads],
        "keep": trace.keep,
        "weighting": trace.weighting,
        "token_texts": trace.token_texts,
    }
    arrays = {
        "attention": trace.attention,
        "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
    }
    if trace.value_norms is not None:
        arrays["value_norms"] = trace.value_norms
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its stubs take the names for flags
    return write_whole(path, file.getvalue())


def load(path: str | Path) -> GazeTrace:
    """The trace in the file `path`. Raises `BadTrace` if it is not one of ours."""
    try:
        with np.load(path, allow_pickle=False) as file:
            attention, about = file["attention"], parse_json(file["about"].tobytes())
            value_norms = file.get("value_norms")
        return _made(attention, about, value_norms)
    except OSError as error:
        raise BadTrace(
            f"Trace file {path} cannot be read: {error.strerror or error}. Check the path."
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise BadTrace(
            f"Trace file {path} does not hold a trace: {type(error).__name__}: {error}. Write one with trace.save."
        ) from error


def _made(attention: Patterns, about: dict[str, Any], value_norms: Patterns | None) -> GazeTrace:
    if about["schema"] != SCHEMA:
        raise ValueError(f"schema {SCHEMA} was expected, found {about['schema']}")
    return GazeTrace(
        attention=attention,
        grid=ImageGrid.from_json(about["grid"]),
        heads=tuple(Head.parse(text) for text in about["heads"]),
        keep=about["keep"],
        weighting=about["weighting"],
        token_texts=tuple(about["token_texts"]),
        value_norms=value_norms,
    )

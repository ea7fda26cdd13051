"""Where is it? A model is asked what is in an image; while it names an object, the gaze says where that is.

    looks, missed = named_objects(model, samples, heads)          # of every object that the answers name
    found = point(model, photo, "the kite", selected)             # found.box

An object that the answer does not name cannot be read off it. `force=True` puts its name into the model's mouth and
reads the rows that have read it; on our scenes that finds no more than random-head controls do (docs/log.md).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from gazeheads import prompts
from gazeheads.errors import UsageError
from gazeheads.gaze.record import Record, Weighting
from gazeheads.gaze.trace import GazeTrace, looks_at
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads
from gazeheads.model.likelihood import answer_traces
from gazeheads.model.model import GazeModel
from gazeheads.regions.coverage import overview
from gazeheads.regions.grid import Box, ImageGrid
from gazeheads.sample import Sample, nouns
from gazeheads.text import parts_of, spoken
from gazeheads.watching.grounding import Floats, NamedObject, cells_box, peak, predicted

THRESHOLD = 0.3  # of the peak; `gazeheads ground` chooses 0.2 to 0.45 on scenes


def named_objects(
    model: GazeModel,
    samples: Sequence[Sample],
    heads: Sequence[Head],
    *,
    prompt: str = prompts.LIST_OBJECTS,
    weighting: Weighting = "raw",
    max_new_tokens: int = 100,
    batch_size: int = 16,
    settings: Mapping[str, Any] | None = None,
) -> tuple[list[NamedObject], Counter[str]]:
    """Where each of `heads` looked while the model's own answers named the objects of the samples.

    Also how many objects of each size class were "named" and "missed", as "missed small". Of several objects of one
    name an answer does not say which it means: they are left out, and counted as "alike".
    """
    found: list[NamedObject] = []
    counts: Counter[str] = Counter()
    for start in range(0, len(samples), batch_size):
        part = [model.resized(sample) for sample in samples[start : start + batch_size]]
        scenes = [model.encode(sample.image, prompt, **(settings or {})) for sample in part]
        record = Record(heads, "heads", weighting)
        answers = model.generate(scenes, record=record, max_new_tokens=max_new_tokens)
        for sample, answer in zip(part, answers, strict=True):
            trace, names = answer.trace, nouns(sample)
            assert trace is not None
            for thing, tokens in enumerate(spoken(answer.token_texts, names)):
                size = sample.slots[thing].get("size", "")
                alike = names.count(names[thing]) > 1
                counts[f"{'alike' if alike else 'named' if tokens else 'missed'} {size}".strip()] += 1
                if tokens and not alike:
                    looked = looks_at(trace, tokens)
                    box = sample.boxes[thing]
                    found.append(NamedObject(sample.id, thing, size, box, trace.grid, looked, trace.heads))
    return found, counts


@dataclass(frozen=True, eq=False)
class Pointed:
    """Where an object is. answer: what the model said; forced: whether the phrase was put into its mouth.

    box: in pixels of the image; x, y: the middle of the cell with the most attention. weights: (image token,) the
    attention that both were read from.
    """

    phrase: str
    answer: str
    forced: bool
    box: Box
    x: float
    y: float
    heads: int
    grid: ImageGrid = field(repr=False)
    weights: Floats = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Plain values, without the attention."""
        facts = {name: getattr(self, name) for name in ("phrase", "answer", "forced", "x", "y", "heads")}
        return {**facts, "box": list(self.box.corners)}


def point(
    model: GazeModel,
    picture: Image.Image,
    phrase: str,
    heads: Heads,
    *,
    ask: str = prompts.LIST_OBJECTS,
    force: bool = False,
    threshold: float = THRESHOLD,
    weighting: Weighting = "raw",
    max_new_tokens: int = 100,
) -> Pointed:
    """Where the object that `phrase` names is, by the mean gaze of `heads` while the answer to `ask` names it.

    threshold: share of the peak, above 0, up to 1, that a cell of the box has at least. Raises `UsageError` for a
    phrase without a word, and for one that the answer does not say, unless `force` says to read a forced one then.
    """
    if not parts_of(phrase):
        raise UsageError(f'Point to {phrase!r}: it names nothing. Give what to look for, as "the kite".')
    if not 0 < threshold <= 1:
        raise UsageError(f"threshold={threshold:g} of the peak: give a share above 0, up to 1.")
    scene, record = model.encode(picture, ask), Record(heads, "mean", weighting)
    said = model.generate(scene, record=record, max_new_tokens=max_new_tokens)
    trace, (tokens,) = said.trace, spoken(said.token_texts, [phrase])
    forced = not tokens
    if forced and not force:
        raise UsageError(
            f"Point to {phrase!r}: the model said {said.text.strip()!r}, which does not name it. Ask for another "
            "phrase, or another question, or force it (less sure)."
        )
    if forced:
        (trace,) = answer_traces(model, [scene], [f"{phrase.rstrip('.')}."], record)
        tokens = after(trace, phrase)
    assert trace is not None
    weights = looks_at(trace, tokens)[0]
    view = overview(scene.grid)
    shape = scene.grid.views[view]
    shown = weights[scene.grid.view_of == view].reshape(shape.rows, shape.cols)
    row, col = peak(shown)
    cell = cells_box(scene.grid, row, col, row, col)
    return Pointed(
        phrase,
        said.text,
        forced,
        predicted(scene.grid, shown, threshold),
        (cell.x0 + cell.x1) / 2,
        (cell.y0 + cell.y1) / 2,
        len(heads),
        scene.grid,
        np.where(scene.grid.view_of == view, weights, 0.0),
    )


def after(trace: GazeTrace, phrase: str) -> tuple[int, ...]:
    """The tokens produced by rows that have read a word of the phrase."""
    (tokens,) = spoken(trace.token_texts, [phrase])
    return tuple(min(token + 1, len(trace) - 1) for token in tokens)

"""Generate once, with gaze heads and a control set recorded side by side, and keep what it takes to look at it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gazeheads import __version__
from gazeheads.errors import BadInput, RecordError
from gazeheads.files import write_whole
from gazeheads.gaze import Gaze
from gazeheads.generation import Generation
from gazeheads.grid import Box
from gazeheads.heads import Heads
from gazeheads.model import GazeModel
from gazeheads.regions import Region
from gazeheads.scenes import EncodedInput
from gazeheads.trace import GazeTrace, Record
from gazeheads.watched.areas import areas
from gazeheads.watched.phrases import RULE, spans, things
from gazeheads.watched.sinks import border, sinks
from gazeheads.watched.steered import told
from gazeheads.words import Word

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float32]
SCHEMA = 1


@dataclass(frozen=True, eq=False)
class HeadSet:
    """Some of the recorded heads. trace: raw, of each head, with lengths. sinks: (image token,) see `sinks`."""

    name: str
    trace: GazeTrace
    about: str

    @cached_property
    def sinks(self) -> npt.NDArray[np.bool_]:
        """(image token,) which are sinks of these heads."""
        return sinks(self.trace)

    def looks(self, weigh: str = "values", keep_sinks: bool = True) -> Floats:
        """(token, image token), the mean over the heads; weigh: "raw" or by "values"."""
        mean = (self.trace if weigh == "raw" else self.trace.weighed).mean
        return mean if keep_sinks else np.where(self.sinks, np.float32(0), mean)


@dataclass(frozen=True, eq=False)
class Watched:
    """One answer and where heads looked while it was made.

    sets: the gaze heads and, unless it was left out, a control set. things: what the answer describes. shown: the
    pictures to show, of the proportions of those that the model got. steered: how it was steered, in words, or "".
    """

    scene: EncodedInput
    answer: Generation
    sets: tuple[HeadSet, ...]
    regions: tuple[Region, ...]
    things: tuple[Word, ...]
    shown: tuple[Image.Image, ...] = field(repr=False)
    model: str
    steered: str = ""

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of the answer and the tokens that wrote each."""
        return self.answer.words

    def over(self, number: int = 0, weigh: str = "values", keep_sinks: bool = True) -> Floats:
        """(token, region) share of what set `number` gets from the pictures; 0 where that is nothing."""
        looks = self.sets[number].looks(weigh, keep_sinks)
        masses = looks @ np.array([region.weights for region in self.regions]).T
        total = looks.sum(1, keepdims=True)
        found: Floats = np.divide(masses, total, out=np.zeros_like(masses), where=total > 0).astype(
            np.float32
        )
        return found

    def map(self, what: Word | str, number: int = 0, weigh: str = "values") -> Floats:
        """(image token,) mean over the tokens of a word, a thing or a text of the answer.

        Raises `RecordError` for a text that the answer does not say.
        """
        word = what if isinstance(what, Word) else spans(self.answer.pieces, [what])[0]
        found: Floats = self.sets[number].looks(weigh)[word.start : word.stop].mean(0)
        return found

    def html(self, title: str = "Where the model looks") -> str:
        """One page that holds everything: see `gazeheads.watched.page`."""
        from gazeheads.watched.page import html

        return html(self, title)

    def save(self, path: str | Path) -> Path:
        """Write the page (.html), the figure (.png) or the numbers (.json), by the name; the path.

        Raises `BadInput` for another name, `Unwritable`.
        """
        path = Path(path)
        if path.suffix == ".html":
            return write_whole(path, self.html())
        if path.suffix == ".json":
            return write_whole(path, json.dumps(self.to_json(), ensure_ascii=False, indent=1))
        if path.suffix == ".png":
            from gazeheads.watched.figure import png

            return write_whole(path, png(self))
        raise BadInput(
            f"{path}: what is watched is saved as a page, a figure or numbers. End it in .html, .png or .json."
        )

    def figure(self) -> "Figure":
        """Maps of the things, and the staircase: see `gazeheads.watched.figure`."""
        from gazeheads.watched.figure import figure

        return figure(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values: the words and things with the shares of the regions, set by set, raw and value-weighted."""

        def shares(word: Word) -> list[list[list[float]]]:
            found = self._shares[:, :, word.start : word.stop].mean(2)
            return [[[round(float(x), 5) for x in row] for row in by] for by in found]

        return {
            "schema": SCHEMA,
            "version": __version__,
            "model": self.model,
            "question": self.scene.prompt,
            "text": self.answer.text,
            "steered": self.steered,
            "regions": [str(region) for region in self.regions],
            "sets": [
                {
                    "name": each.name,
                    "about": each.about,
                    "heads": [str(head) for head in each.trace.heads],
                    "sinks": np.flatnonzero(each.sinks).tolist(),
                }
                for each in self.sets
            ],
            "axes of shares": ["set", "raw, values", "region"],
            "words": [{"text": w.text, "tokens": [w.start, w.stop], "shares": shares(w)} for w in self.words],
            "things": [
                {"text": w.text, "tokens": [w.start, w.stop], "shares": shares(w)} for w in self.things
            ],
        }

    @cached_property
    def _shares(self) -> Floats:
        """(set, weigh, token, region)."""
        return np.array([[self.over(n, weigh) for weigh in ("raw", "values")] for n in range(len(self.sets))])

    @cached_property
    def border(self) -> npt.NDArray[np.bool_]:
        """(image token,) which stand at the border of their view."""
        return border(self.scene.grid)


def watch(
    model: GazeModel,
    scene: EncodedInput,
    heads: Heads | None = None,
    gaze: Gaze | None = None,
    *,
    boxes: Sequence[tuple[int, Box]] = (),
    control: Heads | bool = True,
    describes: str | Sequence[str] = RULE,
    shown: Sequence[Image.Image] = (),
    seed: int = 0,
    max_new_tokens: int = 300,
    **settings: Any,
) -> Watched:
    """Answer a scene and record where `heads` looked at every token, and a control set beside them.

    heads: those that ship with the bundled model unless given. gaze: steers, None: the model looks freely. boxes: the
    regions to tell apart, (picture, box), where the scene has no panels (`areas`). control: a control set, True for a
    layer-matched draw by `seed`, False for none. describes: how to find the things that the answer describes: "rule",
    "spacy:MODEL", or a list of texts (`phrases`). shown: sharper drawings of the same pictures, to show. settings: of
    `model.generate`.

    Raises `BadInput` where no heads are known, the answer holds no word, or a picture to show has other proportions;
    `NoSuchDraw` where there is no such control draw; `RecordError` for a thing that the answer does not say.
    """
    heads = _heads(model, heads)
    drawings = _drawings(scene, shown)
    regions = areas(scene, boxes)
    sets = [("gaze heads", heads, f"{len(heads)} heads by {heads.provenance.score} score")]
    if control is not False:
        drawn = heads.controls(1, seed)[0] if control is True else control
        about = "other heads, as many in each layer" if control is True else f"{len(drawn)} other heads"
        sets.append(("control set", drawn, about))
    every = tuple(dict.fromkeys(head for _, members, _ in sets for head in members))
    answer = model.generate(
        scene, gaze, record=Record(every, "heads", lengths=True), max_new_tokens=max_new_tokens, **settings
    )
    trace = answer.trace
    assert trace is not None  # it was asked for
    if not answer.words:
        raise BadInput(
            f"{model.name} was asked {scene.prompt!r}; it answered {answer.text!r}, which holds no word, so there is "
            "nothing to watch. Ask something else, or allow more tokens."
        )
    found = (
        things(answer.pieces, describes) if isinstance(describes, str) else spans(answer.pieces, describes)
    )
    steered = "" if gaze is None else told(gaze)
    parts = tuple(HeadSet(name, trace.of(members), about) for name, members, about in sets)
    return Watched(scene, answer, parts, regions, found, drawings, model.name, steered)


def _heads(model: GazeModel, heads: Heads | None) -> Heads:
    if heads is None and not model.is_bundled:
        raise BadInput(
            f"Heads of {model.name}: none were given, and only the bundled model brings its own. Find them with "
            "gazeheads.discover(model, samples)."
        )
    if heads is None:
        from gazeheads.doodle import HEADS

        heads = Heads.load(HEADS).lever
    if not len(heads):
        raise RecordError("No head was given to watch. Take heads.top(k).")
    return heads


def _drawings(scene: EncodedInput, shown: Sequence[Image.Image]) -> tuple[Image.Image, ...]:
    """The pictures to show. Raises `BadInput` unless they fit those of the scene."""
    found = tuple(shown) or scene.pictures
    if len(found) != len(scene.grid.sizes):
        raise BadInput(
            f"{len(found)} pictures were given to show; the scene has {len(scene.grid.sizes)}. Give one for each, or "
            "encode the scene with model.encode, which keeps them."
        )
    for picture, (width, height) in zip(found, scene.grid.sizes, strict=True):
        if (
            abs(picture.width * height - picture.height * width)
            > max(picture.size) * max(width, height) / 100
        ):
            raise BadInput(
                f"A picture of {picture.width} x {picture.height} px was given to show in place of one of {width} x "
                f"{height} px: another shape. Give a drawing of the same picture at any scale."
            )
    return found

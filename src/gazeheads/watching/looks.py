"""What was watched, as a value that pages and figures read: one answer, and where heads looked meanwhile."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gazeheads.gaze.trace import GazeTrace
from gazeheads.model.generation import Generation
from gazeheads.model.scene import Scene
from gazeheads.regions.region import Region
from gazeheads.text import Word
from gazeheads.version import __version__
from gazeheads.watching.phrases import spans
from gazeheads.watching.sinks import border, sinks

Floats = npt.NDArray[np.float32]

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class HeadSet:
    """Some of the recorded heads. trace: raw, of each head, with value norms. sinks: (image token,) see `sinks`."""

    name: str
    trace: GazeTrace
    about: str

    @cached_property
    def sinks(self) -> npt.NDArray[np.bool_]:
        """(image token,) which are sinks of these heads."""
        return sinks(self.trace)

    def attention(self, weighting: str = "value-norm", keep_sinks: bool = True) -> Floats:
        """(token, image token), the mean over the heads. weighting: "raw" or "value-norm"."""
        mean = (self.trace if weighting == "raw" else self.trace.value_weighted).mean
        return mean if keep_sinks else np.where(self.sinks, np.float32(0), mean)


@dataclass(frozen=True, eq=False)
class Looks:
    """One answer and where heads looked while it was made.

    sets: the gaze heads and, unless it was left out, a random-head control. things: what the answer describes. shown:
    the images to show, of the proportions of those that the model got. steered: how it was steered, in words, or "".
    """

    scene: Scene
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

    def over(self, number: int = 0, weighting: str = "value-norm", keep_sinks: bool = True) -> Floats:
        """(token, region) share of what set `number` gets from the images; 0 where that is nothing."""
        attention = self.sets[number].attention(weighting, keep_sinks)
        masses = attention @ np.array([region.weights for region in self.regions]).T
        total = attention.sum(1, keepdims=True)
        found: Floats = np.divide(masses, total, out=np.zeros_like(masses), where=total > 0).astype(
            np.float32
        )
        return found

    def map(self, what: Word | str, number: int = 0, weighting: str = "value-norm") -> Floats:
        """(image token,) mean over the tokens of a word, an object or a text of the answer.

        Raises `RecordError` for a text that the answer does not say.
        """
        word = what if isinstance(what, Word) else spans(self.answer.token_texts, [what])[0]
        found: Floats = self.sets[number].attention(weighting)[word.start : word.stop].mean(0)
        return found

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
        return np.array(
            [[self.over(n, weighting) for weighting in ("raw", "value-norm")] for n in range(len(self.sets))]
        )

    @cached_property
    def border(self) -> npt.NDArray[np.bool_]:
        """(image token,) which stand at the border of their view."""
        return border(self.scene.grid)

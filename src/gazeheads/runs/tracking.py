"""Whether heads look at the panel that is being described: numbers of narrations (PAPER sec. 5.2).

Row t of a narration is the attention that produced token t. At a token a set of heads *looks at* the panel that gets
most of its attention; at a word, the panel that gets most over the word's tokens.

- *on the panel*: the share of words at which the panel looked at is the one described. Words of sentences that a judge
  matched to a panel count; "Panel k:" does not.
- *order*: Spearman's correlation, over these words of one strip, of the panel looked at with the panel described;
  undefined where a set looks at one panel only, which is counted beside the mean.
- *lag*: in tokens, from the first token of a sentence behind its label to the jump. The jump from panel a to panel b is
  the place that best parts the tokens of two sentences into those that look at a and those that look at b; of equally
  good places the one nearest to the sentence's first word. Below 0: the heads were there before. Undefined where the
  set does not look at both a and b in the two sentences.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gazeheads.plain import plain
from gazeheads.statistics import Estimate, Percentile, Resamples, estimate, percentile, spearman
from gazeheads.text import words

Masses = npt.NDArray[np.float32]
GAZE = "gaze heads"


@dataclass(frozen=True)
class Sentence:
    """The tokens `start <= token < stop`; its words begin at token `told`. kind, region: as in a verdict."""

    start: int
    told: int
    stop: int
    kind: str
    region: int | None


@dataclass(frozen=True, eq=False)
class Narrated:
    """One narration. asked: the panels in the order that was asked for. masses: by weighing and set (token, panel)."""

    sample: str
    order: str
    asked: tuple[int, ...]
    text: str
    token_texts: tuple[str, ...] = field(repr=False)
    sentences: tuple[Sentence, ...]
    masses: Mapping[str, Mapping[str, Masses]] = field(repr=False)

    @property
    def described(self) -> list[int | None]:
        """For each token the panel that its sentence is about; None in labels, and where no panel was matched."""
        found: list[int | None] = [None] * len(self.token_texts)
        for sentence in self.sentences:
            found[sentence.told : sentence.stop] = [sentence.region] * (sentence.stop - sentence.told)
        return found

    def words(self, by: str, name: str) -> list[tuple[int, int | None]]:
        """For each narrated word the panel described, and the one looked at; None where no panel gets anything."""
        masses, found = self.masses[by][name], []
        for word in words(self.token_texts):
            about = [s.region for s in self.sentences if s.told <= word.start and word.stop <= s.stop]
            if about and about[0] is not None:
                found.append((about[0], _most(masses[word.start : word.stop].sum(0))))
        return found

    def lags(self, by: str, name: str) -> list[int | None]:
        """For each change from one described panel to another the lag, or None."""
        looked = [_most(row) for row in self.masses[by][name]]
        return [
            _lag(looked, one, other)
            for one, other in pairwise(self.sentences)
            if None not in (one.region, other.region) and one.region != other.region
        ]


@dataclass(frozen=True)
class Tracking:
    """What one set of heads did in one order. lag, quarter, three_quarters: median and quartiles, NaN without any."""

    on_panel: Estimate
    order: Estimate
    lag: float
    quarter: float
    three_quarters: float
    jumps: int
    no_jump: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, None for NaN."""
        values: dict[str, Any] = plain(vars(self))
        return values


def tracking(told: Sequence[Narrated], by: str, name: str, resamples: Resamples) -> Tracking:
    """The numbers of set `name` over narrations of one order."""
    said = {each.sample: each.words(by, name) for each in told}
    hits = {
        (sample, n): None if looked is None else float(looked == about)
        for sample, found in said.items()
        for n, (about, looked) in enumerate(found)
    }
    orders = {}
    for sample, found in said.items():
        seen = [(about, looked) for about, looked in found if looked is not None]
        orders[sample, 0] = spearman([a for a, _ in seen], [b for _, b in seen])
    jumps = [lag for each in told for lag in each.lags(by, name)]
    lags = [lag for lag in jumps if lag is not None]
    low, median, high = np.quantile(lags, [0.25, 0.5, 0.75]).tolist() if lags else [math.nan] * 3
    return Tracking(
        estimate(hits or {("", 0): None}, resamples),
        estimate(orders, resamples),
        median,
        low,
        high,
        len(jumps),
        len(jumps) - len(lags),
    )


def among(gaze: float, draws: Sequence[float]) -> Percentile | None:
    """Where the gaze heads stand among the random-head controls with a number; None where there is none."""
    known = [draw for draw in draws if not math.isnan(draw)]
    return percentile(gaze, known) if known and not math.isnan(gaze) else None


def _most(masses: npt.NDArray[np.floating]) -> int | None:
    return int(masses.argmax()) if masses.max() > 0 else None


def _lag(looked: Sequence[int | None], one: Sentence, other: Sentence) -> int | None:
    """From the first word of `other` to the jump."""
    before, after = ([panel == s.region for panel in looked] for s in (one, other))
    if not any(before[one.start : other.stop]) or not any(after[one.start : other.stop]):
        return None
    gains = {
        jump: sum(before[one.start : jump]) + sum(after[jump : other.stop])
        for jump in range(one.start, other.stop)
    }
    best = max(gains.values())
    return min(
        (jump - other.told for jump, gain in gains.items() if gain == best), key=lambda lag: (abs(lag), lag)
    )

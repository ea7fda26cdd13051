"""The judge for any data set with a caption for each region: it finds the caption that the answer is most like.

1. Strip "Panel k:". Collapsed text is degenerate before anything is matched.
2. Give each region a score from 0 to 1: how well the answer matches the best of its captions (`RareWords`, or
   `embedding.Embeddings`).
3. The best score is at least `threshold` and at least `margin` above the next best: matched. Or else: none.

Rare words. A word weighs log(n / regions whose captions say it): one that all regions share weighs nothing, for it
tells none of them apart. With a corpus (all captions of the data set) the weight is multiplied by how rare the word
is there, log((1 + N) / (1 + captions that say it)) / log(1 + N), so that "of" in one caption does not count like
"umbrella". The score is the cosine between what the answer and the caption say, each word of weight w being an axis of
length sqrt(w); words that no caption of the sample says do not count, so further true details neither help nor hurt.

Words are compared as they are written: "jumps" is not "jumping". Embeddings are for paraphrases.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log, sqrt
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gazeheads.errors import JudgeError
from gazeheads.judging.base import Judge, Verdict
from gazeheads.sample import Sample
from gazeheads.text import degenerate, strip_labels, words_of

# Of a caption of three things an answer that says one scores about 0.58, one that says two 0.82, and one that says
# two of it and one of another 0.67 (0.33 there). Chosen on made-up answers to 40 doodle dev strips of which the
# verdict is known (docs/judging.md): all true captions come out right, and 91% of all, most of them made to be hard.
THRESHOLD = 0.6
MARGIN = 0.2

Scores = npt.NDArray[np.float64]


class Match(Protocol):
    """How well an answer matches each region."""

    def scores(self, sample: Sample, answer: str) -> Scores:
        """(region,) higher is better; an answer that equals a caption scores 1 at its region."""
        ...


class CaptionsJudge(Judge):
    """Judges by the captions of the sample. `margin` of a verdict: the best region's score less the next best's.

    threshold, margin: what the best score must reach, and by how much it must be ahead (0..1, above 0).
    """

    def __init__(
        self, match: Match | None = None, threshold: float = THRESHOLD, margin: float = MARGIN
    ) -> None:
        if not (0 < threshold <= 1 and 0 < margin <= 1):
            raise JudgeError(
                f"The captions judge was asked for with threshold {threshold:g} and margin {margin:g}; scores lie "
                "between 0 and 1. Give numbers above 0, up to 1."
            )
        self.match: Match = RareWords() if match is None else match
        self.threshold, self.margin = threshold, margin

    def settings(self) -> dict[str, Any]:
        """Its two thresholds."""
        return {"threshold": self.threshold, "margin": self.margin}

    def judge(self, sample: Sample, answer: str) -> Verdict:
        """The verdict on one answer. Raises `JudgeError` for a sample without a caption for each region."""
        must_have_captions(sample)
        text = strip_labels(answer)
        junk = degenerate(text)
        if junk:
            return Verdict("degenerate", reason=junk)
        scores = self.match.scores(sample, text)
        best = int(scores.argmax())
        ahead = float(scores[best] - np.delete(scores, best).max(initial=0.0))
        if scores[best] < self.threshold:
            return Verdict(
                "none", reason=f"best match {scores[best]:.2f} of {self.threshold:g}", margin=ahead
            )
        if ahead < self.margin:
            alike = [str(region) for region in np.flatnonzero(scores > scores[best] - self.margin)]
            return Verdict("none", reason=f"matches regions {', '.join(alike)} alike", margin=ahead)
        return Verdict("matched", best, reason=f"match {scores[best]:.2f}", margin=ahead)


class RareWords:
    """Match by the words that tell regions apart. corpus: captions of the data set, one text for each region."""

    def __init__(self, corpus: Iterable[str] = ()) -> None:
        counted = [set(words_of(text)) for text in corpus]
        self._n = len(counted)
        self._said_by = Counter(word for words in counted for word in words)

    def scores(self, sample: Sample, answer: str) -> Scores:
        """(region,) the cosine with the best wording, 0..1."""
        regions = [[set(words_of(wording)) for wording in wordings] for wordings in sample.captions]
        weights = self.weights(regions)
        said = {word for word in words_of(answer) if weights.get(word)}
        return np.array([max(_cosine(said, wording, weights) for wording in each) for each in regions])

    def weights(self, regions: Sequence[Sequence[set[str]]]) -> dict[str, float]:
        """Word to weight, for the words of each wording of each region; 0 for those that all regions say."""
        in_regions = Counter(word for wordings in regions for word in set().union(*wordings))
        return {word: log(len(regions) / n) * self._rarity(word) for word, n in in_regions.items()}

    def _rarity(self, word: str) -> float:
        """1 for a word that the corpus does not know, 0 for one that all of it says."""
        return log((1 + self._n) / (1 + self._said_by[word])) / log(1 + self._n) if self._n else 1.0


def _cosine(said: set[str], wording: set[str], weights: Mapping[str, float]) -> float:
    def weight(words: Iterable[str]) -> float:
        return sum(weights[word] for word in words)

    longest = weight(said) * weight(wording)
    return weight(said & wording) / sqrt(longest) if longest else 0.0


def must_have_captions(sample: Sample) -> None:
    """Raise `JudgeError` unless there is a caption for each region, of at least two."""
    if len(sample.captions) < 2 or not all(any(map(words_of, each)) for each in sample.captions):
        found = sum(any(map(words_of, each)) for each in sample.captions)
        raise JudgeError(
            f"Sample {sample.id!r} has {found} captions for {len(sample.boxes)} regions; the captions judge needs one "
            "for each, and at least two regions to tell apart. Use another judge, or add captions to the data."
        )


def corpus_of(samples: Iterable[Sample]) -> list[str]:
    """One text for each region of the samples that has captions: all its wordings."""
    return [" ".join(wordings) for sample in samples for wordings in sample.captions]


def from_spec(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> CaptionsJudge:
    """The judge `captions`, by rare words; the samples' captions are the corpus."""
    return CaptionsJudge(RareWords(corpus_of(samples)), **options)

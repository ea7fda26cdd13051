"""How soon the words follow the gaze: tokens from a switch to the first words that only the new target has.

Such words are, for doodles, the phrases of the target's slots (action, object, setting) that no other panel of the
strip has, as the rules judge reads them; for other data, the words of its captions that are in no other region's.
Counted from the token before which the target changed (0: its first token begins such words) to the token in which
they begin, and not beyond the next switch.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from gazeheads.experiments.trial import Generated
from gazeheads.plain import plain
from gazeheads.sample import Sample
from gazeheads.statistics import Estimate, Key, Outcomes
from gazeheads.text import words_of

SLOTS = ("action", "object", "setting")
SHORTEST = 4  # letters: shorter words of captions are mostly function words


@dataclass(frozen=True)
class Latency:
    """tokens: the mean over the switches that were followed; `left_out` counts those that were not, of `switches`."""

    tokens: Estimate
    switches: int

    @property
    def followed(self) -> int:
        """Switches after which such words came before the next switch."""
        return self.tokens.n

    def to_json(self) -> dict[str, Any]:
        """The numbers."""
        return {**plain(vars(self)), "followed": self.followed}


def latency(
    answers: Sequence[Generated], samples: Mapping[str, Sample], estimate: Callable[[Outcomes], Estimate]
) -> Latency | None:
    """Over all switches of these tours, the first stop not being one; None where there are none."""
    found: dict[Key, float | None] = {}
    for g in answers:
        own = own_phrases(samples[g.trial.sample])
        for number, segment in enumerate(g.segments):
            if number and segment.target is not None:
                found[g.trial.sample, number] = first_token(
                    g.token_texts, segment.start, segment.stop, own[segment.target]
                )
    return Latency(estimate(found), len(found)) if found else None


def own_phrases(sample: Sample) -> tuple[frozenset[str], ...]:
    """For each region the phrases that it has and no other, in lower case."""
    if sample.slots:
        each = [{slots[slot].casefold() for slot in SLOTS if slot in slots} for slots in sample.slots]
    else:
        each = [
            {word for caption in captions for word in words_of(caption) if len(word) >= SHORTEST}
            for captions in sample.captions
        ]
    return tuple(
        frozenset(mine.difference(*(each[j] for j in range(len(each)) if j != i)))
        for i, mine in enumerate(each)
    )


def first_token(token_texts: Sequence[str], start: int, stop: int, phrases: frozenset[str]) -> float | None:
    """Tokens from `start` to the one in which the first of the phrases begins; None if none does before `stop`.

    pieces: the characters that each token completes. Phrases are found as whole words, and may end after `stop`.
    """
    if not phrases:
        return None
    ends = list(accumulate(len(piece) for piece in token_texts))
    begin = ends[start - 1] if start else 0
    longest_first = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=lambda p: (-len(p), p)))
    pattern = re.compile(rf"(?<!\w)(?:{longest_first})(?!\w)", re.IGNORECASE)
    found = pattern.search("".join(token_texts), begin)
    if found is None:
        return None
    token = next(number for number, end in enumerate(ends) if end > found.start())
    return float(token - start) if token < stop else None

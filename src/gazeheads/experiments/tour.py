"""Dynamic switching (PAPER sec. 6.2): while the model narrates, the heads are led through the panels out of order.

1. The order is a derangement: no panel comes at its natural place. It depends on the sample alone.
2. The target changes every so many tokens (`every`; the model's median length of a panel's description unless given,
   which `gazeheads run` measures), or once a sentence has ended (every=None).
3. The end of the text is held back until the schedule is done (`min_new_tokens`, recorded in the trial).
4. Each segment gets a verdict of its own; one without text is unscored.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gazeheads import prompts
from gazeheads.errors import UsageError
from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.trial import ExperimentFacts, Trial
from gazeheads.gaze.gaze import During
from gazeheads.sample import Sample

LONGEST_SENTENCE = 24  # tokens, where the target follows sentences; the paper's 50 suits larger models


@dataclass(frozen=True)
class Tour:
    """Lead the heads through all panels. settings: of `generate`, such as repetition_penalty, no_repeat_ngram_size."""

    name: str
    prompt: str
    every: int | None
    during: During = "decode"
    sentence: int = LONGEST_SENTENCE
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    facts: ExperimentFacts = field(default=ExperimentFacts(""), compare=False)

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """One trial; its budget is what the schedule needs."""
        tour = derangement(len(sample.boxes), sample.id)
        budget = len(tour) * (self.every or self.sentence)
        yield Trial(
            experiment=self.name,
            sample=sample.id,
            condition=condition.name,
            prompt=self.prompt,
            max_new_tokens=budget,
            tour=tour,
            every=self.every,
            during=self.during,
            settings={"min_new_tokens": budget, **self.settings},
            parts="segments",
        )


def derangement(n: int, name: str) -> tuple[int, ...]:
    """An order of 0 ... n - 1 in which none is at its own place, drawn evenly, by name alone. Raises for n < 2."""
    if n < 2:
        raise UsageError(f"A tour of sample {name!r} has {n} region to go to. Give samples of at least two.")
    rng = random.Random(f"tour/{name}")
    while True:
        order = rng.sample(range(n), n)
        if all(place != region for place, region in enumerate(order)):
            return tuple(order)


TOUR = Tour(
    "tour",
    prompts.TOUR,
    every=50,
    facts=ExperimentFacts("Switching the target while the model speaks", needs="two panels or more"),
)
TOUR_BY_SENTENCE = Tour(
    "tour-by-sentence",
    prompts.TOUR,
    every=None,
    facts=ExperimentFacts("Switching the target at the end of each sentence", needs="two panels or more"),
)

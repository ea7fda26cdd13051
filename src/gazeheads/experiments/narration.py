"""Free narration: the model tells all panels in order; steered, the heads stay on one panel all the while.

Each sentence gets a verdict: unsteered they follow the panels; steered, how many are about the target.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gazeheads import prompts
from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.redirect import Redirect
from gazeheads.records import Sample, Trial


@dataclass(frozen=True)
class Narration:
    """`base`, judged sentence by sentence."""

    name: str
    base: Redirect

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """One trial for each target, or a single one without steering."""
        yield from self.base.trials(sample, condition, parts="sentences")


FREE_NARRATION = Narration("free-narration", Redirect("free-narration", prompts.NARRATE_FREELY, 120))

"""Redirection (PAPER sec. 6.1): one question that names no panel; the heads are pointed at each panel in turn.

If the answer describes the panel that the heads look at, the heads chose what was described.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gazeheads import prompts
from gazeheads.records import Sample, Trial


@dataclass(frozen=True)
class Redirect:
    """Ask `prompt` about every sample with the heads pointed at each of its regions, up to `budget` new tokens."""

    name: str
    prompt: str
    budget: int

    def trials(self, sample: Sample, condition: str) -> Iterator[Trial]:
        """One trial for each region of the sample; a single one where nothing is steered (condition "none")."""
        targets: list[int | None] = [None] if condition == "none" else list(range(len(sample.boxes)))
        for target in targets:
            yield Trial(self.name, sample.id, condition, self.prompt, self.budget, target)


VQA = Redirect("vqa", prompts.VQA, 15)
THIS_PANEL = Redirect("this-panel", prompts.THIS_PANEL, 24)

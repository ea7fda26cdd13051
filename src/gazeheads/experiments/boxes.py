"""Things in a picture (PAPER sec. 6.4): a question that names none; the heads are pointed at each in turn.

Each thing is looked at by its box, once by the share of every cell that the box covers ("area") and once by the cells
whose centre it holds, the paper's rule ("centre"); or by its mask. What covers less than one cell grows to the nearest.
Conditions without steering know no coverage: they are asked once, but for "none", with which both are compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gazeheads import prompts
from gazeheads.errors import UsageError
from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.redirect import SHOWN, pointed
from gazeheads.experiments.trial import Trial
from gazeheads.sample import Sample


@dataclass(frozen=True)
class Boxes:
    """Ask about every thing of a sample. looks: variant to the fields of the trial that say how it is looked at."""

    name: str
    prompt: str
    budget: int
    looks: Mapping[str, Mapping[str, Any]] = field(hash=False)

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """One trial for each thing and each way to look; without steering in the first alone."""
        if condition.kind == "panel-query":
            raise UsageError(f"Condition panel-query: the things of {self.name} are no panels. Use prompt.")
        plain = condition.kind == "none"
        for number, (variant, fields) in enumerate(self.looks.items()):
            if number and not (plain or condition.is_steered):
                continue
            for target in [None] if plain else range(len(sample.boxes)):
                yield Trial(
                    experiment=self.name,
                    sample=sample.id,
                    condition=condition.name,
                    prompt=about(sample, target) if condition.kind == "prompt" else self.prompt,
                    max_new_tokens=self.budget,
                    target=target,
                    pointed=pointed(sample, condition, target),
                    show=SHOWN.get(condition.kind, "whole"),
                    variant=variant,
                    **fields,
                )


def about(sample: Sample, target: int | None) -> str:
    """The question about the place where a thing is."""
    box, (width, height) = sample.boxes[target or 0], sample.size
    return prompts.object_at(prompts.place((box.x0 + box.x1) / 2 / width, (box.y0 + box.y1) / 2 / height))


_RULES = {"area": {"shape": "box"}, "centre": {"shape": "box", "coverage": "centre"}}
BOXES = Boxes("boxes", prompts.MAIN_OBJECT, 15, _RULES)
MASKS = Boxes("masks", prompts.MAIN_OBJECT, 15, {"mask": {"shape": "mask"}})

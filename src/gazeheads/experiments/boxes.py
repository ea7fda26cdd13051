"""Objects in an image (PAPER sec. 6.4): a question that names none; the heads are pointed at each in turn.

Each object is looked at by its box, once by the share of every cell that the box covers ("area") and once by the cells
whose centre it holds, the paper's rule ("centre"); or by its mask. What covers less than one cell grows to the nearest.
Conditions without steering know no coverage: they are asked once, but for "none", with which both are compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gazeheads import prompts
from gazeheads.errors import UsageError
from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.redirect import pointed
from gazeheads.experiments.trial import ExperimentFacts, Trial
from gazeheads.sample import Sample


@dataclass(frozen=True)
class Boxes:
    """Ask about every object of a sample. looks: variant to the fields of the trial that say how it is looked at."""

    name: str
    prompt: str
    budget: int
    looks: Mapping[str, Mapping[str, Any]] = field(hash=False)
    facts: ExperimentFacts = field(default=ExperimentFacts(""), compare=False)

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """One trial for each object and each way to look; without steering in the first alone."""
        if condition.facts.by_place:
            raise UsageError(
                f"Condition {condition.name}: the objects of {self.name} are no panels. Use prompt."
            )
        plain = not condition.facts.has_target
        for number, (variant, fields) in enumerate(self.looks.items()):
            if number and not (plain or condition.is_steered):
                continue
            for target in [None] if plain else range(len(sample.boxes)):
                yield Trial(
                    experiment=self.name,
                    sample=sample.id,
                    condition=condition.name,
                    prompt=self.prompt if condition.facts.ask is None else by_place(sample, target),
                    max_new_tokens=self.budget,
                    target=target,
                    pointed=pointed(sample, condition, target),
                    show=condition.facts.show,
                    variant=variant,
                    **fields,
                )


def by_place(sample: Sample, target: int | None) -> str:
    """The question about the place where an object is."""
    box, (width, height) = sample.boxes[target or 0], sample.size
    return prompts.object_at(prompts.place((box.x0 + box.x1) / 2 / width, (box.y0 + box.y1) / 2 / height))


_RULES = {"area": {"shape": "box"}, "centre": {"shape": "box", "coverage": "centre"}}
BOXES = Boxes(
    "boxes",
    prompts.MAIN_OBJECT,
    15,
    _RULES,
    ExperimentFacts("Redirection: which object is this?", "cells by", "objects"),
)
MASKS = Boxes(
    "masks",
    prompts.MAIN_OBJECT,
    15,
    {"mask": {"shape": "mask"}},
    ExperimentFacts("Redirection: which object is this? By masks", needs="objects with masks"),
)

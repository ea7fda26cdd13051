"""A redirection repeated with one thing about it varied: each variant is a cell of the sweep."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.redirect import Redirect
from gazeheads.records import Sample, Trial


@dataclass(frozen=True)
class Sweep:
    """`base`, once for each cell. cells: variant to the fields of the trial that it sets (k, push, during, prompt)."""

    name: str
    base: Redirect
    cells: Mapping[str, Mapping[str, Any]] = field(hash=False)

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """The trials of every cell."""
        for variant, values in self.cells.items():
            of_trial = {name: value for name, value in values.items() if name != "prompt"}
            base = replace(self.base, name=self.name, prompt=values.get("prompt", self.base.prompt))
            yield from base.trials(sample, condition, variant=variant, **of_trial)

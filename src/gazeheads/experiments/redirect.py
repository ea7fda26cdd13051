"""Redirection (PAPER sec. 6.1): one question that names no panel; the heads are pointed at each panel in turn.

If the answer describes the panel that the heads look at, the heads chose what was described.

Layouts are the same redirection on strips of any number of panels and on grids, a variant for each layout. These are
the data's: `--data doodles:40:test:panels=3+doodles:40:test:panels=4+doodles:40:test:grid=2x3`.

Free narration tells all panels in order; steered, the heads stay on one panel all the while. Each sentence gets a
verdict: unsteered they follow the panels; steered, how many are about the target.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from gazeheads import prompts
from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.trial import ExperimentFacts, Trial
from gazeheads.sample import Sample


@dataclass(frozen=True)
class Redirect:
    """Ask `prompt` about every sample with the heads pointed at each of its regions, up to `budget` new tokens."""

    name: str
    prompt: str
    budget: int
    facts: ExperimentFacts = field(default=ExperimentFacts(""), compare=False)

    def trials(self, sample: Sample, condition: Condition, **more: Any) -> Iterator[Trial]:
        """One trial for each region of the sample; a single one where nothing names a region (condition "none").

        more: other fields of the trials, for sweeps.
        """
        n = len(sample.boxes)
        for target in range(n) if condition.facts.has_target else [None]:
            yield Trial(
                experiment=self.name,
                sample=sample.id,
                condition=condition.name,
                prompt=worded(self.prompt, condition, target, n),
                max_new_tokens=self.budget,
                target=target,
                pointed=pointed(sample, condition, target),
                show=condition.facts.show,
                **more,
            )


def worded(prompt: str, condition: Condition, target: int | None, n: int) -> str:
    """The prompt, or, for the baselines that name the region in words, what they ask."""
    ask = condition.facts.ask
    return prompt if target is None or ask is None else ask(prompt, target, n)


def pointed(sample: Sample, condition: Condition, target: int | None) -> int | None:
    """Where the heads look: at the target, or where the condition points them. None where nothing is steered."""
    if target is None or not condition.is_steered:
        return None
    point = condition.facts.point
    return target if point is None else point(sample, target, condition.draw)


VQA = Redirect(
    "vqa",
    prompts.VQA,
    15,
    ExperimentFacts("Redirection: what happens in this strip?", paper="table 3", is_redirection=True),
)

THIS_PANEL = Redirect(
    "this-panel",
    prompts.THIS_PANEL,
    24,
    ExperimentFacts("Redirection: what happens in this panel?", is_redirection=True),
)


@dataclass(frozen=True)
class Layouts:
    """`base` on every sample; the variant says how its panels are laid out."""

    name: str
    base: Redirect
    facts: ExperimentFacts = field(default=ExperimentFacts(""), compare=False)

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """The trials about one sample."""
        yield from replace(self.base, name=self.name).trials(sample, condition, variant=layout(sample))


def layout(sample: Sample) -> str:
    """As "6 panels" for panels side by side, "2 x 3 grid" for rows of them."""
    rows = len({round(box.y0) for box in sample.boxes})
    n = len(sample.boxes)
    return (
        f"{n} panels"
        if rows == 1
        else f"{rows} x {n // rows} grid"
        if n % rows == 0
        else f"{n} panels, {rows} rows"
    )


LAYOUTS = Layouts("layouts", VQA, ExperimentFacts("Panel counts and grids", varies="layout"))


@dataclass(frozen=True)
class Narration:
    """`base`, judged sentence by sentence."""

    name: str
    base: Redirect
    facts: ExperimentFacts = field(default=ExperimentFacts(""), compare=False)

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """One trial for each target, or a single one without steering."""
        yield from self.base.trials(sample, condition, parts="sentences")


FREE_NARRATION = Narration(
    "free-narration",
    Redirect("free-narration", prompts.NARRATE_FREELY, 120),
    ExperimentFacts("Free narration"),
)

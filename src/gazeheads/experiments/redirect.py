"""Redirection (PAPER sec. 6.1): one question that names no panel; the heads are pointed at each panel in turn.

If the answer describes the panel that the heads look at, the heads chose what was described.

Layouts are the same redirection on strips of any number of panels and on grids, a variant for each layout. These are
the data's: `--data doodles:40:test:panels=3+doodles:40:test:panels=4+doodles:40:test:grid=2x3`.

Free narration tells all panels in order; steered, the heads stay on one panel all the while. Each sentence gets a
verdict: unsteered they follow the panels; steered, how many are about the target.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gazeheads import prompts
from gazeheads.errors import UsageError
from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.trial import Show, Trial
from gazeheads.sample import Sample

SHOWN: dict[str, Show] = {"crop": "crop", "marker": "marker"}


@dataclass(frozen=True)
class Redirect:
    """Ask `prompt` about every sample with the heads pointed at each of its regions, up to `budget` new tokens."""

    name: str
    prompt: str
    budget: int

    def trials(self, sample: Sample, condition: Condition, **more: Any) -> Iterator[Trial]:
        """One trial for each region of the sample; a single one where nothing names a region (condition "none").

        more: other fields of the trials, for sweeps.
        """
        n = len(sample.boxes)
        for target in [None] if condition.kind == "none" else range(n):
            yield Trial(
                experiment=self.name,
                sample=sample.id,
                condition=condition.name,
                prompt=worded(self.prompt, condition, target, n),
                max_new_tokens=self.budget,
                target=target,
                pointed=pointed(sample, condition, target),
                show=SHOWN.get(condition.kind, "whole"),
                **more,
            )


def worded(prompt: str, condition: Condition, target: int | None, n: int) -> str:
    """The prompt, or, for the baselines that name the region in words, what they ask."""
    if target is None or condition.kind not in ("prompt", "panel-query"):
        return prompt
    return (
        prompts.panel_query(target + 1, n)
        if condition.kind == "panel-query"
        else prompts.about(prompt, target + 1)
    )


def pointed(sample: Sample, condition: Condition, target: int | None) -> int | None:
    """Where the heads look: at the target; under "wrong-region" at another region, drawn by sample and draw.

    Raises `UsageError` where there is no other.
    """
    if target is None or not condition.is_steered:
        return None
    if condition.kind != "wrong-region":
        return target
    others = [region for region in range(len(sample.boxes)) if region != target]
    if not others:
        raise UsageError(
            f"Condition wrong-region: sample {sample.id!r} has one region, and no other to look at. Leave it out."
        )
    return random.Random(f"wrong-region/{sample.id}/{target}/{condition.draw}").choice(others)


VQA = Redirect("vqa", prompts.VQA, 15)

THIS_PANEL = Redirect("this-panel", prompts.THIS_PANEL, 24)


@dataclass(frozen=True)
class Layouts:
    """`base` on every sample; the variant says how its panels are laid out."""

    name: str
    base: Redirect

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


LAYOUTS = Layouts("layouts", VQA)


@dataclass(frozen=True)
class Narration:
    """`base`, judged sentence by sentence."""

    name: str
    base: Redirect

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """One trial for each target, or a single one without steering."""
        yield from self.base.trials(sample, condition, parts="sentences")


FREE_NARRATION = Narration("free-narration", Redirect("free-narration", prompts.NARRATE_FREELY, 120))

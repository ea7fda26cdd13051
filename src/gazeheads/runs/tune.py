"""Choose what to steer on dev strips: by which score, how many heads, how hard.

Every score and push is tried with each K of the grid (`statistics.K_SHARES` of all heads). Chosen is the smallest K
within one standard error of the best mean accuracy; among cells with that K the best mean; among equals the one
that was named first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from gazeheads.errors import UsageError
from gazeheads.experiments.conditions import Condition, HeadSets
from gazeheads.experiments.redirect import THIS_PANEL, Redirect
from gazeheads.experiments.sweeps import Sweep
from gazeheads.heads.head import Tuned
from gazeheads.heads.heads import Heads
from gazeheads.heads.scores import SCORES
from gazeheads.judging.base import Judge
from gazeheads.model.model import GazeModel
from gazeheads.runs.judge import verdicts_on
from gazeheads.runs.outcomes import outcomes
from gazeheads.runs.run import run
from gazeheads.sample import Sample
from gazeheads.statistics import Estimate, Outcomes, estimate, k_grid, standard_error


@dataclass(frozen=True, order=True)
class Candidate:
    """One score, push and number of heads to try."""

    score: str
    push: str
    k: int


@dataclass(frozen=True)
class Tuning:
    """Dev accuracy of every candidate, the chosen one, the best one, and the standard error of the best."""

    accuracy: Mapping[Candidate, Estimate]
    chosen: Candidate
    best: Candidate
    standard_error: float

    @property
    def curve(self) -> dict[int, Estimate]:
        """Accuracy by K, of the chosen score and push."""
        chosen = self.chosen
        return {c.k: e for c, e in self.accuracy.items() if (c.score, c.push) == (chosen.score, chosen.push)}

    def tuned(self, data: str, seed: int | None) -> Tuned:
        """The choice as a heads file keeps it. data, seed: the samples that it was made on."""
        curve: dict[int | float, tuple[float, float, float]] = {
            k: (e.mean, *((e.mean,) * 2 if isnan(e.low) else (e.low, e.high))) for k, e in self.curve.items()
        }
        chosen = self.chosen
        rule = f"the smallest K within one standard error ({self.standard_error:.3f}) of the best mean"
        return Tuned(chosen.k, chosen.score, chosen.push, "all", curve, data, seed, rule)


def tune(
    model: GazeModel,
    heads: Heads,
    samples: Sequence[Sample],
    judge: Judge,
    *,
    base: Redirect = THIS_PANEL,
    scores: Sequence[str] = ("gaze",),
    pushes: Sequence[str] = ("focus",),
    ks: Sequence[int] | None = None,
    batch: int = 64,
    progress: Callable[[int], object] | None = None,
) -> Tuning:
    """Redirect on `samples`, which must serve for nothing else, under every cell; the choice.

    ks: the grid, if it is another. Raises `UsageError` for a score that is none, and for a grid without a K; a score
    that ranks fewer heads than a K is not tried with it.
    """
    unknown = [score for score in scores if score not in SCORES]
    grid = tuple(sorted(set(ks))) if ks is not None else k_grid(heads.scores.size)
    if unknown or not scores or not pushes or not grid:
        raise UsageError(
            f"Tuning of scores {', '.join(scores) or 'none'} and pushes {', '.join(pushes) or 'none'} at {len(grid)} "
            f"numbers of heads: name at least one of each; scores are {', '.join(SCORES)}."
        )
    cells = [
        Candidate(score, push, k)
        for score in scores
        for push in pushes
        for k in grid
        if k <= len(heads.by(score))
    ]
    regions = {sample.id: range(len(sample.boxes)) for sample in samples}
    tried: dict[Candidate, Outcomes] = {}
    for score in scores:
        mine = {f"{c.push} {c.k}": c for c in cells if c.score == score}
        sweep = Sweep("tune", base, {name: {"push": c.push, "k": c.k} for name, c in mine.items()})
        condition = Condition(score, score)
        answers = run(model, samples, sweep, [condition], HeadSets(heads, 1), batch=batch, progress=progress)
        verdicts = verdicts_on(judge, answers, samples)
        for name, candidate in mine.items():
            own = [g for g in answers if g.trial.variant == name]
            tried[candidate] = outcomes(own, verdicts, regions)
    return choose(tried)


def choose(found: Mapping[Candidate, Outcomes], seed: int = 0) -> Tuning:
    """The choice among cells that ran on the same strips and targets, in the order in which they were named."""
    rng = np.random.default_rng(seed)
    accuracy = {cell: estimate(each, rng) for cell, each in found.items()}
    order = {cell: number for number, cell in enumerate(found)}
    best = max(found, key=lambda cell: (accuracy[cell].mean, -cell.k, -order[cell]))
    error = standard_error(found[best])
    if not error >= 0:
        raise UsageError(
            f"Tuning on {accuracy[best].clusters} strips: a standard error needs at least 2. Give more dev strips."
        )
    enough = [cell for cell in found if accuracy[cell].mean >= accuracy[best].mean - error - 1e-12]
    smallest = min(cell.k for cell in enough)
    chosen = max(
        (cell for cell in enough if cell.k == smallest), key=lambda cell: (accuracy[cell].mean, -order[cell])
    )
    return Tuning(accuracy, chosen, best, error)

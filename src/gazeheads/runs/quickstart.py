"""The main job, end to end: find the gaze heads of a model on doodle strips, and redirect it with them.

1. Discover: ask about each panel of dev strips, watch the last prompt token, rank the heads.
2. Tune: on other dev strips, take the smallest number of heads K within one standard error of the best.
3. Test: on test strips, ask a question that names no panel while the K heads are pointed at each panel in turn;
   beside it: no steering, layer-matched control draws, all heads.
4. Judge by rules, estimate over strips, report.

No strip serves twice, and nothing is chosen on the test strips.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gazeheads import prompts
from gazeheads.discovery.discover import discover
from gazeheads.drawing.strips import doodles
from gazeheads.experiments.conditions import HeadSets, conditions
from gazeheads.experiments.redirect import THIS_PANEL, VQA, Redirect
from gazeheads.experiments.trial import Generated
from gazeheads.heads.heads import Heads
from gazeheads.judging.base import Verdict
from gazeheads.judging.rules import RulesJudge
from gazeheads.model.model import GazeModel
from gazeheads.runs.judge import judge, outcomes
from gazeheads.runs.run import run
from gazeheads.runs.tune import Tuning, tune
from gazeheads.sample import Sample
from gazeheads.statistics import Estimate, Percentile, estimate, k_grid, moved, percentile, with_baseline_rule

DISCOVERY, TUNING, TEST = 24, 16, 24  # strips
DISCOVERY_SEED, TUNING_SEED, TEST_SEED = 101, 202, 0


@dataclass(frozen=True)
class Condition:
    """One line of the table: how often the target was described, and what else to know about the answers."""

    name: str
    heads: int
    accuracy: Estimate
    moved: Estimate
    with_rule: Estimate
    all_slots: Estimate
    degenerate: Estimate
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Redirection:
    """One prompt's results: the conditions, and where the gaze heads stand among the control draws."""

    experiment: Redirect
    conditions: Mapping[str, Condition]
    among_controls: Percentile
    generated: tuple[Generated, ...]
    verdicts: Mapping[str, Verdict]

    @property
    def controls(self) -> list[Condition]:
        """The control draws' lines."""
        return [c for name, c in self.conditions.items() if name.startswith("controls/")]

    def answer(self, sample: Sample, condition: str, target: int | None) -> tuple[Generated, Verdict]:
        """What was said about one sample under one condition, and the verdict."""
        for g in self.generated:
            if (g.trial.sample, g.trial.condition, g.trial.target) == (sample.id, condition, target):
                return g, self.verdicts[g.trial.key]
        raise KeyError((sample.id, condition, target))


@dataclass(frozen=True, eq=False)
class Narration:
    """One strip told unsteered.

    attention: (token, panel) mean mass of the gaze heads. described: the panel that each token is about, None between
    panels.
    """

    prompt: str
    text: str
    tokens: tuple[str, ...]
    attention: npt.NDArray[np.float32]
    described: tuple[int | None, ...]


@dataclass(frozen=True)
class Quickstart:
    """Everything that the main job found."""

    heads: Heads
    selected: Heads
    tuning: Tuning
    draws: tuple[Heads, ...]
    samples: tuple[Sample, ...]
    redirections: tuple[Redirection, ...]
    narration: Narration
    seconds: float
    full: bool


Progress = Callable[[str, int, int], object]  # what is being done, units done since, units in all


def redirect(
    model: GazeModel,
    experiment: Redirect,
    samples: Sequence[Sample],
    heads: Heads,
    k: int,
    draws: int,
    progress: Callable[[int], object] | None = None,
) -> Redirection:
    """Run one prompt under every condition, judge it, and estimate."""
    asked = conditions(f"none,gaze,controls:{draws},all")
    choose = HeadSets(heads, k)
    generated = run(model, samples, experiment, asked, choose, progress=progress)
    verdicts = judge(RulesJudge(), generated, samples)
    unsteered = {g.trial.sample: g for g in generated if g.trial.condition == "none"}
    read = {sample: verdicts[g.trial.key].region for sample, g in unsteered.items()}
    texts = {sample: g.text for sample, g in unsteered.items()}
    rng = np.random.default_rng(0)
    table = {}
    for condition in asked:
        name, steered = condition.name, choose(condition)
        found = outcomes(generated, verdicts, name, samples)
        mine = [g for g in generated if g.trial.condition == name]
        answers = {key: texts[key[0]] for key in found}
        answers |= {(g.trial.sample, g.trial.target): g.text for g in mine if g.trial.target is not None}
        table[name] = Condition(
            name=name,
            heads=0 if steered is None else len(steered),
            accuracy=estimate(found, rng),
            moved=estimate(moved(found, read), rng),
            with_rule=estimate(with_baseline_rule(found, answers, texts), rng),
            all_slots=estimate(outcomes(generated, verdicts, name, samples, "all_slots"), rng),
            degenerate=estimate(outcomes(generated, verdicts, name, samples, "degenerate"), rng),
            before=_mean([g.before for g in mine]),
            after=_mean([g.after for g in mine]),
        )
    means = [table[f"controls/{i}"].accuracy.mean for i in range(draws)]
    among = percentile(table["gaze"].accuracy.mean, means)
    return Redirection(experiment, table, among, tuple(generated), verdicts)


def narrate(model: GazeModel, sample: Sample, selected: Heads) -> Narration:
    """Let the model tell one strip panel by panel, and see where the lever's heads look at each word."""
    sample = model.resized(sample)
    scene = model.encode(sample.image, prompts.NARRATE, panels=sample.boxes)
    told = model.generate(scene, record=selected, max_new_tokens=120)
    assert told.trace is not None
    tokens = told.trace.token_texts
    judge, described, sentence = RulesJudge(), [], []
    for number, token in enumerate(tokens, 1):
        sentence.append(token)
        if token.strip() == "." or number == len(tokens):
            region = judge.judge(sample, "".join(sentence)).region
            described += [region] * len(sentence)
            sentence = []
    attention = told.trace.over(scene.panels)
    return Narration(prompts.NARRATE, told.text, tokens, attention, tuple(described))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def quickstart(model: GazeModel, full: bool, progress: Progress) -> Quickstart:
    """Do the main job. `full`: 60 strips instead of 24, the paper's VQA prompt too, 20 control draws instead of 8."""
    began = time.monotonic()
    strips, n_draws = (60, 20) if full else (TEST, 8)
    experiments = (THIS_PANEL, VQA) if full else (THIS_PANEL,)

    def counter(what: str, total: int) -> Callable[[int], object]:
        progress(what, 0, total)
        return lambda done: progress(what, done, total)

    found = doodles(DISCOVERY, DISCOVERY_SEED, "dev")
    heads = discover(model, found, progress=counter("finding heads", 6 * DISCOVERY))
    grid = k_grid(heads.scores.size)
    tuning = doodles(TUNING, TUNING_SEED, "dev")
    progress_ = counter("choosing K", 6 * TUNING * len(grid))
    tuned = tune(model, heads, tuning, RulesJudge(), progress=progress_)
    selected = heads.top(tuned.chosen.k)
    draws = selected.controls(n_draws, seed=0)
    samples = doodles(strips, TEST_SEED, "test")
    total = strips * (1 + 6 * (2 + n_draws))
    redirections = tuple(
        redirect(model, e, samples, heads, len(selected), n_draws, counter(f"redirecting, {e.name}", total))
        for e in experiments
    )
    narration = narrate(model, samples[0], selected)
    seconds = time.monotonic() - began
    return Quickstart(heads, selected, tuned, draws, tuple(samples), redirections, narration, seconds, full)


def as_json(result: Quickstart) -> dict[str, Any]:
    """The numbers, without the answers' texts of the control draws."""

    def line(c: Condition) -> dict[str, Any]:
        names = ("accuracy", "moved", "with_rule", "all_slots", "degenerate")
        numbers = {name: getattr(c, name).as_json() for name in names}
        return {"heads": c.heads, **numbers, "mass_before": c.before, "mass_after": c.after}

    return {
        "model": result.heads.provenance.model,
        "heads_found": [str(h) for h in result.selected],
        "k": result.tuning.chosen.k,
        "dev_accuracy_by_k": {k: e.as_json() for k, e in result.tuning.curve.items()},
        "redirections": {
            r.experiment.name: {
                "prompt": r.experiment.prompt,
                "conditions": {name: line(c) for name, c in r.conditions.items()},
                "among_controls": vars(r.among_controls),
                "answers": [
                    {"target": i, "text": r.answer(result.samples[0], "gaze", i)[0].text}
                    for i in range(len(result.samples[0].boxes))
                ],
            }
            for r in result.redirections
        },
        "seconds": round(result.seconds, 1),
    }

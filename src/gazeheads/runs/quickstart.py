"""The main job, end to end: find the gaze heads of a model on doodle strips, and redirect it with them.

1. Discover: ask about each panel of dev strips, watch the last prompt token, rank the heads.
2. Tune: on other dev strips, take the smallest number of heads K within one standard error of the best.
3. Run: on test strips, ask a question that names no panel while the K heads are pointed at each panel in turn;
   beside it: no steering, random-head controls, all heads. An ordinary run into an ordinary folder.
4. Judge by rules. `gazeheads.evidence.quick` reads the folders like any others.

No strip serves twice, and nothing is chosen on the test strips.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from gazeheads.data.sources import samples_of
from gazeheads.discovery.discover import discover
from gazeheads.experiments.conditions import HeadSets, conditions
from gazeheads.experiments.redirect import THIS_PANEL, VQA, Redirect
from gazeheads.heads.heads import Heads
from gazeheads.judging.rules import RulesJudge
from gazeheads.model.model import GazeModel
from gazeheads.runs.folder import RunFolder
from gazeheads.runs.judge import judge_folder
from gazeheads.runs.narrate import narrate
from gazeheads.runs.run import manifest_of, run
from gazeheads.runs.tracking import GAZE, Narrated
from gazeheads.runs.tune import Tuning, tune
from gazeheads.sample import Sample
from gazeheads.statistics import k_grid

DISCOVERY, TUNING, TEST = 24, 16, 24  # strips
DISCOVERY_SEED, TUNING_SEED, TEST_SEED = 101, 202, 0
JUDGE = "rules"

Progress = Callable[[str, int, int], object]  # what is being done, units done since, units in all


@dataclass(frozen=True, eq=False)
class Quickstart:
    """What the main job did. runs: the folders of its runs, judged. samples: the test strips, which were asked about.

    heads: all of the model's, with what was tuned. narration: the first test strip, told unsteered.
    """

    heads: Heads
    tuning: Tuning
    runs: tuple[Path, ...]
    samples: tuple[Sample, ...]
    narration: Narrated
    seconds: float
    full: bool


def quickstart(model: GazeModel, folder: Path, full: bool, progress: Progress) -> Quickstart:
    """Do the main job, into folders below `folder`.

    full: 60 strips instead of 24, the paper's VQA prompt too, 20 random-head controls instead of 8.
    """
    began = time.monotonic()

    def counter(what: str, total: int) -> Callable[[int], object]:
        progress(what, 0, total)
        return lambda done: progress(what, done, total)

    data = f"doodles:{DISCOVERY}:dev"
    strips = samples_of(data, DISCOVERY_SEED)
    count = counter("finding heads", 6 * DISCOVERY)
    heads = discover(model, strips, data=data, seed=DISCOVERY_SEED, progress=count)
    data = f"doodles:{TUNING}:dev"
    count = counter("choosing K", 6 * TUNING * len(k_grid(heads.scores.size)))
    tuning = tune(model, heads, samples_of(data, TUNING_SEED), RulesJudge(), progress=count)
    heads = replace(heads, tuned=tuning.tuned(data, TUNING_SEED))
    data, draws = (f"doodles:{60 if full else TEST}:test", 20 if full else 8)
    samples = samples_of(data, TEST_SEED)
    total = len(samples) * (1 + 6 * (2 + draws))
    runs = tuple(
        _redirect(
            model, folder, each, data, samples, heads, draws, counter(f"redirecting, {each.name}", total)
        )
        for each in ((THIS_PANEL, VQA) if full else (THIS_PANEL,))
    )
    selected = heads.selected
    sets = {GAZE: selected, "random-head control": selected.controls(draws, seed=0)[0]}
    narration = next(narrate(model, samples[:1], sets, RulesJudge(), ["forward"]))
    return Quickstart(heads, tuning, runs, tuple(samples), narration, time.monotonic() - began, full)


def _redirect(
    model: GazeModel,
    folder: Path,
    experiment: Redirect,
    data: str,
    samples: list[Sample],
    heads: Heads,
    draws: int,
    progress: Callable[[int], object],
) -> Path:
    """Run one question under every condition into a folder, and judge it; the folder."""
    asked, k = conditions(f"none,gaze,controls:{draws},all"), len(heads.selected)
    manifest = manifest_of(
        model, experiment, asked, data=data, seed=TEST_SEED, samples=samples, heads=heads, k=k
    )
    path = folder / experiment.name
    with RunFolder.begin(path, manifest) as opened:
        sets = HeadSets(heads, k, TEST_SEED)
        run(model, samples, experiment, asked, sets, kept=opened.generations, progress=progress)
        judge_folder(opened, RulesJudge(), JUDGE, samples)
    return path

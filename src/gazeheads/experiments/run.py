"""The generation loop: every experiment's trials go through here, in batches whose rows each have their own gaze."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from gazeheads.gaze import During, Gaze, Push
from gazeheads.heads import Heads
from gazeheads.model import GazeModel
from gazeheads.records import Generated, Sample, Trial


class Experiment(Protocol):
    """What the loop needs to know of an experiment."""

    def trials(self, sample: Sample, condition: str) -> Iterable[Trial]:
        """The trials about one sample under one condition."""
        ...


Progress = Callable[[int], object]


def run(
    model: GazeModel,
    samples: Sequence[Sample],
    experiment: Experiment,
    conditions: Mapping[str, Heads | None],
    *,
    push: Push | None = None,
    during: During = "all",
    batch: int = 64,
    progress: Progress | None = None,
) -> list[Generated]:
    """Generate for every sample, condition and target, in this order.

    `conditions` maps a condition's name to the heads it steers, or None for none. Samples are drawn to fit the model.
    `progress` is called with the number of generations after each batch.
    """
    fitted = {sample.id: model.fit(sample) for sample in samples}
    trials = [t for s in samples for name in conditions for t in experiment.trials(s, name)]
    scenes = {}
    for trial in trials:
        if (trial.sample, trial.prompt) not in scenes:
            sample = fitted[trial.sample]
            scenes[trial.sample, trial.prompt] = model.encode(
                sample.picture, trial.prompt, panels=sample.boxes
            )
    # Rows of a batch wait for the longest: those that steer many heads, and babble, go together.
    steered = {name: 0 if heads is None else len(heads) for name, heads in conditions.items()}
    order = sorted(range(len(trials)), key=lambda i: steered[trials[i].condition])
    found: dict[int, Generated] = {}
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        rows = [scenes[trials[i].sample, trials[i].prompt] for i in part]
        gazes: list[Gaze | None] = []
        for i, scene in zip(part, rows, strict=True):
            heads, target = conditions[trials[i].condition], trials[i].target
            if heads is None or target is None:
                gazes.append(None)
            else:
                gazes.append(Gaze(heads, scene.panel(target), push or Push.focus(), during))
        budget = max(trials[i].max_new_tokens for i in part)
        for i, answer in zip(part, model.generate(rows, gaze=gazes, max_new_tokens=budget), strict=True):
            before, after = (answer.effect.before, answer.effect.after) if answer.effect else (None, None)
            found[i] = Generated(trials[i], answer.text, len(answer.token_ids), answer.finish, before, after)
        if progress:
            progress(len(part))
    return [found[i] for i in range(len(trials))]

"""How long a model speaks of one panel, when nobody steers it."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from gazeheads.errors import UsageError
from gazeheads.experiments.tour import Tour
from gazeheads.experiments.trial import Experiment
from gazeheads.model.model import GazeModel
from gazeheads.sample import Sample
from gazeheads.text import sentence_spans

MEASURED = 8  # samples
LONGEST = 50  # tokens a panel, the paper's pace


def pace(model: GazeModel, samples: Sequence[Sample], prompt: str) -> int:
    """The median number of tokens of a sentence of the unsteered answers; with `prompts.TOUR` a panel gets one each.

    Raises `UsageError` where the answers hold no sentence.
    """
    lengths: list[int] = []
    for sample in map(model.resized, samples):
        scene = model.encode(sample.image, prompt, panels=sample.boxes)
        told = model.generate(scene, max_new_tokens=LONGEST * len(sample.boxes))
        lengths += [stop - start for start, stop in sentence_spans(told.token_texts)]
    if not lengths:
        raise UsageError(
            f"The pace of {model.name} was to be measured on {len(samples)} samples; its answers hold no sentence. "
            "Give --every N tokens."
        )
    return max(1, round(median(lengths)))


def paced(
    model: GazeModel,
    samples: Sequence[Sample],
    experiment: Experiment,
    every: str | None,
    settings: dict[str, Any],
) -> Experiment:
    """A tour with its pace and settings; other experiments as they are. Raises `UsageError` where these take none."""
    if not isinstance(experiment, Tour):
        if every or settings:
            raise UsageError(f"--every and --generate are for tours; {experiment.name} is none.")
        return experiment
    experiment = replace(experiment, settings={**experiment.settings, **settings})
    if experiment.every is None:
        if every:
            raise UsageError(
                f"--every {every}: {experiment.name} changes with sentences. Use the experiment `tour`."
            )
        return experiment
    if every and every != "auto":
        if not every.isdigit() or int(every) < 1:
            raise UsageError(f"--every {every}: give a number of tokens from 1 on, or auto.")
        return replace(experiment, every=int(every))
    return replace(experiment, every=pace(model, samples[:MEASURED], experiment.prompt))

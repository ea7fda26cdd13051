"""Heads that follow the speech: found on images whose objects cannot be asked about one by one.

The gaze score asks about each region by its number. Objects in a scene have none, and few of them can be named by a
place. But their names are known: the list of all of them is forced on the model as its answer, and with A[k, j] the
mass that a head puts on object j while the name of object k is produced, the score is the mean over k of A[k, k],
averaged over images: the gaze score (Gandikota & Bau 2026, arXiv 2606.14703), with "asked about" replaced by "said".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gazeheads import prompts
from gazeheads.discovery.passes import Passes
from gazeheads.errors import UsageError
from gazeheads.gaze.record import Record
from gazeheads.gaze.trace import looks_at
from gazeheads.heads.head import Head
from gazeheads.model.likelihood import answer_traces
from gazeheads.model.model import GazeModel
from gazeheads.regions.region import Region
from gazeheads.sample import Sample, nouns
from gazeheads.text import a, spoken

Floats = npt.NDArray[np.float64]


def follow(
    model: GazeModel,
    samples: Sequence[Sample],
    *,
    prompt: str = prompts.LIST_OBJECTS,
    batch_size: int = 16,
    progress: Callable[[int], object] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Floats:
    """(layer, head) follow scores, 0..1, over samples whose objects have names (slot "object").

    An object smaller than a token counts as its nearest cell. progress: called with the number of images. settings:
    keywords of the processor. Raises `UsageError` without samples, for one without names, and for one of a test split.
    """
    check(samples)
    heads = [Head(layer, head) for layer in range(model.n_layers) for head in range(model.n_heads)]
    total = np.zeros(len(heads))
    for start in range(0, len(samples), batch_size):
        part = [model.resized(sample) for sample in samples[start : start + batch_size]]
        scenes = [model.encode(sample.image, prompt, **(settings or {})) for sample in part]
        traces = answer_traces(model, scenes, [listed(s) for s in part], Record(heads, "heads"), batch_size)
        for sample, scene, trace in zip(part, scenes, traces, strict=True):
            masses = [
                looks_at(trace, tokens) @ Region.box(scene.grid, box, min_tokens=1).weights
                for box, tokens in zip(sample.boxes, spoken(trace.token_texts, nouns(sample)), strict=True)
            ]
            total += np.mean(masses, axis=0)
        if progress is not None:
            progress(len(part))
    return (total / len(samples)).reshape(model.n_layers, model.n_heads)


def measure(model: GazeModel, samples: Sequence[Sample], passes: Passes) -> tuple[Floats, str]:
    """The scores; there is one way to measure them."""
    scores = follow(
        model,
        samples,
        batch_size=passes.batch_size or 16,
        progress=lambda done: passes.progress(done, len(samples)),
        settings=passes.settings,
    )
    return scores, ""


def listed(sample: Sample) -> str:
    """All objects of a sample as an answer: "a kite, a red cat."."""
    return ", ".join(a(noun) for noun in nouns(sample)) + "."


def check(samples: Sequence[Sample]) -> None:
    """Raise `UsageError` unless heads may be found on these samples, whose objects have names."""
    if not samples:
        raise UsageError(
            "Heads that follow speech were asked for without samples. Give at least one dev sample."
        )
    for sample in samples:
        nouns(sample)
        if sample.source.get("split") == "test":
            raise UsageError(
                f"Sample {sample.id!r} is of a test split, which reports and never chooses. Give dev samples."
            )

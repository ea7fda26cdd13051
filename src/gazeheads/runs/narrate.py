"""Tracking during narration (PAPER sec. 5.2, C.2): the model tells the panels, and every head is recorded meanwhile.

1. Ask for all panels: in order, in reverse (the paper's wordings), or in an order that the prompt states.
2. Generate once, freely, with all heads recorded, raw and weighed by values.
3. A judge says, sentence by sentence, which panel is described; it does not know where heads looked.
4. Sum over each panel, and average over the heads of a set: all sets come from the one generation.

The numbers are made in `gazeheads.runs.tracking`.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from gazeheads import prompts
from gazeheads.errors import UsageError
from gazeheads.gaze.record import Record
from gazeheads.gaze.trace import Patterns
from gazeheads.heads.heads import Heads
from gazeheads.judging.base import Judge
from gazeheads.model.model import GazeModel
from gazeheads.runs.tracking import Narrated, Sentence
from gazeheads.sample import Sample
from gazeheads.text import labels, owners, sentence_spans, span

LONGEST = 50  # tokens a panel, the paper's pace
Request = tuple[str, tuple[int, ...]]  # a prompt, and the panels in the order that it asks for, from 0


def forward(sample: Sample) -> Request:
    """From the first panel to the last."""
    return prompts.NARRATE, tuple(range(len(sample.boxes)))


def reverse(sample: Sample) -> Request:
    """From the last panel to the first."""
    return prompts.NARRATE_REVERSE, tuple(reversed(range(len(sample.boxes))))


def stated(sample: Sample) -> Request:
    """In an order that neither rises nor falls, drawn by the sample's name alone.

    Raises `UsageError` for fewer than three panels, of which there is none.
    """
    n = len(sample.boxes)
    if n < 3:
        raise UsageError(
            f"Sample {sample.id!r} has {n} panels, which have no order but forward and reverse. Leave `stated` out."
        )
    rng, steps = random.Random(f"order/{sample.id}"), set[int]()
    order: list[int] = []
    while len(steps) < 2:
        order = rng.sample(range(n), n)
        steps = {int(np.sign(b - a)) for a, b in pairwise(order)}
    return f"Describe the panels in this order: {', '.join(str(panel + 1) for panel in order)}.", tuple(order)


ORDERS: dict[str, Callable[[Sample], Request]] = {"forward": forward, "reverse": reverse, "stated": stated}


def narrate(
    model: GazeModel,
    samples: Sequence[Sample],
    sets: Mapping[str, Heads],
    judge: Judge,
    orders: Sequence[str] = tuple(ORDERS),
) -> Iterator[Narrated]:
    """One narration after the other, each order of each sample.

    sets: heads by name. Raises `UsageError` for an order that there is not, for samples of fewer than two panels, and
    for no heads.
    """
    unknown = [order for order in orders if order not in ORDERS]
    if unknown or not orders or not sets:
        raise UsageError(
            f"Orders {', '.join(map(repr, orders)) or '(none)'} were asked for, with {len(sets)} sets of heads. Give "
            f"one or more of {', '.join(ORDERS)}, and a set."
        )
    every = tuple(dict.fromkeys(head for heads in sets.values() for head in heads))
    places = {name: [every.index(head) for head in heads] for name, heads in sets.items()}
    for sample in map(model.resized, samples):
        if len(sample.boxes) < 2:
            raise UsageError(f"Sample {sample.id!r} has no panels to go through. Give strips or grids.")
        for order in orders:
            prompt, asked = ORDERS[order](sample)
            scene = model.encode(sample.image, prompt, panels=sample.boxes)
            budget = LONGEST * len(sample.boxes)
            told = model.generate(
                scene, record=Record(every, "heads", value_norms=True), max_new_tokens=budget
            )
            assert told.trace is not None  # it was asked for
            weights = np.array([panel.weights for panel in scene.panels]).T
            masses = {
                "raw": told.trace.attention @ weights,
                "value-norm": told.trace.value_weighted.attention @ weights,
            }  # (head, token, panel)
            yield Narrated(
                sample.id,
                order,
                asked,
                told.text,
                told.token_texts,
                _sentences(sample, told.token_texts, judge),
                {
                    by: {name: _mean(found, place) for name, place in places.items()}
                    for by, found in masses.items()
                },
            )


def _mean(masses: Patterns, heads: list[int]) -> Patterns:
    found: Patterns = masses[heads].mean(0).astype(np.float32)
    return found


def _sentences(sample: Sample, token_texts: Sequence[str], judge: Judge) -> tuple[Sentence, ...]:
    """The sentences, where their words begin behind a label, and the panels that they are about."""
    parts = sentence_spans(token_texts)
    texts = ["".join(token_texts[start:stop]) for start, stop in parts]
    verdicts = judge.judge_parts(sample, texts)
    places, text = owners(token_texts), "".join(token_texts)
    named = [span(places, text[a:b], a, b) for a, b in labels(text)]
    found = []
    for (start, stop), verdict in zip(parts, verdicts, strict=True):
        told = max((label.stop for label in named if start <= label.start < stop), default=start)
        found.append(Sentence(start, min(told, stop), stop, verdict.kind, verdict.region))
    return tuple(found)

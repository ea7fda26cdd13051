"""How long a model speaks of one panel, when nobody steers it."""

from collections.abc import Sequence
from statistics import median

from gazeheads.errors import BadInput
from gazeheads.model import GazeModel
from gazeheads.records import Sample
from gazeheads.words import sentence_spans

LONGEST = 50  # tokens a panel, the paper's pace


def pace(model: GazeModel, samples: Sequence[Sample], prompt: str) -> int:
    """The median number of tokens of a sentence of the unsteered answers; with `prompts.TOUR` a panel gets one each.

    Raises `BadInput` where the answers hold no sentence.
    """
    lengths: list[int] = []
    for sample in map(model.fit, samples):
        scene = model.encode(sample.picture, prompt, panels=sample.boxes)
        told = model.generate(scene, max_new_tokens=LONGEST * len(sample.boxes))
        lengths += [stop - start for start, stop in sentence_spans(told.pieces)]
    if not lengths:
        raise BadInput(
            f"The pace of {model.name} was to be measured on {len(samples)} samples; its answers hold no sentence. "
            "Give --every N tokens."
        )
    return max(1, round(median(lengths)))

"""All experiments by name. A new one is a file of its own, and a line here."""

from gazeheads.errors import UsageError
from gazeheads.experiments.boxes import BOXES, MASKS
from gazeheads.experiments.redirect import FREE_NARRATION, LAYOUTS, THIS_PANEL, VQA
from gazeheads.experiments.sweeps import COLLAPSE, K_SWEEP, PUSH_SWEEP, SCOPE, WORDINGS
from gazeheads.experiments.tour import TOUR, TOUR_BY_SENTENCE
from gazeheads.experiments.trial import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    each.name: each
    for each in (
        VQA,
        THIS_PANEL,
        K_SWEEP,
        COLLAPSE,
        PUSH_SWEEP,
        SCOPE,
        WORDINGS,
        LAYOUTS,
        TOUR,
        TOUR_BY_SENTENCE,
        FREE_NARRATION,
        BOXES,
        MASKS,
    )
}


def experiment(name: str) -> Experiment:
    """The experiment of this name. Raises `UsageError` where there is none."""
    if name not in EXPERIMENTS:
        raise UsageError(f"Experiment {name!r}: there is none. Use one of {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[name]

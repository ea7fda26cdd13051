"""All experiments by name, in the order of a report: ours, and those that other packages register.

A new one is a file of its own, and a line here; or an entry point of the group `gazeheads.experiments`.
"""

from gazeheads.experiments.boxes import BOXES, MASKS
from gazeheads.experiments.redirect import FREE_NARRATION, LAYOUTS, THIS_PANEL, VQA
from gazeheads.experiments.sweeps import COLLAPSE, K_SWEEP, PUSH_SWEEP, SCOPE, WORDINGS
from gazeheads.experiments.tour import TOUR, TOUR_BY_SENTENCE
from gazeheads.experiments.trial import Experiment, ExperimentFacts
from gazeheads.plugins import Registry

EXPERIMENTS: Registry[Experiment] = Registry(
    "gazeheads.experiments",
    "Experiment",
    Experiment,
    (
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
    ),
)
REDIRECTIONS = {
    each.name: each for each in (VQA, THIS_PANEL)
}  # one plain question: what numbers of heads are tuned on


def experiment(name: str) -> Experiment:
    """The experiment of this name. Raises `UsageError` where there is none."""
    return EXPERIMENTS.named(name)


def facts_of(name: str) -> ExperimentFacts:
    """What people read of an experiment; of one that is not installed here, its name as the title."""
    return EXPERIMENTS[name].facts if name in EXPERIMENTS else ExperimentFacts(name)

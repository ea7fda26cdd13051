"""Which query rows are steered: all; those that produce the answer; those that produce it from its second token on."""

from gazeheads.experiments.redirect import VQA
from gazeheads.experiments.sweep import Sweep
from gazeheads.gaze import DURING

SCOPE = Sweep("scope", VQA, {during: {"during": during} for during in DURING})

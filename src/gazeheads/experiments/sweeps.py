"""A redirection repeated with one thing about it varied: each variant is a cell of the sweep.

k-sweep     how many heads (PAPER sec. 6.3): growing shares of the model's heads. Ask for several head selections
                at once (`--conditions gaze,image-heads,localization-heads,controls:3`): each is swept
    collapse    too many heads (PAPER sec. 6.5: every model rises with K, peaks, and collapses): shares up to all
                heads. For rankings alone: there are no random-head controls of more heads than are left
    scope       which query rows are steered: all; those that produce the answer; those from its second token on
    wordings    the same question asked in five ways (PAPER table 7)
    push-sweep  how hard (PAPER table 4 and the modes of its code): one head set, one question, every push. A bias of d
                adds d nats to the target's image tokens and takes d off all others; `suppress_image` only takes d off
                the others, `suppress_all` off the prompt's text, too, `max_suppress_all` off generated text as well
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gazeheads import prompts
from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.redirect import VQA, Redirect
from gazeheads.experiments.trial import ExperimentFacts, Trial
from gazeheads.gaze.gaze import DURING
from gazeheads.gaze.push import Push
from gazeheads.sample import Sample
from gazeheads.statistics import K_SHARES


@dataclass(frozen=True)
class Sweep:
    """`base`, once for each cell. cells: variant to the fields of the trial that it sets (k, push, during, prompt)."""

    name: str
    base: Redirect
    cells: Mapping[str, Mapping[str, Any]] = field(hash=False)
    facts: ExperimentFacts = field(default=ExperimentFacts(""), compare=False)

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """The trials of every cell."""
        for variant, values in self.cells.items():
            of_trial = {name: value for name, value in values.items() if name != "prompt"}
            base = replace(self.base, name=self.name, prompt=values.get("prompt", self.base.prompt))
            yield from base.trials(sample, condition, variant=variant, **of_trial)


K_SWEEP = Sweep(
    "k-sweep",
    VQA,
    {f"K = {share:.0%}": {"k": share} for share in K_SHARES},
    ExperimentFacts("How many heads", "heads"),
)


SHARES = (0.16, 0.24, 0.32, 0.48, 0.64, 0.8, 1.0)

COLLAPSE = Sweep(
    "collapse",
    VQA,
    {f"K = {share:.0%}": {"k": share} for share in SHARES},
    ExperimentFacts("Too many heads", "heads"),
)


SCOPE = Sweep(
    "scope",
    VQA,
    {during: {"during": during} for during in DURING},
    ExperimentFacts("Which rows are steered", "rows"),
)


WORDINGS = Sweep(
    "wordings",
    VQA,
    {prompt: {"prompt": prompt} for prompt in prompts.VQA_WORDINGS},
    ExperimentFacts("Other wordings of the question", "question", paper="table 7"),
)


STRENGTHS = (1, 3, 10, 100, 1_000, 10_000)

SUPPRESSING = 10_000  # nats, the paper's

PUSHES = {f"bias {d:,}": Push.bias(d, -d) for d in STRENGTHS} | {
    "focus": Push.focus(),
    "uniform": Push.uniform(),
    "reweigh": Push.reweigh(),
    "suppress_image": Push.bias(0, -SUPPRESSING),
    "suppress_all": Push.bias(0, -SUPPRESSING, text=-SUPPRESSING),
    "max_suppress_all": Push.bias(0, -SUPPRESSING, text=-SUPPRESSING, generated=-SUPPRESSING),
}

PUSH_SWEEP = Sweep(
    "push-sweep",
    VQA,
    {name: {"push": str(push)} for name, push in PUSHES.items()},
    ExperimentFacts("How hard the push is", "push", paper="table 4"),
)

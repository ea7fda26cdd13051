"""The causal score of a head: how much likelier the target's caption becomes when that head alone looks at the target.

1. Ask an open question about an image, and take the log-probability of each region's caption as the answer, its tokens
   forced one after the other, without steering.
2. Push one head (or a group of them) to a region, and take that of the region's caption again.
3. The score is the change in nats, over regions, then over images, on average. It may be negative.

One pass for each head, region and image. With `group=g` heads are steered g at a time, in groups drawn at random over
the whole model, and each head gets an equal share of its group's change: so much cheaper, and so much coarser; more
`rounds`, each with groups of its own, tell the heads of a group apart. Only dev samples may choose heads.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gazeheads import prompts
from gazeheads.checks import whole
from gazeheads.discovery.passes import Passes
from gazeheads.errors import UsageError
from gazeheads.gaze.gaze import During, Gaze
from gazeheads.gaze.push import Push
from gazeheads.heads.head import Head
from gazeheads.model.likelihood import answer_logprobs
from gazeheads.model.model import GazeModel
from gazeheads.sample import Sample

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def causal(
    model: GazeModel,
    samples: Sequence[Sample],
    *,
    prompt: str = prompts.VQA,
    push: Push | str = "focus",
    during: During = "all",
    group: int = 1,
    rounds: int = 1,
    seed: int = 0,
    batch_size: int = 64,
    progress: Callable[[int], object] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Floats:
    """(layer, head) causal scores in nats, on `samples`, drawn at the size that suits the model.

    The first wording of each caption counts. seed: of the groups. progress: called with the number of answers scored.
    settings: keywords of the processor, as for `model.encode`. NaN in layers without attention.

    Raises `UsageError` without samples, for one without captions or of a test split, for a group that is larger than
    the model, and for several rounds of single heads, which are all alike.
    """
    check(samples)
    group, rounds = whole(group, "group=", UsageError, 1), whole(rounds, "rounds=", UsageError, 1)
    changes = np.zeros((len(samples), model.n_layers, model.n_heads))
    there, groups = np.zeros(changes.shape[1:], dtype=np.bool_), list[tuple[Head, ...]]()
    for number, sample in enumerate(map(model.resized, samples)):
        scene = model.encode(sample.image, prompt, panels=sample.boxes, **(settings or {}))
        if number == 0:
            there = ~np.asarray(np.isnan(model.last_row([scene])[0]).any(-1))
            groups = _groups(there, group, rounds, seed)
        regions = [scene.panel(k) for k in range(len(sample.boxes))]
        rows: list[tuple[int, Gaze | None]] = [(k, None) for k in range(len(regions))]
        rows += [(k, Gaze(heads, at, push, during)) for heads in groups for k, at in enumerate(regions)]
        likely: list[float] = []
        for start in range(0, len(rows), batch_size):
            part = rows[start : start + batch_size]
            texts = [sample.captions[k][0] for k, _ in part]
            found = answer_logprobs(model, [scene] * len(part), texts, [gaze for _, gaze in part], batch_size)
            likely += [float(each.sum()) for each in found]
            if progress is not None:
                progress(len(part))
        table = np.array(likely).reshape(-1, len(regions))  # unsteered, then group by group
        for heads, change in zip(groups, (table[1:] - table[0]).mean(1).tolist(), strict=True):
            for head in heads:
                changes[number][head] += change / len(heads) / rounds
    scores: Floats = np.where(there, changes.mean(0), np.nan)
    return scores


def measure(model: GazeModel, samples: Sequence[Sample], passes: Passes) -> tuple[Floats, str]:
    """The scores with the default push, and how they were measured: two rounds of groups, or heads one by one."""
    rounds = 1 if passes.groups == 1 else 2
    total = answers(model, samples, passes.groups, rounds)
    scores = causal(
        model,
        samples,
        group=passes.groups,
        rounds=rounds,
        seed=passes.seed,
        batch_size=passes.batch_size or 64,
        progress=lambda done: passes.progress(done, total),
        settings=passes.settings,
    )
    how = "heads one by one" if passes.groups == 1 else f"{rounds} rounds of groups of {passes.groups} heads"
    return scores, f"focus, {how}"


def answers(model: GazeModel, samples: Sequence[Sample], group: int = 1, rounds: int = 1) -> int:
    """How many answers `causal` scores, where all layers have attention."""
    groups = -(-model.n_layers * model.n_heads // group) * rounds
    return sum((groups + 1) * len(sample.boxes) for sample in samples)


def _groups(there: Bools, group: int, rounds: int, seed: int) -> list[tuple[Head, ...]]:
    """Every head once in each round."""
    heads = [Head(layer, head) for layer, head in np.argwhere(there).tolist()]
    if group > len(heads) or (group == 1 and rounds > 1):
        raise UsageError(
            f"Causal scores in groups of {group} and {rounds} rounds were asked for, of {len(heads)} heads. Give "
            "groups of at most so many, and one round for single heads."
        )
    if group == 1:
        return [(head,) for head in heads]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(rounds):
        order = [heads[i] for i in rng.permutation(len(heads))]
        found += [tuple(sorted(order[start : start + group])) for start in range(0, len(order), group)]
    return found


def check(samples: Sequence[Sample]) -> None:
    """Raise `UsageError` unless causal scores can be measured on these samples, and may."""
    if not samples:
        raise UsageError("Causal scores were asked for without samples. Give at least one dev sample.")
    for sample in samples:
        if not sample.captions:
            raise UsageError(
                f"Sample {sample.id!r} has no captions, whose likelihood is the causal score. Give one for each box."
            )
        if sample.source.get("split") == "test":
            raise UsageError(
                f"Sample {sample.id!r} is of a test split, which reports and never chooses. Measure causal scores on "
                "dev samples."
            )

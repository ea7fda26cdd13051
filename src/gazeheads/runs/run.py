"""The generation loop: every experiment's trials go through here, in batches whose rows each have their own gaze.

Strips are taken a few at a time, so that memory does not grow with their number. The trials of these few fall into
batches by what was asked alone, never by what is done already: a run that was cut off and goes on makes the same
batches, and so the same answers, as one that was not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from gazeheads.checks import one_of, whole
from gazeheads.data.sources import fingerprint
from gazeheads.errors import NothingSteered, UsageError
from gazeheads.experiments.conditions import Condition, HeadSets
from gazeheads.experiments.trial import Experiment, Generated, SegmentRecord, Trial
from gazeheads.gaze.gaze import DURING, During, Gaze
from gazeheads.gaze.push import Push
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.heads import Heads
from gazeheads.model.generation import Generation
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.regions.region import Region
from gazeheads.runs.manifest import describe_experiment, describe_heads, versions
from gazeheads.runs.stimuli import region, shown
from gazeheads.sample import Sample
from gazeheads.text import sentence_spans

AT_ONCE = 12  # strips whose images are held at a time


class Kept(Protocol):
    """Where answers are kept: `Ledger`, or a dict that forgets."""

    def __contains__(self, key: object) -> bool: ...

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Keep these lines, all or none."""
        ...


Progress = Callable[[int], object]


def manifest_of(
    model: GazeModel,
    experiment: Experiment,
    conditions: Sequence[Condition],
    *,
    data: str,
    seed: int,
    samples: Sequence[Sample],
    heads: Heads,
    k: int,
    push: str = "focus",
    during: str = "all",
    batch: int = 64,
    settings: Mapping[str, Any] | None = None,
    shard: tuple[int, int] = (1, 1),
) -> dict[str, Any]:
    """All that decides about a run's numbers. samples: those of `data`, of all shards; the rest as in `run`."""
    mine = samples[shard[0] - 1 :: shard[1]]
    return {
        "schema": 1,
        "experiment": describe_experiment(experiment),
        "conditions": [condition.name for condition in conditions],
        "data": {"source": data, "seed": seed, "samples": len(samples), "hash": fingerprint(samples)},
        "model": {"name": model.name, "revision": model.revision, "hash": model.fingerprint},
        "heads": describe_heads(heads, k),
        "push": push,
        "during": during,
        "batch": batch,
        "processor": dict(settings or {}),
        "seed": seed,
        "shard": list(shard),
        "versions": versions(),
        "trials": sum(1 for s in mine for c in conditions for _ in experiment.trials(s, c)),
    }


def run(
    model: GazeModel,
    samples: Sequence[Sample],
    experiment: Experiment,
    conditions: Sequence[Condition],
    heads: HeadSets,
    *,
    kept: Kept | None = None,
    push: str = "focus",
    during: During = "all",
    batch: int = 64,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[Generated]:
    """Generate for every sample and condition; what was made now, in the order of the trials.

    kept: trials that it holds are left out, and answers go there batch by batch. push, during: where the trial does
    not say. batch: rows at a time. settings: keywords of the processor. progress: called with the number of answers
    after each batch.
    Samples are drawn to fit the model. A trial that steers nothing keeps the reason in `failed`.
    """
    batch = whole(batch, "run(batch=)", UsageError, 1)
    ids = Counter(sample.id for sample in samples)
    twice = [name for name, times in ids.items() if times > 1]
    if twice:
        raise UsageError(
            f"A run was asked for on {len(samples)} samples, of which {len(twice)} names stand for several, such as "
            f"{twice[0]!r}: their answers could not be told apart. Name each sample differently."
        )
    by_name = {condition.name: condition for condition in conditions}
    found: dict[str, Generated] = {}
    order: list[str] = []
    for start in range(0, len(samples), AT_ONCE):
        part = {sample.id: model.resized(sample) for sample in samples[start : start + AT_ONCE]}
        trials = [t for s in part.values() for c in conditions for t in experiment.trials(s, c)]
        order += [trial.key for trial in trials]
        scenes: MutableMapping[tuple[Any, ...], Scene] = {}
        for rows in batches(trials, {t.key: heads(by_name[t.condition], t.k) for t in trials}, batch):
            if kept is not None and all(trial.key in kept for trial, _ in rows):
                progress and progress(len(rows))
                continue
            encoded = [_scene(model, part[trial.sample], trial, scenes, settings or {}) for trial, _ in rows]
            gazes = [
                _gaze(t, h, scene, part[t.sample], push, during)
                for (t, h), scene in zip(rows, encoded, strict=True)
            ]
            generated = [
                _generated(trial, gaze, answer)
                for (trial, _), gaze, answer in zip(
                    rows, gazes, answers(model, encoded, gazes, rows[0][0]), strict=True
                )
            ]
            new = [each for each in generated if kept is None or each.key not in kept]
            if kept is not None:
                kept.append(each.to_json() for each in new)
            found |= {each.key: each for each in new}
            progress and progress(len(rows))
    return [found[key] for key in order if key in found]


Row = tuple[Trial, Any]  # a trial, and the heads that it steers


def batches(trials: Sequence[Trial], heads: Mapping[str, Any], size: int) -> Iterator[list[Row]]:
    """Rows that go through the model together: of one budget and the same settings; many heads with many heads.

    Rows of a batch wait for the longest: those that steer many heads, and babble, go together.
    """

    def alike(trial: Trial) -> tuple[Any, ...]:
        steered = heads[trial.key]
        return trial.max_new_tokens, sorted(trial.settings.items()), 0 if steered is None else len(steered)

    ordered = sorted(trials, key=alike)
    for _, group in groupby(ordered, key=lambda trial: alike(trial)[:2]):
        rows = [(trial, heads[trial.key]) for trial in group]
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def answers(
    model: GazeModel, scenes: Sequence[Scene], gazes: Sequence[Gaze | None], how: Trial
) -> list[Generation | NothingSteered]:
    """The answers of a batch; a row whose gaze steered nothing has its error, and takes no other row's answer away."""
    settings = {"max_new_tokens": how.max_new_tokens, **how.settings}
    try:
        return [*model.generate(scenes, gaze=gazes, **settings)]
    except NothingSteered as error:
        if len(scenes) == 1:
            return [error]
        return [
            each
            for scene, gaze in zip(scenes, gazes, strict=True)
            for each in answers(model, [scene], [gaze], how)
        ]


def _scene(
    model: GazeModel,
    sample: Sample,
    trial: Trial,
    scenes: MutableMapping[tuple[Any, ...], Scene],
    settings: Mapping[str, Any],
) -> Scene:
    """What a trial shows, encoded once for all trials that show and ask the same."""
    slot = (trial.sample, trial.prompt, trial.show, None if trial.show == "whole" else trial.target)
    if slot not in scenes:
        picture, boxes = shown(sample, trial.show, trial.target)
        scenes[slot] = model.encode(picture, trial.prompt, panels=boxes, **settings)
    return scenes[slot]


def _gaze(trial: Trial, heads: Any, scene: Scene, sample: Sample, push: str, during: During) -> Gaze | None:
    """Where the heads of a trial look, how hard and when."""
    if heads is None or not trial.is_steered:
        return None
    how = Push.parse(trial.push or push)
    when: Any = one_of(trial.during or during, DURING, "during=")
    if trial.pointed is not None:
        return Gaze(heads, region(trial, sample, scene), how, when)
    stops = [scene.panel(region) for region in trial.tour]
    plan = Schedule.on_sentence([*stops, None]) if trial.every is None else Schedule.every(trial.every, stops)
    return Gaze(heads, plan, how, when)


def _generated(trial: Trial, gaze: Gaze | None, answer: Generation | NothingSteered) -> Generated:
    """What goes into the ledger."""
    heads = 0 if gaze is None else len(gaze.heads)
    if isinstance(answer, NothingSteered):
        return Generated(trial, "", 0, "failed", heads=heads, failed=str(answer))
    before, after = (answer.effect.before, answer.effect.after) if answer.effect else (None, None)
    return Generated(
        trial,
        answer.text,
        len(answer.token_ids),
        answer.finish,
        before,
        after,
        heads,
        segments(trial, answer.token_texts) if trial.tour else (),
        () if trial.parts == "whole" else answer.token_texts,
        grown=gaze is not None and isinstance(gaze.at, Region) and gaze.at.grown,
    )


def segments(trial: Trial, token_texts: Sequence[str]) -> tuple[SegmentRecord, ...]:
    """The parts of a tour by its own schedule, steered or not: so many tokens each, or a sentence each."""
    if trial.every is None:
        spans = list(sentence_spans(token_texts))
    else:
        spans = [(n, min(n + trial.every, len(token_texts))) for n in range(0, len(token_texts), trial.every)]
    return tuple(
        SegmentRecord("".join(token_texts[start:stop]), start, stop, region)
        for (start, stop), region in zip(spans, trial.tour, strict=False)
    )

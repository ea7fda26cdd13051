"""What a judge is worth: its verdicts on captions of which it is known which region they describe.

Accuracy, place by place; how often each place is chosen, against how often it is true; how often the judge says none
or junk, or fails; and the accuracy against shuffled labels, which is chance if the judge has no other way to be
right.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gazeheads.errors import JudgeError
from gazeheads.files import read_json, write_whole
from gazeheads.judging.base import Judge, Verdict
from gazeheads.judging.captions import must_have_captions
from gazeheads.plain import plain
from gazeheads.sample import Sample
from gazeheads.statistics import Estimate, estimate

SCHEMA = 1
PERMUTATIONS = 1000
MOST = 10_000_000  # bytes of a file
BATCH = 32  # captions judged at a time


@dataclass(frozen=True)
class PlaceAccuracy:
    """One place in reading order, from 0. true: captions about it that were scored. accuracy: of these (NaN: none).

    chosen: its share of all regions that were chosen; expected: its share of the captions that got a region.
    """

    true: int
    accuracy: float
    chosen: float
    expected: float


@dataclass(frozen=True)
class Calibration:
    """How a judge did on true captions. accuracy: of the scored, with an interval over samples.

    none, degenerate: shares of the scored. unscored: share of all. shuffled: mean accuracy when the labels of each
    sample are shuffled, and its 2.5% and 97.5% quantiles over permutations; chance: what blind choice between the
    regions of a sample would give. bias: what a likelihood judge should subtract, place by place.
    """

    judge: str
    data: str
    seed: int
    captions: int
    accuracy: Estimate
    places: tuple[PlaceAccuracy, ...]
    none: float
    degenerate: float
    unscored: float
    shuffled: tuple[float, float, float]
    chance: float
    bias: tuple[float, ...] = ()

    def bias_of(self, judge: str) -> tuple[float, ...]:
        """The bias, if this is a calibration of `judge`. Raises `JudgeError` if not, or if it has none."""
        if judge != self.judge or not self.bias:
            raise JudgeError(
                f"A calibration of {judge} was asked for; this is one of {self.judge}, with {len(self.bias)} places. "
                f"Make it: gazeheads judge --calibrate --judge {judge} --data SRC --out calibration.json."
            )
        return self.bias

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {"schema": SCHEMA, **plain(vars(self))}

    def save(self, path: str | Path) -> Path:
        """Write it as JSON. Raises `Unwritable`."""
        return write_whole(path, json.dumps(self.to_json(), indent=1, allow_nan=False))

    @classmethod
    def load(cls, path: str | Path) -> "Calibration":
        """The calibration that `save` wrote. Raises `JudgeError` for anything else."""
        try:
            data = read_json(path, MOST)
            if data.pop("schema") != SCHEMA:
                raise ValueError("another schema")
            accuracy = {k: math.nan if v is None else v for k, v in data.pop("accuracy").items()}
            places = [{k: math.nan if v is None else v for k, v in p.items()} for p in data.pop("places")]
            data |= {"shuffled": tuple(data["shuffled"]), "bias": tuple(data["bias"])}
            return cls(
                **data,
                accuracy=Estimate(**accuracy),  # type: ignore[arg-type]
                places=tuple(PlaceAccuracy(**p) for p in places),  # type: ignore[arg-type]
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise JudgeError(
                f"Asked to read the calibration {path}; it is none: {error}. Make one with gazeheads judge --calibrate."
            ) from error


def calibrate(
    judge: Judge,
    samples: Sequence[Sample],
    *,
    name: str = "",
    data: str = "",
    seed: int = 0,
    permutations: int = PERMUTATIONS,
    progress: Callable[[int], object] | None = None,
) -> Calibration:
    """Have `judge` judge every caption of every region.

    name, data, seed: of the judge and the samples, for the record; the seed also shuffles. progress: called with the
    number of captions after each batch. Raises `JudgeError` for samples without a caption for each region.
    """
    asked = [
        (sample, region, caption)
        for sample in samples
        for region, wordings in enumerate(_captions(sample))
        for caption in wordings
    ]
    if not asked:
        raise JudgeError(
            "A judge was to be calibrated on no samples. Give data with a caption for each region."
        )
    verdicts: list[Verdict] = []
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        verdicts += [each[0] for each in judge.judge_many([(sample, [text]) for sample, _, text in part])]
        progress and progress(len(part))
    rng = np.random.default_rng(seed)
    known = [(sample, region, v) for (sample, region, _), v in zip(asked, verdicts, strict=True)]
    scored = [(sample.id, region, v) for sample, region, v in known if v.kind != "unscored"]
    kinds = [v.kind for v in verdicts]
    outcomes = {(sample.id, n): v.hit(region) for n, (sample, region, v) in enumerate(known)}
    same = len({len(sample.boxes) for sample in samples}) == 1
    return Calibration(
        judge=name or type(judge).__name__,
        data=data,
        seed=seed,
        captions=len(asked),
        accuracy=estimate(outcomes, rng),
        places=_places(scored),
        none=_share(kinds.count("none"), len(scored)),
        degenerate=_share(kinds.count("degenerate"), len(scored)),
        unscored=kinds.count("unscored") / len(asked),
        shuffled=_shuffled(scored, permutations, rng),
        chance=float(np.mean([1 / len(sample.boxes) for sample, _, _ in asked])),
        bias=judge.bias_on(samples) if same else (),
    )


Scored = tuple[str, int, Verdict]  # sample, the region that the caption is about, the verdict


def _captions(sample: Sample) -> tuple[tuple[str, ...], ...]:
    must_have_captions(sample)
    return sample.captions


def _share(count: int, of: int) -> float:
    return count / of if of else 0.0


def _places(scored: Sequence[Scored]) -> tuple[PlaceAccuracy, ...]:
    chose = [(region, v.region) for _, region, v in scored if v.kind == "matched"]
    found = []
    for place in range(1 + max((region for _, region, _ in scored), default=-1)):
        mine = [v.hit(place) or 0.0 for _, region, v in scored if region == place]
        chosen = sum(region == place for _, region in chose)
        expected = sum(region == place for region, _ in chose)
        accuracy = sum(mine) / len(mine) if mine else math.nan
        found.append(
            PlaceAccuracy(len(mine), accuracy, _share(chosen, len(chose)), _share(expected, len(chose)))
        )
    return tuple(found)


def _shuffled(
    scored: Sequence[Scored], permutations: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Accuracy against labels shuffled within each sample: mean, 2.5% and 97.5% quantile."""
    if not scored:
        return 0.0, 0.0, 0.0
    ids = np.unique([sample for sample, _, _ in scored], return_inverse=True)[1]
    labels = np.array([region for _, region, _ in scored])
    chosen = np.array([-1 if v.region is None else v.region for _, _, v in scored])
    order = np.argsort(ids, kind="stable")
    found = []
    for _ in range(permutations):
        drawn = np.lexsort((rng.random(len(ids)), ids))  # within each sample, in random order
        found.append(float((chosen[order] == labels[drawn]).mean()))
    low, high = np.quantile(found, [0.025, 0.975]).tolist()
    return float(np.mean(found)), low, high

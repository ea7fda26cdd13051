"""A local vision-language model as the judge: it finds the region that, shown alone, makes the answer likeliest.

1. Strip "Panel k:". Collapsed text is degenerate before anything is scored.
2. For each region, cut it out of the image, ask `prompt` about it, and force the answer on the model: the mean
   log-probability of its tokens, less the same when a grey image of that size is shown. This is what seeing the
   region adds to what the words are worth by themselves, in nats per token.
3. Subtract the `bias` of each place, if a calibration is given: how much more the regions that stand there gain from
   captions that are not about them than regions do on the average.
4. The best region gains at least `threshold` and is at least `margin` ahead of the next: matched. Or else: none.

A grey image, not none: the families' prompts have a place for one, and the number and the place of all tokens stay
as they are, so the two differ in what is seen alone.

Measured with the bundled model on doodle dev strips (docs/judging.md): 91% of true captions come out right, all
captions of other strips come out as none. Its limit: of answers that join the captions of two regions, 97% come out as
one of the two.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gazeheads import prompts
from gazeheads.errors import JudgeError
from gazeheads.judging.base import Asked, Judge, Verdict
from gazeheads.judging.calibration import Calibration
from gazeheads.judging.captions import must_have_captions
from gazeheads.model.likelihood import answer_logprobs
from gazeheads.model.loading import load
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.sample import Sample
from gazeheads.text import degenerate, strip_labels

BUNDLED = "bundled"  # as a model's name: the one that ships with the package
GREY = (128, 128, 128)
THRESHOLD = 0.0  # nats per token: seeing the region helps at all
MARGIN = 0.1  # nats per token; it is of little weight: on ten strips 94% of true captions are right at 0.1, 91% at 0.3

Gains = npt.NDArray[np.float64]


class LikelihoodJudge(Judge):
    """Judges by the likelihood of the answer. `margin` of a verdict: nats per token that the best is ahead of the next.

    prompt: what is asked about a region that is shown alone. bias: (place,) nats per token to subtract, by the
    region's place in reading order, from a calibration; strips of another number of regions are then refused. batch:
    rows that go through the model together.
    """

    def __init__(
        self,
        model: GazeModel,
        prompt: str = prompts.VQA,
        bias: Sequence[float] = (),
        threshold: float = THRESHOLD,
        margin: float = MARGIN,
        batch: int = 64,
    ) -> None:
        self.model, self.prompt, self.bias = model, prompt, np.array(bias, dtype=np.float64)
        self.threshold, self.margin, self.batch = threshold, margin, batch

    def settings(self) -> dict[str, Any]:
        """Thresholds, prompt, weights and bias."""
        return {
            "threshold": self.threshold,
            "margin": self.margin,
            "prompt": self.prompt,
            "weights": self.model.fingerprint,
            "bias": self.bias.tolist(),
        }

    def judge(self, sample: Sample, answer: str) -> Verdict:
        """The verdict on one answer."""
        return self.judge_many([(sample, [answer])])[0][0]

    def judge_parts(self, sample: Sample, parts: Sequence[str]) -> list[Verdict]:
        """The verdicts on the parts, each by itself."""
        return self.judge_many([(sample, parts)])[0]

    def judge_many(self, asked: Sequence[Asked]) -> list[list[Verdict]]:
        """The verdicts on the parts of many answers, in batches. Raises `JudgeError` for a sample without a choice."""
        texts = [(sample, strip_labels(part)) for sample, parts in asked for part in parts]
        for sample, _ in texts:
            self._check(sample)
        gains = iter(self.gains([(sample, text) for sample, text in texts if not degenerate(text)]))
        found = [
            Verdict("degenerate", reason=junk) if (junk := degenerate(text)) else self.verdict(next(gains))
            for _, text in texts
        ]
        verdicts = iter(found)
        return [[next(verdicts) for _ in parts] for _, parts in asked]

    def verdict(self, gains: Gains) -> Verdict:
        """What gains (region,) say, the bias of each place not yet subtracted."""
        gains = gains - self.bias if len(self.bias) else gains
        best = int(gains.argmax())
        ahead = float(gains[best] - np.delete(gains, best).max())
        said = f"{gains[best]:.2f} nats per token more than for a grey image"
        if gains[best] < self.threshold:
            return Verdict("none", reason=f"the best region makes it likelier by {said}", margin=ahead)
        if ahead < self.margin:
            return Verdict(
                "none", reason=f"two regions alike, {ahead:.2f} nats per token apart", margin=ahead
            )
        return Verdict("matched", best, reason=said, margin=ahead)

    def gains(self, asked: Sequence[tuple[Sample, str]]) -> list[Gains]:
        """(region,) for each text: nats per token by which each region makes it likelier than grey does."""
        crops = {sample.id: self._crops(sample) for sample, _ in asked}
        grey: dict[tuple[int, int], Scene] = {}
        for scene in (scene for scenes in crops.values() for scene in scenes):
            size = scene.grid.sizes[0]
            if size not in grey:
                grey[size] = self.model.encode(Image.new("RGB", size, GREY), self.prompt)
        rows: dict[tuple[int, str], tuple[Scene, str]] = {}  # each pair of image and text once
        for sample, text in asked:
            for scene in crops[sample.id]:
                for each in (scene, grey[scene.grid.sizes[0]]):
                    rows[id(each), text] = each, text
        scenes, texts = [scene for scene, _ in rows.values()], [text for _, text in rows.values()]
        scored = answer_logprobs(self.model, scenes, texts, batch_size=self.batch)
        mean = {row: float(each.mean()) for row, each in zip(rows, scored, strict=True)}
        return [
            np.array(
                [
                    mean[id(scene), text] - mean[id(grey[scene.grid.sizes[0]]), text]
                    for scene in crops[sample.id]
                ]
            )
            for sample, text in asked
        ]

    def bias_on(self, samples: Sequence[Sample]) -> tuple[float, ...]:
        """(place,) the bias to subtract, in nats per token, from the first caption of each region of these samples.

        Of the captions that are not about it, how much more the region at a place gains than regions do on the
        average.
        """
        for sample in samples:
            must_have_captions(sample)
        asked = [(sample, each[0]) for sample in samples for each in sample.captions]
        gains = np.array(self.gains(asked))
        own = np.concatenate([np.eye(len(sample.boxes), dtype=bool) for sample in samples])
        by_place = np.where(own, np.nan, gains)
        return tuple((np.nanmean(by_place, 0) - np.nanmean(by_place)).tolist())

    def _crops(self, sample: Sample) -> list[Scene]:
        """A scene for each region, which shows its box alone."""
        sample = self.model.resized(sample)
        edges = [[round(edge) for edge in box.corners] for box in sample.boxes]
        cuts = [sample.image.crop((x0, y0, x1, y1)) for x0, y0, x1, y1 in edges]
        return [self.model.encode(cut, self.prompt) for cut in cuts]

    def _check(self, sample: Sample) -> None:
        n = len(sample.boxes)
        if n < 2 or len(self.bias) not in (0, n):
            wanted = f"{len(self.bias)}, as its calibration has" if len(self.bias) else "at least two"
            raise JudgeError(
                f"Sample {sample.id!r} has {n} regions; the likelihood judge needs {wanted}. Use other data, or "
                "calibrate on data like these."
            )


def from_spec(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> LikelihoodJudge:
    """The judge `likelihood:MODEL`. options: keywords of `LikelihoodJudge`, and `calibration`, a file with its bias."""
    calibration = options.pop("calibration", None)
    if calibration is not None:
        options["bias"] = Calibration.load(calibration).bias_of(f"likelihood:{rest}")
    return LikelihoodJudge(load(None if rest == BUNDLED else rest), **options)

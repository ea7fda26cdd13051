"""A vision-language model as the judge: what it adds up, on a tiny one; that it judges well, on the bundled one."""

import numpy as np
import pytest
import tiny
from PIL import Image

from gazeheads.drawing.strips import doodles
from gazeheads.errors import JudgeError
from gazeheads.judging.kinds import judge_of
from gazeheads.judging.likelihood import GREY, LikelihoodJudge
from gazeheads.judging.rules import RulesJudge
from gazeheads.model.likelihood import answer_logprobs
from gazeheads.model.model import GazeModel
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Regions of two sizes."""
    boxes = (Box(0, 0, 64, 64), Box(64, 0, 192, 64), Box(192, 0, 256, 64))
    return Sample(
        "made", "strip", tiny.noise(256, 64), boxes, ("a", "b", "c"), (("a cat",), ("a dog",), ("a bird",))
    )


def test_a_gain_is_what_a_region_adds_per_token_to_a_grey_picture_of_its_size(
    model: GazeModel, sample: Sample
) -> None:
    judge = LikelihoodJudge(model, prompt="What is it?", batch=5)
    texts = ["a cat sits", "a dog", "a cat sits"]
    found = judge.gains([(sample, text) for text in texts])
    for text, gains in zip(texts, found, strict=True):
        for gain, box in zip(gains, sample.boxes, strict=True):
            crop = sample.image.crop(tuple(map(int, box.corners)))  # type: ignore[arg-type]
            scenes = [model.encode(each, "What is it?") for each in (crop, Image.new("RGB", crop.size, GREY))]
            seen, grey = answer_logprobs(model, scenes, [text] * 2)
            assert gain == pytest.approx(seen.mean() - grey.mean(), abs=1e-4)
    assert np.ptp(found[0]) > 1e-3


def test_the_best_gain_wins_if_it_is_enough_and_ahead(model: GazeModel) -> None:
    judge = LikelihoodJudge(model, threshold=0.5, margin=0.2)
    won = judge.verdict(np.array([0.1, 0.9, 0.6]))
    assert (won.kind, won.region, won.margin) == ("matched", 1, pytest.approx(0.3))
    assert judge.verdict(np.array([0.1, 0.9, 0.75])).reason == "two regions alike, 0.15 nats per token apart"
    low = judge.verdict(np.array([0.1, 0.4, -1]))
    assert (low.kind, low.margin) == ("none", pytest.approx(0.3))
    biased = LikelihoodJudge(model, bias=(0.0, 0.6, -0.2), threshold=0.5, margin=0.2)
    assert biased.verdict(np.array([0.1, 0.9, 0.6])).region == 2
    assert biased.verdict(np.array([0.1, 0.9, 0.6])).margin == pytest.approx(0.5)


def test_the_bias_of_a_place_is_what_it_gains_from_others_captions(
    model: GazeModel, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = LikelihoodJudge(model)
    told = [np.array([9.0, 1, 4]), np.array([2.0, 9, 4]), np.array([2.0, 3, 9])]
    monkeypatch.setattr(judge, "gains", lambda asked: told if len(asked) == 3 else None)
    assert judge.bias_on([sample]) == pytest.approx((2 - 16 / 6, 2 - 16 / 6, 4 - 16 / 6))


def test_junk_is_not_scored_and_parts_and_batches_are_as_if_alone(model: GazeModel, sample: Sample) -> None:
    judge = LikelihoodJudge(model, threshold=-99, margin=0)
    parts = ["a cat", "", "a dog runs", "la la la la la", "Panel 2: a cat"]
    found = judge.judge_parts(sample, parts)
    assert [v.kind for v in found] == ["matched", "degenerate", "matched", "degenerate", "matched"]
    assert found[4] == found[0]
    for part, verdict in zip(parts, found, strict=True):
        alone = judge.judge(sample, part)
        assert (alone.kind, alone.region, alone.reason) == (verdict.kind, verdict.region, verdict.reason)
    other = Sample("other", "strip", tiny.noise(192, 64, seed=5), sample.boxes[:2], ("a", "b"))
    many = judge.judge_many([(sample, parts[:1]), (other, ["a cat", "a dog"])])
    assert many[0][0].region == found[0].region
    assert len(many[1]) == 2
    assert judge.judge_many([(sample, []), (other, [""])]) == [[], [judge.judge(other, "")]]


def test_samples_without_a_choice_are_refused(model: GazeModel, sample: Sample) -> None:
    one = Sample("one", "strip", sample.image, sample.boxes[:1], ("a",))
    with pytest.raises(JudgeError, match="'one' has 1 regions; the likelihood judge needs at least two"):
        LikelihoodJudge(model).judge(one, "a cat")
    with pytest.raises(
        JudgeError, match="has 3 regions; the likelihood judge needs 2, as its calibration has"
    ):
        LikelihoodJudge(model, bias=(0.0, 0.1)).judge(sample, "a cat")


def test_the_bundled_model_tells_the_panels_of_a_doodle_by_their_captions() -> None:
    judge = judge_of("likelihood:bundled")
    assert isinstance(judge, LikelihoodJudge)
    strip, *others = doodles(8, 11, "dev")
    asked = [(strip, [each[0]]) for each in strip.captions]
    assert [each[0].region for each in judge.judge_many(asked)] == [0, 1, 2, 3, 4, 5]
    captions = [each[0] for other in others for each in other.captions]
    absent = [text for text in captions if RulesJudge().judge(strip, text).slots_right == 0][:4]
    assert [each.kind for each in judge.judge_parts(strip, absent)] == ["none"] * 4

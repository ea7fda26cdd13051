"""What a judge is worth, and how far two agree: on judges of which it is known."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import doodles
from gazeheads.errors import JudgeError
from gazeheads.judging.agreement import agreement
from gazeheads.judging.base import Judge, Verdict
from gazeheads.judging.calibration import Calibration, calibrate
from gazeheads.judging.kinds import JUDGES, judge_of
from gazeheads.judging.rules import RulesJudge
from gazeheads.sample import Sample

DEV = doodles(8, 3, "dev")


class Says(Judge):
    """Says what a function of the true region and the number of the caption says."""

    def __init__(self, verdict: Any) -> None:
        self.verdict, self.n = verdict, 0

    def judge(self, sample: Sample, answer: str) -> Verdict:
        truth = next(k for k, wordings in enumerate(sample.captions) if answer in wordings)
        self.n += 1
        found: Verdict = self.verdict(truth, self.n - 1)
        return found


def matched(region: int) -> Verdict:
    return Verdict("matched", region)


def test_the_rules_are_right_on_every_caption_and_shuffled_labels_give_chance() -> None:
    found = calibrate(RulesJudge(), DEV, name="rules", data="doodles:8:dev", seed=3)
    assert found.captions == 8 * 6 * 4
    assert (found.accuracy.mean, found.accuracy.n, found.accuracy.clusters) == (1, 192, 8)
    assert [(p.true, p.accuracy) for p in found.places] == [(32, 1.0)] * 6
    assert all(p.chosen == p.expected == pytest.approx(1 / 6) for p in found.places)
    assert (found.none, found.degenerate, found.unscored) == (0, 0, 0)
    assert found.chance == pytest.approx(1 / 6)
    assert found.shuffled[0] == pytest.approx(1 / 6, abs=0.01)
    assert found.shuffled[1] < 1 / 6 < found.shuffled[2] < 0.3


def test_a_judge_that_likes_the_first_place_is_shown_to() -> None:
    found = calibrate(Says(lambda truth, n: matched(0)), DEV)
    assert found.accuracy.mean == pytest.approx(1 / 6)
    assert [p.accuracy for p in found.places] == [1, 0, 0, 0, 0, 0]
    assert [p.chosen for p in found.places] == [1, 0, 0, 0, 0, 0]
    assert [p.expected for p in found.places] == pytest.approx([1 / 6] * 6)
    assert found.shuffled == pytest.approx((1 / 6,) * 3)  # whatever the labels


def test_refusals_and_failures_are_counted_apart() -> None:
    kinds = ("none", "degenerate", "unscored")
    says = lambda truth, n: matched(truth) if n % 6 > 2 else Verdict(kinds[n % 6])  # type: ignore[arg-type]  # noqa: E731
    found = calibrate(Says(says), DEV)
    assert (found.accuracy.n, found.accuracy.left_out) == (160, 32)
    assert found.accuracy.mean == pytest.approx(96 / 160)
    assert (found.none, found.degenerate, found.unscored) == pytest.approx((32 / 160, 32 / 160, 1 / 6))
    assert found.shuffled[0] == pytest.approx(0.6 / 6, abs=0.02)


def test_a_judge_that_always_fails_is_unknown_and_not_at_zero(tmp_path: Path) -> None:
    found = calibrate(Says(lambda truth, n: Verdict("unscored", reason="down")), DEV)
    assert found.unscored == 1
    assert np.isnan(found.accuracy.mean)
    assert found.accuracy.left_out == 192
    found.save(tmp_path / "c.json")
    again = Calibration.load(tmp_path / "c.json")
    assert np.isnan(again.accuracy.mean)
    assert again.places == found.places == ()


def test_labels_are_shuffled_within_their_own_sample_only() -> None:
    """Every sample has two captions for one place and one for the other: a judge that names the more frequent one."""
    made = []
    for n, sample in enumerate(DEV):
        captions = [sample.captions[0][:1], sample.captions[1][:1]]
        captions[n % 2] = sample.captions[n % 2][:2]
        made.append(
            Sample(sample.id, "strip", sample.image, sample.boxes[:2], sample.names[:2], tuple(captions))
        )
    ids = iter(sample.id for sample in made for _ in range(3))
    often = {sample.id: n % 2 for n, sample in enumerate(made)}
    found = calibrate(Says(lambda truth, n: matched(often[next(ids)])), made)
    assert found.accuracy.mean == pytest.approx(2 / 3)
    assert found.shuffled == pytest.approx((2 / 3,) * 3)  # across samples it would be about a half
    assert found.chance == 0.5


def test_a_calibration_survives_its_file_and_belongs_to_its_judge(tmp_path: Path) -> None:
    class Biased(RulesJudge):
        def bias_on(self, samples: Any) -> tuple[float, ...]:
            return (0.5, -0.25, 0, 0, 0, -0.25)

    found = calibrate(Biased(), DEV, name="likelihood:m", data="doodles:8:dev", seed=3, permutations=10)
    file = found.save(tmp_path / "calibration.json")
    assert Calibration.load(file) == found
    assert found.bias_of("likelihood:m") == (0.5, -0.25, 0, 0, 0, -0.25)
    with pytest.raises(
        JudgeError, match="A calibration of likelihood:other was asked for; this is one of likelihood:m"
    ):
        Calibration.load(file).bias_of("likelihood:other")
    with pytest.raises(JudgeError, match="with 0 places"):
        calibrate(RulesJudge(), DEV, name="rules", permutations=10).bias_of("rules")
    for content in ("", "[]", "{}", '{"schema": 2}', file.read_text().replace('"chance"', '"luck"')):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(JudgeError, match="bad.json; it is none"):
            Calibration.load(tmp_path / "bad.json")
    with pytest.raises(JudgeError, match="none.json; it is none"):
        Calibration.load(tmp_path / "none.json")


def test_only_samples_with_captions_can_calibrate() -> None:
    with pytest.raises(JudgeError, match="on no samples"):
        calibrate(RulesJudge(), [])
    bare = Sample("bare", "strip", DEV[0].image, DEV[0].boxes, DEV[0].names)
    with pytest.raises(JudgeError, match="'bare' has 0 captions for 6 regions"):
        calibrate(RulesJudge(), [bare])
    assert calibrate(judge_of("captions"), scenes(2)).captions > 3


# ---------------------------------------------------------------------------------------------------------- agreement


def line(judge: str, number: int, said: int | str, part: int = 0) -> dict[str, Any]:
    kind, region = ("matched", said) if isinstance(said, int) else (said, None)
    return {"judge": judge, "generation": f"g{number}", "part": part, "kind": kind, "region": region}


def lines(**said: list[int | str]) -> list[dict[str, Any]]:
    return [line(judge, n, each) for judge, all_ in said.items() for n, each in enumerate(all_)]


def test_kappa_is_one_for_the_same_and_nought_for_what_chance_gives() -> None:
    same = agreement(lines(a=[0, 1, "none", "degenerate"], b=[0, 1, "none", "degenerate"]), "a", "b")
    assert (same.n, same.agreed, same.kappa) == (4, 1, 1)
    chance = agreement(lines(a=[0, 0, 1, 1], b=[0, 1, 0, 1]), "a", "b")
    assert (chance.agreed, chance.kappa) == (0.5, 0)
    # Two raters of fifty: both yes 20, both no 15, yes/no 5, no/yes 10; kappa 0.4 by hand.
    pairs = [(0, 0)] * 20 + [(1, 1)] * 15 + [(0, 1)] * 5 + [(1, 0)] * 10
    random.Random(0).shuffle(pairs)
    found = agreement(lines(a=[a for a, _ in pairs], b=[b for _, b in pairs]), "a", "b")
    assert (found.agreed, found.kappa) == (pytest.approx(0.7), pytest.approx(0.4))
    always = agreement(lines(a=[0, 0], b=[0, 0]), "a", "b")
    assert always.agreed == 1 and np.isnan(always.kappa)
    assert always.to_json()["kappa"] is None


def test_what_a_judge_left_unscored_is_counted_and_not_compared() -> None:
    said = lines(a=[0, "unscored", 1, "unscored"], b=[0, 1, "unscored", "unscored"], c=[5] * 9)
    said += [line("a", 0, 3, part=1), line("b", 7, 1)]
    found = agreement(said, "a", "b")
    assert (found.n, found.agreed, found.unscored, found.alone) == (1, 1, 3, 2)


def test_an_agreement_needs_two_judges_that_judged() -> None:
    with pytest.raises(JudgeError, match="c has not judged this run .found: a, b.. Run gazeheads judge"):
        agreement(lines(a=[0], b=[1]), "a", "c")
    with pytest.raises(JudgeError, match="no scored verdict in common among 1 parts"):
        agreement(lines(a=["unscored"], b=[1]), "a", "b")


# ------------------------------------------------------------------------------------------------------- by its name


def test_judges_that_are_not_known_are_refused_with_those_that_are() -> None:
    assert isinstance(judge_of("rules"), RulesJudge)
    for spec in ("", "oracle", "rules:x", "captions:", "likelihood", "likelihood:", "api", "api:", "Rules"):
        with pytest.raises(JudgeError) as caught:
            judge_of(spec)
        assert f"Judge {spec!r} is not known. Use one of: " in str(caught.value)
        assert all(kind.form in str(caught.value) for kind in JUDGES.values())
    with pytest.raises(JudgeError, match="'rules' was asked for with margin: it does not take one of these"):
        judge_of("rules", margin=0.1)

"""What each experiment asks for: pure values, without a model."""

from collections import Counter

import pytest

from gazeheads import prompts
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import doodles
from gazeheads.errors import UsageError
from gazeheads.experiments.catalogue import EXPERIMENTS, experiment
from gazeheads.experiments.conditions import conditions
from gazeheads.experiments.redirect import layout
from gazeheads.experiments.tour import Tour, derangement
from gazeheads.experiments.trial import Generated, SegmentRecord, Trial
from gazeheads.gaze.push import Push

STRIP = doodles(1)[0]


def trials(name: str, condition: str = "gaze", sample=STRIP) -> list[Trial]:
    return [*experiment(name).trials(sample, conditions(condition)[0])]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_trial_has_a_key_of_its_own_and_is_itself_after_json(name: str) -> None:
    things = name in ("boxes", "masks")
    query = "" if things else ",panel-query"
    asked = conditions(f"none,gaze,gaze@4,controls:2,wrong-region:2,all,prompt,crop,marker{query}")
    samples = scenes(2, seed=3) if things else doodles(2, seed=3)
    found = [t for s in samples for c in asked for t in experiment(name).trials(s, c)]
    assert len({t.key for t in found}) == len(found) > 0
    assert {t.experiment for t in found} == {name}
    assert [Trial.from_json(t.to_json()) for t in found] == found
    assert all(t.to_json()["key"] == t.key for t in found)
    steered = {c.name for c in asked if c.is_steered}
    assert all((t.pointed is not None) == (t.condition in steered) for t in found if not t.tour)


def test_an_unknown_experiment_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="vqa, this-panel, k-sweep"):
        experiment("vga")


def test_the_sweeps_vary_what_they_say_and_nothing_else() -> None:
    assert [t.k for t in trials("k-sweep") if t.target == 0] == [
        0.02,
        0.04,
        0.06,
        0.08,
        0.12,
        0.16,
        0.24,
        0.32,
    ]
    assert [t.variant for t in trials("k-sweep") if t.target == 0][:2] == ["K = 2%", "K = 4%"]
    pushes = {t.variant: Push.parse(t.push or "") for t in trials("push-sweep")}
    assert pushes["bias 3"] == Push.bias(3, -3) and pushes["bias 10,000"] == Push.bias(1e4, -1e4)
    assert pushes["suppress_image"] == Push.bias(0, -1e4)
    assert pushes["suppress_all"] == Push.bias(0, -1e4, text=-1e4)
    assert pushes["max_suppress_all"] == Push.bias(0, -1e4, text=-1e4, generated=-1e4)
    assert {"focus", "uniform", "reweigh"} < {*pushes} and len(pushes) == 12
    assert {t.variant: t.during for t in trials("scope")} == {d: d for d in ("all", "answer", "decode")}
    assert [t.prompt for t in trials("wordings") if t.target == 0] == [*prompts.VQA_WORDINGS]
    for name in ("k-sweep", "push-sweep", "scope"):
        assert {t.prompt for t in trials(name)} == {prompts.VQA}
        cells = Counter(t.variant for t in trials(name))
        assert set(cells.values()) == {6}, "all six targets in each cell"


def test_a_layout_is_told_by_its_boxes() -> None:
    assert layout(STRIP) == "6 panels" and layout(doodles(1, panels=3)[0]) == "3 panels"
    assert layout(doodles(1, panels=6, columns=3)[0]) == "2 x 3 grid"
    assert layout(doodles(1, panels=8, columns=2)[0]) == "4 x 2 grid"
    assert {t.variant for t in trials("layouts", sample=doodles(1, panels=4)[0])} == {"4 panels"}


def test_a_tour_visits_every_panel_and_none_at_its_natural_place() -> None:
    seen = Counter(derangement(3, f"s{i}") for i in range(400))
    assert set(seen) == {(1, 2, 0), (2, 0, 1)} and min(seen.values()) > 140, "the only two, and evenly"
    for n in range(2, 9):
        order = derangement(n, "x")
        assert sorted(order) == [*range(n)] and all(k != place for place, k in enumerate(order))
    assert derangement(6, "x") == derangement(6, "x")
    with pytest.raises(UsageError, match="1 region"):
        derangement(1, "x")


def test_a_tour_holds_the_end_back_until_its_schedule_is_done() -> None:
    (one,) = Tour("tour", "Go.", every=9, settings={"no_repeat_ngram_size": 4}).trials(
        STRIP, conditions("gaze")[0]
    )
    assert (one.max_new_tokens, one.every, one.during, one.parts) == (54, 9, "decode", "segments")
    assert one.settings == {"min_new_tokens": 54, "no_repeat_ngram_size": 4}
    (by_sentence,) = trials("tour-by-sentence")
    assert (
        by_sentence.every is None
        and by_sentence.settings["min_new_tokens"] == by_sentence.max_new_tokens == 144
    )
    (plain,) = trials("tour", "none")
    assert plain.tour == trials("tour")[0].tour, "unsteered answers are held against the same order"


def test_a_generation_is_itself_after_json() -> None:
    trial = Trial(
        "tour", "s", "gaze", "?", 9, tour=(1, 0), every=4, settings={"min_new_tokens": 9}, parts="segments"
    )
    made = Generated(
        trial,
        "a 𝔸\n",
        9,
        "length",
        0.25,
        1.0,
        3,
        (SegmentRecord("a", 0, 4, 1), SegmentRecord("b", 4, 9, None)),
        ("a", " b"),
    )
    assert Generated.from_json(made.to_json()) == made
    with pytest.raises(KeyError, match="schema 7 instead of 1"):
        Generated.from_json({**made.to_json(), "schema": 7})

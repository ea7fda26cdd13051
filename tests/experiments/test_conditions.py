"""Conditions by name, the heads that each steers, and where its trials look."""

import numpy as np
import pytest

from gazeheads import prompts
from gazeheads.drawing.strips import doodles
from gazeheads.errors import HeadsError, NoSuchDraw, UsageError
from gazeheads.experiments.conditions import UNSTEERED, HeadSets, conditions
from gazeheads.experiments.redirect import VQA
from gazeheads.heads.head import Provenance
from gazeheads.heads.heads import Heads
from gazeheads.heads.scores import SCORES


def known(layers: int = 4, heads: int = 6) -> Heads:
    """Gaze scores that fall with the number of the head, and image-heads' scores that rise with it."""
    scores = np.linspace(1, 0, layers * heads).reshape(layers, heads)
    origin = Provenance("m", layers, heads)
    return Heads.ranked(scores, origin, others={"image-heads": 1 - scores})


def names(text: str) -> list[str]:
    return [condition.name for condition in conditions(text)]


def test_a_list_names_conditions_and_draws_are_counted_from_zero() -> None:
    assert names("none, gaze,controls:3,all") == [
        "none",
        "gaze",
        "controls/0",
        "controls/1",
        "controls/2",
        "all",
    ]
    assert names("controls:2:band,controls:1:lowest,wrong-region:2") == [
        "band/0", "band/1", "lowest/0", "wrong-region/0", "wrong-region/1",
    ]  # fmt: skip
    assert names("gaze@8,gaze@0.5,controls:1@4,gaze") == ["gaze@8", "gaze@0.5", "controls@4/0", "gaze"]
    assert {c.name for c in conditions(",".join((*SCORES, *UNSTEERED)))} == {*SCORES, *UNSTEERED}
    assert [c.is_steered for c in conditions("none,prompt,panel-query,crop,marker,all,gaze")] == [
        False
    ] * 5 + [True] * 2


@pytest.mark.parametrize(
    "text",
    ["", " , ", "gase", "controls", "controls:0", "controls:-1", "controls:x", "controls:2:", "controls:2:nearest",
     "controls:2:layers:x", "wrong-region", "wrong-region:2:band", "gaze:2", "gaze@", "gaze@0", "gaze@1.5", "gaze@-3",
     "gaze@half", "all@3", "none@3", "crop@2", "prompt:2"],
)  # fmt: skip
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="[Cc]ondition"):
        conditions(text)


def test_a_condition_named_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        conditions("gaze,none,gaze")
    with pytest.raises(UsageError, match="'controls/0' was asked for twice"):
        conditions("controls:2,controls:1")


def chosen(text: str, choose: HeadSets, k: float | None = None) -> list[list[str] | None]:
    return [None if (h := choose(c, k)) is None else [str(head) for head in h] for c in conditions(text)]


def test_each_condition_steers_its_heads_and_exactly_so_many() -> None:
    choose = HeadSets(known(), 3)
    assert chosen("none,prompt,crop", choose) == [None] * 3
    assert chosen("gaze,image-heads,wrong-region:1", choose) == [
        ["L0H0", "L0H1", "L0H2"], ["L3H5", "L3H4", "L3H3"], ["L0H0", "L0H1", "L0H2"]
    ]  # fmt: skip
    assert [len(h or ()) for h in chosen("all,gaze@5,gaze@0.5", choose)] == [24, 5, 12]
    assert [len(h or ()) for h in chosen("gaze,gaze@5,controls:1,all", choose, 0.25)] == [6, 6, 6, 24], (
        "a trial's K wins"
    )
    with pytest.raises(HeadsError, match="24"):
        HeadSets(known(), 25)(conditions("gaze")[0])
    with pytest.raises(HeadsError, match="causal"):
        choose(conditions("causal")[0])


def test_draws_are_distinct_sets_of_other_heads_and_the_same_whoever_asks_first() -> None:
    one, other = HeadSets(known(), 2, seed=5), HeadSets(known(), 2, seed=5)
    asked = conditions("controls:4")
    draws = [frozenset(one(c) or ()) for c in asked]
    assert [frozenset(other(c) or ()) for c in reversed(asked)] == draws[::-1]
    assert len(set(draws)) == 4 and not any(draw & set(known().top(2)) for draw in draws)
    assert [frozenset(HeadSets(known(), 2, seed=6)(c) or ()) for c in asked] != draws
    with pytest.raises(NoSuchDraw):
        HeadSets(known(), 20)(conditions("controls:1")[0])


def test_where_the_heads_look_and_what_is_asked_and_shown() -> None:
    sample = doodles(1)[0]
    trials = {
        c.name: [*VQA.trials(sample, c)]
        for c in conditions("none,gaze,wrong-region:3,prompt,panel-query,crop,marker")
    }
    assert [(t.target, t.pointed, t.show) for t in trials["none"]] == [(None, None, "whole")]
    assert [(t.target, t.pointed) for t in trials["gaze"]] == [(k, k) for k in range(6)]
    for name in ("prompt", "panel-query", "crop", "marker"):
        assert [(t.target, t.pointed) for t in trials[name]] == [(k, None) for k in range(6)]
        assert {t.show for t in trials[name]} == {name if name in ("crop", "marker") else "whole"}
    assert [t.prompt for t in trials["prompt"]] == [prompts.about(VQA.prompt, k) for k in range(1, 7)]
    assert [t.prompt for t in trials["panel-query"]] == [prompts.panel_query(k, 6) for k in range(1, 7)]
    assert {t.prompt for name in ("none", "gaze", "crop", "marker") for t in trials[name]} == {VQA.prompt}
    wrong = [[t.pointed for t in trials[f"wrong-region/{i}"]] for i in range(3)]
    assert all(pointed != target for row in wrong for target, pointed in enumerate(row))
    assert wrong[0] != wrong[1] and {p for row in wrong for p in row} <= set(range(6))


def test_questions_about_one_panel_name_it_in_words() -> None:
    assert prompts.about(prompts.VQA, 3) == (
        "What is the main action or event happening in the 3rd panel from the left? Answer briefly."
    )
    assert prompts.about("Tell.", 2) == "Tell. Answer about the 2nd panel from the left only."

"""Lists of heads in the forms of others: read, or told which forms are known; numbers that are none are refused."""

import contextlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeheads.errors import BadHeadsFile, HeadsError, NoSuchDraw
from gazeheads.experiments.conditions import HeadSets, conditions
from gazeheads.heads.head import Head, Provenance, Tuned
from gazeheads.heads.heads import Heads

MODEL = SimpleNamespace(name="m", n_layers=6, n_heads=5)
LISTED = (Head(4, 2), Head(1, 3), Head(5, 0))
ROWS = [{"layer": layer, "head": head} for layer, head in LISTED]
ARRAY = np.random.default_rng(0).random((6, 5))


def written(path, content):
    """A heads file that holds this."""
    if isinstance(content, np.ndarray):
        np.save(path.with_suffix(".npy"), content)
        return path.with_suffix(".npy")
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "content, scores",
    [
        (ROWS, (3, 2, 1)),
        ([{**row, "score": 1 / place} for place, row in enumerate(ROWS, 1)], (1, 1 / 2, 1 / 3)),
        ([list(head) for head in LISTED], (3, 2, 1)),
        ([[*head, 0.5] for head in LISTED], (0.5, 0.5, 0.5)),
        ([str(head) for head in LISTED], (3, 2, 1)),
        (["l4h2", " L1H3", "L5H0"], (3, 2, 1)),
        ({"top3": [list(head) for head in LISTED], "model": "m"}, (3, 2, 1)),
        ({"top1": ["L4H2"], "top3": [str(head) for head in LISTED]}, (3, 2, 1)),
        ({"L1H3": 0.4, "L4H2": 0.5, "L5H0": -1}, (0.5, 0.4, -1)),
        (np.array(LISTED), (3, 2, 1)),
        (np.array([[4, 2, 0.5], [1, 3, 0.25], [5, 0, 0.125]]), (0.5, 0.25, 0.125)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_form_is_the_same_list(content, scores, tmp_path):
    heads = Heads.load(written(tmp_path / "heads.json", content), MODEL)
    assert heads.heads == LISTED and [heads.score(head) for head in heads] == list(scores)
    assert heads.selected is heads and np.isnan(heads.scores).sum() == 30 - len(LISTED)


def test_an_array_of_scores_is_a_ranking(tmp_path):
    heads = Heads.load(written(tmp_path / "scores", ARRAY), MODEL)
    assert len(heads) == 30 and heads.heads[0] == Head(*divmod(int(ARRAY.argmax()), 5))
    assert np.array_equal(heads.scores, ARRAY) and len(heads.selected) == 3  # the paper's 9%


FORMS = r"Known forms: what `gazeheads discover` writes; a list of rows \{"


@pytest.mark.parametrize(
    "content, wording",
    [
        ([{"layer": 4}], f"a row names no head. {FORMS}"),
        ([{"layer": 4, "head": "2"}], "'2' is no number of a layer or head"),
        ([{"layer": 4, "head": -2}], "-2 is no number of a layer or head"),
        ([{"layer": 4, "head": 2, "score": "high"}], "'high' is no score"),
        ([{"layer": 4, "head": 2, "score": 1e999}], "is no finite score|Infinity"),
        ('[{"layer": 4, "head": 2, "score": 1e999}]', "inf is no finite score"),
        ('[{"layer": 4, "head": 2, "score": NaN}]', "NaN is not a number of JSON"),
        ([[4, 2, 10**400]], "is no finite score"),
        ([[4, 2], [1, 3, 0.5]], "some heads have a score, and some have none"),
        ([[4, 2], [4, 2]], "names each head once"),
        ([[4]], f"no head. {FORMS}"),
        ([4.5, 2], "4.5 is no head"),
        (["24.29"], f"'24.29' is not a head. Write layer and head, both from 0, as in L17H4. {FORMS}"),
        ({"gaze": "L4H2"}, "the object holds no list"),
        ({"one": [[4, 2]], "two": [[1, 3]]}, "it holds several lists: 'one', 'two'"),
        ({"names": ["a"], "more": ["b"]}, "none of 'names', 'more' is a list of heads"),
        ("null", "None is no list of heads"),
        (np.array([["a", "b"]]), "is not a .npy array of heads: it is an array of shape"),
        (np.full((6, 5), np.nan), "some entries are not finite numbers"),
        (np.zeros((3, 3, 3)), r"shape \(3, 3, 3\)"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_list_is_told_with_the_forms_that_are_known(content, wording, tmp_path):
    with pytest.raises(BadHeadsFile, match=wording):
        Heads.load(written(tmp_path / "heads.json", content), MODEL)


def test_an_array_that_is_cut_or_none(tmp_path):
    whole = written(tmp_path / "a", ARRAY).read_bytes()
    for raw in (b"", b"nonsense", whole[:9], whole[:40], whole[:-8]):
        (tmp_path / "b.npy").write_bytes(raw)
        with pytest.raises(BadHeadsFile, match="is not a .npy array of heads"):
            Heads.load(tmp_path / "b.npy", MODEL)


def test_gaze_and_its_controls_are_those_of_a_list_that_others_published():
    """`run --heads THEIRS`: gaze is their list, random heads are drawn from all others, `all` is every head."""
    heads = Heads.from_list([[4, 2], [1, 3], [5, 0]], MODEL)
    assert heads.by("gaze").heads == LISTED
    choose = HeadSets(heads, len(heads.selected))
    sets = [choose(condition) for condition in conditions("gaze,controls:4,all")]
    assert sets[0].heads == LISTED and len(sets[-1]) == 30
    for draw in sets[1:5]:
        assert sorted(head.layer for head in draw) == [1, 4, 5] and not set(draw) & set(LISTED)
    with pytest.raises(NoSuchDraw):
        heads.controls(1, 0, "below-median")


def test_a_list_that_was_tuned_steers_what_was_chosen():
    tuned = Tuned(2, "gaze", "focus", "all", {2: (0.9, 0.8, 1.0)})
    listed = Heads.from_list([[4, 2], [1, 3], [5, 0]], MODEL)
    heads = Heads.ranked(listed.scores, listed.provenance, tuned=tuned)
    assert heads.selected.heads == LISTED[:2] and heads.top(1).selected.heads == LISTED[:1]


def test_a_score_that_is_missing_is_told_how_to_have_it():
    heads = Heads.ranked(ARRAY.copy(), Provenance("m", 6, 5))
    with pytest.raises(HeadsError, match=r"Measure it by `gazeheads discover --score causal`\.$"):
        heads.by("causal")
    with pytest.raises(HeadsError, match=r"`gazeheads discover`, which measures it beside the gaze score"):
        heads.by("selectivity")
    with pytest.raises(HeadsError, match=r"There is no such score; they are gaze, image-heads"):
        heads.by("nonsense")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
@pytest.mark.parametrize("place", ["scores", "others", "tuned", "image_mass"])
def test_our_own_files_hold_finite_numbers(place, number, tmp_path):
    tuned = Tuned(2, "gaze", "focus", "all", {2: (0.9, 0.8, 1.0)})
    heads = Heads.ranked(
        ARRAY.copy(), Provenance("m", 6, 5), ARRAY.copy(), others={"causal": ARRAY.copy()}, tuned=tuned
    )
    data = heads.to_json()
    where = data[place]["causal"] if place == "others" else data[place]
    (where["curve"] if place == "tuned" else where)[0][1] = "HERE"
    (tmp_path / "heads.json").write_text(json.dumps(data).replace('"HERE"', number))
    with pytest.raises(BadHeadsFile, match="heads.json"):
        Heads.load(tmp_path / "heads.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("L1H2"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.data())
def test_whatever_a_heads_file_holds_it_loads_or_is_told_to_be_none(tmp_path_factory, data):
    whole = Heads.ranked(ARRAY.copy(), Provenance("m", 6, 5)).to_json()
    content = data.draw(
        VALUES | st.dictionaries(st.sampled_from([*whole]), VALUES).map(lambda part: whole | part)
    )
    path = tmp_path_factory.getbasetemp() / "anything.json"
    path.write_text(json.dumps(content))
    for model in (None, MODEL):
        with contextlib.suppress(HeadsError):
            assert Heads.load(path, model).shape == (6, 5)

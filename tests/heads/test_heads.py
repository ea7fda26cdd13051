"""Heads: order, algebra, control draws, files."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeheads.errors import BadHeadsFile, HeadsError, NoSuchDraw, Unwritable, WrongModel
from gazeheads.heads.head import Head, Provenance, Tuned
from gazeheads.heads.heads import Heads


def ranked(layers: int = 6, heads: int = 8, seed: int = 0, model: str = "m") -> Heads:
    rng = np.random.default_rng(seed)
    return Heads.ranked(
        rng.random((layers, heads)), Provenance(model, layers, heads, seed=seed), rng.random((layers, heads))
    )


def test_heads_print_as_in_the_literature() -> None:
    assert str(Head(17, 4)) == repr(Head(17, 4)) == "L17H4"
    assert Head.parse("L17H4") == Head(17, 4)
    with pytest.raises(HeadsError, match="'17.4' is not a head. Write layer and head, both from 0"):
        Head.parse("17.4")


def test_ranking_is_by_score_then_by_place() -> None:
    scores = np.array([[0.1, 0.5], [0.5, np.nan]])
    heads = Heads.ranked(scores, Provenance("m", 2, 2))
    assert list(heads) == [Head(0, 1), Head(1, 0), Head(0, 0)]
    assert heads.score(Head(0, 0)) == 0.1


@settings(deadline=None)
@given(st.integers(1, 47))
def test_top_k_is_part_of_top_k_plus_1(k: int) -> None:
    heads = ranked()
    small, large = heads.top(k), heads.top(k + 1)
    assert set(small) < set(large)
    assert list(large)[:k] == list(small)
    assert min(heads.score(h) for h in small) >= max(heads.score(h) for h in heads.all() - small)


def test_top_of_a_share_counts_all_heads_of_the_model() -> None:
    heads = ranked()
    assert len(heads.top(0.25)) == 12
    assert len(heads.top(0.001)) == 1
    assert len(heads.top(1.0)) == 48
    assert len(heads.top(24).top(0.25)) == 12


@pytest.mark.parametrize("k", [0, 49, -1, 0.0, 1.5, True, "3"])
def test_impossible_tops_are_refused(k: object) -> None:
    with pytest.raises(HeadsError, match=r"^top\("):
        ranked().top(k)  # type: ignore[arg-type]


def test_set_algebra() -> None:
    heads = ranked()
    a, b = heads.top(10), Heads(heads.heads[5:15], heads.scores, heads.provenance)
    assert list(a | b) == list(heads.top(15))
    assert list(a & b) == list(heads.heads[5:10])
    assert list(a - b) == list(heads.top(5))
    assert set(heads.top(3).all()) == set(heads)
    assert Head(0, 0) in heads
    with pytest.raises(WrongModel, match="cannot be combined"):
        a | ranked(model="other")


def test_heads_of_another_shape_are_refused() -> None:
    with pytest.raises(WrongModel, match="Head L6H0 was asked for; m has layers 0 to 5 and heads 0 to 7"):
        Heads.of(["L6H0"], "m", 6, 8)
    with pytest.raises(HeadsError, match="one entry for each head of the model"):
        Heads((), np.zeros((5, 8)), Provenance("m", 6, 8))
    with pytest.raises(HeadsError, match="names each head once"):
        Heads.of(["L0H0", "L0H0"], "m", 6, 8)


def test_layer_matched_draws_have_the_same_number_in_each_layer() -> None:
    selected = ranked().top(9)
    draws = selected.controls(20, seed=1)
    assert len({frozenset(d) for d in draws}) == 20
    for number, draw in enumerate(draws):
        assert not set(draw) & set(selected)
        assert Counter(h.layer for h in draw) == Counter(h.layer for h in selected)
        assert draw.draw is not None
        assert (draw.draw.match, draw.draw.seed, draw.draw.index, draw.draw.moved) == ("layers", 1, number, 0)
    assert [d.heads for d in draws] == [d.heads for d in selected.controls(20, seed=1)]
    assert [d.heads for d in draws] != [d.heads for d in selected.controls(20, seed=2)]


def test_heads_without_room_in_their_layer_move_to_the_nearest_lower_first() -> None:
    selected = Heads.of(["L2H0", "L2H1", "L2H2", "L2H3", "L1H0"], "m", 5, 6)
    draws = selected.controls(3, seed=0)
    for draw in draws:
        # layer 2 has two heads left for four; layer 1 keeps one place for its own head, and has four to give
        assert Counter(h.layer for h in draw) == {2: 2, 1: 3}
        assert draw.draw is not None
        assert draw.draw.moved == 2
    with pytest.raises(NoSuchDraw, match="4 distinct control sets"):
        Heads.of(["L0H0"], "m", 1, 4).controls(4, seed=0)


def test_every_draw_is_equally_likely() -> None:
    counts = Counter(
        frozenset(Heads.of(["L0H0"], "m", 1, 5).controls(1, seed=seed)[0]) for seed in range(400)
    )
    assert len(counts) == 4
    assert min(counts.values()) > 70


def test_more_draws_than_sets_raise() -> None:
    selected = Heads.of(["L0H0"], "m", 2, 4)
    assert len(selected.controls(3, seed=0)) == 3
    with pytest.raises(
        NoSuchDraw, match='4 distinct control sets of 1 heads by the rule "layers" .* gives 3'
    ):
        selected.controls(4, seed=0)
    with pytest.raises(NoSuchDraw, match="only 3 heads of the model are outside"):
        Heads.of(["L0H0", "L0H1", "L0H2", "L0H3", "L1H0"], "m", 2, 4).controls(1, seed=0)
    with pytest.raises(NoSuchDraw, match="'layer' is unknown. Use one of layers, band"):
        selected.controls(1, seed=0, match="layer")
    with pytest.raises(NoSuchDraw, match="0 random-head controls"):
        selected.controls(0, seed=0)


def test_other_pools() -> None:
    heads = ranked(10, 10)
    selected = heads.top(4)
    layers = [h.layer for h in selected]
    for draw in selected.controls(5, seed=0, match="band"):
        assert all(min(layers) <= h.layer <= max(layers) for h in draw)
        assert not set(draw) & set(selected)
    for draw in selected.controls(3, seed=0, match="bottom5"):
        assert set(draw) <= set(heads.heads[-5:])
    median = np.median(heads.scores)
    assert all(heads.score(h) < median for d in selected.controls(5, 0, "below-median") for h in d)
    (lowest,) = selected.controls(1, seed=0, match="lowest")
    assert set(lowest) == set(heads.heads[-4:])
    with pytest.raises(NoSuchDraw, match="gives 1"):
        selected.controls(2, seed=0, match="lowest")
    with pytest.raises(NoSuchDraw, match=r'by the rule "bottom5".*the pool of 5 heads gives 0'):
        heads.top(6).controls(1, seed=0, match="bottom5")


def test_mass_matched_draws_look_at_the_picture_as_much() -> None:
    heads = ranked(20, 20)
    assert heads.image_mass is not None
    selected = heads.top(20)
    mine = sum(heads.image_mass[h] for h in selected)
    for draw in selected.controls(10, seed=0, match="mass-matched"):
        assert not set(draw) & set(selected)
        assert len(draw) == 20
        theirs = sum(heads.image_mass[h] for h in draw)
        assert theirs == pytest.approx(mine, rel=0.05)
        assert draw.draw is not None and draw.draw.mass == pytest.approx(theirs / mine)
    most = Heads.ranked(heads.image_mass, heads.provenance, heads.image_mass).top(100)
    (poor,) = most.controls(1, seed=0, match="mass-matched")
    assert poor.draw is not None and poor.draw.mass is not None and poor.draw.mass < 0.9, "none looks as much"
    assert selected.controls(1, seed=0)[0].draw.mass is None  # type: ignore[union-attr]
    with pytest.raises(NoSuchDraw, match="do not carry the image mass"):
        Heads.of(["L0H0"], "m", 2, 4).controls(1, seed=0, match="mass-matched")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100))
def test_saving_and_loading_gives_the_same_heads(seed: int) -> None:
    import tempfile

    rng = np.random.default_rng(seed)
    scores = rng.random((3, 4))
    scores[rng.random((3, 4)) < 0.1] = np.nan
    heads = Heads.ranked(scores, Provenance("m", 3, 4, "r", "d", seed, 5), None, rng.random((3, 4, 2, 2)))
    with tempfile.TemporaryDirectory() as folder:
        for each in (heads, heads.top(2).controls(1, seed)[0]):
            each.save(f"{folder}/heads.json")
            assert Heads.load(f"{folder}/heads.json") == each
            assert [path.name for path in Path(folder).iterdir()] == ["heads.json"]


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heads = ranked()
    heads.save(tmp_path / "heads.json")
    before = (tmp_path / "heads.json").read_text()
    broken = Heads(heads.heads, heads.scores, Provenance("m", 6, 8, data=object()))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        broken.save(tmp_path / "heads.json")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Unwritable, match="disk full"):
        heads.top(3).save(tmp_path / "heads.json")
    assert [path.name for path in tmp_path.iterdir()] == ["heads.json"]
    assert (tmp_path / "heads.json").read_text() == before


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("{", "is not JSON"),
        ("[]", "does not hold a set of heads: ValueError: the list is empty"),
        ('[{"layer": 1, "head": 0}]', "a plain list, which does not say of which model"),
        (
            "[1, 2]",
            "does not hold a set of heads: ValueError: 1 is no head. Known forms: what `gazeheads discover`",
        ),
        ("3", "ValueError: 3 is no list of heads. Known forms"),
        ("[" * 100_000, "is not JSON: it is nested too deeply"),
        ('{"schema": 2}', "schema 1 was expected, found 2"),
        ('{"schema": 1}', "does not hold a set of heads: KeyError"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, text: str, wording: str) -> None:
    path = tmp_path / "heads.json"
    path.write_text(text)
    with pytest.raises(BadHeadsFile, match=wording):
        Heads.load(path)


def test_missing_and_half_right_files(tmp_path: Path) -> None:
    with pytest.raises(BadHeadsFile, match=r"cannot be read: No such file"):
        Heads.load(tmp_path / "none.json")
    path = tmp_path / "heads.json"
    ranked().save(path)
    data = json.loads(path.read_text())
    data["scores"] = data["scores"][:-1]
    path.write_text(json.dumps(data))
    with pytest.raises(BadHeadsFile, match="one entry for each head"):
        Heads.load(path)


def rivals() -> Heads:
    """Six heads with two more scores, one of which knows three candidates only."""
    gaze = np.array([[0.6, 0.5, 0.4], [0.3, 0.2, 0.1]])
    others = {"image-heads": -gaze, "localization-heads": np.array([[1, np.nan, 3], [np.nan, np.nan, 2]])}
    return Heads.ranked(gaze, Provenance("m", 2, 3), others=others)


TUNED = Tuned(2, "image-heads", "focus", "all", {1: (0.2, 0.1, 0.3), 2: (0.9, 0.8, 1.0)}, "dev", 7, "best")


def test_heads_can_be_ranked_by_another_score_and_back() -> None:
    heads = rivals()
    image = heads.by("image-heads")
    assert list(image) == list(heads)[::-1]
    assert (image.provenance.score, image.score(Head(1, 2))) == ("image-heads", -0.1)
    assert set(image.others) == {"gaze", "localization-heads"}
    assert [str(head) for head in image.by("localization-heads")] == ["L0H2", "L1H2", "L0H0"]
    assert image.by("localization-heads").by("gaze") == heads == heads.top(1).by("gaze")
    centre = Heads.ranked(
        heads.scores, Provenance("m", 2, 3, score="gaze (centre rule)"), others=heads.others
    )
    assert centre.by("gaze") == centre == centre.by("image-heads").by("gaze")


def test_a_score_that_was_not_measured_says_what_there_is() -> None:
    with pytest.raises(
        HeadsError,
        match=r"by 'causal' were asked for; these heads of m have gaze, image-heads, localization-heads\. "
        r"Measure it by `gazeheads discover --score causal`",
    ):
        rivals().by("causal")
    with pytest.raises(HeadsError, match="have by hand"):
        Heads.of(["L0H0"], "m", 2, 3).by("gaze")
    with pytest.raises(HeadsError, match="'gaze' was given twice"):
        Heads.ranked(np.ones((1, 1)), Provenance("m", 1, 1), others={"gaze": np.ones((1, 1))})
    with pytest.raises(
        HeadsError, match=r"others\['causal'\] of shape \(2,\) for a model of 1 layers x 2 heads"
    ):
        Heads.ranked(np.ones((1, 2)), Provenance("m", 1, 2), others={"causal": np.ones(2)})


def test_the_lever_is_what_was_chosen_or_tuned_or_the_papers_share() -> None:
    heads = rivals()
    tuned = Heads.ranked(heads.scores, heads.provenance, others=heads.others, tuned=TUNED)
    assert list(tuned.selected) == [Head(1, 2), Head(1, 1)] == list(tuned.by("localization-heads").selected)
    assert tuned.selected.provenance.score == "image-heads"
    cut, control = tuned.top(5), tuned.top(2).controls(1, seed=0)[0]
    assert cut.selected is cut and control.selected is control
    wide = ranked(10, 10)
    assert wide.selected == wide.top(9) == wide.by("gaze").selected
    everything = Heads.of([Head(layer, head) for layer in range(10) for head in range(10)], "m", 10, 10)
    assert len(everything.selected) == 9
    named = Heads.of(["L1H1", "L0H0"], "m", 10, 10)
    assert named.selected is named


def test_the_lever_of_a_published_list_is_the_list(tmp_path: Path) -> None:
    selected = ranked(10, 10).top(30)
    selected.save(tmp_path / "plain.json", plain=True)
    published = Heads.load(tmp_path / "plain.json", SimpleNamespace(name="m", n_layers=10, n_heads=10))
    assert published.selected is published
    assert list(published.selected) == list(selected)


def test_a_tuned_choice_that_cannot_be_meant_is_refused() -> None:
    curve = {2: (0.9, 0.8, 1.0)}
    for k in (0, 0.0, 1.5, True, "2"):
        with pytest.raises(HeadsError, match="^A tuned K of "):
            Tuned(k, "gaze", "focus", "all", curve)  # type: ignore[arg-type]
    with pytest.raises(HeadsError, match="maps each K that was tried, 3 among them, to mean, low and high"):
        Tuned(3, "gaze", "focus", "all", curve)
    with pytest.raises(HeadsError, match="maps each K that was tried"):
        Tuned(2, "gaze", "focus", "all", {2: (0.9,)})  # type: ignore[dict-item]
    with pytest.raises(HeadsError, match="push='' of a tuned choice is no text"):
        Tuned(2, "gaze", "", "all", curve)


def test_other_scores_and_the_tuned_choice_are_saved(tmp_path: Path) -> None:
    plain = rivals()
    heads = Heads.ranked(plain.scores, plain.provenance, others=plain.others, tuned=TUNED)
    heads.top(2).save(tmp_path / "heads.json")
    loaded = Heads.load(tmp_path / "heads.json")
    assert loaded == heads.top(2) and loaded.tuned == TUNED
    assert loaded.by("localization-heads") == heads.by("localization-heads")
    assert heads != plain
    fewer = Heads.ranked(plain.scores, plain.provenance, others={"image-heads": -plain.scores})
    assert fewer != plain
    share = Tuned(0.5, "gaze", "uniform", "decode", {0.5: (1, 1, 1), 1: (0, 0, 0)})
    assert Tuned.from_json(json.loads(json.dumps(share.to_json()))) == share


def test_files_from_before_other_scores_load(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    ranked().top(3).save(path)
    data = json.loads(path.read_text())
    del data["others"], data["tuned"], data["provenance"]["settings"]
    path.write_text(json.dumps(data))
    assert Heads.load(path) == ranked().top(3)
    data["others"] = {"causal": [[1.0]]}
    path.write_text(json.dumps(data))
    with pytest.raises(BadHeadsFile, match=r"others\['causal'\] of shape \(1, 1\)"):
        Heads.load(path)

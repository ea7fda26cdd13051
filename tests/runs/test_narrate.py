"""Narrations: what counts as following, as a jump and as an order, and that the masses are those of the heads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gazeheads as gh
from gazeheads import GazeModel, Record, prompts
from gazeheads.cli import main
from gazeheads.errors import UsageError
from gazeheads.heads.heads import Heads
from gazeheads.judging.rules import RulesJudge
from gazeheads.model.bundled import HEADS
from gazeheads.runs.narrate import ORDERS, forward, narrate, stated
from gazeheads.runs.tracking import GAZE, Narrated, Sentence, among, tracking
from gazeheads.statistics import Resamples

# Two sentences, "Panel k: w w w.", of seven tokens: the words behind the label are tokens 3, 4, 5 and 10, 11, 12.
PIECES = (
    "Panel",
    " 2",
    ":",
    " one",
    " two",
    " three",
    ".",
    " Panel",
    " 1",
    ":",
    " four",
    " five",
    " six",
    ".",
)
SENTENCES = (Sentence(0, 3, 7, "matched", 1), Sentence(7, 10, 14, "matched", 0))


def told(looked: str, sentences: tuple[Sentence, ...] = SENTENCES, sample: str = "s") -> Narrated:
    """A narration in which one set looks at these panels, token by token; "-": at none."""
    masses = np.zeros((len(PIECES), 3), dtype=np.float32)
    for token, panel in enumerate(looked):
        if panel != "-":
            masses[token, int(panel)] = 0.5
    return Narrated(sample, "stated", (1, 0, 2), "".join(PIECES), PIECES, sentences, {"raw": {GAZE: masses}})


def test_words_count_and_labels_do_not() -> None:
    assert told("22211112220002").words("raw", GAZE) == [(1, 1)] * 3 + [(0, 0)] * 3
    assert told("11121112220001").words("raw", GAZE)[0] == (1, 2)
    assert told("111---12220002").words("raw", GAZE)[:3] == [(1, None)] * 3
    unmatched = Sentence(7, 10, 14, "none", None)
    assert len(told("22211112220002", (SENTENCES[0], unmatched)).words("raw", GAZE)) == 3
    assert told("0" * 14).described == [None] * 3 + [1] * 4 + [None] * 3 + [0] * 4


@pytest.mark.parametrize(
    "looked, lag",
    [
        ("11111111110000", 0),
        ("11111110000000", -3),  # with the label
        ("11111111111100", 2),
        ("11111000000000", -5),  # before the sentence before has ended
        ("11111112220000", 0),  # elsewhere in the label: any place in it parts as well, the nearest counts
        ("11111111101000", -1),
        ("11111112221111", None),
        ("00000000000000", None),
    ],
)
def test_the_lag_of_a_jump(looked: str, lag: int | None) -> None:
    assert told(looked).lags("raw", GAZE) == [lag]


def test_no_jump_is_counted_where_nothing_changes() -> None:
    same = Sentence(7, 10, 14, "matched", 1)
    assert told("1" * 14, (SENTENCES[0], same)).lags("raw", GAZE) == []
    assert told("1" * 14, (SENTENCES[0], Sentence(7, 10, 14, "none", None))).lags("raw", GAZE) == []


def test_the_numbers_of_a_set() -> None:
    """One strip follows, one looks at panel 0 all the while: half of its words are right, its order is undefined."""
    found = tracking(
        [told("11111111110000"), told("0" * 14, sample="t")],
        "raw",
        GAZE,
        Resamples(np.random.default_rng(0), 100),
    )
    assert (found.on_panel.mean, found.on_panel.n, found.on_panel.clusters) == (0.75, 12, 2)
    assert (found.order.mean, found.order.n, found.order.left_out) == (pytest.approx(1), 1, 1)
    assert (found.lag, found.jumps, found.no_jump) == (0, 2, 1)
    assert json.loads(json.dumps(found.to_json()))["order"]["left_out"] == 1


def test_numbers_where_nothing_was_described() -> None:
    nothing = (Sentence(0, 3, 14, "none", None),)
    found = tracking([told("0" * 14, nothing)], "raw", GAZE, Resamples(np.random.default_rng(0), 100))
    assert (found.on_panel.n, found.jumps) == (0, 0) and np.isnan(found.lag)
    assert found.to_json()["lag"] is None
    assert among(found.on_panel.mean, [0.1, 0.2]) is None
    percentile = among(0.5, [0.1, float("nan"), 0.6])
    assert percentile is not None and (percentile.below, percentile.draws) == (1, 2)


def test_a_stated_order_neither_rises_nor_falls() -> None:
    samples = gh.doodles(12, seed=1)
    orders = [stated(sample)[1] for sample in samples]
    assert all(sorted(order) == list(range(6)) for order in orders) and len(set(orders)) > 8
    assert not {tuple(range(6)), tuple(range(5, -1, -1))} & set(orders)
    assert stated(samples[0]) == stated(samples[0])
    first = ", ".join(str(panel + 1) for panel in orders[0])
    assert stated(samples[0])[0] == f"Describe the panels in this order: {first}."
    assert forward(samples[0]) == (prompts.NARRATE, (0, 1, 2, 3, 4, 5))
    with pytest.raises(UsageError, match="has 2 panels, which have no order but forward and reverse"):
        stated(gh.doodles(1, panels=2)[0])


def test_what_cannot_be_narrated_is_refused(model: GazeModel) -> None:
    heads = Heads.of(["L0H1"], "tiny", 3, 4)
    with pytest.raises(UsageError, match="Orders 'backwards' were asked for, with 1 sets"):
        next(narrate(model, [], {GAZE: heads}, RulesJudge(), ["backwards"]))
    with pytest.raises(UsageError, match=r"\(none\) were asked for"):
        next(narrate(model, [], {GAZE: heads}, RulesJudge(), []))
    with pytest.raises(UsageError, match="has no panels to go through"):
        next(narrate(model, gh.doodles(1, panels=1), {GAZE: heads}, RulesJudge(), ["forward"]))
    assert set(ORDERS) == {"forward", "reverse", "stated"}


def test_the_bundled_model_narrates_and_its_masses_are_those_of_its_heads(
    tmp_path: Path, capsys: Any
) -> None:
    given = ["--data", "doodles:1:test", "--seed", "7", "--draws", "2", "--orders", "reverse"]
    assert main(["narrate", *given, "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    sets = found["numbers"]["reverse"]["value-norm"]
    assert list(sets) == [GAZE, "random-head control 1", "random-head control 2"]
    (line,) = found["narrations"]
    assert line["asked"] == [5, 4, 3, 2, 1, 0] and line["sentences"][0][:2] == [0, 3]
    assert json.loads((tmp_path / "narrate.json").read_text(encoding="utf-8"))["numbers"] == found["numbers"]
    page = (tmp_path / "narrate.html").read_text(encoding="utf-8")
    assert "Panels in reverse" in page and "gazeheads" in page

    model, selected = gh.load(), Heads.load(HEADS).selected
    sample = gh.doodles(1, seed=7)[0]
    (again,) = narrate(model, [sample], {GAZE: selected}, RulesJudge(), ["reverse"])
    fitted = model.resized(sample)
    scene = model.encode(fitted.image, prompts.NARRATE_REVERSE, panels=fitted.boxes)
    alone = model.generate(scene, record=Record(selected, weighting="value-norm"), max_new_tokens=300)
    assert alone.trace is not None and (alone.text, alone.text) == (again.text, line["text"])
    np.testing.assert_allclose(
        again.masses["value-norm"][GAZE], alone.trace.over(scene.panels), rtol=1e-3, atol=1e-5
    )

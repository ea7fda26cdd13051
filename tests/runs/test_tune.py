"""The choice of score, push and K on dev strips, and the file that holds it."""

import json

import numpy as np
import pytest

from gazeheads import cli
from gazeheads.drawing.strips import doodles
from gazeheads.errors import UsageError
from gazeheads.heads.heads import Heads
from gazeheads.judging.rules import RulesJudge
from gazeheads.model.bundled import HEADS
from gazeheads.model.loading import load
from gazeheads.runs.tune import Candidate, choose, tune


def outcomes(hits: int, of: int = 40) -> dict[tuple[str, int], float]:
    """So many hits on strips of one target each."""
    return {(f"s{i}", 0): float(i < hits) for i in range(of)}


def test_the_smallest_k_within_one_standard_error_of_the_best_is_chosen() -> None:
    """35 of 40 has a standard error of 5.3 points by strips: 33 of 40 is within, 32 of 40 is not."""
    found = {
        Candidate("gaze", "focus", k): outcomes(n) for k, n in ((2, 20), (4, 32), (8, 33), (16, 35), (32, 34))
    }
    tuning = choose(found)
    assert (tuning.best, tuning.chosen) == (Candidate("gaze", "focus", 16), Candidate("gaze", "focus", 8))
    assert tuning.standard_error == pytest.approx(np.sqrt(0.875 * 0.125 / 39))
    assert {k: e.mean for k, e in tuning.curve.items()} == {2: 0.5, 4: 0.8, 8: 0.825, 16: 0.875, 32: 0.85}


def test_among_cells_of_that_k_the_best_and_among_equals_the_first_named() -> None:
    cells = {
        Candidate("gaze", "focus", 4): outcomes(33),
        Candidate("gaze", "reweigh", 4): outcomes(34),
        Candidate("selectivity", "focus", 4): outcomes(34),
        Candidate("selectivity", "focus", 8): outcomes(35),
    }
    assert choose(cells).chosen == Candidate("gaze", "reweigh", 4)
    swapped = {cell: cells[cell] for cell in reversed(cells)}
    assert choose(swapped).chosen == Candidate("selectivity", "focus", 4)
    assert list(choose(cells).curve) == [4], "the curve is that of the chosen score and push"


def test_one_strip_is_too_few_to_choose_on() -> None:
    with pytest.raises(UsageError, match="at least 2"):
        choose({Candidate("gaze", "focus", 4): outcomes(1, of=1)})


def test_what_cannot_be_tried_is_refused() -> None:
    heads = Heads.load(HEADS).all()
    for more in ({"scores": ["gauze"]}, {"scores": []}, {"pushes": []}, {"ks": []}):
        with pytest.raises(UsageError, match="name at least one"):
            tune(None, heads, [], RulesJudge(), **more)


def test_the_choice_is_written_into_the_heads_file_with_its_curve(tmp_path, capsys) -> None:
    place = tmp_path / "heads.json"
    Heads.load(HEADS).all().save(place)
    options = [
        "--heads",
        str(place),
        "--data",
        "doodles:2:dev",
        "--seed",
        "9",
        "--pushes",
        "focus;bias(3, -3)",
    ]
    assert cli.main(["tune", *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    heads = Heads.load(place)
    assert heads.tuned and len(heads) == 96, "all heads stay in the file"
    assert found["chosen"] == {"score": heads.tuned.score, "push": heads.tuned.push, "k": heads.tuned.k}
    assert (heads.tuned.data, heads.tuned.seed) == ("doodles:2:dev", 9)
    assert [*heads.tuned.curve] == [2, 4, 6, 8, 12, 15, 23, 31]
    assert heads.selected == heads.by(heads.tuned.score).top(heads.tuned.k)
    assert all(low <= mean <= high for mean, low, high in heads.tuned.curve.values())
    k = heads.tuned.k
    again = tune(load(), heads, doodles(2, 9, "dev"), RulesJudge(), pushes=[heads.tuned.push], ks=[k])
    assert [accuracy.mean for accuracy in again.accuracy.values()] == [heads.tuned.curve[k][0]]


def test_tuning_wants_samples_of_its_own_and_a_place_to_write(tmp_path, capsys) -> None:
    assert cli.main(["tune", "--data", "doodles:2:dev"]) == 2
    assert "Give --heads FILE, or --out FILE" in capsys.readouterr().err
    out = ["--out", str(tmp_path / "h.json")]
    found = Heads.load(HEADS).provenance
    assert cli.main(["tune", "--data", found.data, "--seed", str(found.seed), *out]) == 2
    assert "tuning needs samples of its own" in capsys.readouterr().err

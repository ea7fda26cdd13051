"""`gazeheads heads` and what `gazeheads discover` adds: on a file made by hand, and once on the bundled model."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gazeheads import cli
from gazeheads.commands import discover
from gazeheads.heads.head import Provenance, Tuned
from gazeheads.heads.heads import Heads

GAZE = np.arange(120.0).reshape(10, 12) / 200
CHOICE = Tuned(8, "gaze", "focus", "all", {4: (0.5, 0.4, 0.6), 8: (0.9, 0.8, 1.0)}, "dev", 7, "the best")
HELD = Heads.ranked(
    GAZE,
    Provenance("m", 10, 12, data="strips", seed=3, samples=5, notes={"causal": "strips, one by one"}),
    others={"image-heads": -GAZE, "causal": np.where(GAZE > 0.55, -GAZE, np.nan)},
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    HELD.save(tmp_path / "heads.json")
    return tmp_path / "heads.json"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(each) for each in arguments])
    return code, *capsys.readouterr()


def test_a_file_is_shown_with_its_origin_ranking_and_overlaps(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "heads", file, "--list", 2)
    assert code == 0 and not err
    for said in (
        "m: 10 layers x 12 heads",
        "score gaze, on 5 images of strips, seed 3, by gazeheads",
        "other scores: image-heads, causal\ncausal score: strips, one by one",
        "holds 120 of 120 heads; steered without --top: 11",
        "   1  L9H11                0.595              -0.595              -0.595",
        "gaze and image-heads, top 1: 0 (0.0; p = 1; 0.00)",
        "gaze and causal, top 10: one of them ranks fewer heads",
    ):
        assert said in out
    assert "L9H10" in out and "L9H9 " not in out
    _, out, _ = run(capsys, "heads", file, "--by", "image-heads", "--list", 1)
    (line,) = (line for line in out.splitlines() if line.startswith("   1  "))
    assert line.split() == ["1", "L0H0", "-0.000", "0.000", "-"], "no candidate by the causal score"


def test_a_file_as_json_by_another_score(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "heads", file, "--by", "causal", "--json")
    found = json.loads(out)
    assert code == 0 and found["by"] == "causal" and found["scores"] == ["gaze", "image-heads", "causal"]
    assert found["top"] == [[f"L9H{head}", -GAZE[9, head]] for head in range(3, 12)], "all nine candidates"
    assert len(found["heads"]) == 120 and found["selected"] == [str(head) for head in HELD.top(0.09)]
    assert found["tuned"] is None and found["provenance"]["samples"] == 5
    (pair,) = (x for x in found["overlap"] if x["two"] == "image-heads" and x["of"] == "top 10")
    assert (pair["one"], pair["shared"], pair["expected"], pair["p"]) == ("gaze", 0, 100 / 120, 1)


def test_what_was_tuned_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(HELD, tuned=CHOICE).save(file)
    _, out, _ = run(capsys, "heads", file)
    assert "tuned on dev, seed 7: K = 8 by gaze, push focus, during all; the best" in out
    assert "dev accuracy by K, per cent: 4: 50 [40, 60], 8: 90 [80, 100]" in out
    assert "holds 120 of 120 heads; steered without --top: 8" in out


def test_two_files_are_compared(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    Heads.ranked(np.roll(GAZE, 1), HELD.provenance).top(30).save(other)
    _, out, _ = run(capsys, "heads", file, "--compare", other)
    assert f"gaze and gaze of {other}, top 1: 0 (0.0;" in out
    assert f"gaze and gaze of {other}, top 10: 9 (0.8;" in out
    assert f"this file and {other}, 120 and 30 heads: 30 (30.0; p = 1; 0.25)" in out
    _, out, _ = run(capsys, "heads", file, "--compare", other, "--by", "image-heads")
    assert f"image-heads and gaze of {other}, top 10: 1 (0.8;" in out
    HELD.save(other)
    _, out, _ = run(capsys, "heads", file, "--compare", other, "--by", "image-heads")
    assert f"image-heads and image-heads of {other}, top 10: 10 (0.8;" in out
    Heads.ranked(GAZE, replace(HELD.provenance, model="n")).save(other)
    code, _, err = run(capsys, "heads", file, "--compare", other)
    assert code == 2 and "Heads of m (10, 12) and of n (10, 12) cannot be compared" in err


def test_a_control_draw_says_so(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    HELD.top(7).controls(1, seed=0)[0].save(file)
    _, out, _ = run(capsys, "heads", file)
    assert "a random-head control, not gaze heads: rule layers, 2 moved to another layer" in out
    assert "holds 7 of 120 heads; steered without --top: 7" in out


def test_scores_are_drawn_with_gaps(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, _ = run(capsys, "heads", file, "--by", "causal", "--plot", tmp_path / "new" / "map.png")
    with Image.open(tmp_path / "new" / "map.png") as drawn:
        assert code == 0 and drawn.size == (750, 510)
    code, _, err = run(capsys, "heads", file, "--plot", tmp_path / "map.gif")
    assert code == 2 and "End the name in .png, .svg or .pdf" in err


def test_scores_and_files_that_are_not_there(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "heads", file, "--by", "selectivity")
    assert code == 2 and "these heads of m have gaze, image-heads, causal" in err
    code, _, err = run(capsys, "heads", file, "--list", 0)
    assert code == 2 and "'0' is neither a number of heads from 1 on nor a share of them" in err
    code, _, err = run(capsys, "heads", "none.json")
    assert code == 2 and "Heads file none.json cannot be read" in err


def test_discover_measures_all_scores_and_their_stability(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "heads.json"
    code, text, _ = run(capsys, "discover", "--data", "doodles:4:dev", "--out", out)
    held = Heads.load(out)
    assert code == 0
    assert "halves of the 4 images agree: Spearman 0.9" in text
    assert (
        "Without --top the first 9 of them are steered, the paper's 9%, until `gazeheads tune` chooses"
        in text
    )
    scores = ["image-heads", "selectivity", "norm-weighted", "localization-heads"]
    assert list(held.others) == scores and f"other scores in the file: {', '.join(scores)}" in text
    added = ["--score", "causal", "--heads", out, "--data", "doodles:1:dev:panels=2", "--groups", 48]
    code, text, _ = run(capsys, "discover", *added, "--out", out)
    assert code == 0 and "`gazeheads run --conditions causal` steers by it" in text
    held = Heads.load(out)
    assert list(held.others) == [*scores, "causal"] and held.provenance.data == "doodles:4:dev"
    note = "doodles:1:dev:panels=2, seed 0, focus, 2 rounds of groups of 48 heads"
    assert held.provenance.notes == {"causal": note}
    assert np.isfinite(held.others["causal"]).all() and np.unique(held.others["causal"]).size == 4


def test_test_samples_are_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discover, "loaded", lambda _: pytest.fail("the model was loaded"))
    out = tmp_path / "heads.json"
    code, _, err = run(capsys, "discover", "--score", "causal", "--data", "doodles:1:test", "--out", out)
    assert code == 2 and "of a test split, which reports and never chooses" in err
    code, _, err = run(capsys, "discover", "--as-gaze", "--out", out)
    assert code == 2 and "are for a score that is added to a heads file" in err


def test_too_few_pictures_for_stability_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "heads.json"
    more = ["--processor", "do_convert_rgb=false"]
    code, text, _ = run(capsys, "discover", "--data", "doodles:1", *more, "--out", out, "--json")
    found = json.loads(text)
    assert code == 0 and found["stability"] is None and found["selected"] == 9
    assert Heads.load(out).provenance.settings == "do_convert_rgb=False"

"""`gazeheads run` and `merge`, as typed: what a folder holds, how it goes on, and what is refused."""

import json

import pytest

from gazeheads import cli, prompts
from gazeheads.data.comics import comics
from gazeheads.errors import UsageError
from gazeheads.experiments.conditions import HeadSets, conditions
from gazeheads.experiments.redirect import Redirect
from gazeheads.heads.heads import Heads
from gazeheads.model.bundled import HEADS
from gazeheads.model.loading import load
from gazeheads.runs import run as loop
from gazeheads.runs.run import run

SMALL = ["--data", "doodles:2:test", "--conditions", "none,gaze@8,controls:1@8"]


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "generations.jsonl").read_text().splitlines()]


def test_a_run_is_a_folder_that_says_how_it_was_made_and_goes_on(tmp_path, capsys) -> None:
    out = tmp_path / "run"
    assert cli.main(["run", "vqa", *SMALL, "--out", str(out), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first == {"out": str(out), "answers": 26, "new": 26, "failed": 0}
    before = (out / "generations.jsonl").read_bytes()
    assert cli.main(["run", "vqa", *SMALL, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 0
    assert (out / "generations.jsonl").read_bytes() == before
    told = json.loads((out / "manifest.json").read_text())
    assert told["experiment"] == {"name": "vqa", "prompt": prompts.VQA, "budget": 15}
    assert told["conditions"] == ["none", "gaze@8", "controls@8/0"]
    assert told["data"]["source"] == "doodles:2:test" and len(told["data"]["hash"]) == 64
    assert told["model"]["name"] == "gazeheads/doodle-vl" and len(told["model"]["hash"]) == 64
    assert {"torch", "transformers", "python", "gazeheads"} <= set(told["versions"])
    assert told["heads"]["k"] == len(Heads.load(HEADS).selected) and told["heads"]["of"] == 96
    steered = {line["condition"]: line["heads"] for line in lines(out)}
    assert steered == {"none": 0, "gaze@8": 8, "controls@8/0": 8}


def test_other_settings_in_the_same_folder_are_refused_with_the_difference(tmp_path, capsys) -> None:
    out = str(tmp_path / "run")
    assert cli.main(["run", "vqa", *SMALL, "--out", out]) == 0
    for more, difference in (
        (["--top", "5"], "heads.k"),
        (["--push", "uniform"], "push: 'focus' there, 'uniform' asked"),
        (["--seed", "4"], "data.hash"),
        (["--batch", "9"], "batch"),
        (["--during", "decode"], "during"),
    ):
        capsys.readouterr()
        assert cli.main(["run", "vqa", *SMALL, *more, "--out", out]) == 2
        assert difference.split(":")[0] in capsys.readouterr().err


def test_shards_merge_into_what_one_machine_would_have_made(tmp_path, capsys) -> None:
    whole, parts = tmp_path / "whole", [tmp_path / f"shard{i}" for i in (1, 2)]
    assert cli.main(["run", "vqa", *SMALL, "--out", str(whole)]) == 0
    for i, part in enumerate(parts, 1):
        assert cli.main(["run", "vqa", *SMALL, "--shard", f"{i}/2", "--out", str(part)]) == 0
    assert cli.main(["merge", *map(str, parts), "--out", str(tmp_path / "both")]) == 0
    both = {line["key"]: line["text"] for line in lines(tmp_path / "both")}
    assert both == {line["key"]: line["text"] for line in lines(whole)}
    assert cli.main(["merge", str(parts[0]), "--out", str(tmp_path / "half")]) == 2
    assert "2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, said",
    [
        (["nothing"], "Use one of vqa, this-panel"),
        (["vqa", "--conditions", "gase"], "Condition 'gase' is unknown"),
        (["vqa", "--conditions", "causal-heads"], "unknown"),
        (["vqa", "--shard", "3/2"], "argument --shard: 3/2: there is none"),
        (["vqa", "--shard", "half"], "'half' is not K/N"),
        (["vqa", "--push", "hard"], "Push 'hard' cannot be read"),
        (["vqa", "--push", "bias(1, strength=3)"], "cannot be read"),
        (["vqa", "--processor", "crop"], "write NAME=VALUE"),
        (["vqa", "--every", "5"], "vqa is none"),
        (["tour", "--every", "0"], "argument --every: '0': give a number of tokens from 1 on, or auto"),
        (["tour-by-sentence", "--every", "5"], "Use the experiment `tour`"),
        (["vqa", "--top", "97"], "97"),
        (["vqa", "--data", "doodles:0"], "'0' is not a whole number"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_makes_no_folder(tmp_path, capsys, options, said) -> None:
    out = tmp_path / "run"
    assert cli.main(["run", *options, *([] if "--data" in options else SMALL[:2]), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    assert not (out / "generations.jsonl").exists()


def test_a_control_set_that_is_not_there_is_refused_before_anything_is_generated(tmp_path, capsys) -> None:
    """23 heads of the lowest 5% of 96: there are but 5."""
    out = tmp_path / "run"
    assert (
        cli.main(["run", "vqa", *SMALL[:2], "--conditions", "gaze,controls:5:bottom5", "--out", str(out)])
        == 2
    )
    assert "bottom5" in capsys.readouterr().err
    assert not (out / "generations.jsonl").exists() or not lines(out)


def test_a_tours_pace_is_measured_and_its_settings_are_recorded(tmp_path, capsys) -> None:
    out = tmp_path / "tour"
    asked = [
        "run",
        "tour",
        "--data",
        "doodles:2:test",
        "--conditions",
        "gaze@8",
        "--generate",
        "no_repeat_ngram_size=5",
    ]
    assert cli.main([*asked, "--out", str(out)]) == 0
    told = json.loads((out / "manifest.json").read_text())["experiment"]
    assert 6 <= told["every"] <= 12 and told["settings"] == {"no_repeat_ngram_size": 5}
    (first, _) = lines(out)
    assert first["settings"] == {"min_new_tokens": 6 * told["every"], "no_repeat_ngram_size": 5}
    assert len(first["segments"]) == 6 and first["tokens"] == 6 * told["every"]


def test_a_strip_that_is_deleted_in_mid_run_is_named_and_nothing_is_lost(tmp_path, monkeypatch) -> None:
    assert cli.main(["doodles", "--n", "3", "--out", str(tmp_path / "d")]) == 0
    monkeypatch.setattr(loop, "AT_ONCE", 1)
    samples, model = comics(tmp_path / "d"), load()
    gone = tmp_path / "d" / "strip2" / "p4.png"
    pixels, kept = gone.read_bytes(), {}

    class Kept(dict):
        def append(self, new) -> None:
            self.update({line["key"]: line for line in new})
            gone.unlink(missing_ok=True)

    kept, choose = Kept(), HeadSets(Heads.load(HEADS).all(), 8)
    asked = Redirect("x", "What?", 3), conditions("none,gaze"), choose
    with pytest.raises(UsageError, match=r"strip2.p4\.png"):
        run(model, samples, *asked, kept=kept)
    assert len(kept) == 7
    gone.write_bytes(pixels)
    monkeypatch.setattr(Kept, "append", lambda self, new: self.update({line["key"]: line for line in new}))
    run(model, samples, *asked, kept=kept)
    assert len(kept) == 21

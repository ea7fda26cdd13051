"""`gazeheads judge` as it is typed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from provider_server import Reply, honest, served

from gazeheads.cli import main
from gazeheads.data.sources import fingerprint
from gazeheads.drawing.strips import doodles
from gazeheads.experiments.trial import Generated, Trial
from gazeheads.runs.folder import RunFolder

STRIPS = doodles(2, 5, "dev")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    data = {"source": "doodles:2:dev", "seed": 5, "samples": 2, "hash": fingerprint(STRIPS)}
    with RunFolder.begin(tmp_path / "run", {"schema": 1, "data": data}) as folder:
        trials = [
            (strip, Trial("vqa", strip.id, "gaze", "What?", 15, target=k))
            for strip in STRIPS
            for k in range(6)
        ]
        folder.generations.append(
            Generated(t, s.captions[t.target or 0][0], 9, "eos").to_json() for s, t in trials
        )
    return tmp_path / "run"


def told(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> Any:
    """What --json prints; or, where it fails, the message."""
    assert main(["judge", *args, "--json"]) == code
    out = capsys.readouterr()
    return out.err if code else json.loads(out.out)


def test_a_run_is_judged_once_by_each_judge_and_the_two_are_compared(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = told(capsys, str(run))
    assert first == {
        **{"judge": "rules", "verdicts": 12, "new": 12},
        **{"matched": 12, "none": 0, "degenerate": 0, "unscored": 0},
        **{"why_unscored": {}, "fits": True},
    }
    assert told(capsys, str(run))["new"] == 0
    assert told(capsys, str(run), "--judge", "captions")["new"] == 12
    found = told(capsys, str(run), "--agreement", "rules,captions")
    assert (found["n"], found["agreed"], found["kappa"]) == (12, 1, 1)
    assert told(capsys, str(run), "--judge", "captions", "--margin", "0.2")["new"] == 0
    message = told(capsys, str(run), "--judge", "captions", "--margin", "0.3", code=2)
    assert "judged this run with other settings: margin was 0.2, now 0.3" in message
    assert told(capsys, str(run), "--judge", "captions", "--margin", "0.3", "--name", "strict")["new"] == 12
    assert main(["judge", str(run)]) == 0
    assert "12 verdicts by rules" in capsys.readouterr().out
    assert main(["judge", str(run), "--agreement", "rules,captions"]) == 0
    assert "agree on 100.0%, kappa 1.000" in capsys.readouterr().out


def test_data_that_have_changed_since_the_run_are_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["data"]["hash"] = "0" * 64
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert "these data have changed since" in told(capsys, str(run), code=2)
    assert "which is not among the 2 samples" in told(
        capsys, str(run), "--data", "doodles:2:dev", "--seed", "6", code=2
    )
    assert told(capsys, str(run), "--data", "doodles:2:dev")["new"] == 12


def test_a_calibration_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "calibration.json"
    found = told(capsys, "--calibrate", "--judge", "captions", "--data", "doodles:3:dev", "--out", str(file))
    assert found == json.loads(file.read_text())
    assert (found["captions"], found["accuracy"]["mean"], found["unscored"]) == (72, 1, 0)
    assert main(["judge", "--calibrate", "--data", "doodles:3:dev"]) == 0
    out = capsys.readouterr().out
    assert "rules on 72 true captions of doodles:3:dev, seed 0" in out
    assert "accuracy   100.0%" in out
    assert "place 6: 100.0% right; chosen 16.7% for 16.7%" in out


def test_an_api_says_its_cost_keeps_its_replies_and_judges_failures_again(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    well = False
    garbage = Reply(raw=b"oops")
    with served(lambda request, n: honest(request) if well or n < 4 else garbage) as server:
        asked = [str(run), "--judge", "api:openai:m", "--base-url", server.url, "--concurrency", "1"]
        prices = ["--price-in", "1000", "--price-out", "1000"]
        message = told(capsys, *asked, *prices, code=2)
        assert "api:openai:m: 12 calls (0 more are answered already)" in message
        assert "more than the limit of 1. Say --yes" in message
        assert not server.requests
        found = told(capsys, *asked, *prices, "--yes")
        assert (found["new"], found["none"], found["unscored"]) == (
            12,
            4,
            8,
        )  # captions say nothing "about N"
        assert told(capsys, *asked)["new"] == 0
        well = True
        server.requests.clear()
        found = told(capsys, *asked, "--unscored")
        assert (found["new"], found["verdicts"], found["none"], found["unscored"]) == (8, 12, 12, 0)
        assert len(server.requests) == 8
    assert (run / "replies.sqlite").exists()
    noted = json.loads((run / "judges.json").read_text())["api:openai:m"]
    assert noted == {"judge": "api:openai:m", "base_url": server.url, "wording": 1}
    assert not any(b"sk-0123456789" in path.read_bytes() for path in run.iterdir())


def test_what_is_asked_for_wrongly_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for args, why in [
        ((), "Nothing says what to judge"),
        (("--calibrate",), "--calibrate judges the true captions of --data SRC"),
        ((str(run), "--calibrate", "--data", "doodles:1"), "and no run"),
        ((str(run), "--agreement", "rules"), "name two judges, as rules,captions"),
        ((str(run), "--agreement", "rules,captions"), "rules has not judged this run"),
        ((str(run), "--judge", "oracle"), "Judge 'oracle' is not known"),
        ((str(run), "--name", "a|b"), "a judge's name holds no |"),
        ((str(run), "--judge", "rules", "--margin", "0.1"), "it does not take one of these"),
        ((str(run / "none"),), "none"),
    ]:
        message = told(capsys, *args, code=2)
        assert why in message
        assert len(message.strip().splitlines()) == 1


def test_data_of_which_nothing_is_known_need_a_judge_by_name(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = [replace(strip, slots=(), captions=()) for strip in STRIPS]
    monkeypatch.setattr("gazeheads.data.sources.samples_of", lambda source, seed: bare)
    monkeypatch.setattr("gazeheads.data.sources.fingerprint", lambda samples: fingerprint(STRIPS))
    assert "No judge was named" in told(capsys, str(run), code=2)


def test_why_answers_are_unscored_is_counted_and_nothing_scored_is_no_success(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    message = {"role": "assistant", "content": "I would rather not."}
    with served(lambda request, _: Reply(body={"choices": [{"message": message}]})) as server:
        address = server.url.replace("//", "//me:hunter2@")
        words = ["judge", str(run), "--judge", "api:openai:m", "--base-url", address, "--yes"]
        monkeypatch.setattr("sys.argv", ["gazeheads", *words])
        assert main(words) == 1
    said = capsys.readouterr()
    assert (
        "unscored: 12 because the judge's reply could not be read, twice: it holds no JSON object" in said.out
    )
    assert main(["report", str(run), "--out", str(run / "page")]) == 0
    assert "12 verdicts are unscored: 12 because the judge's reply" in capsys.readouterr().out
    written = [each.read_bytes() for each in run.rglob("*") if each.is_file()]
    assert not any(b"hunter2" in each for each in (said.err.encode(), *written))
    assert "***@127.0.0.1" in (run / "commands.txt").read_text()

"""The main job at a small size: its parts agree, its page shows them, nothing serves twice."""

import contextlib
import io
import json

import pytest

import gazeheads as gh
from gazeheads import cli
from gazeheads.drawing.strips import doodles
from gazeheads.evidence.quick import notes
from gazeheads.experiments.conditions import HeadSets, conditions
from gazeheads.experiments.redirect import THIS_PANEL
from gazeheads.experiments.trial import Generated, Trial
from gazeheads.judging.base import Judge, Verdict
from gazeheads.runs import quickstart as job
from gazeheads.runs.folder import RunFolder
from gazeheads.runs.judge import verdicts_on
from gazeheads.runs.outcomes import judged_parts, outcomes
from gazeheads.runs.run import run
from gazeheads.runs.tune import Candidate, Tuning
from gazeheads.statistics import Estimate, k_grid


@pytest.fixture(scope="module")
def model():
    return gh.load()


@pytest.fixture(scope="module")
def done(model, tmp_path_factory):
    """The command at a small size, once: what the job made, in folders that stay, and what `--json` printed."""
    place, results, printed = tmp_path_factory.mktemp("quickstart"), [], io.StringIO()

    def kept(model, folder, full, progress, job=job.quickstart):
        results.append(job(model, place / "runs", full, progress))
        return results[0]

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        for name, value in (("DISCOVERY", 2), ("TUNING", 2), ("TEST", 2), ("quickstart", kept)):
            patch.setattr(job, name, value)
        assert cli.main(["quickstart", "--out", str(place / "out"), "--json"]) == 0
    return results[0], json.loads(printed.getvalue())


def test_the_command_prints_a_table_and_writes_a_page(done, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(job, "quickstart", lambda *a: done[0])
    assert cli.main(["quickstart", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    for word in ("no steering", "gaze heads", "(8 draws)", "all heads", "gaze on panel 6:", "report:"):
        assert word in out
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("data:image/") >= 6 and "http" not in page.split("</style>")[1].split("<footer")[0]
    for title in ("Six answers", "The heads", "on each panel", "How many heads", "While it narrates"):
        assert title in page
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["report.html", "strip.png"]


def test_json_holds_the_same_numbers(done):
    told = done[1]
    (run_,) = told["runs"]
    assert (run_["experiment"], run_["judge"], run_["data"]) == (
        "this-panel",
        "rules",
        "doodles:2:test, seed 0",
    )
    table = {line["condition"]: line for line in run_["cells"]}
    assert list(table) == ["none", "gaze", *(f"controls/{i}" for i in range(8)), "all"]
    assert {line["heads"] for name, line in table.items() if name.startswith("controls")} == {told["k"]}
    assert table["gaze"]["heads"] == told["k"] == len(told["heads"])
    assert table["none"]["accuracy"]["n"] == table["gaze"]["accuracy"]["n"] == 12
    assert table["gaze"]["mass_after"] > table["gaze"]["mass_before"]
    assert list(map(int, told["dev_accuracy_by_k"])) == list(k_grid(96))
    assert [answer["target"] for answer in told["answers"]] == list(range(6))


def test_full_asks_the_papers_vqa_prompt_too_with_twenty_draws(monkeypatch, tmp_path):
    monkeypatch.setattr(job, "DISCOVERY", 2)
    monkeypatch.setattr(job, "TUNING", 2)
    asked = []
    tuned = Tuning(
        {Candidate("gaze", "focus", 8): Estimate(1, 1, 1, 2, 2)}, Candidate("gaze", "focus", 8), None, 0.0
    )
    monkeypatch.setattr(job, "discover", lambda *a, **k: asked.append("discover") or heads())
    monkeypatch.setattr(job, "tune", lambda *a, **k: tuned)
    monkeypatch.setattr(
        job,
        "_redirect",
        lambda model, folder, e, data, samples, heads, draws, p: asked.append(
            (e.name, data, len(samples), len(heads.selected), draws)
        ),
    )
    monkeypatch.setattr(job, "narrate", lambda *a: iter([None]))
    job.quickstart(None, tmp_path, True, lambda *a: None)
    data = "doodles:60:test", 60, 8, 20
    assert asked == ["discover", ("this-panel", *data), ("vqa", *data)]


def test_its_runs_are_ordinary_folders(done, model):
    """Another run with the same settings goes on with what is there: nothing is left to do."""
    result = done[0]
    assert [path.name for path in result.runs] == ["this-panel"]
    with RunFolder.open(result.runs[0]) as folder:
        assert len(folder.generations) == len(folder.verdicts) == 2 * (1 + 6 * 10)
        assert folder.manifest["heads"]["tuned_on"] == {"data": "doodles:2:dev", "seed": 202}
        asked = conditions("none,gaze,controls:8,all")
        sets = HeadSets(result.heads, result.tuning.chosen.k)
        assert run(model, result.samples, THIS_PANEL, asked, sets, kept=folder.generations) == []


def heads():
    from gazeheads.heads.heads import Heads
    from gazeheads.model.bundled import HEADS

    return Heads.load(HEADS).all()


def test_no_strip_serves_twice():
    parts = {
        "discovery": doodles(job.DISCOVERY, job.DISCOVERY_SEED, "dev"),
        "tuning": doodles(job.TUNING, job.TUNING_SEED, "dev"),
        "test": doodles(60, job.TEST_SEED, "test"),
    }
    pixels = {name: {s.image.tobytes() for s in samples} for name, samples in parts.items()}
    assert all(len(pixels[name]) == len(parts[name]) for name in parts)
    assert not pixels["discovery"] & pixels["tuning"]
    assert not (pixels["discovery"] | pixels["tuning"]) & pixels["test"]


def test_the_loop_gives_each_trial_its_own_target_whatever_the_batch(model):
    """Trials are regrouped into batches: the answers must not notice."""
    samples, selected, choose = doodles(2, seed=3), heads().top(31), HeadSets(heads(), 31)
    asked, seen = conditions("none,gaze,gaze@2"), []
    whole = run(model, samples, THIS_PANEL, asked, choose, progress=seen.append)
    token_texts = run(model, samples, THIS_PANEL, asked, choose, batch=5)
    assert [g.trial.key for g in whole] == [g.trial.key for g in token_texts]
    assert len({g.trial.key for g in whole}) == len(whole) == sum(seen) == 2 * (1 + 6 + 6)
    assert [g.text for g in whole] == [g.text for g in token_texts]
    steered = [g for g in whole if g.trial.target is not None]
    assert all(g.after == pytest.approx(1) and g.after > g.before for g in steered)
    alone = {
        g.trial.target: g.text
        for g in steered
        if g.trial.condition == "gaze" and g.trial.sample == samples[0].id
    }
    scene = model.encode(model.resized(samples[0]).image, THIS_PANEL.prompt, panels=samples[0].boxes)
    for target, text in alone.items():
        assert model.generate(scene, gh.Gaze(selected, scene.panel(target)), max_new_tokens=24).text == text


def test_an_unsteered_answer_counts_for_each_target_and_unscored_is_no_miss():
    sample = doodles(1)[0]

    def said(condition, target, text):
        return Generated(Trial("x", sample.id, condition, "?", 9, target), text, 3, "eos")

    generated = [said("none", None, sample.captions[2][0]), said("gaze", 0, "junk"), said("gaze", 1, "?")]

    class Strict(Judge):
        def judge(self, sample, answer):
            return (
                Verdict("unscored")
                if answer == "?"
                else Verdict("degenerate")
                if answer == "junk"
                else Verdict("matched", 2)
            )

    verdicts, regions = verdicts_on(Strict(), generated, [sample]), {sample.id: range(6)}
    assert outcomes(generated[:1], verdicts, regions) == {(sample.id, k): float(k == 2) for k in range(6)}
    assert outcomes(generated[1:], verdicts, regions) == {(sample.id, 0): 0.0, (sample.id, 1): None}
    assert [judged_parts(g, verdicts)[0].status for g in generated] == ["matched", "degenerate", "unscored"]


def test_the_bound_where_all_strips_are_alike_is_that_of_so_many_strips() -> None:
    """With a true share p all n are right with chance p ** n; 95% two-sided leave 2.5% below."""
    for strips, percent in ((24, 86), (60, 94)):
        assert round(100 * 0.025 ** (1 / strips)) == percent
        assert (
            f"with {strips} of {strips} strips right the true share may still be as low as {percent}%"
            in notes(strips)
        )

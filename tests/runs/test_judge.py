"""The judging loop over a run folder: what a judge sees, what is written, and that it goes on where it was stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeheads.drawing.strips import doodles
from gazeheads.errors import BadLedger, JudgeError
from gazeheads.experiments.trial import Generated, SegmentRecord, Trial
from gazeheads.judging.base import Asked, Judge, Verdict
from gazeheads.judging.rules import RulesJudge
from gazeheads.runs.folder import RunFolder
from gazeheads.runs.judge import judge_folder, verdict_of, verdicts_on
from gazeheads.runs.lines import answer_of
from gazeheads.runs.outcomes import outcomes
from gazeheads.sample import Sample
from gazeheads.statistics import estimate

STRIPS = doodles(3, 7, "dev")
MANIFEST = {"schema": 1, "experiment": {"name": "e"}}


def said(strip: Sample, region: int, n: int = 0) -> str:
    return strip.captions[region][n]


def answers() -> list[Generated]:
    found = []
    for strip in STRIPS:
        for target in range(6):
            trial = Trial("vqa", strip.id, "gaze", "What?", 15, target=target, pointed=target)
            found.append(Generated(trial, said(strip, target), 9, "eos"))
        whole = Trial("vqa", strip.id, "none", "What?", 15)
        found.append(Generated(whole, "", 0, "eos"))
        failed = Trial("vqa", strip.id, "wrong-region/0", "What?", 15, target=1, pointed=2)
        found.append(Generated(failed, "", 0, "failed", failed="steered nothing"))
        tour = Trial("tour", strip.id, "gaze", "Tell.", 60, tour=(2, 0, 1, 5), every=15, parts="segments")
        segments = (
            SegmentRecord(said(strip, 2), 0, 15, 2),
            SegmentRecord(" \n", 15, 30, 0),
            SegmentRecord("digs digs digs digs", 30, 45, 1),
        )
        found.append(Generated(tour, "...", 45, "length", segments=segments))
        broken = replace(tour, condition="all")
        found.append(Generated(broken, "", 0, "failed", failed="steered nothing"))
        tell = Trial("free-narration", strip.id, "gaze", "Tell.", 60, target=3, pointed=3, parts="sentences")
        text = f"{said(strip, 3)} {said(strip, 4)} and then"
        found.append(Generated(tell, text, 30, "length", token_texts=tuple(text)))
        found.append(Generated(replace(tell, target=4), "", 0, "eos"))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder.begin(tmp_path / "run", MANIFEST)
    run.generations.append(each.to_json() for each in answers())
    return run


class Spy(Judge):
    """Judges by rules, and notes all that it is told."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def judge_many(self, asked: Sequence[Asked]) -> list[list[Verdict]]:
        self.asked += asked
        return [[RulesJudge().judge(sample, part) for part in parts] for sample, parts in asked]


def table(folder: RunFolder, name: str = "rules") -> dict[tuple[str, int], tuple[str, int | None, str]]:
    lines = [line for line in folder.verdicts if line["judge"] == name]
    return {(x["generation"], x["part"]): (x["kind"], x["region"], x["reason"]) for x in lines}


def test_every_part_of_every_answer_gets_its_line(folder: RunFolder) -> None:
    done: list[int] = []
    assert judge_folder(folder, RulesJudge(), "rules", STRIPS, done.append, batch=10) == len(folder.verdicts)
    assert done == [10, 10, 10, 6]
    found = table(folder)
    strip = STRIPS[1].id
    for target in range(6):
        assert found[f"vqa||{strip}|gaze|{target}", 0] == ("matched", target, "")
    assert found[f"vqa||{strip}|none|-", 0] == ("degenerate", None, "no word")  # said nothing: that is known
    failed = ("unscored", None, "no answer: steered nothing")
    assert found[f"vqa||{strip}|wrong-region/0|1", 0] == failed
    tour = f"tour||{strip}|gaze|-"
    assert [found[tour, n][:2] for n in range(4)] == [
        ("matched", 2),
        ("unscored", None),
        ("degenerate", None),
        ("unscored", None),
    ]
    assert found[tour, 1][2] == found[tour, 3][2] == "no text"
    assert [found[f"tour||{strip}|all|-", n] for n in range(4)] == [failed] * 4
    tell = f"free-narration||{strip}|gaze|"
    assert [found[f"{tell}3", n][:2] for n in range(3)] == [("matched", 3), ("matched", 4), ("none", None)]
    assert found[f"{tell}4", 0] == ("unscored", None, "no text")
    assert len(found) == 3 * (6 + 1 + 1 + 4 + 4 + 3 + 1)
    line = next(iter(folder.verdicts))
    assert line["key"] == f"rules|{line['generation']}#0"
    assert set(line) == {
        *("schema", "judge", "key", "generation", "part", "text", "regions"),
        *("kind", "region", "slots_right", "all_slots", "reason", "margin"),
    }
    assert line["slots_right"] == 3 and line["all_slots"] is True


def test_a_judge_is_told_the_sample_and_the_text_and_nothing_else(folder: RunFolder) -> None:
    spy = Spy()
    judge_folder(folder, spy, "spy", STRIPS)
    for sample, parts in spy.asked:
        assert any(sample is strip for strip in STRIPS)
        assert isinstance(parts, list) and all(type(part) is str for part in parts)
    texts = [parts for sample, parts in spy.asked if sample is STRIPS[0]]
    assert texts == [
        *([said(STRIPS[0], region)] for region in range(6)),
        [""],
        [said(STRIPS[0], 2), "digs digs digs digs"],  # a tour's parts together, no word of its order
        [said(STRIPS[0], 3), said(STRIPS[0], 4), "and then"],
    ]
    assert verdicts_on(spy, answers()[:8], STRIPS) == {
        (each.key, 0): RulesJudge().judge(STRIPS[0], each.text) for each in answers()[:7]
    }, "and none on what failed"
    assert spy.asked[-7:] == [(STRIPS[0], [each.text]) for each in answers()[:7]]


def test_the_same_words_about_the_same_sample_are_asked_about_once(folder: RunFolder) -> None:
    again = [
        replace(each, trial=replace(each.trial, condition=f"again {each.trial.condition}"))
        for each in answers()
    ]
    folder.generations.append(each.to_json() for each in again)
    spy = Spy()
    judge_folder(folder, spy, "rules", STRIPS, batch=5)
    assert len(spy.asked) == 3 * 9
    found = table(folder)
    first = {(generation, part): v for (generation, part), v in found.items() if "|again " not in generation}
    assert len(found) == 2 * len(first)
    for (generation, part), verdict in first.items():
        experiment, variant, sample, condition, target = generation.split("|")
        assert found[f"{experiment}|{variant}|{sample}|again {condition}|{target}", part] == verdict


def test_what_is_there_is_not_judged_again_and_judges_do_not_mix(folder: RunFolder) -> None:
    judge_folder(folder, RulesJudge(), "rules", STRIPS)
    before = dict(folder.verdicts.lines)
    spy = Spy()
    assert judge_folder(folder, spy, "rules", STRIPS) == 0
    assert not spy.asked
    assert judge_folder(folder, spy, "spy", STRIPS) == len(before)
    assert list(folder.verdicts.lines.values())[: len(before)] == list(before.values())
    assert table(folder, "spy") == table(folder, "rules")


def test_a_judge_that_stops_in_the_middle_goes_on_and_ends_with_the_same_lines(
    folder: RunFolder, tmp_path: Path
) -> None:
    whole = RunFolder.begin(tmp_path / "whole", MANIFEST)
    whole.generations.append(each.to_json() for each in answers())
    judge_folder(whole, RulesJudge(), "rules", STRIPS)

    class Stops(Spy):
        def judge_many(self, asked: Sequence[Asked]) -> list[list[Verdict]]:
            if len(self.asked) > 8:
                raise JudgeError("enough")
            return super().judge_many(asked)

    with pytest.raises(JudgeError, match="enough"):
        judge_folder(folder, Stops(), "rules", STRIPS, batch=4)
    half = len(folder.verdicts)
    assert 0 < half < len(whole.verdicts)
    folder.close()
    # A kill in the middle of a write leaves the first part of a tour's verdicts, and half a line.
    path = tmp_path / "run" / "verdicts.jsonl"
    path.write_bytes(path.read_bytes()[: -len(path.read_bytes().splitlines()[-1]) - 30])
    with RunFolder.open(tmp_path / "run") as again:
        judge_folder(again, RulesJudge(), "rules", STRIPS, batch=7)
        assert again.verdicts.lines == whole.verdicts.lines
    assert path.read_bytes().count(b"\n") == len(whole.verdicts)


def test_verdicts_of_a_judge_that_failed_are_not_taken_over_and_can_be_had_anew(folder: RunFolder) -> None:
    class Down(Spy):
        up = False

        def judge_many(self, asked: Sequence[Asked]) -> list[list[Verdict]]:
            if self.up:
                return super().judge_many(asked)
            self.asked += asked
            return [[Verdict("unscored", reason="down")] * len(parts) for _, parts in asked]

    again = [replace(each, trial=replace(each.trial, condition="controls/0")) for each in answers()[:6]]
    folder.generations.append(each.to_json() for each in again)
    down = Down()
    judge_folder(folder, down, "rules", STRIPS, batch=3)
    assert len(down.asked) == 3 * 9 + 6  # it may be well by now
    assert {line["kind"] for line in folder.verdicts} == {"unscored"}
    folder.verdicts.drop([key for key, line in folder.verdicts.lines.items() if line["reason"] == "down"])
    kept = len(folder.verdicts)
    assert kept == 3 * (1 + 2 + 4 + 1)
    down.up = True
    judge_folder(folder, down, "rules", STRIPS)
    assert {line["kind"] for line in folder.verdicts} == {"matched", "none", "degenerate", "unscored"}
    assert len(RunFolder.open(folder.path, read_only=True).verdicts) == len(folder.verdicts) > kept


def test_a_judge_that_always_fails_leaves_everything_unscored_and_nothing_at_zero() -> None:
    class Fails(Judge):
        def judge(self, sample: Sample, answer: str) -> Verdict:
            return Verdict("unscored", reason="down")

    told = answers()[:6]
    found = outcomes(told, verdicts_on(Fails(), told, STRIPS), {strip.id: () for strip in STRIPS})
    assert list(found.values()) == [None] * 6
    share = estimate(found, np.random.default_rng(0))
    assert (share.n, share.left_out) == (0, 6)
    assert np.isnan(share.mean)


def test_an_answer_about_an_unknown_sample_is_refused_before_anything_is_asked(folder: RunFolder) -> None:
    spy = Spy()
    with pytest.raises(JudgeError, match=r"'doodles/dev/7/2', which is not among the 2 samples .*--data SRC"):
        judge_folder(folder, spy, "rules", STRIPS[:2])
    assert not spy.asked
    assert not folder.verdicts.lines


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[2])
from test_judge import Spy, STRIPS
from gazeheads.runs.folder import RunFolder
from gazeheads.runs.judge import judge_folder
print("ready", flush=True)
class Slow(Spy):
    def judge_many(self, asked):
        time.sleep(0.002)
        return super().judge_many(asked)
with RunFolder.open(sys.argv[1]) as folder:
    judge_folder(folder, Slow(), "rules", STRIPS, batch=1)
print("done", flush=True)
"""


def test_kills_at_any_instant_lose_no_verdict_and_double_none(folder: RunFolder, tmp_path: Path) -> None:
    folder.close()
    whole = RunFolder.begin(tmp_path / "whole", MANIFEST)
    whole.generations.append(each.to_json() for each in answers())
    judge_folder(whole, RulesJudge(), "rules", STRIPS)
    here = str(Path(__file__).parent)
    rng, kills, ended = np.random.default_rng(0), 0, False
    while not ended:
        command = [sys.executable, "-c", KILLED, str(folder.path), here]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == "ready\n"
            if kills < 2:
                time_out = float(rng.uniform(0, 0.08))
                try:
                    run.wait(time_out)
                except subprocess.TimeoutExpired:
                    run.send_signal(signal.SIGKILL)
                kills += 1
            ended = run.wait() == 0
    with RunFolder.open(folder.path) as again:
        assert again.verdicts.lines == whole.verdicts.lines


def test_an_answer_that_was_edited_is_judged_anew_and_no_other(folder: RunFolder) -> None:
    judge_folder(folder, RulesJudge(), "rules", STRIPS)
    before = dict(folder.verdicts.lines)
    first = answers()[0].key
    line = folder.generations.lines[first]
    folder.generations.drop([first])
    folder.generations.append([{**line, "text": said(STRIPS[0], 4)}])
    assert judge_folder(folder, RulesJudge(), "rules", STRIPS) == 1
    assert folder.verdicts.lines[f"rules|{first}#0"]["region"] == 4
    same = {key: each for key, each in before.items() if key != f"rules|{first}#0"}
    assert same == {key: each for key, each in folder.verdicts.lines.items() if key in same}


class Wrong(Judge):
    def judge(self, sample: Sample, answer: str) -> Verdict:
        return Verdict("matched", 99)


def test_a_region_that_is_not_there_is_an_error_and_no_miss(folder: RunFolder) -> None:
    with pytest.raises(
        JudgeError, match="Judge wrong says that an answer is about region 99 of .*, which has 6"
    ):
        judge_folder(folder, Wrong(), "wrong", STRIPS)
    assert len(folder.verdicts) == 0


@pytest.mark.parametrize(
    "change, why",
    [
        ({"text": 5}, "text is 5"),
        ({"target": True}, "target is True"),
        ({"tour": ["a"]}, "tour is"),
        ({"segments": [[1, 2]]}, "SegmentRecord"),
        ({"failed": None}, "failed is None"),
        ({"surprise": 1}, "surprise"),
        ({"schema": 9}, "schema 9 instead of"),
        ({"sample": "another"}, "belongs to the key"),
    ],
)
def test_lines_that_are_no_answers_are_named(folder: RunFolder, change: dict[str, Any], why: str) -> None:
    line = folder.generations.lines[answers()[0].key]
    with pytest.raises(BadLedger, match=f"cannot be read as one .*{why}"):
        answer_of({**line, **change})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, database=None)
@given(data=st.data())
def test_whatever_stands_in_a_line_only_a_named_error_comes_out(data: st.DataObject) -> None:
    line = answers()[data.draw(st.integers(0, 11))].to_json()
    changed = {**line, data.draw(st.sampled_from(sorted(line))): data.draw(JSON)}
    key = None
    with suppress(BadLedger):
        key = answer_of(changed).key
    assert key in (None, changed["key"])


@settings(max_examples=150, deadline=None, database=None)
@given(data=st.data())
def test_whatever_stands_in_a_verdict_it_is_read_or_refused(data: st.DataObject) -> None:
    line = {
        "schema": 1, "judge": "rules", "key": "rules|a#0", "generation": "a", "part": 0, "kind": "matched",
        "region": 2, "regions": 6, "slots_right": 1, "all_slots": True, "reason": "", "margin": None, "also": [],
    }  # fmt: skip
    changed = {**line, data.draw(st.sampled_from(sorted(line))): data.draw(JSON)}
    kind = None
    with suppress(KeyError, TypeError, ValueError, JudgeError):
        kind = verdict_of(changed).kind
    assert kind in (None, changed["kind"])

"""Results of run folders whose right numbers are known by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from run_folders import JUNK, NONE, UNSCORED, Judged, answer, matched, redirection, tour, write

from gazeheads.drawing.strips import doodles
from gazeheads.errors import NoEvidence, RunError
from gazeheads.evidence.latency import first_token, own_phrases
from gazeheads.evidence.results import Results, gaze_for
from gazeheads.evidence.runs import Run
from gazeheads.evidence.trajectories import trajectories
from gazeheads.experiments.conditions import family_of
from gazeheads.experiments.trial import Generated
from gazeheads.runs.judge import digest


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(Run.load(write(tmp_path / "run", redirection())))


def test_accuracy_has_its_company(results: Results) -> None:
    gaze = results.cells["", "gaze"]
    assert gaze.accuracy.mean == 4 / 5, "the unscored one leaves the denominator"
    assert (gaze.accuracy.n, gaze.accuracy.left_out, gaze.accuracy.clusters) == (5, 1, 2)
    assert gaze.all_slots.mean == 1 / 5
    assert (gaze.answers, gaze.heads) == (6, 4)
    assert (gaze.before, gaze.after) == pytest.approx((0.2, 0.9))
    assert dict(gaze.statuses) == {
        "matched": 4,
        "none": 0,
        "degenerate": 1,
        "unscored": 1,
        "failed": 0,
        "unjudged": 0,
    }
    assert gaze.share("degenerate") == 1 / 6
    assert {place: each.mean for place, each in gaze.positions.items()} == {0: 1, 1: 1, 2: 0}
    assert (gaze.positions[2].n, gaze.positions[2].left_out) == (1, 1)


def test_the_unsteered_answer_counts_for_each_region_in_turn(results: Results) -> None:
    none = results.cells["", "none"]
    assert (none.answers, none.accuracy.n) == (2, 6)
    assert none.accuracy.mean == 1 / 6, "a is about panel 1, b about none"
    assert none.with_rule is None and none.same is None
    assert results.chance("") == pytest.approx(1 / 3)


def test_moved_and_the_rule_compare_with_the_unsteered_answer(results: Results) -> None:
    gaze = results.cells["", "gaze"]
    assert gaze.moved is not None and gaze.with_rule is not None
    assert (gaze.moved.mean, gaze.moved.n) == (3 / 4, 4), "without panel 1 of a, which a is about anyway"
    assert (gaze.with_rule.mean, gaze.same) == (3 / 5, 1), "'The cat sits!' was there before"


def test_a_lower_threshold_makes_more_answers_the_same(tmp_path: Path) -> None:
    run = Run.load(write(tmp_path / "run", redirection()))
    assert Results(run, threshold=1.0).cells["", "gaze"].same == 0
    assert Results(run, threshold=-1.0).cells["", "gaze"].same == 6


def test_what_the_unsteered_answer_is_about_may_be_unknown(tmp_path: Path) -> None:
    judged = redirection()
    judged[0] = (judged[0][0], [UNSCORED])
    gaze = Results(Run.load(write(tmp_path / "run", judged))).cells["", "gaze"]
    assert gaze.moved is not None
    assert (gaze.moved.n, gaze.moved.left_out) == (2, 4), "of b two are known; all of a is unknown"
    without = [each for each in redirection() if each[0].trial.condition != "none"]
    gaze = Results(Run.load(write(tmp_path / "without", without))).cells["", "gaze"]
    assert gaze.moved is None and gaze.with_rule is None


def test_control_draws_are_a_distribution(results: Results) -> None:
    (family,) = results.families("")
    assert family.name == "controls"
    assert family.means == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert family.among is not None
    assert (family.among.below, family.among.draws, family.among.p) == (3, 3, 1 / 4)
    assert family.outcomes["a", 0] == pytest.approx(2 / 3), "two draws of three are about panel 1"
    gap = results.gap(results.cells["", "gaze"].outcomes, family.outcomes)
    want = [1 - 2 / 3, 1 - 0, 0 - 1 / 3, 1 - 1 / 3, 1 - 2 / 3]
    assert gap.mean == pytest.approx(sum(want) / 5)
    assert (gap.n, gap.left_out) == (5, 1)
    assert [cell.condition for cell in results.singles("")] == ["none", "gaze"]


@pytest.mark.parametrize(
    ("name", "family", "gaze"),
    [
        ("controls/0", "controls", "gaze"),
        ("controls@8/11", "controls@8", "gaze@8"),
        ("band@0.12/3", "band@0.12", "gaze@0.12"),
        ("wrong-region/2", "wrong-region", "gaze"),
    ],
)
def test_draws_know_what_they_control(name: str, family: str, gaze: str) -> None:
    assert (family_of(name), gaze_for(family)) == (family, gaze)
    assert family_of("gaze@8") is None and family_of("image-heads") is None


def test_missing_verdicts_and_failures_are_counted(tmp_path: Path) -> None:
    judged = redirection()
    judged[3] = (judged[3][0], [None])
    judged[4] = (answer("a", "gaze", 2, failed="nothing was steered"), [JUNK])
    results = Results(Run.load(write(tmp_path / "run", judged)))
    gaze = results.cells["", "gaze"]
    assert (gaze.statuses["unjudged"], gaze.statuses["failed"], gaze.statuses["unscored"]) == (1, 1, 1)
    assert (gaze.accuracy.n, gaze.accuracy.left_out, gaze.accuracy.mean) == (3, 3, 1.0)
    assert results.unjudged == 1


def test_an_unfinished_condition_is_compared_where_both_ran(tmp_path: Path) -> None:
    judged = [each for each in redirection() if each[0].key != "vqa||b|gaze|1"]
    results = Results(Run.load(write(tmp_path / "run", judged)))
    gap = results.gap(results.cells["", "gaze"].outcomes, results.cells["", "controls/0"].outcomes)
    assert (gap.n, gap.left_out) == (4, 2)


def test_heads_that_point_elsewhere_are_asked_where_they_point(tmp_path: Path) -> None:
    judged: list[Judged] = [
        (answer("a", "wrong-region/0", 0, pointed=2), [matched(2)]),
        (answer("b", "wrong-region/0", 0, pointed=1), [matched(0)]),
        (answer("b", "wrong-region/0", 1, pointed=2), [matched(2)]),
    ]
    cell = Results(Run.load(write(tmp_path / "run", judged))).cells["", "wrong-region/0"]
    assert cell.accuracy.mean == pytest.approx(1 / 3)
    assert cell.at_pointed is not None and cell.at_pointed.mean == pytest.approx(2 / 3)


def test_the_numbers_go_into_json(results: Results) -> None:
    found = json.loads(json.dumps(results.to_json(), allow_nan=False))
    cells = {cell["condition"]: cell for cell in found["cells"]}
    assert cells["gaze"]["accuracy"]["mean"] == 0.8 and cells["gaze"]["same_as_unsteered"] == 1
    assert found["among_controls"] == [
        {"variant": "", "controls": "controls", "percentile": 100.0, "p": 0.25, "below": 3, "draws": 3}
    ]


def toured() -> list[Judged]:
    """a follows its schedule but for one junk segment; b goes its own way, in reading order; c is junk."""
    return [
        (tour("a", "gaze", [2, 0, 1], ["x x", "x x", "x x"]), [matched(2), matched(0), JUNK]),
        (tour("b", "gaze", [1, 2, 0], ["x x", "x x", "x x"]), [matched(0), matched(1), matched(2)]),
        (tour("c", "gaze", [2, 0, 1], ["x x", "x x", ""]), [JUNK, JUNK, None]),
        (tour("d", "gaze", [2, 0, 1], ["x x"]), [matched(1), None, None]),
    ]


def test_a_tour_is_held_against_its_schedule_and_the_reading_order(tmp_path: Path) -> None:
    results = Results(Run.load(write(tmp_path / "run", toured())))
    cell = results.cells["", "gaze"]
    assert dict(cell.statuses) == {
        "matched": 6,
        "none": 0,
        "degenerate": 3,
        "unscored": 3,
        "failed": 0,
        "unjudged": 0,
    }, "segments without text, or never reached, are unscored"
    (found,) = trajectories(results).values()
    assert found.on_schedule is not None and found.on_order is not None and found.rho_schedule is not None
    assert (found.on_schedule.mean, found.on_schedule.n, found.on_schedule.left_out) == (2 / 9, 9, 3)
    assert (found.on_order.mean, found.on_order.n) == (3 / 9, 9)
    # with the schedule: a 1, b (1, 2, 0) against (0, 1, 2): -0.5; with the order: a (0, 1) against (2, 0): -1, b 1
    assert (found.rho_schedule.mean, found.rho_schedule.n, found.rho_schedule.left_out) == (
        pytest.approx(0.25),
        2,
        2,
    )
    assert (found.rho_order.mean, found.rho_order.n, found.rho_order.left_out) == (pytest.approx(0), 2, 2)
    assert (found.degenerate, found.texts) == (1, 4)


def test_a_trajectory_with_a_missing_verdict_is_undefined(tmp_path: Path) -> None:
    judged: list[Judged] = [
        (tour("a", "gaze", [2, 0, 1], ["x", "x", "x"]), [matched(2), matched(0), None]),
        (tour("b", "gaze", [2, 0, 1], ["x", "x", "x"]), [matched(2), matched(0), NONE]),
    ]
    (found,) = trajectories(Results(Run.load(write(tmp_path / "run", judged)))).values()
    assert found.rho_schedule is not None
    assert (found.rho_schedule.n, found.rho_schedule.left_out) == (1, 1)


def test_sentences_are_judged_one_by_one(tmp_path: Path) -> None:
    def told(strip: str, condition: str, target: int | None, *sentences: str) -> Generated:
        made = answer(strip, condition, target, experiment="free-narration", parts="sentences")
        token_texts = tuple(f"{sentence}. " for sentence in sentences)
        return Generated(made.trial, "".join(token_texts), len(token_texts), "stop", token_texts=token_texts)

    judged: list[Judged] = [
        (told("a", "none", None, "one", "two", "three"), [matched(2), matched(1), matched(0)]),
        (told("a", "gaze", 0, "one", "two", "three", "four"), [matched(0), matched(0), NONE, matched(2)]),
        (told("a", "gaze", 1, "one", "two"), [matched(1), None]),
    ]
    results = Results(Run.load(write(tmp_path / "run", judged)))
    gaze = results.cells["", "gaze"]
    assert gaze.outcomes == {("a", 0): 0.5, ("a", 1): 1.0}
    assert (gaze.answers, gaze.statuses["unjudged"], gaze.moved) == (6, 1, None)
    found = trajectories(results)
    assert found["", "none"].rho_order.mean == pytest.approx(-1)
    assert found["", "none"].on_schedule is None
    assert found["", "gaze"].rho_order.mean == pytest.approx(0.8660254), (
        "ranks 0, 1, 2 with 0, 0, 2; the other is open"
    )


def test_words_that_only_one_panel_has() -> None:
    (strip,) = doodles(1, 0, "test")
    own = own_phrases(strip)
    assert len(own) == 6
    for region, phrases in enumerate(own):
        assert phrases
        for phrase in phrases:
            assert [phrase in slots.values() for slots in strip.slots].index(True) == region
            assert sum(phrase in slots.values() for slots in strip.slots) == 1


@pytest.mark.parametrize(
    ("start", "stop", "phrases", "tokens"),
    [
        (0, 9, {"kite"}, 2),
        (2, 9, {"kite"}, 0),
        (3, 9, {"kite"}, 4),
        (3, 7, {"kite"}, None),
        (0, 9, {"in the park"}, 3),
        (0, 9, {"park", "in the park"}, 3),
        (0, 9, {"arks", "he"}, None),
        (0, 9, set(), None),
    ],
)
def test_latency_is_counted_in_tokens_to_where_the_words_begin(
    start: int, stop: int, phrases: set[str], tokens: float | None
) -> None:
    token_texts = ["he", "re, ", "a kite ", "in ", "the pa", "", "rk ", "Kite", "!"]
    assert first_token(token_texts, start, stop, frozenset(phrases)) == tokens


def test_switches_that_nothing_follows_are_counted(tmp_path: Path) -> None:
    (strip,) = doodles(1, 0, "test")
    first, second, third = (strip.slots[region]["object"] for region in (2, 0, 1))
    made = tour(strip.id, "gaze", [2, 0, 1], [f"a {first}", f"the old {second}", f"a {first}"])
    results = Results(Run.load(write(tmp_path / "run", [(made, [NONE, NONE, NONE])])))
    (found,) = trajectories(results, {strip.id: strip}).values()
    assert found.latency is not None
    assert (found.latency.tokens.mean, found.latency.followed, found.latency.switches) == (2, 1, 2)
    assert trajectories(results)["", "gaze"].latency is None
    assert third not in made.text


def test_one_judge_is_taken_and_several_are_not_mixed(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", redirection(), judges=["rules", "captions"])
    with pytest.raises(
        NoEvidence, match=r"2 judges have seen its answers: captions, rules\. Name one with --judge"
    ):
        Run.load(folder)
    assert Run.load(folder, "captions").judge == "captions"
    with pytest.raises(NoEvidence, match="as 'api' judged it; it was judged by captions, rules"):
        Run.load(folder, "api")


def test_a_folder_without_answers_or_verdicts_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", redirection(), judges=[])
    with pytest.raises(NoEvidence, match="no judge has seen its answers. Run `gazeheads judge"):
        Run.load(folder)
    (folder / "generations.jsonl").write_text("")
    with pytest.raises(NoEvidence, match="it holds no answers yet"):
        Run.load(folder)
    with pytest.raises(RunError, match="no manifest.json"):
        Run.load(tmp_path)


def _chop(text: str) -> str:
    return text[:-20]


def _spoil(text: str) -> str:
    return text.replace("{", "", 1)


def _age(text: str) -> str:
    return text.replace('"schema": 1', '"schema": 0', 1)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("generations", _spoil, "generations.jsonl; line 1 is not JSON"),
        ("generations", _age, "schema 0 instead of 1"),
        ("verdicts", _age, "schema 0 instead of 1"),
    ],
)
def test_lines_that_cannot_be_read_are_refused(
    tmp_path: Path, name: str, change: Callable[[str], str], message: str
) -> None:
    place = write(tmp_path / "run", redirection()) / f"{name}.jsonl"
    place.write_text(change(place.read_text()))
    with pytest.raises(RunError, match=message):
        Run.load(place.parent)


def test_a_run_that_is_being_written_can_be_read(tmp_path: Path) -> None:
    place = write(tmp_path / "run", redirection()) / "verdicts.jsonl"
    place.write_text(_chop(place.read_text()))
    assert Results(Run.load(place.parent)).unjudged == 1


@pytest.mark.parametrize(
    "name, field, value, message",
    [
        ("generations", "text", "edited", "1 verdicts of rules are about other texts"),
        ("verdicts", "region", 99, "region 99 of 6"),
        ("verdicts", "margin", "much", "margin is 'much'"),
        ("verdicts", "part", True, "part is True"),
        ("generations", "heads", "many", "heads is 'many'"),
    ],
)
def test_lines_that_were_edited_are_no_evidence(
    tmp_path: Path, name: str, field: str, value: object, message: str
) -> None:
    folder = write(tmp_path / "run", redirection())
    answers = [json.loads(each) for each in (folder / "generations.jsonl").read_text().splitlines()]
    told = {each["key"]: digest(each["text"]) for each in answers if not each["failed"]}
    verdicts = [json.loads(each) for each in (folder / "verdicts.jsonl").read_text().splitlines()]
    verdicts = [{**each, "regions": 6, "text": told.get(each["generation"])} for each in verdicts]
    lines = {"generations": answers, "verdicts": verdicts}
    changed = next(each for each in lines[name] if each.get("kind", "matched") == "matched")
    changed[field] = value
    for each, content in lines.items():
        (folder / f"{each}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in content))
    with pytest.raises(RunError, match=message):
        Run.load(folder)

"""The model card's measures: an oracle gets full marks, a mute gets none, and one that errs loses what it should."""

import re

import pytest
from transformers import PreTrainedTokenizerFast

from gazeheads import prompts
from gazeheads.doodle import evaluate, progress
from gazeheads.doodle.batches import IGNORE, pack
from gazeheads.doodle.build import build_image_processor
from gazeheads.doodle.lessons import narrate
from gazeheads.model.bundled import WEIGHTS
from gazeheads.text import a


def oracle(sample, question, truth) -> str:
    """The right answer to any question of the evaluation."""
    if "label" in question:
        return f"{truth}."
    if question == prompts.LIST_OBJECTS:
        return ", ".join(a(name) for name in sample.names) + "."
    if question == prompts.MAIN_OBJECT:
        return f"{a(max(zip(sample.boxes, sample.names, strict=True), key=lambda x: x[0].area)[1])}."
    if isinstance(truth, tuple):
        return narrate(sample, truth, numbered=True)
    return truth if isinstance(truth, str) else sample.captions[truth][0]


def rows(monkeypatch, answer):
    monkeypatch.setattr(evaluate, "ask", lambda model, questions, budget: [answer(*q) for q in questions])
    return {(r.task, r.measure): r.result for r in evaluate.evaluate(None, "dev", 3, 0)}


def test_an_oracle_gets_full_marks(monkeypatch):
    found = rows(monkeypatch, oracle)
    assert len(found) == 19
    assert {e.mean for e in found.values()} == {1.0}, {k: e.mean for k, e in found.items() if e.mean < 1}


def test_a_mute_gets_none(monkeypatch):
    found = rows(monkeypatch, lambda *question: "")
    for (task, measure), e in found.items():
        assert (e.n == 0) if "Spearman" in measure else (e.mean == 0), task


def test_a_wrong_slot_costs_a_panel_and_a_third_of_its_slots(monkeypatch):
    def errs(sample, question, truth):
        answer = oracle(sample, question, truth)
        return re.sub(r"\b(in|on|under|at) the \w+", "at the circus", answer, count=1)

    found = rows(monkeypatch, errs)
    assert found["panel query, 6 panels", "all slots right"].mean < 0.2
    assert found["narration in order", "slots right"].mean == pytest.approx(17 / 18, abs=0.02)


def test_the_reverse_narration_must_be_in_reverse(monkeypatch):
    def forward(sample, question, truth):
        return (
            narrate(sample, range(6), numbered=True)
            if isinstance(truth, tuple)
            else oracle(sample, question, truth)
        )

    found = rows(monkeypatch, forward)
    assert found["narration in reverse", "Spearman with the order"].mean == pytest.approx(-1)
    assert found["narration in order", "Spearman with the order"].mean == pytest.approx(1)


def test_the_table_names_goals():
    line = evaluate.markdown([evaluate.Row("x", "p", "m", evaluate.estimate({("s", 0): 1.0}, None), 0.9)])
    assert "| x | m | 1.000" in line and "| 0.90 | 1 |" in line


def test_progress_asks_every_task_about_dev_pictures():
    found = progress.tasks(2)
    assert list(found) == ["panel", "narration", "letter", "which panel", "scene"]
    for name, (drawn, _) in found.items():
        assert len(drawn) == 2 and all(sample.source["split"] == "dev" for sample, _ in drawn)
        assert {len(lessons) for _, lessons in drawn} == ({1} if name == "narration" else {6})


def test_progress_counts_the_token_that_decides():
    """Of "Panel 3." the number, of a description its first word, of a letter the letter."""
    tokenizer, images = PreTrainedTokenizerFast.from_pretrained(WEIGHTS), build_image_processor()
    for name, (drawn, counted) in progress.tasks(2).items():
        batch = pack(drawn, tokenizer, images)
        asked = batch["labels"] != IGNORE
        chosen = counted(batch["decides"][asked]).bool()
        said = [tokenizer.decode([token]).strip() for token in batch["labels"][asked][chosen]]
        lessons = [lesson for _, taught in drawn for lesson in taught]
        if name in ("narration", "scene"):
            assert len(said) > 3 * len(lessons)  # all tokens of the answers
        else:
            assert len(said) == len(lessons)
        if name == "which panel":
            assert sorted(said) == sorted(lesson.answer[6:-1] for lesson in lessons)
        if name == "letter":
            assert sorted(said) == sorted(lesson.answer[:-1] for lesson in lessons)

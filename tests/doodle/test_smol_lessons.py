"""What smol-doodle is taught: true answers, first words that tell nothing, no question that is kept for tests."""

import random

import pytest

from gazeheads import prompts
from gazeheads.doodle.smol.facts import CLASSES, UNKNOWN, strip_labels, view_labels
from gazeheads.doodle.smol.lessons import FORMS, PLACES, Teacher, listed
from gazeheads.doodle.smol.rows import draw_rows
from gazeheads.doodle.smol.talk import talks
from gazeheads.doodle.smol.wordings import WORDINGS, wordings
from gazeheads.drawing.views import views
from gazeheads.drawing.world import strips

LABELS = "ABCDEFGHIJ"
KINDS = ("binding", "strip", "grid", "labels", "narration", "scene", "talk")


def test_every_question_has_wordings_that_are_never_trained() -> None:
    for skill, table in WORDINGS.items():
        texts = [wording.text for wording in table]
        assert len(set(texts)) == len(texts)
        assert wordings(skill) and wordings(skill, held_out=True)
        assert {wording.form for wording in table} <= {*FORMS, "numbered"}


def test_what_the_experiments_ask_is_never_trained() -> None:
    asked = {lesson.question for kind in KINDS for i in range(25) for lesson in lessons_of(kind, i)}
    untaught = {
        prompts.THIS_PANEL,
        prompts.MAIN_OBJECT,
        prompts.LIST_OBJECTS,
        prompts.TOUR,
        *prompts.VQA_WORDINGS,
    }
    assert len(asked) > 200 and not asked & untaught
    assert not asked & {talk.question for talk in talks()[1]}


def lessons_of(kind: str, seed: int) -> list:
    return [lesson for _, lessons in draw_rows(random.Random(seed), "train", kind) for lesson in lessons]


def test_first_words_tell_nothing_about_the_panel() -> None:
    for sample in strips(5, 1, "train", share=None, panels=6):
        for form in FORMS.values():
            assert len({tuple(form(dict(slots)).split()[:4]) for slots in sample.slots}) == 1


def test_panels_are_named_from_both_ends_and_by_place() -> None:
    strip, grid = strips(1, 1, "train", panels=4)[0], strips(1, 1, "train", panels=4, layout="rows")[0]
    right = Teacher(random.Random(0), strip, (4,)).panels("panel from the right")
    assert [any(word in lesson.question for word in ("fourth", "4th")) for lesson in right] == [True] + [
        False
    ] * 3
    teacher = Teacher(random.Random(0), grid, (2, 2))
    assert [teacher.place(i) for i in range(4)] == ["top left", "top right", "bottom left", "bottom right"]
    for lesson, slots in zip(teacher.panels("panel at a place"), grid.slots, strict=True):
        assert slots["object"] in lesson.answer and slots["setting"] in lesson.answer


def test_a_scene_is_told_as_it_is() -> None:
    for sample in views(12, 2, "train"):
        teacher = Teacher(random.Random(3), sample)
        nouns = teacher.nouns
        assert teacher.everything().answer == f"There is {listed(nouns)}."
        said = " ".join(teacher.at(place).answer for place in PLACES)
        assert all(noun in said for noun in nouns)
        assert all(lesson.answer.startswith("It is") for lesson in teacher.where())


def test_lists_are_english() -> None:
    assert listed([]) == "nothing" and listed(["kite"]) == "a kite"
    assert listed(["kite", "orange cat", "drum"]) == "a kite, an orange cat and a drum"


@pytest.mark.parametrize("kind", KINDS)
def test_rows_depend_on_their_seed_alone(kind: str) -> None:
    assert lessons_of(kind, 4) == lessons_of(kind, 4) != lessons_of(kind, 5)


def test_cells_are_labelled_with_what_they_show() -> None:
    strip = strips(1, 1, "train", panels=3, labels=LABELS)[0]
    labels = strip_labels(strip, (3,))
    assert set(labels) == set(CLASSES)
    for i in range(3):
        mine = labels["ordinal"] == i
        assert mine.any() and set(labels["object"][mine]) == {labels["object"][mine][0]}
    assert {CLASSES["letter"][k].strip() for k in set(labels["letter"].flat) - {UNKNOWN}} <= set(LABELS)
    view = next(s for s in views(9, 1, "train") if len(s.boxes) > 2)
    named = {CLASSES["object"][k].strip() for k in set(view_labels(view)["object"].flat)}
    assert {name for name in view.names if " " not in name} <= named

"""What the judges call right, junk and unknown; on collapsed texts of really over-steered models."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gazeheads.drawing import grammar
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import doodles
from gazeheads.errors import GazeHeadsError, JudgeError
from gazeheads.judging.base import Verdict
from gazeheads.judging.rules import RulesJudge, Vocabulary
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample
from gazeheads.text import degenerate, strip_labels

JUDGE = RulesJudge()
PANELS = (
    ("jumping over", "ball", "on the beach"),
    ("chasing", "kite", "in the forest"),
    ("sitting on", "drum", "on the stage"),
    ("holding", "apple", "in the cave"),
)


def strip(panels: tuple[tuple[str, str, str], ...] = PANELS) -> Sample:
    slots = tuple(dict(zip(("action", "object", "setting"), panel, strict=True)) for panel in panels)
    boxes = tuple(Box(10 * k, 0, 10 * k + 10, 10) for k in range(len(panels)))
    names = tuple(f"panel {k + 1}" for k in range(len(panels)))
    return Sample("made", "strip", Image.new("RGB", (10 * len(panels), 10)), boxes, names, slots=slots)


def verdict(answer: str) -> Verdict:
    return JUDGE.judge(strip(), answer)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no word"),
        (" \n ", "no word"),
        (". , .", "no word"),
        ("chasing , , , , ,", "','"),
        ("chasing,,,,,", "','"),
        ("digs, digs, digs, digs", "'digs'"),
        ("Digs digs DIGS digs", "'digs'"),
        ("the cat digs. the cat digs. the cat digs. the cat digs.", "'the cat digs'"),
        ("a red cat sits a red cat sits a red cat sits a red cat sits", "'a red cat sits'"),
        ("on the beach, on the beach, on the beach, on the beach", "'on the beach'"),
        ("jumping over a ball ball ball ball ball", "'ball'"),
        ("is is is is is is is is", "'is'"),
    ],
)
def test_collapsed_texts_are_degenerate(text: str, why: str) -> None:
    assert why in degenerate(text)


@pytest.mark.parametrize(
    "text",
    [
        "jumping over a ball on the beach.",
        "digs, digs, digs",
        "very very very long",
        "the cat digs. the cat digs. the cat digs. the dog digs.",
        "a red cat sits a red cat sits a red cat sits a red cat runs",
        "a dog, a cat, a dog, a cat, a dog, a cat",
        "He waits...",
        "one two three four five one two three four five one two three four five one two three four five",
    ],
)
def test_what_is_said_up_to_three_times_in_a_row_is_not(text: str) -> None:
    assert degenerate(text) == ""


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4, unique=True),
    st.integers(1, 8),
    st.sampled_from(["", "x y"]),
)
def test_a_gram_is_junk_exactly_from_its_fourth_copy(gram: list[str], copies: int, before: str) -> None:
    assert bool(degenerate(" ".join([before, *gram * copies, "z"]))) == (copies > 3)


def test_labels_are_claims_not_descriptions() -> None:
    assert strip_labels("Panel 3: chasing a kite.") == "chasing a kite."
    assert strip_labels("**Panel 12:** a") == "a"
    assert strip_labels("panel two : a Panel 3: b").split() == ["a", "b"]
    assert strip_labels("a panel of wood: two") == "a panel of wood: two"
    assert verdict("Panel 1: chasing a kite in the forest.").region == 1
    assert verdict("Panel 1: Panel 2: Panel 3:").kind == "degenerate"


@pytest.mark.parametrize("region", range(4))
@pytest.mark.parametrize("split", grammar.SPLITS)
def test_every_caption_of_every_doodle_is_matched_in_full(region: int, split: grammar.Split) -> None:
    for sample in doodles(4, seed=3, split=split, panels=4):
        for caption in sample.captions[region]:
            assert JUDGE.judge(sample, caption) == Verdict("matched", region, 3, all_slots=True)


def test_two_slots_are_enough_one_is_not() -> None:
    assert verdict("chasing a kite.") == Verdict("matched", 1, 2)
    assert verdict("chasing a lamp in the forest.") == Verdict("matched", 1, 2)
    one = verdict("chasing a lamp on the farm.")
    assert (one.kind, one.region, one.slots_right) == ("none", None, 1)
    assert "1 of 3 slots" in one.reason
    assert verdict("the red cat is looking at a bell on the moon.").slots_right == 0


def test_a_best_fit_that_is_not_unique_is_none() -> None:
    two = verdict("chasing a kite in the forest and holding an apple in the cave")
    assert (two.kind, two.slots_right, two.reason) == ("none", 3, "fits regions 1 and 3 alike")
    assert verdict("chasing a kite, holding an apple").reason == "fits regions 1 and 3 alike"
    assert verdict(" ".join(f"{act} a {obj} {place}." for act, obj, place in PANELS)).kind == "none"


def test_further_objects_neither_help_nor_hurt_but_are_not_all_right() -> None:
    assert verdict("chasing a kite, a bell and a lamp in the forest") == Verdict(
        "matched", 1, 3, all_slots=False
    )
    assert verdict("a kite, an apple and a drum in the forest") == Verdict("matched", 1, 2)


def test_phrases_match_on_whole_words_and_the_longest_wins() -> None:
    grown = Vocabulary(
        {
            "action": ("sitting", "sitting on"),
            "object": ("cat", "cat food", "food", "ball"),
            "setting": ("on the stage",),
        },
        frozenset("sitting on a cat food ball the stage catch balls".split()),
    )
    judge = RulesJudge(grown)
    said = judge.said("sitting on the stage, catch balls and cat food")
    assert said == {
        "action": frozenset({"sitting on"}),
        "object": frozenset({"cat food"}),
        "setting": frozenset({"on the stage"}),
    }
    assert judge.said("Cat, BALL")["object"] == {"cat", "ball"}


def test_a_right_word_in_collapsed_text_is_no_hit() -> None:
    """A naive judge counts these: they hold two right slots of panel 0."""
    assert verdict("jumping over ball ball ball ball ball").kind == "degenerate"
    assert verdict("jumping over a ball , , , , ,").kind == "degenerate"


def test_under_half_of_the_words_known_is_degenerate() -> None:
    junk = verdict("chasing a kite xq zzv wub flar")
    assert (junk.kind, junk.reason) == ("degenerate", "3 of 7 words known")
    assert verdict("chasing a kite xq zzv wub").region == 1
    assert verdict("Unrelated prose about markets.").kind == "degenerate"


def test_hits_misses_and_unknown() -> None:
    assert verdict("chasing a kite").hit(1) == 1.0
    assert verdict("chasing a kite").hit(0) == 0.0
    assert Verdict("none").hit(0) == 0.0
    assert Verdict("degenerate").hit(0) == 0.0
    assert Verdict("unscored", reason="the judge's answer could not be read").hit(0) is None


def test_verdicts_survive_json_and_refuse_contradictions() -> None:
    found = verdict("chasing a kite")
    assert Verdict(**asdict(found)) == found
    with pytest.raises(JudgeError, match="Verdict 'matched' with region None"):
        Verdict("matched")
    with pytest.raises(JudgeError, match="Verdict 'none' with region 2"):
        Verdict("none", 2)
    with pytest.raises(JudgeError, match="Verdict 'junk' with region None: the kinds are matched, none"):
        Verdict("junk")  # type: ignore[arg-type]


def test_what_the_grammar_does_not_know_is_refused_not_missed() -> None:
    foreign = strip((("juggling", "ball", "on the beach"),))
    with pytest.raises(JudgeError, match="'made', region 0: slot 'action' is 'juggling'"):
        JUDGE.judge(foreign, "juggling a ball")
    with pytest.raises(JudgeError, match="slot 'action' is None"):
        JUDGE.judge(scenes(1)[0], "a kite.")
    with pytest.raises(GazeHeadsError, match="has no slots"):
        JUDGE.judge(replace(strip(), slots=()), "a kite.")
    with pytest.raises(JudgeError, match="it has none for setting"):
        RulesJudge(Vocabulary({"action": ("a",), "object": ("b",)}, frozenset()))

"""The judge of names: what an answer is about, when it is about several things, and when about none."""

from dataclasses import replace

import pytest

from gazeheads.data.coco_names import COCO, KINDS, plural
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import doodles
from gazeheads.errors import JudgeError
from gazeheads.judging.kinds import judge_of, suited
from gazeheads.judging.names import NamesJudge
from gazeheads.sample import Sample


@pytest.fixture(scope="module")
def scene() -> Sample:
    """A purple elephant, a car, a blue penguin, a hat."""
    return scenes(1, 5, "dev")[0]


@pytest.fixture
def photo(scene: Sample) -> Sample:
    things = ("dog", "person", "dog", "dining table")
    return replace(scene, kind="photo", slots=tuple({"object": name, "size": "large"} for name in things))


def verdict(sample: Sample, answer: str) -> tuple:
    found = judge_of("names", [sample]).judge(sample, answer)
    return (found.kind, found.region, found.also, found.all_slots)


def test_the_list_holds_the_80_categories_and_no_phrase_twice() -> None:
    assert len(COCO) == 80 and list(COCO)[::20] == ["person", "elephant", "wine glass", "dining table"]
    owner: dict[str, str] = {}
    for name, said in COCO.items():
        assert said[0] == name
        for phrase in {word for each in said for word in (each, plural(each))}:
            assert owner.setdefault(phrase, name) == name, phrase


def test_plurals_are_regular() -> None:
    assert [plural(noun) for noun in ("bus", "puppy", "bench", "boy", "cell phone", "box")] == [
        "buses",
        "puppies",
        "benches",
        "boys",
        "cell phones",
        "boxes",
    ]


@pytest.mark.parametrize(
    "answer, names",
    [
        ("A hot dog.", ["hot dog"]),
        ("an orange cat", ["cat"]),
        ("teddy-bear, catchers", ["teddy bear", "person"]),
        ("Concatenation of doggerel", []),
        ("two puppies near a TV set", ["dog", "tv"]),
        ("the catcher's mitt", ["baseball glove"]),
        ("a baby elephant", ["elephant"]),
    ],
)
def test_names_are_found_on_whole_words_the_longest_first(answer: str, names: list[str]) -> None:
    assert [found.name for found in NamesJudge().named(answer)] == names


@pytest.mark.parametrize(
    "answer, expected",
    [
        ("A car.", ("matched", 1, (), True)),
        ("a purple elephant", ("matched", 0, (), True)),
        ("the elephant", ("matched", 0, (), True)),
        ("a red elephant", ("none", None, (), False)),
        ("a hat on a car", ("matched", 3, (), False)),
        ("a hat and a car", ("none", None, (), False)),
        ("a car, a hat", ("none", None, (), False)),
        ("a kite", ("none", None, (), False)),
        ("something nice", ("none", None, (), False)),
        ("a car, a car, a car", ("matched", 1, (), True)),
        ("a car a car a car a car a car", ("degenerate", None, (), False)),
        ("", ("degenerate", None, (), False)),
    ],
)
def test_a_scenes_things_are_told_apart(scene: Sample, answer: str, expected: tuple) -> None:
    assert verdict(scene, answer) == expected


@pytest.mark.parametrize(
    "answer, expected",
    [
        ("A puppy.", ("matched", 0, (2,), True)),
        ("a woman holding a cup and a phone", ("matched", 1, (), False)),
        ("desk", ("matched", 3, (), True)),
        ("a dog asleep on a rug, near a person", ("matched", 0, (2,), False)),
        ("a dog or a person", ("none", None, (), False)),
        ("a zebra near a dog", ("none", None, (), False)),
        ("a hot dog", ("none", None, (), False)),
    ],
)
def test_synonyms_count_and_things_of_one_name_are_alike(photo: Sample, answer: str, expected: tuple) -> None:
    assert verdict(photo, answer) == expected


def test_an_answer_is_about_each_thing_that_has_the_name(photo: Sample) -> None:
    found = judge_of("names").judge(photo, "a dog")
    assert [found.hit(target) for target in range(4)] == [1, 0, 1, 0]
    assert found.reason == "2 are called dog"


def test_categories_of_other_data_count_by_their_own_name(photo: Sample) -> None:
    own = replace(photo, slots=tuple({"object": name} for name in ("red cat", "gizmo", "cat", "dog")))
    assert verdict(own, "two gizmos") == ("matched", 1, (), True)
    assert verdict(own, "a red cat") == ("matched", 0, (), True)


def test_regions_without_names_are_refused(scene: Sample) -> None:
    with pytest.raises(JudgeError, match="its regions have no names"):
        judge_of("names").judge(replace(scene, slots=()), "a car")


def test_the_judge_to_begin_with_needs_what_the_samples_have() -> None:
    strip = doodles(1, seed=0)[0]
    assert suited(strip) == "rules"
    assert suited(scenes(1, seed=0)[0]) == suited(replace(strip, kind="photo")) == "names"
    told = replace(strip, slots=())
    assert suited(told) == "captions"
    assert suited(replace(told, captions=())).startswith("api:")


def called(photo: Sample, *names: str) -> Sample:
    """The photograph with objects of these names, and kites."""
    more = (*names, *["kite"] * (len(photo.boxes) - len(names)))
    return replace(photo, slots=tuple({"object": name} for name in more))


@pytest.mark.parametrize(
    "names, answer, regions",
    [
        (("sofa", "dog"), "A sofa.", (0,)),
        (("sofa", "dog"), "Two couches.", (0,)),
        (("sofa", "couch"), "a sofa", (0,)),
        (("sofa", "couch"), "a settee", (0, 1)),
        (("hot_dog", "dog"), "A hot dog.", (0,)),
        (("hot_dog", "dog"), "two frankfurters", (0,)),
        (("traffic light", "Traffic_Light"), "traffic lights", (0, 1)),
        (("C++ (book)", "C"), "The C++ (book) lies there", (0,)),
        (("C++ (book)", "C"), "The letter C", (1,)),
        (("C++", "C"), "C++ beside a cup", (0,)),
        (("🐱", "dog"), "🐱", (0,)),
        (("🐱", "dog"), "so cute🐱", (0,)),
        (("❤", "dog"), "a ❤️ of gold", (0,)),
        (("aeroplane", "tvmonitor"), "a plane", (0,)),
        (("aeroplane", "dog"), "an airplane", (0,)),
        (("man", "woman"), "A man.", (0,)),
        (("man", "woman"), "A person.", (0, 1)),
        (("man", "dog"), "A woman.", ()),
        (("person", "man"), "A woman.", (0,)),
        (("Straße", "dog"), "STRASSE", (0,)),
        (("...", "dog"), "wine + glass of ...", ()),
    ],
)
def test_names_of_the_data_win_in_one_form(photo: Sample, names: tuple, answer: str, regions: tuple) -> None:
    found = verdict(called(photo, *names), answer)
    about = () if found[1] is None else (found[1], *found[2])
    assert (found[0], about) == ("matched" if regions else "none", regions)


def test_kinds_are_among_the_phrases_of_their_category() -> None:
    assert {name: kinds - set(COCO[name]) for name, kinds in KINDS.items() if kinds - set(COCO[name])} == {}

"""Answers of known verdict, made up in great number, whose labels the rules judge does not see.

Each kind of answer is one that a careless judge gets wrong: halves of two captions spliced, things that are in no
panel, loops of right words, lists of all panels, true captions under wrong labels.
"""

import random
from collections.abc import Callable, Iterator

import pytest

from gazeheads.drawing import grammar
from gazeheads.drawing.strips import doodles
from gazeheads.judging.rules import SLOTS, RulesJudge
from gazeheads.sample import Sample

STRIPS = doodles(30, 17, "dev")
WORDS = {"action": grammar.ACTIONS, "object": grammar.OBJECTS, "setting": grammar.SETTINGS}
Made = tuple[str, int | str]  # an answer, and the region that it describes, or "none" or "degenerate"


def told(slots: dict[str, str], rng: random.Random) -> str:
    """One of the ways to say three slots."""
    act, thing, place = slots["action"], grammar.a(slots["object"]), slots["setting"]
    ways = [
        f"{act} {thing} {place}.",
        f"{place}, the red cat is {act} {thing}.",
        f"A blue dog {act} {thing}, {place}!",
    ]
    return rng.choice(ways)


def absent(sample: Sample, slot: str, rng: random.Random) -> str:
    """A phrase of this slot that no panel has."""
    return rng.choice([each for each in WORDS[slot] if all(p[slot] != each for p in sample.slots)])


def of(sample: Sample, regions: list[int | None], rng: random.Random) -> str:
    """A sentence whose action, object and setting are those of these regions; None: of no panel."""
    phrases = {
        slot: absent(sample, slot, rng) if region is None else sample.slots[region][slot]
        for slot, region in zip(SLOTS, regions, strict=True)
    }
    return told(phrases, rng)


def true(sample: Sample, rng: random.Random) -> Made:
    region = rng.randrange(6)
    return rng.choice(sample.captions[region]), region


def mislabelled(sample: Sample, rng: random.Random) -> Made:
    region, label = rng.sample(range(6), 2)
    return f"Panel {label + 1}: {rng.choice(sample.captions[region])}", region


def two_thirds(sample: Sample, rng: random.Random) -> Made:
    region, other = rng.sample(range(6), 2)
    third = rng.choice([other, None])
    regions = [region, region, region]
    regions[rng.randrange(3)] = third  # type: ignore[call-overload]
    return of(sample, [*regions], rng), region


def spliced_of_three(sample: Sample, rng: random.Random) -> Made:
    return of(sample, [*rng.sample(range(6), 3)], rng), "none"


def one_third(sample: Sample, rng: random.Random) -> Made:
    regions: list[int | None] = [None, None, None]
    regions[rng.randrange(3)] = rng.randrange(6)
    return of(sample, regions, rng), "none"


def hallucinated(sample: Sample, rng: random.Random) -> Made:
    return of(sample, [None, None, None], rng), "none"


def two_panels(sample: Sample, rng: random.Random) -> Made:
    one, two = rng.sample(range(6), 2)
    join = rng.choice([" ", " and then ", " Panel 2: "])
    return rng.choice(sample.captions[one]) + join + rng.choice(sample.captions[two]), "none"


def listed(sample: Sample, rng: random.Random) -> Made:
    order = rng.sample(range(6), 6)
    return " ".join(f"Panel {n}: {sample.captions[k][0]}" for n, k in enumerate(order, 1)), "none"


def looped(sample: Sample, rng: random.Random) -> Made:
    """Loops of right words: the first copy alone would be a match."""
    slots = sample.slots[rng.randrange(6)]
    brief = f"{slots['action']} {grammar.a(slots['object'])}"
    gram = rng.choice([slots["object"], slots["setting"], brief, ","])
    if len(gram.split()) > 4:
        gram = slots["object"]
    return f"{brief} {slots['setting']} " + f"{gram} " * rng.randint(4, 9), "degenerate"


def salad(sample: Sample, rng: random.Random) -> Made:
    """Right words, drowned in letters."""
    region = rng.randrange(6)
    words = sample.captions[region][0].strip(".").split()
    noise = ["".join(rng.choices("bcdfghjklmnpqrstvwxz", k=rng.randint(3, 7))) for _ in range(len(words) + 1)]
    return " ".join(rng.sample(words + noise, len(words + noise))), "degenerate"


def empty(sample: Sample, rng: random.Random) -> Made:
    return rng.choice(["", " ", "Panel 3:", "...", "Panel 1: Panel 2: !"]), "degenerate"


KINDS = (true, mislabelled, two_thirds, spliced_of_three, one_third, hallucinated, two_panels, listed, looped)
KINDS += (salad, empty)
EACH = 10


def cases(kind: Callable[[Sample, random.Random], Made]) -> Iterator[tuple[Sample, str, int | str]]:
    rng = random.Random(kind.__name__)
    for sample in STRIPS:
        for _ in range(EACH):
            yield (sample, *kind(sample, rng))


@pytest.mark.parametrize("kind", KINDS)
def test_the_rules_find_the_hidden_label(kind: Callable[[Sample, random.Random], Made]) -> None:
    judge, wrong, n = RulesJudge(), [], 0
    for sample, answer, label in cases(kind):
        found = judge.judge(sample, answer)
        n += 1
        if (found.kind if found.region is None else found.region) != label:
            wrong.append((answer, label, found))
    assert n == EACH * len(STRIPS)
    assert not wrong, f"{len(wrong)} of {n}: {wrong[:3]}"


def test_labels_of_other_answers_are_right_by_chance_alone() -> None:
    judge, rng = RulesJudge(), random.Random(0)
    found = [(judge.judge(sample, answer).region, label) for sample, answer, label in cases(true)]
    labels = [label for _, label in found]
    rng.shuffle(labels)
    share = sum(region == label for (region, _), label in zip(found, labels, strict=True)) / len(found)
    assert share == pytest.approx(1 / 6, abs=0.065)  # three standard errors of 300

"""The judge for doodles: exact, because the grammar is known.

1. Strip "Panel k:". Collapsed text is degenerate before anything is matched: it may hold one right word.
2. Find the phrases of the grammar, slot by slot, the longest first, on whole words: "cat" is not in "catch".
3. A region's slot is right if the answer says its phrase. Two of the three panel-specific slots (action,
   object, setting) and a unique best: matched. An answer that says several phrases of one slot gains nothing
   but the right one; one that lists all panels fits them alike, and so none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gazeheads.drawing import grammar
from gazeheads.errors import JudgeError
from gazeheads.judging.base import Judge, Verdict
from gazeheads.sample import Sample
from gazeheads.text import degenerate, strip_labels, words_of

SLOTS = ("action", "object", "setting")
NEEDED = 2


@dataclass(frozen=True)
class Vocabulary:
    """What a grammar can say: the phrases of each panel-specific slot, and every single word."""

    phrases: Mapping[str, tuple[str, ...]]
    words: frozenset[str]


DOODLES = Vocabulary(
    {"action": grammar.ACTIONS, "object": grammar.OBJECTS, "setting": grammar.SETTINGS}, grammar.words()
)


class RulesJudge(Judge):
    """Judges answers about samples whose slots are of `vocabulary` (the doodles' own by default)."""

    def __init__(self, vocabulary: Vocabulary = DOODLES) -> None:
        missing = [slot for slot in SLOTS if not vocabulary.phrases.get(slot)]
        if missing:
            raise JudgeError(
                f"A vocabulary for the rules judge needs phrases for {', '.join(SLOTS)}; it has none for "
                f"{', '.join(missing)}. Add them."
            )
        self.vocabulary = vocabulary

    def judge(self, sample: Sample, answer: str) -> Verdict:
        """The verdict on one answer. Raises `JudgeError` for a sample that the vocabulary does not cover."""
        self._check(sample)
        text = strip_labels(answer)
        junk = degenerate(text) or self._foreign(text)
        if junk:
            return Verdict("degenerate", reason=junk)
        said = self.said(text)
        right = [sum(slots[slot] in said[slot] for slot in SLOTS) for slots in sample.slots]
        best = max(right)
        alike = [region for region, count in enumerate(right) if count == best]
        if best < NEEDED:
            return Verdict("none", slots_right=best, reason=f"best fit says {best} of {len(SLOTS)} slots")
        if len(alike) > 1:
            return Verdict("none", slots_right=best, reason=f"fits regions {_listed(alike)} alike")
        only = all(len(values) == 1 for values in said.values())
        return Verdict("matched", alike[0], best, all_slots=best == len(SLOTS) and only)

    def said(self, text: str) -> dict[str, frozenset[str]]:
        """Slot to the phrases that the text says, longest match first, on whole words."""
        words = words_of(text)
        return {slot: frozenset(_matches(words, self.vocabulary.phrases[slot])) for slot in SLOTS}

    def _foreign(self, text: str) -> str:
        """Why the text is junk in this grammar, or ""."""
        words = words_of(text)
        known = sum(word in self.vocabulary.words for word in words)
        return f"{known} of {len(words)} words known" if 2 * known < len(words) else ""

    def _check(self, sample: Sample) -> None:
        for region, slots in enumerate(sample.slots):
            for slot in SLOTS:
                if slots.get(slot) not in self.vocabulary.phrases[slot]:
                    raise JudgeError(
                        f"Sample {sample.id!r}, region {region}: slot {slot!r} is {slots.get(slot)!r}, which "
                        "this grammar does not know. Use another judge for what is no doodle comic."
                    )
        if not sample.slots:
            raise JudgeError(
                f"Sample {sample.id!r} has no slots: the rules judge knows nothing of it. Use another judge."
            )


def _matches(words: list[str], phrases: Iterable[str]) -> list[str]:
    """The phrases in the words from left to right; where several start, the longest; none inside another."""
    longest_first = sorted(
        ((tuple(words_of(phrase)), phrase) for phrase in phrases), key=lambda p: -len(p[0])
    )
    found, place = [], 0
    while place < len(words):
        for parts, phrase in longest_first:
            if tuple(words[place : place + len(parts)]) == parts:
                found.append(phrase)
                place += len(parts)
                break
        else:
            place += 1
    return found


def _listed(regions: list[int]) -> str:
    return ", ".join(map(str, regions[:-1])) + f" and {regions[-1]}"


def from_spec(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> RulesJudge:
    """The judge `rules`."""
    return RulesJudge(**options)

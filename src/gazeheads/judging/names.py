"""The judge for objects with names: does the answer name what is in a region? Photographs (COCO), doodle scenes.

1. Collapsed text is degenerate.
2. Find the names in the answer, on whole words, the longest first ("hot dog" is no dog): the 80 categories of COCO with
   their synonyms and plurals (`data.coco_names`), or the nouns of the doodles' grammar, and what the samples' own
   objects are called. Of names that follow each other at once the last counts: "orange cat" is a cat.
3. The first name decides: "a dog on a chair" is about the dog. Where another one is put beside it by a comma, "and" or
   "or" before anything else is, the answer is a list: it fits several things alike, and so none.
4. Regions whose object has that name: matched. An image may hold several of one name; an answer cannot tell them apart,
   and is about each of them (`Verdict.also`; the paper's judge, too, asks for the category alone). None has it: none.

A doodle's character is called by colour and kind, "red cat"; "cat" alone will do, "blue cat" is another.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from gazeheads.data.coco_names import COCO, plural
from gazeheads.drawing import grammar
from gazeheads.errors import JudgeError
from gazeheads.judging.base import Judge, Verdict
from gazeheads.sample import Sample
from gazeheads.text import degenerate

SLOT = "object"
_JOINS = re.compile(r"[,;&]|\b(?:and|or)\b")
_BEYOND = re.compile(r"\b(?:on|in|at|with|of|by|under|over|behind|beside|near|next|\w+ing)\b")


class Named(NamedTuple):
    """A name in an answer: whose, and the characters `start <= character < stop` that say it."""

    name: str
    start: int
    stop: int


def _doodles() -> dict[str, tuple[str, ...]]:
    people = [f"{colour} {kind}" for colour in grammar.COLOURS for kind in grammar.CHARACTERS]
    return {name: (name,) for name in (*grammar.OBJECTS, *people, *grammar.CHARACTERS)}


class NamesJudge(Judge):
    """Judges answers about samples whose slots have an "object". known: names and all that they are called.

    `slots_right` is 1 where an object of the image is named; `all_slots`: and no other name.
    """

    def __init__(
        self, known: Mapping[str, Iterable[str]] | None = None, samples: Iterable[Sample] = ()
    ) -> None:
        names = {slots[SLOT] for sample in samples for slots in sample.slots if SLOT in slots}
        self.known = {name: tuple(said) for name, said in (COCO if known is None else known).items()}
        self.known |= {name: (name,) for name in sorted(names) if name not in self.known}
        self._doodles = NamesJudge(_doodles()) if known is None else self

    def judge(self, sample: Sample, answer: str) -> Verdict:
        """The verdict on one answer. Raises `JudgeError` for a sample whose objects have no names."""
        called = names_of(sample)
        junk = degenerate(answer)
        if junk:
            return Verdict("degenerate", reason=junk)
        judge = self._doodles if sample.kind == "scene" else self
        found = judge.named(answer)
        if not found:
            return Verdict("none", reason="names nothing that is known")
        first = found[0]
        others = [each for each in found if each.name != first.name]
        if others and _is_list(answer.casefold()[first.stop : others[0].start]):
            return Verdict("none", reason=f"names {first.name} and {others[0].name} alike")
        alike = [region for region, name in enumerate(called) if means(first.name, name)]
        if not alike:
            return Verdict("none", reason=f"names {first.name}, which is not there")
        reason = f"{len(alike)} are called {first.name}" if len(alike) > 1 else ""
        return Verdict("matched", alike[0], 1, not others, reason, also=tuple(alike[1:]))

    def named(self, answer: str) -> list[Named]:
        """The names in an answer, from left to right."""
        text = answer.casefold()
        pattern, owner = _pattern(tuple(sorted(self.known.items())))
        found: list[Named] = []
        for match in pattern.finditer(text):
            each = Named(owner[re.sub(r"\W+", " ", match[0])], match.start(), match.end())
            if found and not text[found[-1].stop : each.start].strip(" -"):
                found.pop()
            found.append(each)
        return found


def means(said: str, name: str) -> bool:
    """Whether a name in an answer stands for an object of this name: "cat" for "red cat", too."""
    return said == name or (said in grammar.CHARACTERS and name.split()[-1] == said and " " in name)


def names_of(sample: Sample) -> tuple[str, ...]:
    """What the objects of a sample are called. Raises `JudgeError` where one has no name."""
    names = tuple(slots.get(SLOT, "") for slots in sample.slots)
    if not names or not all(names):
        raise JudgeError(
            f"Sample {sample.id!r}: its regions have no names, by which the judge `names` tells them apart. Use scenes "
            "or COCO data, or another judge."
        )
    return names


def _is_list(between: str) -> bool:
    """Whether what stands between two names puts them side by side."""
    join, beyond = _JOINS.search(between), _BEYOND.search(between)
    return join is not None and (beyond is None or join.start() < beyond.start())


@lru_cache(8)
def _pattern(known: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern that finds every phrase and its plural, the longest first, and whose each phrase is."""
    owner: dict[str, str] = {}
    for name, said in known:
        for phrase in said:
            owner.setdefault(re.sub(r"\W+", " ", phrase.casefold()), name)
    for phrase, name in list(owner.items()):
        owner.setdefault(plural(phrase), name)
    longest_first = sorted(owner, key=len, reverse=True)
    phrases = "|".join(r"[\W_]+".join(map(re.escape, phrase.split())) for phrase in longest_first)
    return re.compile(rf"(?<!\w)(?:{phrases})(?!\w)"), owner


def from_spec(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> NamesJudge:
    """The judge `names`."""
    return NamesJudge(samples=samples, **options)

"""The judge for objects with names: does the answer name what is in a region? Photographs (COCO), doodle scenes.

1. Collapsed text is degenerate.
2. Find the names in the answer, on whole words, the longest first ("hot dog" is no dog): the 80 categories of COCO with
   their synonyms and plurals (`data.coco_names`), or the nouns of the doodles' grammar, and what the samples' own
   objects are called. Of names that follow each other at once the last counts: "orange cat" is a cat.
   The samples' own names win: where data know a "sofa", it is a sofa and no couch. COCO's name for the same category
   stands for it, too: "a couch" is about a sofa, "a person" about a man.
3. The first name decides: "a dog on a chair" is about the dog. Where another one is put beside it by a comma, "and" or
   "or" before anything else is, the answer is a list: it fits several things alike, and so none.
4. Regions whose object has that name: matched. An image may hold several of one name; an answer cannot tell them apart,
   and is about each of them (`Verdict.also`; the paper's judge, too, asks for the category alone). None has it: none.

Names and answers are compared in one form (`form`): "hot_dog" is "hot dog", and signs that are no punctuation are kept,
so that "C++" is not "C", and an emoji is a name like others.

A doodle's character is called by colour and kind, "red cat"; "cat" alone will do, "blue cat" is another.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gazeheads.data.coco_names import COCO, KINDS, plural
from gazeheads.drawing import grammar
from gazeheads.errors import JudgeError
from gazeheads.judging.base import Judge, Verdict
from gazeheads.sample import Sample
from gazeheads.text import loop, words_of

SLOT = "object"
_JOINS = re.compile(r"[,;&]|\b(?:and|or)\b")
_BEYOND = re.compile(r"\b(?:on|in|at|with|of|by|under|over|behind|beside|near|next|\w+ing)\b")

_KIND_OF = {kind: name for name, kinds in KINDS.items() for kind in kinds}


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
        self._own = {form(name): name for name in sorted(names, reverse=True) if form(name)}
        self._owner = _owners(self._own, self.known)
        self._general = _general(self._own, self.known)
        self._pattern = _pattern(self._owner)
        self._doodles = NamesJudge(_doodles()) if known is None else self

    def judge(self, sample: Sample, answer: str) -> Verdict:
        """The verdict on one answer. Raises `JudgeError` for a sample whose objects have no names."""
        called = names_of(sample)
        judge = self._doodles if sample.kind == "scene" else self
        found = judge.named(answer)
        junk = loop(answer) or ("" if found or words_of(answer) else "no word")
        if junk:
            return Verdict("degenerate", reason=junk)
        if not found:
            return Verdict("none", reason="names nothing that is known")
        first = found[0]
        others = [each for each in found if each.name != first.name]
        if others and _is_list(_folded(answer)[first.stop : others[0].start]):
            return Verdict("none", reason=f"names {first.name} and {others[0].name} alike")
        alike = [region for region, name in enumerate(called) if judge.means(first.name, name)]
        if not alike:
            return Verdict("none", reason=f"names {first.name}, which is not there")
        reason = f"{len(alike)} are called {first.name}" if len(alike) > 1 else ""
        return Verdict("matched", alike[0], 1, not others, reason, also=tuple(alike[1:]))

    def named(self, answer: str) -> list[Named]:
        """The names in an answer, from left to right; characters are counted in what `_folded` makes of it."""
        text = _folded(answer)
        found: list[Named] = []
        for match in self._pattern.finditer(_flat(text)):
            each = Named(self._owner[form(match[0])], match.start(), match.end())
            if found and not text[found[-1].stop : each.start].strip(" -"):
                found.pop()
            found.append(each)
        return found

    def means(self, said: str, name: str) -> bool:
        """Whether a name in an answer stands for an object of this name: "couch" for "sofa", "cat" for "red cat"."""
        said, name = form(said), form(name)
        animal = said in grammar.CHARACTERS and name.endswith(f" {said}")
        kind = said not in self._own and _KIND_OF.get(said) == name
        return said == name or animal or kind or said == self._general.get(name)


def form(name: str) -> str:
    """The one form in which names are compared: no case, no punctuation, one space between words; signs are kept."""
    return " ".join(_flat(_folded(name)).split())


def _folded(text: str) -> str:
    return (
        unicodedata.normalize("NFKC", text).casefold().replace("\ufe0f", "")
    )  # an emoji's form is no letter


def _flat(folded: str) -> str:
    """Punctuation as spaces, place by place."""
    return re.sub(r"[\W_]", _space, folded)


def _space(found: re.Match[str]) -> str:
    """A sign, such as + or an emoji, and what joins and marks letters, as it is; anything else as a space."""
    return found[0] if unicodedata.category(found[0])[0] in "SM" or found[0] == "\u200d" else " "


def _owners(own: Mapping[str, str], known: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Whose each phrase is, in its form: of data's own names first, then of those that are known, then plurals.

    One kind is not another: where data tell a man apart, a woman is a name of its own.
    """
    owner = dict(own)
    for name, said in known.items():
        kinds = KINDS.get(name, frozenset())
        apart = any(form(kind) in own for kind in kinds)
        for phrase in said:
            owner.setdefault(form(phrase), phrase if apart and phrase in kinds else name)
    for phrase, name in list(owner.items()):
        owner.setdefault(plural(phrase), name)
    return owner


def _general(own: Mapping[str, str], known: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """For data's own names the known one, in its form, of which they are another word or a kind."""
    return {
        form(phrase): form(name)
        for name, said in known.items()
        for phrase in said
        if form(phrase) in own and form(phrase) != form(name)
    }


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


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds every phrase, the longest first, on whole words."""
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile("|".join(map(_whole, longest_first)))


def _whole(phrase: str) -> str:
    """A pattern for a phrase that does not begin or end within a word; a sign ends where it ends."""
    before, after = (r"(?<!\w)" * (phrase[0].isalnum()), r"(?!\w)" * (phrase[-1].isalnum()))
    return before + " +".join(map(re.escape, phrase.split())) + after


def from_spec(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> NamesJudge:
    """The judge `names`."""
    return NamesJudge(samples=samples, **options)

"""What smol-doodle is taught: questions about a picture and answers in plain English, nothing else.

Answers begin with the protagonist, or with words that every answer shares: what comes first tells nothing about the
panel that is meant. Nothing here knows of attention, heads or steering.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gazeheads.doodle.smol.facts import NOTHING
from gazeheads.doodle.smol.wordings import Wording, wordings
from gazeheads.drawing import grammar
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.prompts import ORDINALS, nth, word
from gazeheads.sample import Sample
from gazeheads.text import a

Slots = dict[str, str]
EMPTY = "The panel is empty."


class Lesson(NamedTuple):
    """One question about a picture and the answer to give. skill: the key of its wording."""

    skill: str
    question: str
    answer: str


FORMS: dict[str, Callable[[Slots], str]] = {
    "plain": lambda s: f"The {s['colour']} {s['character']} is {_deed(s)} {s['setting']}.",
    "a": lambda s: f"{_cap(a(s['colour']))} {s['character']} is {_deed(s)} {s['setting']}.",
    "shows": lambda s: f"It shows the {s['colour']} {s['character']} {_deed(s)} {s['setting']}.",
}


def _cap(text: str) -> str:
    return text[0].upper() + text[1:]


def _deed(s: Slots) -> str:
    return f"{s['action']} {a(s['object'])}"


def listed(nouns: Sequence[str]) -> str:
    """Nouns as English lists them: "a cat, a kite and a drum"; "nothing" for none."""
    named = [a(noun) for noun in nouns]
    if not named:
        return NOTHING
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def told(sample: Sample, i: int, form: str = "plain") -> str:
    """Panel i (zero-based) as a sentence."""
    slots = dict(sample.slots[i])
    return FORMS[form](slots) if slots else EMPTY


def _numbers(i: int, n: int) -> dict[str, Any]:
    k = i + 1
    return {"k": k, "word": word(k), "ordinal": ORDINALS[k], "nth": nth(k), "panels": word(n)}


class Teacher:
    """Makes lessons about one picture. held_out: in wordings that are never trained.

    rows: how many panels each row of a comic has.
    """

    def __init__(
        self, rng: random.Random, sample: Sample, rows: tuple[int, ...] = (), held_out: bool = False
    ) -> None:
        self.rng, self.sample, self.rows, self.held_out = rng, sample, rows, held_out
        self.n = len(sample.boxes)

    def wording(self, skill: str) -> Wording:
        """One of the wordings of a skill."""
        return pick(self.rng, wordings(skill, self.held_out))

    def _lesson(self, skill: str, answer: str, wording: Wording | None = None, **parts: Any) -> Lesson:
        return Lesson(skill, (wording or self.wording(skill)).text.format(**parts), answer)

    # -- comics --------------------------------------------------------------------------------------------------

    def panel(self, i: int, wording: Wording | None = None) -> Lesson:
        """Describe panel i."""
        wording = wording or self.wording("panel")
        return self._lesson("panel", told(self.sample, i, wording.form), wording, **_numbers(i, self.n))

    def panels(self, skill: str = "panel") -> list[Lesson]:
        """Every panel in one wording: only what says which one tells the questions apart."""
        wording = self.wording(skill)
        lessons = []
        for i in range(self.n):
            asked = self.n - 1 - i if skill == "panel from the right" else i
            parts = _numbers(asked, self.n) | {"place": self.place(i)}
            lessons.append(self._lesson(skill, told(self.sample, i, wording.form), wording, **parts))
        return lessons

    def place(self, i: int) -> str:
        """The name of panel i's place in a grid, such as "top left"; "" where it has none."""
        row, start = 0, 0
        while i >= start + self.rows[row]:
            start += self.rows[row]
            row += 1
        down = {1: ("",), 2: ("top", "bottom"), 3: ("top", "middle", "bottom")}.get(len(self.rows))
        across = {1: ("",), 2: ("left", "right"), 3: ("left", "middle", "right")}.get(self.rows[row])
        return f"{down[row]} {across[i - start]}".strip() if down and across else ""

    def asked_by(self) -> list[str]:
        """The skills by which a panel of this comic can be asked for."""
        skills = ["panel", "panel"]
        if len(self.rows) == 1:
            skills += (
                ["panel from the left", "panel from the right"] if self.n > 1 else ["panel from the left"]
            )
        elif all(self.place(i) for i in range(self.n)):
            skills += ["panel at a place"]
        return skills

    def slot(self, i: int, skill: str = "") -> Lesson:
        """A question about one slot of panel i."""
        s = self.sample.slots[i]
        if not s:
            yes = self._lesson("is it empty", "Yes, it is.", **_numbers(i, self.n))
            return yes if self.rng.random() < 0.5 else self.panel(i)
        skill = skill or pick(
            self.rng, ("doing", "thing", "setting", "colour", "who", "is it empty", "is there in a panel")
        )
        answers = {
            "doing": f"The {s['character']} is {_deed(dict(s))}.",
            "thing": f"There is {a(s['object'])}.",
            "setting": f"It is {s['setting']}.",
            "colour": f"It is {s['colour']}.",
            "who": f"It is {a(s['colour'])} {s['character']}.",
            "is it empty": "No, it is not.",
        }
        parts = _numbers(i, self.n) | {"character": s["character"]}
        if skill == "is there in a panel":
            there = self.rng.random() < 0.5
            names = [
                slots["object"] for slots in self.sample.slots if slots and slots["object"] != s["object"]
            ]
            other = pick(self.rng, names or [o for o in grammar.OBJECTS if o != s["object"]])
            parts["thing"] = a(s["object"] if there else other)
            return self._lesson(skill, "Yes, there is." if there else "No, there is not.", **parts)
        return self._lesson(skill, answers[skill], **parts)

    def slots_of_all(self) -> list[Lesson]:
        """The same slot of every panel."""
        skill = pick(self.rng, ("doing", "thing", "setting", "who"))
        return [self.slot(i, skill) for i in range(self.n)]

    def labels(self) -> list[Lesson]:
        """The label of every panel, in one wording."""
        wording = self.wording("label")
        return [
            self._lesson("label", f"The label is {letter}.", wording, **_numbers(i, self.n))
            for i, letter in enumerate(self.sample.letters)
        ]

    def how_many_panels(self) -> Lesson:
        """Count the panels."""
        answer = "There is one panel." if self.n == 1 else f"There are {word(self.n)} panels."
        return self._lesson("how many panels", answer)

    def which_panels(self) -> list[Lesson]:
        """In which panel a thing or a setting is: for all that occur once, and one that does not occur."""
        slot = pick(self.rng, ("object", "setting"))
        skill = "which panel" if slot == "object" else "which panel is set"
        wording = self.wording(skill)
        found = [slots.get(slot, "") for slots in self.sample.slots]
        lessons = [
            self._lesson(skill, f"It is panel {i + 1}.", wording, thing=a(name), setting=name)
            for i, name in enumerate(found)
            if name and found.count(name) == 1
        ]
        absent = pick(
            self.rng,
            [w for w in (grammar.OBJECTS if slot == "object" else grammar.SETTINGS) if w not in found],
        )
        return [*lessons, self._lesson(skill, "It is in no panel.", wording, thing=a(absent), setting=absent)]

    def how_many_show(self) -> Lesson:
        """In how many panels a thing is."""
        found = [slots["object"] for slots in self.sample.slots if slots]
        thing = (
            pick(self.rng, found) if found and self.rng.random() < 0.8 else pick(self.rng, grammar.OBJECTS)
        )
        count = found.count(thing)
        answer = "It is in no panel." if not count else f"It is in {word(count)} panel{'s' * (count > 1)}."
        return self._lesson("how many show", answer, thing=a(thing))

    def narration(self) -> Lesson:
        """Several panels, in an order."""
        skill = pick(self.rng, ("in order", "in order", "in reverse", "in a stated order"))
        order = list(range(self.n))
        if skill == "in reverse":
            order.reverse()
        if skill == "in a stated order":
            order = shuffled(self.rng, order)[: 2 + int(self.rng.random() * 3)]
        wording = self.wording(skill)
        numbered = wording.form == "numbered"
        parts = [(f"Panel {i + 1}: " if numbered else "") + told(self.sample, i) for i in order]
        stated = ", ".join(str(i + 1) for i in order)
        return self._lesson(skill, " ".join(parts), wording, order=stated)

    # -- scenes --------------------------------------------------------------------------------------------------

    @property
    def nouns(self) -> list[str]:
        """What is in a scene, from left to right."""
        return [] if self.sample.names == (NOTHING,) else list(self.sample.names)

    def everything(self) -> Lesson:
        """All things of a scene."""
        return self._lesson("list", f"There is {listed(self.nouns)}.")

    def at(self, place: str) -> Lesson:
        """What is at a place."""
        there = [noun for noun, s in zip(self.nouns, self.sample.slots, strict=False) if s["place"] == place]
        return self._lesson("what is at", f"There is {listed(there)}.", place=place)

    def places(self) -> list[Lesson]:
        """Some places of a scene: half of them where something is."""
        taken = list(dict.fromkeys(str(s["place"]) for s in self.sample.slots if s))
        free = [place for place in PLACES if place not in taken]
        return [self.at(place) for place in (*shuffled(self.rng, taken)[:3], *shuffled(self.rng, free)[:1])]

    def where(self) -> list[Lesson]:
        """Where things are, and one that is not there."""
        wording = self.wording("where")
        lessons = []
        for noun, s in zip(self.nouns, self.sample.slots, strict=False):
            kind = noun.split()[-1]
            named = noun if [n.split()[-1] for n in self.nouns].count(kind) > 1 else kind
            lessons.append(self._lesson("where", f"It is {s['place']}.", wording, noun=named))
        lessons = shuffled(self.rng, lessons)[:4]
        if self.rng.random() < 0.4:
            absent = self._lesson("where", "It is not in the picture.", wording, noun=self.absent())
            lessons.append(absent)
        return lessons

    def absent(self) -> str:
        """A thing that is not in the scene."""
        kinds = [noun.split()[-1] for noun in self.nouns]
        return pick(self.rng, [w for w in (*grammar.OBJECTS, *grammar.CHARACTERS) if w not in kinds])

    def is_there(self) -> Lesson:
        """Yes or no."""
        if self.nouns and self.rng.random() < 0.5:
            return self._lesson("is there", "Yes, there is.", thing=a(pick(self.rng, self.nouns).split()[-1]))
        return self._lesson("is there", "No, there is not.", thing=a(self.absent()))

    def more_of_a_scene(self) -> Lesson:
        """A question about a scene as a whole, or about a colour."""
        people = [noun for noun in self.nouns if " " in noun]
        kinds = [noun.split()[-1] for noun in people]
        people = [noun for noun in people if kinds.count(noun.split()[-1]) == 1]
        sides = [box.y1 - box.y0 + box.x1 - box.x0 for box in self.sample.boxes]
        ranked = sorted(sides, reverse=True)
        choices = ["how many things", "where is this"]
        choices += ["colour of"] * 2 * bool(people)
        choices += ["largest"] * (bool(self.nouns) and (len(ranked) == 1 or ranked[0] > 1.25 * ranked[1]))
        match pick(self.rng, choices):
            case "colour of":
                colour, kind = pick(self.rng, people).split()
                return self._lesson("colour of", f"It is {colour}.", character=kind)
            case "largest":
                return self._lesson("largest", f"It is {a(self.nouns[sides.index(ranked[0])])}.")
            case "how many things":
                n = len(self.nouns)
                answer = (
                    f"There are {word(n)} things." if n > 1 else f"There is {('nothing', 'one thing')[n]}."
                )
                return self._lesson("how many things", answer)
            case _:
                return self._lesson("where is this", f"It is {self.sample.source['setting']}.")


PLACES = (
    "at the top left",
    "at the top",
    "at the top right",
    "on the left",
    "in the middle",
    "on the right",
    "at the bottom left",
    "at the bottom",
    "at the bottom right",
)

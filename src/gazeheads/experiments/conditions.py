"""Conditions: under which head set, or instead of steering by what, a question is asked.

Everything that is true of a condition stands in its line of `CONDITIONS`: what tables call it, which heads it steers
and where it points them, what it shows and in which words it asks. Lists are written as "none,gaze,controls:20":

    gaze                the name alone
    controls:N          N draws, named controls/0, controls/1, ...
    controls:N:RULE     N draws by another rule, named band/0, band/1, ...
    gaze@8              where heads are chosen: how many of them, or which share of all ("@0.12")

K is the run's, the trial's (a sweep), or what stands behind an @.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gazeheads import prompts
from gazeheads.errors import UsageError
from gazeheads.heads.heads import Heads
from gazeheads.heads.scores import SCORES
from gazeheads.sample import Sample

Amount = int | float
Show = Literal["whole", "crop", "marker"]
Choose = Callable[
    [Heads, Amount, int, int], tuple[Heads, ...]
]  # all heads, how many, draws, seed: a set for each draw
Ask = Callable[[str, int, int], str]  # the question, the zero-based region, of how many regions
Point = Callable[[Sample, int, int], int]  # the sample, the region that counts, the number of the draw


@dataclass(frozen=True)
class Condition:
    """One condition. name: as trials and tables name it. kind: its line of `CONDITIONS`.

    draw, draws: its number, and how many of its kind belong together. k: the number or share of heads, if the condition
    itself says so.
    """

    name: str
    kind: str
    draw: int = 0
    draws: int = 1
    k: Amount | None = None

    @property
    def facts(self) -> "ConditionKind":
        """What is true of all conditions of this kind."""
        return CONDITIONS[self.kind]

    @property
    def is_steered(self) -> bool:
        """Whether heads are pointed at regions."""
        return self.facts.choose is not None


@dataclass(frozen=True)
class ConditionKind:
    """What is true of a condition. title: in tables and menus. about: what it does, for help.

    choose: the heads that it steers; None: it steers nothing. takes_k: whether their number can be chosen. score: by
    which they are chosen, if by one that has the condition's name. written: how draws are asked for ("controls:N"); ""
    for what is no draw. point: the region that the heads are pointed at, where it is not the one that counts. show: the
    whole image, the region's pixels alone, or the region marked. ask: the question in words that name the region.
    by_place: whether these words count panels from the left. has_target: whether a region counts at all; without one,
    an answer counts for each region in turn.
    """

    name: str
    title: str
    about: str
    choose: Choose | None = None
    takes_k: bool = True
    score: str = ""
    written: str = ""
    point: Point | None = None
    show: Show = "whole"
    ask: Ask | None = None
    by_place: bool = False
    has_target: bool = True

    @property
    def takes_number(self) -> bool:
        """Whether it steers as many heads as one asks for."""
        return self.choose is not None and self.takes_k


def _top(score: str) -> Choose:
    """The best heads by a score, the same for each draw."""
    return lambda heads, k, draws, seed: (heads.by(score).top(k),) * draws


def _random(rule: str) -> Choose:
    """Random draws by a rule of `gazeheads.heads.controls`."""
    return lambda heads, k, draws, seed: heads.by("gaze").top(k).controls(draws, seed, rule)


def _all(heads: Heads, k: Amount, draws: int, seed: int) -> tuple[Heads, ...]:
    return (heads.every(),)


def _elsewhere(sample: Sample, target: int, draw: int) -> int:
    """Another region, drawn by sample and draw. Raises `UsageError` where there is none."""
    others = [region for region in range(len(sample.boxes)) if region != target]
    if not others:
        raise UsageError(
            f"Condition wrong-region: sample {sample.id!r} has one region, and no other to look at. Leave it out."
        )
    return random.Random(f"wrong-region/{sample.id}/{target}/{draw}").choice(others)


def _in_words(prompt: str, target: int, n: int) -> str:
    return prompts.about(prompt, target + 1)


def _panel_query(prompt: str, target: int, n: int) -> str:
    return prompts.panel_query(target + 1, n)


def _by_score(name: str, title: str) -> ConditionKind:
    return ConditionKind(name, title, f"the top K heads by the score {name}", _top(name), score=name)


def _by_rule(name: str, rule: str, words: str) -> ConditionKind:
    """Draws of as many heads as the gaze heads, none of them a gaze head. `words`: which."""
    written = "controls:N" if name == "controls" else f"controls:N:{rule}"
    return ConditionKind(name, f"{DRAWS}, {words}", f"N {DRAWS}: {words}", _random(rule), written=written)


DRAWS = "random-head controls"

CONDITIONS: dict[str, ConditionKind] = {
    kind.name: kind
    for kind in (
        ConditionKind("none", "no steering", "no steering", has_target=False),
        *(_by_score(score.name, score.title) for score in SCORES.values()),
        _by_rule("controls", "layers", "same layers"),
        _by_rule("band", "band", "the gaze heads' band of layers"),
        _by_rule("bottom5", "bottom5", "lowest 5% by score"),
        _by_rule("below-median", "below-median", "below the median score"),
        _by_rule("lowest", "lowest", "lowest by score"),
        _by_rule("mass-matched", "mass-matched", "same attention mass on the image"),
        ConditionKind(
            "wrong-region", "gaze heads, pointed at another region",
            "the gaze heads, pointed at another region than the one that counts, N times",
            _top("gaze"), written="wrong-region:N", point=_elsewhere,
        ),
        ConditionKind("all", "all heads", "every head of the model", _all, takes_k=False),
        ConditionKind(
            "prompt", "no steering, region named in the question", "no steering; the question names the region",
            ask=_in_words,
        ),
        ConditionKind(
            "panel-query", "no steering, discovery question", "no steering; the discovery question about the region",
            ask=_panel_query, by_place=True,
        ),
        ConditionKind(
            "crop", "no steering, cropped to the region", "no steering; the region is all that is shown", show="crop"
        ),
        ConditionKind(
            "marker", "no steering, region framed in red", "no steering; the region is framed in red", show="marker"
        ),
    )
}  # fmt: skip
MOST_DRAWS = 10_000  # of one condition
UNSTEERED = tuple(name for name, kind in CONDITIONS.items() if kind.choose is None)


def listed() -> list[tuple[str, str]]:
    """Every condition as it is asked for, and what it does: for help texts and menus."""
    return [
        (kind.written or kind.name + "[@K]" * kind.takes_number, kind.about) for kind in CONDITIONS.values()
    ]


def family_of(name: str) -> str | None:
    """The family of a draw: "controls" of "controls/3", "band@8" of "band@8/0"; None for what is no draw."""
    matched = re.fullmatch(r"(.+)/\d+", name)
    return matched[1] if matched else None


def kind_of(name: str) -> str:
    """The kind of a condition or family, by its name: "controls" of "controls@8/3"."""
    return (family_of(name) or name).partition("@")[0]


def amount_of(name: str) -> str:
    """What stands behind the @ of a condition or family, "" where nothing does: "8" of "controls@8/3"."""
    return (family_of(name) or name).partition("@")[2]


def conditions(text: str) -> tuple[Condition, ...]:
    """The conditions of a list such as "none,gaze,controls:20,prompt". Raises `UsageError` for what is none."""
    asked: dict[str, Condition] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        for condition in _one(word):
            if condition.name in asked:
                raise UsageError(
                    f"Condition {condition.name!r} was asked for twice in {text!r}. Name it once."
                )
            asked[condition.name] = condition
    if not asked:
        raise UsageError(
            f"Conditions {text!r}: there is none. Write, for example, none,gaze,controls:20,all."
        )
    return tuple(asked.values())


def _one(word: str) -> list[Condition]:
    """The condition of a word, or its draws."""
    written, at, amount = word.partition("@")
    k = _amount(amount, word) if at else None
    if written.startswith("controls:"):
        written = written.removesuffix(":layers")  # the rule of plain controls may be said
    for kind in CONDITIONS.values():
        pattern = (kind.written or kind.name).replace("N", r"([1-9]\d*)")
        matched = re.fullmatch(pattern, written)
        if matched and (kind.takes_number or not at):
            name = kind.name + at + amount
            if not kind.written:
                return [Condition(name, kind.name, k=k)]
            if len(matched[1]) > 9 or int(matched[1]) > MOST_DRAWS:
                raise UsageError(f"Condition {word[:40]!r}: {MOST_DRAWS} draws are the most. Ask for fewer.")
            draws = int(matched[1])
            return [Condition(f"{name}/{draw}", kind.name, draw, draws, k) for draw in range(draws)]
    forms = [kind.written or kind.name for kind in CONDITIONS.values()]
    raise UsageError(
        f"Condition {word!r} is unknown. Use one of {', '.join(forms)}; those that choose heads take @K, a number or a "
        "share."
    )


def _amount(text: str, word: str) -> Amount:
    if re.fullmatch(r"[1-9][0-9]{0,8}", text):
        return int(text)
    if re.fullmatch(r"0?\.\d+|1\.0*", text) and float(text) > 0:
        return float(text)
    raise UsageError(f"Condition {word!r}: {text!r} is neither a number of heads nor a share such as 0.09.")


class HeadSets:
    """The heads of every condition, at any K; each set is chosen once.

    heads: all that is known of the model's heads. k: how many where nobody says. seed: of random draws.
    """

    def __init__(self, heads: Heads, k: Amount, seed: int = 0) -> None:
        self.heads, self.k, self.seed = heads, k, seed
        self._chosen: dict[tuple[str, int, Amount], tuple[Heads, ...]] = {}

    def __call__(self, condition: Condition, k: Amount | None = None) -> Heads | None:
        """The heads that a condition steers, None for none; `k` of them where the trial says so.

        Raises `HeadsError` or `NoSuchDraw` where there are not exactly so many.
        """
        choose = condition.facts.choose
        if choose is None:
            return None
        amount = k if k is not None else condition.k if condition.k is not None else self.k
        slot = condition.kind, condition.draws, amount
        if slot not in self._chosen:
            self._chosen[slot] = choose(self.heads, amount, condition.draws, self.seed)
        return self._chosen[slot][condition.draw]

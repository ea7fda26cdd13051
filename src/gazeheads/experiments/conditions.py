"""Conditions: under which head set, or instead of steering by what, a question is asked.

    none                      no steering
    gaze                      the top K heads by gaze score
    image-heads, localization-heads, selectivity, norm-weighted, causal, follow
                              the top K by another score (`gazeheads.heads.scores`)
    controls:N                N layer-matched control draws of K heads, named controls/0, controls/1, ...
    controls:N:RULE           N draws by another rule of `gazeheads.heads.controls`, named band/0, band/1, ...
    wrong-region:N            the gaze heads, pointed at another region than the one that counts, N times
    all                       every head of the model
    prompt                    no steering; the question names the region ("... in the 3rd panel from the left")
    panel-query               no steering; the discovery question about the region
    crop                      no steering; the region is all that is shown
    marker                    no steering; the region is marked by a red box

K is the run's, the trial's (a sweep), or what stands behind an @: `gaze@8`, `localization-heads@0.12`.
"""

import re
from dataclasses import dataclass

from gazeheads.errors import UsageError
from gazeheads.heads.heads import Heads

SCORES = ("gaze", "image-heads", "localization-heads", "selectivity", "norm-weighted", "causal", "follow")
UNSTEERED = ("none", "prompt", "panel-query", "crop", "marker")
RULES = ("layers", "band", "bottom5", "below-median", "lowest", "mass-matched")
Amount = int | float


@dataclass(frozen=True)
class Condition:
    """One condition. name: as trials and tables name it. kind: the word it was asked for with; `draw`: its number.

    match: a control draw's rule. draws: how many of this kind belong together. k: the number or share of heads, if the
    condition itself says so.
    """

    name: str
    kind: str
    match: str = ""
    draw: int = 0
    draws: int = 1
    k: Amount | None = None

    @property
    def is_steered(self) -> bool:
        """Whether heads are pointed at regions."""
        return self.kind not in UNSTEERED


def conditions(text: str) -> tuple[Condition, ...]:
    """The conditions of a list such as "none,gaze,controls:20,prompt". Raises `UsageError` for what is none."""
    found: dict[str, Condition] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        for condition in _one(word):
            if condition.name in found:
                raise UsageError(
                    f"Condition {condition.name!r} was asked for twice in {text!r}. Name it once."
                )
            found[condition.name] = condition
    if not found:
        raise UsageError(
            f"Conditions {text!r}: there is none. Write, for example, none,gaze,controls:20,all."
        )
    return tuple(found.values())


def _one(word: str) -> list[Condition]:
    spec, at, amount = word.partition("@")
    kind, *options = spec.split(":")
    k = _amount(amount, word) if at else None
    plain = (*SCORES, *UNSTEERED, "all")
    if kind in plain and not options and not (at and kind in (*UNSTEERED, "all")):
        return [Condition(kind + at + amount, kind, k=k)]
    if kind in ("controls", "wrong-region") and options and re.fullmatch(r"[1-9]\d*", options[0]):
        rule = options[1] if len(options) > 1 else "layers"
        if kind == "controls" and len(options) <= 2 and rule in RULES:
            name = "controls" if rule == "layers" else rule
            return _draws(name + at + amount, kind, rule, int(options[0]), k)
        if kind == "wrong-region" and len(options) == 1:
            return _draws(kind + at + amount, kind, "", int(options[0]), k)
    raise UsageError(
        f"Condition {word!r} is unknown. Use one of {', '.join(plain)}, controls:N, controls:N:RULE with a rule of "
        f"{', '.join(RULES)}, or wrong-region:N; those that choose heads take @K, a number or a share."
    )


def _draws(name: str, kind: str, match: str, draws: int, k: Amount | None) -> list[Condition]:
    return [Condition(f"{name}/{draw}", kind, match, draw, draws, k) for draw in range(draws)]


def _amount(text: str, word: str) -> Amount:
    if re.fullmatch(r"[1-9]\d*", text):
        return int(text)
    if re.fullmatch(r"0?\.\d+|1\.0*", text) and float(text) > 0:
        return float(text)
    raise UsageError(f"Condition {word!r}: {text!r} is neither a number of heads nor a share such as 0.09.")


class HeadSets:
    """The heads of every condition, at any K; each set is chosen once.

    heads: all that is known of the model's heads. k: how many where nobody says. seed: of the control draws.
    """

    def __init__(self, heads: Heads, k: Amount, seed: int = 0) -> None:
        self.heads, self.k, self.seed = heads, k, seed
        self._draws: dict[tuple[str, int, Amount], tuple[Heads, ...]] = {}

    def __call__(self, condition: Condition, k: Amount | None = None) -> Heads | None:
        """The heads that a condition steers, None for none; `k` of them where the trial says so.

        Raises `HeadsError` or `NoSuchDraw` where there are not exactly so many.
        """
        if not condition.is_steered:
            return None
        if condition.kind == "all":
            return self.heads.all()
        amount = k if k is not None else condition.k if condition.k is not None else self.k
        if condition.kind != "controls":
            score = condition.kind if condition.kind in SCORES else "gaze"
            return self.heads.by(score).top(amount)
        slot = condition.match, condition.draws, amount
        if slot not in self._draws:
            top = self.heads.by("gaze").top(amount)
            self._draws[slot] = top.controls(condition.draws, self.seed, condition.match)
        return self._draws[slot][condition.draw]

"""How far two judges of the same answers agree: Cohen's kappa over the region that each chose, none, or degenerate.

What one of them left unscored says nothing about agreement; it is left out and counted.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gazeheads.errors import JudgeError
from gazeheads.plain import plain


@dataclass(frozen=True)
class JudgeAgreement:
    """How far the judges `first` and `second` agree.

    n: parts of answers that both scored. agreed: share of them on which both say the same. kappa: the part of what
    chance leaves that they agree on: 1 in full, 0 as by chance; NaN where both always say one and the same thing.
    unscored: parts left out because a judge failed. alone: those that only one of them has judged.
    """

    first: str
    second: str
    n: int
    agreed: float
    kappa: float
    unscored: int
    alone: int

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        values: dict[str, Any] = plain(vars(self))
        return values


def agreement(lines: Iterable[Mapping[str, Any]], first: str, second: str) -> JudgeAgreement:
    """The agreement of the judges `first` and `second` in the lines of a run's verdicts.

    Raises `JudgeError` where one of them has not judged the run, or they have no scored verdict in common.
    """
    said: dict[str, dict[tuple[str, int], str]] = {}
    for line in lines:
        category = f"region {line['region']}" if line["kind"] == "matched" else line["kind"]
        said.setdefault(line["judge"], {})[line["generation"], line["part"]] = category
    for name in (first, second):
        if name not in said:
            raise JudgeError(
                f"The agreement of {first} and {second} was asked for; {name} has not judged this run (found: "
                f"{', '.join(said) or 'no judge'}). Run gazeheads judge with it first."
            )
    one, two = said[first], said[second]
    both = [(one[key], two[key]) for key in one if key in two]
    scored = [pair for pair in both if "unscored" not in pair]
    if not scored:
        raise JudgeError(
            f"The agreement of {first} and {second} was asked for; they have no scored verdict in common among "
            f"{len(both)} parts. Judge again."
        )
    n = len(scored)
    agreed = sum(a == b for a, b in scored) / n
    counts = Counter(a for a, _ in scored), Counter(b for _, b in scored)
    chance = sum(counts[0][category] * counts[1][category] for category in counts[0]) / n**2
    kappa = (agreed - chance) / (1 - chance) if chance < 1 else math.nan
    return JudgeAgreement(first, second, n, agreed, kappa, len(both) - n, len(one.keys() ^ two.keys()))

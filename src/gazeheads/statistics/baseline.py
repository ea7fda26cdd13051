"""What is left of an accuracy when answers that were there without steering do not count."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from gazeheads.errors import StatisticsError
from gazeheads.statistics.estimates import Key, Outcomes

T = TypeVar("T")
SAME_AS_BASELINE = 0.9  # the paper's threshold


def moved(outcomes: Outcomes, unsteered: Mapping[str, int | None]) -> dict[Key, float | None]:
    """The outcomes whose target is not the region that the strip's unsteered answer describes already.

    `unsteered` maps each strip to that region, zero-based, or to None where the answer matched none. Raises
    `StatisticsError` for a strip that it does not hold.
    """
    return {key: value for key, value in outcomes.items() if _of(unsteered, key[0]) != key[1]}


def with_baseline_rule(
    outcomes: Outcomes,
    answers: Mapping[Key, str],
    unsteered: Mapping[str, str],
    threshold: float = SAME_AS_BASELINE,
) -> dict[Key, float | None]:
    """The outcomes under the paper's rule: an answer almost the same as the strip's unsteered one is a miss.

    Raises `StatisticsError` where an answer or a strip is missing.
    """
    return {
        key: 0.0 if same_as_baseline(_of(answers, key), _of(unsteered, key[0]), threshold) else value
        for key, value in outcomes.items()
    }


def same_as_baseline(answer: str, unsteered: str, threshold: float = SAME_AS_BASELINE) -> bool:
    """Whether the two texts share more than `threshold` of their words (Jaccard, case ignored)."""
    return jaccard(answer, unsteered) > threshold


def jaccard(first: str, second: str) -> float:
    """Words in both texts over words in either; no case, no punctuation; 1.0 for two texts without words."""
    one, other = (set(re.findall(r"\w+", text.casefold())) for text in (first, second))
    return len(one & other) / len(one | other) if one | other else 1.0


def _of(table: Mapping[Any, T], key: object) -> T:
    """`table[key]`, or the error that says what is missing."""
    try:
        return table[key]
    except KeyError:
        raise StatisticsError(
            f"Asked about {key!r}, which is not among the {len(table)} given. Give one for each outcome."
        ) from None

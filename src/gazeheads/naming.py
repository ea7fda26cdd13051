"""While a thing is named: the tokens of an answer that say a name, and where heads looked at each of them.

A name is looked for word by word; "a", "an" and "the" belong to none. The first token of a
name is produced by a row that has not read it yet: it knows what it is about to say.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gazeheads.trace import GazeTrace
from gazeheads.words import Word, words

Floats = npt.NDArray[np.float64]
ARTICLES = frozenset(("a", "an", "the"))


def spoken(pieces: Sequence[str], names: Sequence[str]) -> list[tuple[int, ...]]:
    """For each name the tokens that wrote it, () where it is not said.

    Each word belongs to one name: a name that is asked for twice is looked for twice, and "cat" is not found in "red
    cat" where both are asked for.
    """
    said = [word for word in words(pieces) if word.text.casefold() not in ARTICLES]
    texts = [word.text.casefold() for word in said]
    free = [True] * len(said)
    found: list[tuple[int, ...]] = [()] * len(names)
    for number in sorted(range(len(names)), key=lambda n: -len(parts_of(names[n]))):
        parts = parts_of(names[number])
        for place in range(len(texts) - len(parts) + 1 if parts else 0):
            here = slice(place, place + len(parts))
            if tuple(texts[here]) == parts and all(free[here]):
                free[here] = [False] * len(parts)
                found[number] = tokens_of(said[here])
                break
    return found


def parts_of(name: str) -> tuple[str, ...]:
    """The words of a name, lower case, without articles."""
    return tuple(w.text.casefold() for w in words([name]) if w.text.casefold() not in ARTICLES)


def tokens_of(said: Sequence[Word]) -> tuple[int, ...]:
    """The tokens that wrote these words, each once."""
    return tuple(sorted({token for word in said for token in range(word.start, word.stop)}))


def looks_at(trace: GazeTrace, tokens: Sequence[int]) -> Floats:
    """(head, image token) mean attention while these tokens were produced."""
    found: Floats = trace.looks[:, list(tokens)].mean(1, dtype=np.float64)
    return found

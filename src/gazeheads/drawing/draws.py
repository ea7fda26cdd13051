"""Random choices that never change: built on `random()` alone, whose stream Python promises to keep."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """One of the items. Built on `random()` alone, whose stream Python promises to keep."""
    return items[int(rng.random() * len(items))]


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """The items in random order, built on `random()` alone."""
    return [item for _, item in sorted(((rng.random(), i), item) for i, item in enumerate(items))]

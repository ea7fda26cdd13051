"""Random-head controls: sets of as many heads as a given one, that differ from it only in which heads they are.

A single draw means nothing; draw many and place the gaze set among them. With n draws the percentile's
p-value is at least 1 / (n + 1). Draws are distinct sets, and none holds a head of the given set. Rules
(`match`):

    layers        as many heads in each layer as the given set has; where a layer has too few left, the rest
                  from the nearest layers, lower first (`draw.moved` counts them)
    band          uniform over the first to the last layer that holds a given head (the paper's pool)
    bottom5       from the 5% of heads with the lowest scores
    below-median  from the heads that score below the median
    lowest        the lowest scores: one set
    mass-matched  the same attention mass on the image: for each given head one of the heads nearest to it
                  in mass (heads that ignore the image are a straw man). Where the given heads are those that look
                  at the image most, no other heads have as much: `draw.mass` is the share that the draw has
"""

from collections.abc import Callable, Iterator
from math import comb, prod

import numpy as np

from gazeheads.errors import NoSuchDraw
from gazeheads.heads.head import Draw, Head, Ranked

NEIGHBOURS = 8  # mass-matched: how many of the nearest heads a draw chooses from
TRIES = 100  # mass-matched: how often to look for one more distinct set

Pool = list[Head]
Sets = Iterator[tuple[Head, ...]]


def draw(given: Ranked, draws: int, seed: int, match: str) -> tuple[tuple[tuple[Head, ...], Draw], ...]:
    """The members of `draws` distinct control sets for `given`, best first, and how each was drawn.

    Raises `NoSuchDraw` if the rule cannot give so many.
    """
    rules: dict[str, Callable[[], tuple[list[tuple[Pool, int]], int]]] = {
        "layers": lambda: _layers(given),
        "band": lambda: _one_pool(given, _band(given)),
        "bottom5": lambda: _one_pool(given, _lowest(given, round(0.05 * given.scores.size))),
        "below-median": lambda: _one_pool(given, _below_median(given)),
        "lowest": lambda: _one_pool(given, _lowest(given, len(given.heads) + _among_lowest(given))),
    }
    if draws < 1:
        raise NoSuchDraw(f"{draws} random-head controls were asked for. Ask for at least one.")
    rng = np.random.default_rng(seed)
    if match == "mass-matched":
        sets, moved = _mass_matched(given, draws, rng), 0
    elif match in rules:
        pools, moved = rules[match]()
        sets = _distinct(given, pools, draws, rng, match)
    else:
        raise NoSuchDraw(
            f"Control rule {match!r} is unknown. Use one of {', '.join([*rules, 'mass-matched'])}."
        )
    return tuple(
        (
            tuple(sorted(members, key=lambda head: -np.nan_to_num(given.scores[head], nan=-np.inf))),
            Draw(match, seed, index, moved, _share(given, members) if match == "mass-matched" else None),
        )
        for index, members in enumerate(sets)
    )


def _share(given: Ranked, members: tuple[Head, ...]) -> float:
    """The mass on the image of the members, by that of the given set."""
    assert given.image_mass is not None  # these draws are matched by it
    return float(
        sum(given.image_mass[head] for head in members) / sum(given.image_mass[h] for h in given.heads)
    )


def _others(given: Ranked) -> Pool:
    members = set(given.heads)
    return [head for head in given.every().heads if head not in members]


def _layers(given: Ranked) -> tuple[list[tuple[Pool, int]], int]:
    """Pool and number for each layer, and how many heads had to move to another layer."""
    n_layers = given.provenance.n_layers
    pools: list[Pool] = [[] for _ in range(n_layers)]
    for head in _others(given):
        pools[head.layer].append(head)
    wanted = np.bincount([head.layer for head in given.heads], minlength=n_layers)
    if len(given.heads) > sum(map(len, pools)):
        raise NoSuchDraw(
            f"A control set of {len(given.heads)} heads was asked for, but only {sum(map(len, pools))} heads of "
            "the model are outside the given set. Take fewer heads."
        )
    room = np.array([len(pool) for pool in pools])
    taken = np.minimum(wanted, room)
    for layer in np.flatnonzero(wanted > room).tolist():
        for other in sorted(range(n_layers), key=lambda near: (abs(near - layer), near)):
            move = min(wanted[layer] - room[layer], room[other] - taken[other])
            if move > 0:
                taken[other] += move
                wanted[layer] -= move
    moved = int(
        len(given.heads)
        - np.minimum(np.bincount([h.layer for h in given.heads], minlength=n_layers), room).sum()
    )
    return [(pool, int(number)) for pool, number in zip(pools, taken, strict=True)], moved


def _one_pool(given: Ranked, pool: Pool) -> tuple[list[tuple[Pool, int]], int]:
    return [(pool, len(given.heads))], 0


def _band(given: Ranked) -> Pool:
    layers = [head.layer for head in given.heads]
    return [head for head in _others(given) if min(layers) <= head.layer <= max(layers)]


def _lowest(given: Ranked, count: int) -> Pool:
    members = set(given.heads)
    return [head for head in given.all().heads[::-1][:count] if head not in members]


def _among_lowest(given: Ranked) -> int:
    """How many more heads than its own number to look at from below, to find as many outside the set."""
    members, found = set(given.heads), 0
    for looked, head in enumerate(given.all().heads[::-1], start=1):
        found += head not in members
        if found == len(given.heads):
            return looked - len(given.heads)
    return given.scores.size


def _below_median(given: Ranked) -> Pool:
    middle = np.nanmedian(given.scores)
    return [head for head in _others(given) if given.scores[head] < middle]


def _distinct(
    given: Ranked, pools: list[tuple[Pool, int]], draws: int, rng: np.random.Generator, match: str
) -> Sets:
    """Distinct unions of so many heads from each pool."""
    possible = prod(comb(len(pool), number) for pool, number in pools)
    if possible < draws:
        raise NoSuchDraw(
            f'{draws} distinct control sets of {len(given.heads)} heads by the rule "{match}" were asked for; the '
            f"pool of {sum(len(pool) for pool, number in pools if number)} heads gives {possible}. Ask for "
            "fewer draws or heads, or use another rule."
        )
    seen: dict[frozenset[Head], None] = {}
    while len(seen) < draws:
        picks = (pool[i] for pool, number in pools for i in rng.choice(len(pool), number, replace=False))
        seen.setdefault(frozenset(picks))
    return (tuple(sorted(members)) for members in seen)


def _mass_matched(given: Ranked, draws: int, rng: np.random.Generator) -> Sets:
    if given.image_mass is None:
        raise NoSuchDraw(
            "These heads do not carry the image mass of the model's heads: run `discover` to measure it."
        )
    mass, others = given.image_mass, _others(given)
    if len(others) < len(given.heads):
        raise NoSuchDraw(
            f"{len(given.heads)} control heads were asked for; {len(others)} are left. Take fewer heads."
        )
    seen: dict[frozenset[Head], None] = {}
    for _ in range(TRIES * draws):
        left, picks = list(others), []
        for i in rng.permutation(len(given.heads)):
            left.sort(key=lambda head, goal=mass[given.heads[i]]: abs(mass[head] - goal))  # type: ignore[misc]
            picks.append(left.pop(int(rng.integers(min(NEIGHBOURS, len(left))))))
        seen.setdefault(frozenset(picks))
        if len(seen) == draws:
            return (tuple(sorted(members)) for members in seen)
    raise NoSuchDraw(
        f"{draws} distinct mass-matched sets were asked for; found {len(seen)}. Ask for fewer draws."
    )

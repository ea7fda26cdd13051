"""What the panels of the harder world show: actions, objects and settings repeat within a strip.

A caption is the five slots of a `Panel`. Which split owns it is a hash of all five, so that splits share no caption
and each has more than ten thousand of them. A panel may also be empty: then it is None.
"""

import random
import zlib
from typing import Literal

from gazeheads.drawing import grammar
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.drawing.grammar import COLOURS, Panel, Split
from gazeheads.errors import GazeHeadsError

Share = Literal["action", "object", "setting", "mixed", "nothing"]
SHARES: tuple[Share, ...] = ("action", "object", "setting", "mixed", "nothing")
Story = tuple[Panel | None, ...]

MOST_PANELS = 8
_POOLS: dict[str, tuple[str, ...]] = {
    "action": grammar.ACTIONS,
    "object": grammar.OBJECTS,
    "setting": grammar.SETTINGS,
}


def owner(*facts: str) -> Split:
    """The split that owns these facts: an eighth of all belong to test, an eighth to dev, the rest to train."""
    owners: dict[int, Split] = {0: "test", 1: "dev"}
    return owners.get(zlib.crc32("/".join(facts).encode()) % 8, "train")


def owner_of(panel: Panel) -> Split:
    """The split that owns a caption."""
    return owner(panel.colour, panel.character, panel.action, panel.object, panel.setting)


def captions_of(split: Split) -> int:
    """How many different captions a split owns."""
    return sum(
        owner(colour, character, action, thing, setting) == split
        for colour in COLOURS
        for character in grammar.CHARACTERS
        for action in grammar.ACTIONS
        for thing in grammar.OBJECTS
        for setting in grammar.SETTINGS
    )


def invent(
    rng: random.Random,
    split: Split,
    panels: int,
    share: Share = "nothing",
    one_protagonist: bool = True,
    empty: float = 0.0,
) -> Story:
    """A story of different panels, all owned by this split.

    share: the slot that all panels have in common; "mixed": each slot is drawn from a few words, so that words
    return in every combination; "nothing": no action, object or setting comes twice. one_protagonist: the same
    character in the same colour throughout; else each panel may have its own. empty: the share of empty panels.
    """
    if not 1 <= panels <= MOST_PANELS:
        raise GazeHeadsError(f"A story of {panels} panels: there are 1 to {MOST_PANELS}. Ask for as many.")
    if share not in SHARES:
        raise GazeHeadsError(f"Panels that share {share!r}: use one of {', '.join(SHARES)}.")
    if split not in grammar.SPLITS:
        raise GazeHeadsError(f"Split {split!r}: there is none. Use one of {', '.join(grammar.SPLITS)}.")
    for _ in range(200):
        story = _attempt(rng, split, panels, share, one_protagonist, empty)
        if story is not None:
            return story
    raise GazeHeadsError(
        f"A story of {panels} panels that share {share}, split {split!r}: none was found. Ask for fewer panels."
    )


def _attempt(
    rng: random.Random, split: Split, panels: int, share: Share, one_protagonist: bool, empty: float
) -> Story | None:
    blank = [rng.random() < empty for _ in range(panels)]
    few = 2 if split == "train" else 4  # of 27 captions hardly any are another split's
    words = {slot: _words(rng, slot, pool, panels, share, few) for slot, pool in _POOLS.items()}
    who = (pick(rng, list(COLOURS)), pick(rng, grammar.CHARACTERS))
    done: list[Panel] = []
    for i in range(panels):
        for _ in range(120):
            if not one_protagonist and rng.random() < 0.7:
                who = (pick(rng, list(COLOURS)), pick(rng, grammar.CHARACTERS))
            slots = {slot: words[slot][i] if share != "mixed" else pick(rng, words[slot]) for slot in words}
            panel = Panel(*who, **slots)
            if owner_of(panel) == split and panel not in done:
                done.append(panel)
                break
            if share != "mixed":  # another word for one of the slots, from those that no panel has yet
                slot = pick(rng, [slot for slot in words if slot != share])
                j = i + int(rng.random() * (len(words[slot]) - i))
                words[slot][i], words[slot][j] = words[slot][j], words[slot][i]
        else:
            return None
    return tuple(None if gone else panel for gone, panel in zip(blank, done, strict=True))


def _words(
    rng: random.Random, slot: str, pool: tuple[str, ...], panels: int, share: Share, few: int
) -> list[str]:
    """The words of a slot, a panel each; for "mixed", those to draw from: `few` or one more."""
    words = shuffled(rng, pool)
    if share == slot:
        return words[:1] * panels
    if share == "mixed":
        return words[: few + int(rng.random() * 2)] if panels > 2 else words[: few + 1]
    return words

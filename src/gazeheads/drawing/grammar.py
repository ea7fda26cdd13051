"""The small language of the doodles: who, doing what, with which object, where.

A panel is four slots: a protagonist (colour and character), an action, an object and a setting. Action, object and
setting are the panel-specific slots: they differ in every panel of a strip, while the protagonist stays. Every action
begins with a different word, so the first word of an answer already depends on the panel.

Splits are disjoint by combination. Of the (object, setting) pairs 1/8 belong to test and 1/8 to dev; of the
(character, object, action) triples likewise. A test panel is made of a test pair *and* a test triple, so that neither
was ever drawn in training; the same for dev.
"""

from dataclasses import dataclass
from typing import Literal

from gazeheads.text import a

Split = Literal["train", "dev", "test"]

SPLITS: tuple[Split, ...] = ("train", "dev", "test")

COLOURS: dict[str, str] = {
    "red": "#d8403c",
    "orange": "#f28a2e",
    "yellow": "#f4d13d",
    "green": "#4ca64c",
    "blue": "#3f7fd6",
    "purple": "#8a55c2",
    "pink": "#f195bb",
    "grey": "#98a0a8",
}

CHARACTERS: tuple[str, ...] = ("cat", "dog", "rabbit", "bear", "robot", "frog", "elephant", "penguin")

ACTIONS: tuple[str, ...] = (
    "holding",
    "lifting",
    "sitting on",
    "jumping over",
    "chasing",
    "looking at",
    "pushing",
    "hiding behind",
)

OBJECTS: tuple[str, ...] = (
    "apple",
    "ball",
    "balloon",
    "bell",
    "boat",
    "book",
    "bucket",
    "cake",
    "car",
    "chair",
    "clock",
    "drum",
    "fish",
    "flower",
    "gift",
    "guitar",
    "hat",
    "key",
    "kite",
    "lamp",
    "mushroom",
    "pumpkin",
    "star",
    "umbrella",
)

SETTINGS: tuple[str, ...] = (
    "on the beach",
    "in the forest",
    "in the kitchen",
    "in the desert",
    "on the mountain",
    "in the city",
    "in the bedroom",
    "in the library",
    "on the farm",
    "on the moon",
    "under the sea",
    "in the castle",
    "at the circus",
    "in the cave",
    "on the stage",
    "in the snow",
)


@dataclass(frozen=True)
class Panel:
    """What one panel shows. `caption()` and `slots` are its ground truth."""

    colour: str
    character: str
    action: str
    object: str
    setting: str

    @property
    def slots(self) -> dict[str, str]:
        """Slot name to the phrase that stands for it in a caption."""
        return {
            "action": self.action,
            "object": self.object,
            "setting": self.setting,
            "colour": self.colour,
            "character": self.character,
        }

    @property
    def protagonist(self) -> str:
        """The character with its colour: "red cat"."""
        return f"{self.colour} {self.character}"

    @property
    def brief(self) -> str:
        """The panel-specific slots alone: "jumping over a ball on the beach"."""
        return f"{self.action} {a(self.object)} {self.setting}"

    @property
    def captions(self) -> tuple[str, ...]:
        """Several wordings of the same truth, the briefest first."""
        return (
            f"{self.brief}.",
            f"{self.brief}, the {self.protagonist}.",
            f"{self.setting}, the {self.protagonist} is {self.action} {a(self.object)}.",
            f"the {self.protagonist} is {self.action} {a(self.object)} {self.setting}.",
        )


_EIGHTHS: dict[int, Split] = {0: "test", 1: "dev"}


def pair_split(obj: str, setting: str) -> Split:
    """The split that owns an (object, setting) pair: 1/8 test, 1/8 dev, the rest train."""
    return _EIGHTHS.get((3 * OBJECTS.index(obj) + SETTINGS.index(setting)) % 8, "train")


def triple_split(character: str, obj: str, action: str) -> Split:
    """The split that owns a (character, object, action) triple: 1/8 test, 1/8 dev, the rest train."""
    number = 3 * CHARACTERS.index(character) + OBJECTS.index(obj) + 5 * ACTIONS.index(action)
    return _EIGHTHS.get((number + OBJECTS.index(obj) // 8) % 8, "train")


def allowed(split: Split, character: str, action: str, obj: str, setting: str) -> bool:
    """Whether a panel of these slots may be drawn in this split."""
    return pair_split(obj, setting) == split and triple_split(character, obj, action) == split


def words() -> frozenset[str]:
    """Every word that a caption of a doodle can hold, lower case, without punctuation."""
    phrases = [*COLOURS, *CHARACTERS, *ACTIONS, *OBJECTS, *SETTINGS, "a an the is and panel"]
    return frozenset(" ".join(phrases).split())

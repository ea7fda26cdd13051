"""What is true of each cell of a picture, as the first stage teaches it: words for every slot.

A cell of a panel tells its panel's slots and which panel it is; a cell of a scene tells what lies on it and where.
Each class has a word, and a cell's features are compared with that word's embedding in the language model, so that
the eyes learn to speak its language before it ever listens.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gazeheads.drawing import grammar
from gazeheads.drawing.strips import CELL, LETTERS
from gazeheads.prompts import ORDINALS, WORDS
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample

NOTHING = "nothing"
CLASSES: dict[str, tuple[str, ...]] = {
    "action": tuple(f" {action.split()[0]}" for action in grammar.ACTIONS),
    "object": tuple(f" {name}" for name in (*grammar.OBJECTS, NOTHING)),
    "character": tuple(f" {name}" for name in (*grammar.CHARACTERS, NOTHING)),
    "colour": tuple(f" {name}" for name in grammar.COLOURS),
    "setting": tuple(f" {setting.split()[-1]}" for setting in (*grammar.SETTINGS, "empty")),
    "ordinal": tuple(f" {word}" for word in ORDINALS[1:9]),
    "number": tuple("12345678"),
    "count": tuple(f" {word}" for word in WORDS[:9]),
    "row": (" top", " middle", " bottom"),
    "column": (" left", " middle", " right"),
    "letter": tuple(f" {letter}" for letter in LETTERS + "0123456789"),
}
Labels = dict[str, npt.NDArray[np.int64]]
UNKNOWN = -1
LEAST_PANEL, LEAST_THING, LEAST_LETTER = 0.5, 0.12, 0.25  # shares of a cell, of a cell, of the letter's tag


def prototypes(tokenizer: object, embeddings: Tensor) -> dict[str, Tensor]:
    """For each slot (class, width): the mean embedding of the word's tokens, centred in the slot, of length one."""
    found = {}
    for slot, words in CLASSES.items():
        rows = torch.stack([embeddings[tokenizer.encode(word)].mean(0) for word in words])  # type: ignore[attr-defined]
        rows = rows - rows.mean(0)
        found[slot] = rows / rows.norm(dim=1, keepdim=True)
    return found


def _share(box: Box, rows: int, cols: int) -> npt.NDArray[np.float64]:
    """For each cell (row, col) the share of it that lies in a box."""
    across = np.clip(
        np.minimum(box.x1, (np.arange(cols) + 1) * CELL) - np.maximum(box.x0, np.arange(cols) * CELL), 0, None
    )
    down = np.clip(
        np.minimum(box.y1, (np.arange(rows) + 1) * CELL) - np.maximum(box.y0, np.arange(rows) * CELL), 0, None
    )
    share: npt.NDArray[np.float64] = np.outer(down, across) / CELL**2
    return share


def _third(x: float) -> int:
    return min(int(3 * x), 2)


def strip_labels(sample: Sample, rows: tuple[int, ...]) -> Labels:
    """The labels of a comic's cells (row, col). rows: how many panels each row of it has."""
    shape = sample.image.height // CELL, sample.image.width // CELL
    labels = {slot: np.full(shape, UNKNOWN) for slot in CLASSES}
    labels["count"][:] = len(sample.boxes)
    shares = np.stack([_share(box, *shape) for box in sample.boxes])
    best = shares.argmax(0)
    where = [(r, c, n) for r, n in enumerate(rows) for c in range(n)]
    for i, box in enumerate(sample.boxes):
        mine = (best == i) & (shares[i] >= LEAST_PANEL)
        slots = sample.slots[i]
        labels["ordinal"][mine] = labels["number"][mine] = i
        if slots:
            labels["action"][mine] = grammar.ACTIONS.index(slots["action"])
            labels["object"][mine] = grammar.OBJECTS.index(slots["object"])
            labels["character"][mine] = grammar.CHARACTERS.index(slots["character"])
            labels["colour"][mine] = list(grammar.COLOURS).index(slots["colour"])
            labels["setting"][mine] = grammar.SETTINGS.index(slots["setting"])
        else:
            labels["setting"][mine] = len(grammar.SETTINGS)
        r, c, n = where[i]
        if len(rows) in (2, 3):
            labels["row"][mine] = 2 * r if len(rows) == 2 else r
        if n in (2, 3):
            labels["column"][mine] = 2 * c if n == 2 else c
        if sample.letters:
            high = box.y1 - box.y0
            tag = Box(box.x0 + 0.03 * high, box.y0 + 0.03 * high, box.x0 + 0.31 * high, box.y0 + 0.33 * high)
            part = _share(tag, *shape) * CELL**2 / tag.area
            labels["letter"][part >= LEAST_LETTER] = (LETTERS + "0123456789").index(sample.letters[i])
    return labels


def view_labels(sample: Sample) -> Labels:
    """The labels of a scene's cells (row, col)."""
    rows, cols = sample.image.height // CELL, sample.image.width // CELL
    labels = {slot: np.full((rows, cols), UNKNOWN) for slot in CLASSES}
    things = 0 if sample.names == (NOTHING,) else len(sample.boxes)
    labels["count"][:] = things
    labels["setting"][:] = grammar.SETTINGS.index(str(sample.source["setting"]))
    labels["object"][:] = len(grammar.OBJECTS)
    labels["character"][:] = len(grammar.CHARACTERS)
    labels["row"][:] = np.array([_third((r + 0.5) / rows) for r in range(rows)])[:, None]
    labels["column"][:] = np.array([_third((c + 0.5) / cols) for c in range(cols)])
    if not things:
        return labels
    shares = np.stack([m.reshape(rows, CELL, cols, CELL).mean((1, 3)) for m in sample.masks])
    best = shares.argmax(0)
    for i, (name, box) in enumerate(zip(sample.names, sample.boxes, strict=True)):
        mine = (best == i) & (shares[i] >= LEAST_THING)
        colour, _, kind = name.rpartition(" ")
        if colour:
            labels["character"][mine] = grammar.CHARACTERS.index(kind)
            labels["colour"][mine] = list(grammar.COLOURS).index(colour)
        else:
            labels["object"][mine] = grammar.OBJECTS.index(kind)
        labels["row"][mine] = _third((box.y0 + box.y1) / 2 / sample.image.height)
        labels["column"][mine] = _third((box.x0 + box.x1) / 2 / sample.image.width)
    return labels

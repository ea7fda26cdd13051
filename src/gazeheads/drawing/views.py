"""The harder world's scenes: things of any size anywhere before one backdrop, none or up to six of them.

Centres keep away from the lines between the nine places, so that each thing's place has one name.
"""

import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from gazeheads.drawing import grammar
from gazeheads.drawing.backdrops import draw_backdrop
from gazeheads.drawing.characters import draw_character
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.drawing.grammar import COLOURS, Split
from gazeheads.drawing.looks import PLAIN, Look, draw_look
from gazeheads.drawing.objects import draw_object
from gazeheads.drawing.pen import Pen, shrink, supersample
from gazeheads.drawing.sheets import Size
from gazeheads.drawing.stories import owner
from gazeheads.drawing.strips import CELL, must_be_some
from gazeheads.prompts import place
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample
from gazeheads.text import a

MOST_THINGS = 6
CLEAR = 0.035  # how far centres stay from the lines between places, as a share of the side
SMALLEST, LARGEST = 0.17, 0.52  # side of a thing, as a share of the picture's height


@dataclass(frozen=True)
class Item:
    """Something in a scene: an object, or a character if it has a colour. Centre and side in picture heights."""

    name: str
    colour: str
    side: float
    u: float
    v: float

    @property
    def noun(self) -> str:
        """How it is called: "kite" or "red cat"."""
        return f"{self.colour} {self.name}".strip()


@dataclass(frozen=True)
class View:
    """A drawing of things before one backdrop, from left to right."""

    setting: str
    items: tuple[Item, ...]
    size: Size
    look: Look
    mirrored: tuple[bool, ...]

    def place(self, i: int) -> str:
        """Where thing i is: "at the top left"."""
        width, height = self.size
        return place(self.items[i].u * height / width, self.items[i].v)

    def sample(self, name: str, source: dict[str, object]) -> Sample:
        """The drawing as a sample; slots say name, colour and place of each thing."""
        width, height = self.size
        factor = supersample(height)
        scale = height * factor
        page = Image.new("RGB", (width * factor, height * factor), "#ffffff")
        draw_backdrop(Pen(page, scale), self.setting, width / height)
        masks = []
        for item, turned in zip(self.items, self.mirrored, strict=True):
            layer = self._drawn(item, scale, turned)
            corner = (round(item.u * scale - layer.width / 2), round(item.v * scale - layer.height / 2))
            page.paste(layer, corner, layer)
            ink = Image.new("L", page.size)
            ink.paste(layer.getchannel("A"), corner)
            masks.append(np.asarray(ink.reduce(factor)) >= 128)
        boxes = tuple(_extent(mask) for mask in masks)
        whole = (Box(0, 0, width, height),)
        return Sample(
            id=name,
            kind="scene",
            pixels=self.look.apply(shrink(page, factor)),
            boxes=boxes or whole,
            names=tuple(item.noun for item in self.items) or ("nothing",),
            captions=tuple((f"{a(item.noun)}.",) for item in self.items) or (("nothing.",),),
            slots=tuple(
                {"object": item.noun, "setting": self.setting, "place": self.place(i)}
                for i, item in enumerate(self.items)
            )
            or ({},),
            masks=tuple(masks) or (np.zeros((height, width), bool),),
            source={**source, "setting": self.setting},
        )

    def _drawn(self, item: Item, scale: float, turned: bool) -> Image.Image:
        """The thing alone on a transparent layer, a little larger than it."""
        side = round(1.3 * item.side * scale)
        layer = Image.new("RGBA", (side, side), (0, 0, 0, 0))
        pen = Pen(layer, scale, outline=0.013 * scale * self.look.line)
        local = pen.at(side / scale / 2, side / scale / 2, item.side)
        local.outline *= 0.4 + item.side  # finer lines for smaller things
        if item.colour:
            draw_character(local, item.name, COLOURS[item.colour])
        else:
            draw_object(local, item.name)
        return ImageOps.mirror(layer) if turned else layer


def _extent(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Box:
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1)


def _clear(x: float) -> bool:
    """Whether a share of a side is well inside a third."""
    return abs(x - 1 / 3) > CLEAR and abs(x - 2 / 3) > CLEAR


def draw_view(
    rng: random.Random,
    split: Split,
    *,
    size: Size | None = None,
    plain: bool = False,
    things: int | None = None,
    cell: int = CELL,
) -> View:
    """Invent a scene owned by this split: setting and set of things are hashed together. things: how many to try."""
    size = size or (cell * pick(rng, (6, 7, 8)), cell * pick(rng, (5, 6)))
    ratio = size[0] / size[1]
    while True:
        setting = pick(rng, grammar.SETTINGS)
        count = pick(rng, (0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6)) if things is None else things
        names = shuffled(rng, [*grammar.OBJECTS, *grammar.CHARACTERS, *grammar.CHARACTERS])
        items: list[Item] = []
        for name in dict.fromkeys(names):
            if len(items) == count:
                break
            item = _put(rng, name, items, ratio)
            if item is not None:
                items.append(item)
        items.sort(key=lambda item: item.u)
        if owner(setting, *sorted(item.noun for item in items)) == split or not items:
            look = PLAIN if plain else draw_look(rng)
            return View(setting, tuple(items), size, look, tuple(rng.random() < 0.5 for _ in items))


def _put(rng: random.Random, name: str, items: list[Item], ratio: float) -> Item | None:
    """A thing of a size and at a place where it overlaps none of the others."""
    colour = pick(rng, list(COLOURS)) if name in grammar.CHARACTERS else ""
    for attempt in range(40):
        most = LARGEST if attempt < 12 and len(items) < 2 else 0.32
        side = SMALLEST + (most - SMALLEST) * rng.random()
        u = side / 2 + 0.02 + rng.random() * (ratio - side - 0.04)
        v = side / 2 + 0.02 + rng.random() * (1 - side - 0.04)
        free = all(max(abs(u - o.u), abs(v - o.v)) > (side + o.side) / 2 + 0.02 for o in items)
        if free and _clear(u / ratio) and _clear(v):
            return Item(name, colour, side, u, v)
    return None


def views(
    n: int, seed: int = 0, split: Split = "test", *, plain: bool = False, start: int = 0
) -> list[Sample]:
    """`n` scenes of the harder world. Sample i depends on (seed, split, i) and `plain` alone."""
    must_be_some(n, split)
    samples = []
    for i in range(start, start + n):
        view = draw_view(random.Random(f"view/{split}/{seed}/{i}/{plain}"), split, plain=plain)
        source: dict[str, object] = {"data": "views", "split": split, "seed": seed, "index": i}
        samples.append(view.sample(f"views/{split}/{seed}/{i}/{plain}", source))
    return samples

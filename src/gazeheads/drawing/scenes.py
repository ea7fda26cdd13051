"""Procedural scenes, the stand-in for photographs: free objects before one backdrop, with exact boxes and masks."""

import random
from dataclasses import dataclass

import numpy as np
from PIL import Image

from gazeheads.drawing import grammar
from gazeheads.drawing.backdrops import draw_backdrop
from gazeheads.drawing.characters import draw_character
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.drawing.grammar import COLOURS, Split
from gazeheads.drawing.objects import draw_object
from gazeheads.drawing.pen import Pen, must_be_drawable, shrink, supersample
from gazeheads.drawing.strips import CELL, HEIGHT, must_be_some
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample
from gazeheads.text import a

SIZES: dict[str, float] = {
    "small": 0.17,
    "medium": 0.3,
    "large": 0.46,
}  # side, as a share of the image's height


@dataclass(frozen=True)
class DrawnObject:
    """What stands in a scene: an object, or a character if it has a colour. Centre and side in image heights."""

    name: str
    colour: str | None
    size: str
    u: float
    v: float

    @property
    def noun(self) -> str:
        """How it is called: "kite" or "red cat"."""
        return f"{self.colour} {self.name}" if self.colour else self.name

    def draw(self, pen: Pen) -> None:
        """Draw it with a pen whose unit is the image's height."""
        local = pen.at(self.u, self.v, SIZES[self.size])
        local.outline *= 0.4 + SIZES[self.size]  # finer lines for smaller objects
        if self.colour:
            draw_character(local, self.name, COLOURS[self.colour])
        else:
            draw_object(local, self.name)


@dataclass(frozen=True)
class DrawnScene:
    """A drawing of free objects before one backdrop, from left to right. Exactly one is of the largest size."""

    setting: str
    objects: tuple[DrawnObject, ...]
    width: float

    def sample(self, name: str, source: dict[str, object], height: int = HEIGHT, cell: int = CELL) -> Sample:
        """The drawing as a sample; a scene is twice as high as a strip's panel."""
        must_be_drawable(height, cell)
        high = 2 * height
        wide = max(1, round(self.width * high / cell)) * cell
        factor = supersample(high)
        page = Image.new("RGB", (wide * factor, high * factor), "#ffffff")
        draw_backdrop(Pen(page, high * factor), self.setting, wide / high)
        solid = []
        for each in self.objects:
            layer = Image.new("RGBA", page.size, (0, 0, 0, 0))
            each.draw(Pen(layer, high * factor))
            page.paste(layer, (0, 0), layer)
            solid.append(np.asarray(layer.getchannel("A").reduce(factor)) >= 128)
        masks = []
        for i, mask in enumerate(solid):
            hidden = np.any(solid[i + 1 :], axis=0) if solid[i + 1 :] else np.zeros_like(mask)
            masks.append(mask & ~hidden)
        boxes = []
        for mask in masks:
            rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            boxes.append(Box(int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1))
        return Sample(
            id=name,
            kind="scene",
            pixels=shrink(page, factor),
            boxes=tuple(boxes),
            names=tuple(t.noun for t in self.objects),
            captions=tuple((f"{a(t.noun)}.",) for t in self.objects),
            slots=tuple({"object": t.noun, "size": t.size, "setting": self.setting} for t in self.objects),
            masks=tuple(masks),
            source=source,
            redraw=lambda h, c: self.sample(name, source, h, c),
        )


def draw_scene(rng: random.Random, split: Split) -> DrawnScene:
    """Invent a scene of 2 to 6 different objects, which pair with the setting as the split allows."""
    setting = pick(rng, grammar.SETTINGS)
    width = pick(rng, (1.0, 4 / 3))
    main = "large" if rng.random() < 0.7 else "medium"
    smaller = ("medium", "small") if main == "large" else ("small",)
    objects: list[tuple[str, str | None]] = [
        (o, None) for o in shuffled(rng, grammar.OBJECTS) if grammar.pair_split(o, setting) == split
    ]
    people: list[tuple[str, str | None]] = [
        (c, pick(rng, list(COLOURS))) for c in shuffled(rng, grammar.CHARACTERS)
    ]
    count = 2 + int(rng.random() * 5)
    who = shuffled(rng, objects[: max(1, count - int(rng.random() * 3))])
    who = shuffled(rng, [*who, *people[: max(0, count - len(who))]])
    placed: list[DrawnObject] = []
    for name, colour in who:
        size = pick(rng, smaller) if placed else main
        side = SIZES[size]
        for _ in range(60):
            u = side / 2 + 0.02 + rng.random() * (width - side - 0.04)
            v = side / 2 + 0.02 + rng.random() * (1 - side - 0.04)
            if all(max(abs(u - t.u), abs(v - t.v)) > (side + SIZES[t.size]) / 2 + 0.02 for t in placed):
                placed.append(DrawnObject(name, colour, size, u, v))
                break
    if len(placed) < 2:  # the main object stands in the way of all others
        return draw_scene(rng, split)
    return DrawnScene(setting, tuple(sorted(placed, key=lambda t: t.u)), width)


def scenes(n: int, seed: int = 0, split: Split = "test", *, start: int = 0) -> list[Sample]:
    """`n` scenes of free objects with exact boxes and masks. Sample i depends on (seed, split, i) alone."""
    must_be_some(n, split, start)
    samples = []
    for i in range(start, start + n):
        scene = draw_scene(random.Random(f"scene/{split}/{seed}/{i}"), split)
        source: dict[str, object] = {"data": "scenes", "split": split, "seed": seed, "index": i}
        samples.append(scene.sample(f"scenes/{split}/{seed}/{i}", source))
    return samples

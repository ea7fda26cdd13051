"""Procedural comics: images of which everything is known. `scenes` has the other kind.

`doodles(n, seed, split)` makes strips, or grids of panels.
An image is a *drawing* (a frozen value: who, what, where, how wide) rendered at any size; the same seed gives the
same drawing and the same pixels on every machine. Panels of a split never share a combination with another split:
see `grammar`.
"""

import random
from dataclasses import dataclass

from PIL import Image, ImageFont

from gazeheads.checks import whole
from gazeheads.drawing import grammar
from gazeheads.drawing.backdrops import draw_backdrop
from gazeheads.drawing.characters import HOLD, JUMP, LIFT, PUSH, RUN, SIT, STAND, Pose, draw_character
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.drawing.grammar import COLOURS, Panel, Split
from gazeheads.drawing.objects import draw_object
from gazeheads.drawing.pen import INK, Pen, must_be_drawable, shrink, supersample
from gazeheads.errors import UsageError
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample

HEIGHT, CELL = 48, 16  # the bundled model's panel height and cell, pixels

MOST = 100_000  # samples at once: they are kept in memory
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


# -- panels --------------------------------------------------------------------------------------------------------
def draw_panel(pen: Pen, panel: Panel, width: float, jitter: tuple[float, float] = (0.0, 0.0)) -> None:
    """Draw one panel, `width` heights wide, into the unit-height rectangle at the pen's origin."""
    draw_backdrop(pen, panel.setting, width)
    s = min(1.0, width / 0.95)
    tall, big, floor = 0.54 * s, 0.36 * s, 0.94 + 0.02 * jitter[1]
    mid = width / 2 + 0.05 * jitter[0] * s
    stand = floor - tall / 2

    def character(u: float, v: float, pose: Pose = STAND) -> None:
        draw_character(pen.at(u, v, tall), panel.character, COLOURS[panel.colour], pose)

    def item(u: float, v: float, size: float = big) -> None:
        draw_object(pen.at(u, v, size), panel.object)

    match panel.action:
        case "holding":
            character(mid - 0.15 * s, stand, HOLD)
            item(mid + 0.18 * s, stand + 0.03)
        case "lifting":
            item(mid, stand - 0.5 * tall - 0.1)
            character(mid, stand, LIFT)
        case "sitting on":
            item(mid, floor - big * 0.55, big * 1.1)
            character(mid, floor - big * 1.0 - 0.28 * tall, SIT)
        case "jumping over":
            item(mid, floor - big * 0.45, big * 0.9)
            for side in (-1, 1):
                pen.arc(
                    mid, floor, 0.36 * s, 0.5, 270 + side * 65 - 12, 270 + side * 65 + 12, 0.025, "#ffffff"
                )
            character(mid, floor - big * 0.9 - 0.42 * tall, JUMP)
        case "chasing":
            left = width / 2 - 0.26 * s + 0.03 * jitter[0]
            for v in (-0.12, 0.02, 0.16):
                pen.path([(left - 0.3 * s, stand + v), (left - 0.17 * s, stand + v)], 0.024, "#ffffff")
            character(left, stand, RUN)
            item(width / 2 + 0.3 * s, floor - big * 0.45, big * 0.9)
        case "looking at":
            left, right, high = width / 2 - 0.25 * s + 0.03 * jitter[0], width / 2 + 0.26 * s, 0.27
            eye = stand - 0.22 * tall
            for t in (0.2, 0.35, 0.5, 0.65):
                pen.oval(left + t * (right - left), eye + t * (high - eye), 0.02, 0.02, "#ffffff")
            character(left, stand)
            item(right, high)
        case "pushing":
            character(mid - 0.24 * s, stand, PUSH)
            item(mid + 0.2 * s, floor - big * 0.62, big * 1.24)
        case "hiding behind":
            character(mid, floor - 0.74 * tall)
            item(mid, floor - big * 0.74, big * 1.5)
        case other:
            raise UsageError(f"Action {other!r}: there is no such action. Use one of {grammar.ACTIONS}.")


def _label(pen: Pen, text: str) -> None:
    pen.rect(0.03, 0.03, 0.31, 0.33, "#ffffff", round_=0.05)
    font = ImageFont.load_default(0.27 * pen.scale)
    pen.draw.text((pen.x + 0.17 * pen.scale, pen.y + 0.18 * pen.scale), text, INK, font, anchor="mm")


# -- strips and grids ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class DrawnComic:
    """A drawing of panels in rows. `widths` are in panel heights; `letters` are drawn on the panels if given."""

    panels: tuple[Panel, ...]
    widths: tuple[float, ...]
    jitters: tuple[tuple[float, float], ...]
    columns: int
    letters: tuple[str, ...] = ()

    def render(self, height: int, cell: int) -> tuple[Image.Image, tuple[Box, ...]]:
        """The image and the panels' boxes in pixels.

        A panel's pitch (its width and the white gap after it) is a whole number of cells, and so is its height, so
        that panel edges fall on the token grid, as in the paper's code. The gap is 6 px at 256 px height.
        """
        must_be_drawable(height, cell)
        gap = max(1, round(height * 6 / 256))
        factor = supersample(height)
        columns, rows = self.columns, -(-len(self.panels) // self.columns)
        pitches = [max(1, round(w * height / cell)) * cell for w in self.widths]
        if rows > 1:
            pitches = [round(height / cell) * cell] * len(self.panels)
        across = max(sum(pitches[r * columns : (r + 1) * columns]) for r in range(rows))
        page = Image.new("RGB", (across, rows * height), "#ffffff")
        boxes = []
        for i, panel in enumerate(self.panels):
            x, y = sum(pitches[i - i % columns : i]), (i // columns) * height
            wide, high = pitches[i] - gap, height - (gap if rows > 1 else 0)
            tile = Image.new("RGB", (wide * factor, high * factor), "#ffffff")
            pen = Pen(tile, high * factor)
            draw_panel(pen, panel, wide / high, self.jitters[i])
            if self.letters:
                _label(pen, self.letters[i])
            page.paste(shrink(tile, factor), (x, y))
            boxes.append(Box(x, y, x + wide, y + high))
        return page, tuple(boxes)

    def sample(self, name: str, source: dict[str, object], height: int = HEIGHT, cell: int = CELL) -> Sample:
        """The drawing as a sample at this size."""
        image, boxes = self.render(height, cell)
        return Sample(
            id=name,
            kind="strip" if self.columns >= len(self.panels) else "grid",
            pixels=image,
            boxes=boxes,
            names=tuple(f"panel {i + 1}" for i in range(len(boxes))),
            captions=tuple(p.captions for p in self.panels),
            slots=tuple(p.slots for p in self.panels),
            letters=self.letters,
            source=source,
            redraw=lambda h, c: self.sample(name, source, h, c),
        )


def draw_comic(
    rng: random.Random, split: Split, panels: int = 6, columns: int | None = None, labels: str = ""
) -> DrawnComic:
    """Invent a comic: one protagonist; action, object and setting differ in every panel; all of this split."""
    character, colour = pick(rng, grammar.CHARACTERS), pick(rng, list(COLOURS))
    order = shuffled(rng, grammar.ACTIONS)

    def extend(done: list[Panel]) -> list[Panel] | None:
        if len(done) == panels:
            return done
        action = order[len(done)]
        for obj in shuffled(rng, grammar.OBJECTS):
            if any(p.object == obj for p in done) or grammar.triple_split(character, obj, action) != split:
                continue
            for setting in shuffled(rng, grammar.SETTINGS):
                if any(p.setting == setting for p in done) or grammar.pair_split(obj, setting) != split:
                    continue
                story = extend([*done, Panel(colour, character, action, obj, setting)])
                if story:
                    return story
        return None

    story = extend([])
    if story is None:
        raise UsageError(
            f"A comic of {panels} panels of split {split!r}: there is no such combination. Ask for fewer panels."
        )
    return DrawnComic(
        tuple(story),
        tuple(0.84 + 0.46 * rng.random() for _ in story),
        tuple((2 * rng.random() - 1, 2 * rng.random() - 1) for _ in story),
        columns or panels,
        tuple(shuffled(rng, labels)[:panels]) if labels else (),
    )


def doodles(
    n: int,
    seed: int = 0,
    split: Split = "test",
    *,
    panels: int = 6,
    columns: int | None = None,
    labels: str = "",
    start: int = 0,
) -> list[Sample]:
    """`n` doodle strips of `panels` panels (1 to 8), or grids if `columns` says so.

    `labels` draws a different one of these letters or digits on each panel. Sample i depends on (seed, split, i)
    alone, so `start` continues a list; where it is no row of six, its id says how it is laid out. Raises
    `UsageError` for arguments that name no image.
    """
    must_be_some(n, split, start)
    if not 1 <= panels <= len(grammar.ACTIONS):
        raise UsageError(
            f"Strips of {panels} panels: doodles have 1 to {len(grammar.ACTIONS)}. Ask for as many."
        )
    if columns is not None and (columns < 1 or panels % columns):
        raise UsageError(
            f"{panels} panels in {columns} columns: the rows would not be equal. Use a divisor of {panels}."
        )
    if labels and len(set(labels)) < panels:
        raise UsageError(
            f"Labels {labels!r} for {panels} panels: each needs its own. Give at least {panels}."
        )
    columns = columns or panels
    shape = "" if (panels, columns) == (6, 6) else f"/{panels // columns}x{columns}"
    shape += f"/{labels}" if labels else ""
    samples = []
    for i in range(start, start + n):
        layout = f"{panels}x{columns}{labels}"
        comic = draw_comic(
            random.Random(f"comic/{split}/{seed}/{i}/{layout}"), split, panels, columns, labels
        )
        source: dict[str, object] = {"data": "doodles", "split": split, "seed": seed, "index": i}
        source |= {"panels": panels, "columns": columns, "labels": labels}
        samples.append(comic.sample(f"doodles/{split}/{seed}/{i}{shape}", source))
    return samples


def must_be_some(n: int, split: str, start: int = 0) -> None:
    """Raise unless at least one sample of a known split is asked for, and no more than anybody waits for."""
    n, start = whole(n, "The number of samples", UsageError), whole(start, "start=", UsageError, least=0)
    if n < 1:
        raise UsageError(f"{n} samples were asked for. Ask for at least one.")
    if n > MOST:
        raise UsageError(
            f"{n} samples were asked for, and {MOST} are the most that are drawn. Ask for fewer."
        )
    if split not in grammar.SPLITS:
        raise UsageError(f"Split {split!r}: there is no such split. Use one of {', '.join(grammar.SPLITS)}.")

"""The harder world's strips: what repeats, how panels lie and look is all drawn anew; everything is known.

`strips(n, seed, split)` makes samples. Sample i depends on (seed, split, i) and the arguments alone.
"""

import random
from dataclasses import dataclass

from PIL import Image, ImageOps

from gazeheads.drawing import sheets
from gazeheads.drawing.draws import pick, shuffled
from gazeheads.drawing.grammar import Split
from gazeheads.drawing.looks import PLAIN, Look, draw_look
from gazeheads.drawing.pen import INK, Pen, shrink, supersample
from gazeheads.drawing.sheets import Layout, Size
from gazeheads.drawing.stories import SHARES, Share, Story, invent
from gazeheads.drawing.strips import CELL, _label, draw_panel, must_be_some
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample

BLANK = "the panel is empty."


@dataclass(frozen=True)
class Comic:
    """A drawing of panels on a sheet. `boxes` are its panels; `mirrored` panels face left; `letters` may be drawn."""

    story: Story
    size: Size
    boxes: tuple[Box, ...]
    layout: Layout
    look: Look
    jitters: tuple[tuple[float, float], ...]
    mirrored: tuple[bool, ...]
    letters: tuple[str, ...] = ()

    def render(self) -> Image.Image:
        """The picture."""
        page = Image.new("RGB", self.size, self.look.paper)
        for i, box in enumerate(self.boxes):
            page.paste(self._panel(i), (int(box.x0), int(box.y0)))
        return self.look.apply(page)

    def _panel(self, i: int) -> Image.Image:
        box, panel = self.boxes[i], self.story[i]
        wide, high = int(box.x1 - box.x0), int(box.y1 - box.y0)
        factor = supersample(high)
        tile = Image.new("RGB", (wide * factor, high * factor), "#efeae2")
        pen = Pen(tile, high * factor, outline=0.013 * high * factor * self.look.line)
        if panel is not None:
            draw_panel(pen, panel, wide / high, self.jitters[i])
        if self.mirrored[i]:
            tile.paste(ImageOps.mirror(tile))
        border = self.look.border or ("" if panel else INK)  # an empty panel would be lost on the paper
        if border:
            edge = (0, 0, tile.width - 1, tile.height - 1)
            pen.draw.rectangle(edge, outline=border, width=self.look.thick * factor)
        if self.letters:
            _label(pen, self.letters[i])
        return shrink(tile, factor)

    def sample(self, name: str, source: dict[str, object]) -> Sample:
        """The drawing as a sample. An empty panel has no slots."""
        return Sample(
            id=name,
            kind="strip" if self.layout == "row" else "grid",
            pixels=self.render(),
            boxes=self.boxes,
            names=tuple(f"panel {i + 1}" for i in range(len(self.boxes))),
            captions=tuple((BLANK,) if p is None else p.captions for p in self.story),
            slots=tuple({} if p is None else p.slots for p in self.story),
            letters=self.letters,
            source={**source, "layout": self.layout},
        )


def draw_comic(
    rng: random.Random,
    split: Split,
    panels: int,
    *,
    layout: Layout = "row",
    share: Share = "nothing",
    one_protagonist: bool = True,
    empty: float = 0.0,
    labels: str = "",
    plain: bool = False,
    size: Size | None = None,
    cell: int = CELL,
) -> Comic:
    """Invent a comic. plain: no look. size: of the sheet; drawn, if none is given. Others: as `invent` has them."""
    rows = sheets.counts(layout, panels)
    story = invent(rng, split, panels, share, one_protagonist, empty)
    size = size or sheets.draw_size(rng, rows, cell)
    return Comic(
        story,
        size,
        sheets.lay(rng, rows, size),
        layout,
        PLAIN if plain else draw_look(rng),
        tuple((2 * rng.random() - 1, 2 * rng.random() - 1) for _ in story),
        tuple(rng.random() < 0.5 and not plain for _ in story),
        tuple(shuffled(rng, labels)[:panels]) if labels else (),
    )


def strips(
    n: int,
    seed: int = 0,
    split: Split = "test",
    *,
    panels: int | None = 6,
    layout: Layout = "row",
    share: Share | None = "nothing",
    one_protagonist: bool = True,
    empty: float = 0.0,
    labels: str = "",
    plain: bool = False,
    start: int = 0,
) -> list[Sample]:
    """`n` strips of the harder world. panels, share: None draws them for each strip. Others: as `draw_comic`."""
    must_be_some(n, split)
    samples = []
    for i in range(start, start + n):
        asked = f"{panels}/{layout}/{share}/{one_protagonist}/{empty}/{labels}/{plain}"
        rng = random.Random(f"world/{split}/{seed}/{i}/{asked}")
        comic = draw_comic(
            rng,
            split,
            panels or 1 + int(rng.random() * 8),
            layout=layout,
            share=pick(rng, SHARES) if share is None else share,
            one_protagonist=one_protagonist,
            empty=empty,
            labels=labels,
            plain=plain,
        )
        source: dict[str, object] = {
            "data": "world",
            "split": split,
            "seed": seed,
            "index": i,
            "share": share,
        }
        samples.append(comic.sample(f"world/{split}/{seed}/{i}/{asked}", source))
    return samples

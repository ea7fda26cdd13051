"""What was watched, for print: a map for each object that the answer describes, and the staircase below."""

import io
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gazeheads.figures import cell_map, new_figure, staircase, title
from gazeheads.figures.style import MUTED, SMALL
from gazeheads.text import Word
from gazeheads.watching.looks import Looks

MOST_MAPS = 6
WIDE = 9.5  # inches


def figure(watched: Looks, number: int = 0, weighting: str = "value-norm") -> Figure:
    """Maps of up to six things of set `number`, on the image that they get most of, and the staircase.

    Where the answer has no things its words stand for them. An image that is more than twice as wide as high gets a
    line of its own.
    """
    chosen = (watched.things or watched.words)[:MOST_MAPS]
    width, height = watched.shown[0].size
    columns = 1 if width > 2 * height else min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    tall = WIDE / columns * height / width + 0.35
    stairs = 1.3 + 0.22 * len(watched.regions)
    drawn, axes = new_figure(
        WIDE, rows * tall + stairs, rows + 1, columns, height_ratios=[tall] * rows + [stairs]
    )
    for place, thing in enumerate(chosen):
        _map(watched, axes[place], thing, number, weighting)
    grid = axes[0].get_gridspec()
    for spare in axes[len(chosen) :]:
        spare.remove()
    assert grid is not None
    below = drawn.add_subplot(grid[rows, :])
    tokens = list(watched.answer.token_texts)
    staircase(below, watched.over(number, weighting), tokens, label="share")
    below.set_ylabel("")
    below.set_yticks(range(len(watched.regions)), [str(region) for region in watched.regions])
    every = watched.things or watched.words
    shown = f" First {len(chosen)} of {len(every)} {'objects' if watched.things else 'words'}." * (
        len(chosen) < len(every)
    )
    steered = f"steered: {watched.steered}" if watched.steered else "unsteered"
    about = f"{watched.model} was asked: {watched.scene.prompt} ({steered}).{shown}"
    below.set_xlabel(textwrap.fill(about, 110), fontsize=SMALL, color=MUTED, loc="left")
    title(below, f"{watched.sets[number].name}: share of their attention to the image, token by token")
    return drawn


def png(watched: Looks) -> bytes:
    """The figure as a PNG file."""
    out = io.BytesIO()
    figure(watched).savefig(out, format="png", dpi=150, bbox_inches="tight")
    return out.getvalue()


def _map(watched: Looks, axes: Axes, thing: Word, number: int, weighting: str) -> None:
    grid, looks = watched.scene.grid, watched.map(thing, number, weighting)
    image = int(np.argmax([looks[grid.images == each].sum() for each in range(len(grid.sizes))]))
    here = grid.images == image
    cell_map(axes, watched.shown[image], grid.rects[here], looks[here], size=grid.sizes[image])
    where = f" (image {image + 1})" if len(grid.sizes) > 1 else ""
    title(axes, textwrap.shorten(thing.text, 40) + where)

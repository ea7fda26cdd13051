"""From what a request asks to a `Gaze`: names become heads, shares become regions of the scene that was encoded."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gazeheads.errors import GazeError, HeadsError, RegionError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads, belong
from gazeheads.regions.coverage import image_box
from gazeheads.regions.grid import Box, ImageGrid
from gazeheads.regions.mix import Mix, Target
from gazeheads.regions.region import Region
from gazeheads.regions.shapes import Raster
from gazeheads.serve.schema import (
    Four,
    GazeAsked,
    HeadsAsked,
    MixAsked,
    RegionAsked,
    ScheduleAsked,
    TargetAsked,
)


def heads_of(asked: HeadsAsked, files: Mapping[str, Heads]) -> tuple[Head, ...]:
    """The heads that a request names. files: heads files by name. Raises `HeadsError`.

    Of a file that ranks all heads of a model those that it selects, unless the request says how many.
    """
    if asked.file is None:
        return asked.listed
    if asked.file not in files:
        known = ", ".join(sorted(files)) or "none"
        raise HeadsError(
            f"Heads {asked.file!r} were asked for; this server was started with {known}. Give one of these names, or a "
            'list as ["L4H4", "L5H2"].'
        )
    heads = files[asked.file]
    if asked.top is None:
        return tuple(heads.selected)
    if not 1 <= asked.top <= len(heads):
        raise HeadsError(
            f"The first {asked.top} heads of {asked.file!r} were asked for; it has {len(heads)}. Ask for 1 or more."
        )
    return tuple(heads)[: asked.top]


def gaze_of(
    asked: GazeAsked, grid: ImageGrid, files: Mapping[str, Heads], n_layers: int, n_heads: int
) -> Gaze:
    """The gaze for one scene. Raises `GazeHeadsError` with what, found, what to do."""
    if asked.sizes and len(asked.sizes) != len(grid.sizes):
        raise GazeError(
            f"The gaze gives sizes of {len(asked.sizes)} images; the prompt holds {len(grid.sizes)}. Give one size for "
            "each image, in their order."
        )
    heads = heads_of(asked.heads, files)
    belong(heads, getattr(heads, "shape", None), n_layers, n_heads, "steered")
    return Gaze(
        heads=heads,
        at=_at(asked, grid),
        push=asked.push,
        during=asked.during,
        weights=asked.weights,
    )


def _at(asked: GazeAsked, grid: ImageGrid) -> Target | Schedule:
    if not isinstance(asked.at, ScheduleAsked):
        return _target(asked, grid, asked.at)
    plan = asked.at
    stops = tuple(None if stop is None else _target(asked, grid, stop) for stop in plan.stops)
    return Schedule(stops, plan.starts, plan.period, plan.unit)


def _target(asked: GazeAsked, grid: ImageGrid, target: TargetAsked) -> Target:
    if isinstance(target, MixAsked):
        return Mix(tuple(_region(asked, grid, region) for region in target.regions), target.weights)
    return _region(asked, grid, target)


def _region(asked: GazeAsked, grid: ImageGrid, wanted: RegionAsked) -> Region:
    options: dict[str, Any] = dict(coverage=wanted.coverage, min_tokens=wanted.min_tokens, views=wanted.views)
    picture = image_box(grid, wanted.image)
    if wanted.mask is not None:
        region = Region(
            grid, Raster(np.array(wanted.mask, dtype=np.float64), picture), wanted.image, **options
        )
    else:
        region = Region.box(grid, _box(asked, wanted, picture), image=wanted.image, **options)
    return (~region if wanted.inverted else region).checked()


def _box(asked: GazeAsked, wanted: RegionAsked, picture: Box) -> Box:
    """The box of a target, in pixels of the grid's images."""
    if wanted.panel is None:
        assert wanted.box is not None
        corners, name = wanted.box, "The box of the target"
    elif not wanted.panel < len(asked.panels):
        raise RegionError(
            f'Panel {wanted.panel} (from 0) was asked for; the gaze has {len(asked.panels)} "panels". Give their '
            "boxes, and a number from 0 on."
        )
    else:
        corners, name = asked.panels[wanted.panel], f"Panel {wanted.panel}"
    return Box(*_pixels(corners, name, asked, wanted.image, picture))


def _pixels(corners: Four, name: str, asked: GazeAsked, image: int, picture: Box) -> Four:
    width, height = (1, 1) if asked.units == "share" else asked.sizes[image]
    across, down = picture.x1 / width, picture.y1 / height
    x0, y0, x1, y1 = corners
    if asked.units == "share" and not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise RegionError(
            f"{name} is {list(corners)} in shares of the image; left, top, right, bottom rise from 0 to 1. Give such "
            'shares, or "units": "pixels" with "sizes".'
        )
    return x0 * across, y0 * down, x1 * across, y1 * down

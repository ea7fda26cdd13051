"""What a request may say about a gaze: versioned, data only, the same in Python, over HTTP and in ledgers.

    {"schema": 1,
     "heads": "default",                                   a heads file that the server was started with, or
                                                           {"file": "default", "top": 8}, or ["L4H4", "L5H2"]
     "at": {"box": [0.0, 0.0, 0.33, 1.0]},                 where the heads look: a target, or a schedule of targets
     "push": "focus",                                      or "uniform", "reweigh", "bias(3, -1)": `Push.parse`
     "during": "all",                                      or "answer", "decode"
     "give": ["effect"]}                                   what comes back: "effect", "trace"

A target is one of

    {"box": [left, top, right, bottom]}    {"panel": 2}, one of "panels", counted from 0
    {"mask": [[0, 0.5, 1], ...]}, rows of values 0..1 stretched over the image
    {"mix": [target, target], "weights": [3, 1]}

A box, panel or mask also takes "image" (from 0), "coverage" ("area" or "centre"), "min_tokens", "views" ("all",
"detail" or "overview") and "except" (true: all of the image but this). A schedule is {"stops": [target or null, ...],
"starts": [0, 20], "period": null, "unit": "token"}; null looks freely. Beside these a request takes "weights" (of the
heads, in their order), "panels" (boxes of image 0) and "units": "share" of the image (the default) or "pixels", which
needs "sizes", the width and height of each image.

Unknown names are refused, as is whatever cannot be meant: every error says what, what was found and what to do.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from gazeheads.checks import shown
from gazeheads.errors import GazeError, GazeHeadsError
from gazeheads.gaze.gaze import DURING, During
from gazeheads.gaze.push import Push
from gazeheads.heads.head import Head
from gazeheads.regions.coverage import Coverage, Views
from gazeheads.serve.fields import Fields, finite, flag, listed, one_of, text, whole

SCHEMA = 1
LONGEST = 2**20  # characters of a request's gaze
MOST_CELLS = 2**16  # numbers in a mask
MOST_REGIONS = 1024  # of a gaze
FOCUS = Push.focus()

Four = tuple[float, float, float, float]
Units = Literal["share", "pixels"]
Give = Literal["effect", "trace"]
T = TypeVar("T")


@dataclass(frozen=True)
class RegionAsked:
    """A region of one image: exactly one of box, panel and mask is set."""

    box: Four | None = None
    panel: int | None = None
    mask: tuple[tuple[float, ...], ...] | None = None
    image: int = 0
    coverage: Coverage = "area"
    min_tokens: int | None = None
    views: Views = "all"
    inverted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values; what has its default is left out."""
        told: dict[str, Any] = {}
        if self.box is not None:
            told["box"] = list(self.box)
        if self.panel is not None:
            told["panel"] = self.panel
        if self.mask is not None:
            told["mask"] = [list(row) for row in self.mask]
        default = RegionAsked()
        for name in ("image", "coverage", "min_tokens", "views"):
            if getattr(self, name) != getattr(default, name):
                told[name] = getattr(self, name)
        return {**told, "except": True} if self.inverted else told


@dataclass(frozen=True)
class MixAsked:
    """Several regions, each with its share of the push."""

    regions: tuple[RegionAsked, ...]
    weights: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        told: dict[str, Any] = {"mix": [region.to_json() for region in self.regions]}
        return {**told, "weights": list(self.weights)} if self.weights else told


TargetAsked = RegionAsked | MixAsked


@dataclass(frozen=True)
class ScheduleAsked:
    """Targets by token; None looks freely. As `gazeheads.gaze.schedule.Schedule`."""

    stops: tuple[TargetAsked | None, ...]
    starts: tuple[int, ...]
    period: int | None = None
    unit: Literal["token", "sentence"] = "token"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        stops = [None if stop is None else stop.to_json() for stop in self.stops]
        return {"stops": stops, "starts": list(self.starts), "period": self.period, "unit": self.unit}


@dataclass(frozen=True)
class HeadsAsked:
    """Heads by the name of a file that the server was started with, or one by one.

    Of a file its first `top`, or those that it selects (`Heads.selected`).
    """

    file: str | None = None
    top: int | None = None
    listed: tuple[Head, ...] = ()

    def to_json(self) -> Any:
        """Plain values."""
        if self.file is None:
            return [str(head) for head in self.listed]
        return self.file if self.top is None else {"file": self.file, "top": self.top}


@dataclass(frozen=True)
class GazeAsked:
    """The gaze of one request, before anything is known of its images."""

    heads: HeadsAsked
    at: TargetAsked | ScheduleAsked
    push: Push = FOCUS
    during: During = "all"
    weights: tuple[float, ...] | None = None
    panels: tuple[Four, ...] = ()
    units: Units = "share"
    sizes: tuple[tuple[int, int], ...] = ()
    give: tuple[Give, ...] = ("effect",)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `read` gives an equal request."""
        told = {
            "schema": SCHEMA,
            "heads": self.heads.to_json(),
            "at": self.at.to_json(),
            "push": str(self.push),
        }
        told |= {"during": self.during, "give": list(self.give)}
        if self.weights is not None:
            told["weights"] = list(self.weights)
        if self.panels:
            told["panels"] = [list(box) for box in self.panels]
        if self.units != "share":
            told |= {"units": self.units, "sizes": [list(size) for size in self.sizes]}
        return told


def read(data: Any) -> GazeAsked:
    """The gaze that JSON text, or what it stands for, asks for. Raises `GazeError`."""
    fields = Fields(_parsed(data), "The gaze")
    schema = fields.take("schema", whole)
    if schema != SCHEMA:
        raise GazeError(f"The gaze is of schema {schema}; this server knows schema {SCHEMA}. Write that one.")
    asked = GazeAsked(
        heads=fields.take("heads", _heads),
        at=fields.take("at", _at),
        push=fields.take("push", _push, FOCUS),
        during=fields.take("during", one_of(DURING), "all"),
        weights=fields.take("weights", listed(finite), None),
        panels=fields.take("panels", listed(_four), ()),
        units=fields.take("units", one_of(get_args(Units)), "share"),
        sizes=fields.take("sizes", listed(_size), ()),
        give=fields.take("give", listed(one_of(get_args(Give))), ("effect",)),
    )
    fields.done()
    if (n := _regions(asked.at)) > MOST_REGIONS:
        raise GazeError(f"The gaze names {n} regions; the limit is {MOST_REGIONS}. Give fewer stops.")
    if (asked.units == "pixels") != bool(asked.sizes):
        raise GazeError(
            f'The gaze has units "{asked.units}" and {len(asked.sizes)} sizes. Pixels need "sizes", [[width, height], '
            "...] of each image; shares of the image need none."
        )
    return asked


def _regions(at: TargetAsked | ScheduleAsked | None) -> int:
    """How many regions there are to be measured."""
    if isinstance(at, ScheduleAsked):
        return sum(map(_regions, at.stops))
    return len(at.regions) if isinstance(at, MixAsked) else int(at is not None)


def _parsed(data: Any) -> Any:
    if not isinstance(data, str):
        return data
    if len(data) > LONGEST:
        raise GazeError(f"The gaze has {len(data)} characters; the limit is {LONGEST}. Give a coarser mask.")

    def refused(name: str) -> Any:
        raise GazeError(f"The gaze holds {name}, which is no number of JSON. Give finite numbers.")

    try:
        return json.loads(data, parse_constant=refused, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise GazeError(f"The gaze is not JSON: {error}. Give an object as text.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names stand in it once each."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise GazeError(f"The gaze names {shown(twice)} twice in one object. Give it once.")
    return dict(pairs)


def _four(value: Any, where: str) -> Four:
    corners = listed(finite)(value, where)
    if len(corners) != 4:
        raise GazeError(
            f"{where} has {len(corners)} numbers; a box has four: left, top, right, bottom. Give these."
        )
    return corners[0], corners[1], corners[2], corners[3]


def _size(value: Any, where: str) -> tuple[int, int]:
    sides = listed(whole)(value, where)
    if len(sides) != 2 or not all(sides):
        raise GazeError(
            f"{where} is {list(sides)}; a size is width and height in pixels, above 0. Give these."
        )
    return sides[0], sides[1]


def _mask(value: Any, where: str) -> tuple[tuple[float, ...], ...]:
    rows = listed(listed(finite))(value, where)
    if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
        raise GazeError(
            f"{where} has rows of {sorted({len(row) for row in rows})} values. Give rows of one length."
        )
    if len(rows) * len(rows[0]) > MOST_CELLS:
        raise GazeError(
            f"{where} has {len(rows)} x {len(rows[0])} values; the limit is {MOST_CELLS}. Give a coarser one."
        )
    return rows


def _push(value: Any, where: str) -> Push:
    return _named(lambda: Push.parse(text(value, where)), where)


def _head(value: Any, where: str) -> Head:
    return _named(lambda: Head.parse(text(value, where)), where)


def _named(read_it: Callable[[], T], where: str) -> T:
    """What our own values refuse, with the place in the request."""
    try:
        return read_it()
    except GazeHeadsError as error:
        raise GazeError(str(error) if where in str(error) else f"{where}: {error}") from error


def _heads(value: Any, where: str) -> HeadsAsked:
    if isinstance(value, str):
        return HeadsAsked(file=value)
    if isinstance(value, Mapping):
        fields = Fields(value, where)
        asked = HeadsAsked(file=fields.take("file", text), top=fields.take("top", whole, None))
        fields.done()
        return asked
    return HeadsAsked(listed=listed(_head)(value, where))


def _at(value: Any, where: str) -> TargetAsked | ScheduleAsked:
    if not (isinstance(value, Mapping) and "stops" in value):
        return _target(value, where)
    fields = Fields(value, where)
    asked = ScheduleAsked(
        stops=fields.take("stops", listed(_stop)),
        starts=fields.take("starts", listed(whole)),
        period=fields.take("period", whole, None),
        unit=fields.take("unit", one_of(("token", "sentence")), "token"),
    )
    fields.done()
    return asked


def _stop(value: Any, where: str) -> TargetAsked | None:
    return None if value is None else _target(value, where)


def _target(value: Any, where: str) -> TargetAsked:
    if isinstance(value, Mapping) and "mix" in value:
        fields = Fields(value, where)
        mix = MixAsked(fields.take("mix", listed(_region)), fields.take("weights", listed(finite), ()))
        fields.done()
        return mix
    return _region(value, where)


def _region(value: Any, where: str) -> RegionAsked:
    fields = Fields(value, where)
    kinds = [kind for kind in ("box", "panel", "mask") if kind in fields]
    if len(kinds) != 1:
        raise GazeError(
            f"{where} names {' and '.join(kinds) or 'no place'}; a target is one box, panel or mask, or a mix of them. "
            "Give one."
        )
    region = RegionAsked(
        box=fields.take("box", _four, None),
        panel=fields.take("panel", whole, None),
        mask=fields.take("mask", _mask, None),
        image=fields.take("image", whole, 0),
        coverage=fields.take("coverage", one_of(get_args(Coverage)), "area"),
        min_tokens=fields.take("min_tokens", whole, None),
        views=fields.take("views", one_of(get_args(Views)), "all"),
        inverted=fields.take("except", flag, False),
    )
    fields.done()
    if (region.box, region.panel, region.mask) == (None, None, None):
        raise GazeError(f"{where} has {kinds[0]} null; a target is one box, panel or mask. Give it.")
    return region

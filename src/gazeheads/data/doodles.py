"""Doodles and scenes by name: drawn, not read from files."""

from gazeheads.data.source import DataSource, Reports, Spec
from gazeheads.drawing.grammar import SPLITS, Split
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import doodles
from gazeheads.sample import Sample


def _asked(spec: Spec) -> tuple[int, Split]:
    """How many, and of which split."""
    number, _, split = spec.body.partition(":")
    if split and split not in SPLITS:
        raise spec.wrong(f"{split!r} is not a split; use {', '.join(SPLITS)}")
    return spec.number(number, 1), split or "dev"


def _read_scenes(spec: Spec, seed: int, reports: Reports) -> list[Sample]:
    n, split = _asked(spec)
    return scenes(n, seed, split, start=spec.start)


def _read_doodles(spec: Spec, seed: int, reports: Reports) -> list[Sample]:
    n, split = _asked(spec)
    if spec.layout == "row":
        return doodles(n, seed, split, panels=spec.option("panels", 6), start=spec.start)
    rows, columns = (spec.number(text, 1) for text in spec.layout.split("x"))
    if spec.option("panels", rows * columns) != rows * columns:
        raise spec.wrong(f"a grid of {spec.layout} has {rows * columns} panels")
    return doodles(n, seed, split, panels=rows * columns, columns=columns, start=spec.start)


DOODLES = DataSource(
    "doodles:N[:SPLIT][:panels=P][:grid=RxC][:start=I]", "strips drawn by the seed", _read_doodles
)
SCENES = DataSource("scenes:N[:SPLIT][:start=I]", "images of objects drawn by the seed", _read_scenes)

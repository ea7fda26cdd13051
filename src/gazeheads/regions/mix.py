"""Several regions at once, each with its share of the gaze.

    Gaze(selected, at=Mix([dog, ball], [3, 1]))      # three quarters of the push at the dog, one at the ball

Each region is pushed for as if it were the only one, which gives a normalised pattern; the patterns are then mixed
by the shares. So a small ball gets its quarter although the dog covers many more tokens: in the union `dog | ball`
it would get what its tokens are worth. The regions may lie on different images of one prompt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gazeheads.checks import number, several
from gazeheads.errors import GazeError
from gazeheads.regions.grid import ImageGrid
from gazeheads.regions.region import Region, same_scene


@dataclass(frozen=True)
class Mix:
    """`regions` with `weights` above 0, of any scale (default: all alike). Raises `GazeError`, `ForeignRegion`.

    A query row that cannot see one of the regions shares its part out among those that it sees.
    """

    regions: Sequence[Region]
    weights: Sequence[float] = ()
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", several(self.regions, "A mix takes a list of regions", GazeError))
        weights = several(self.weights, "weights= of a mix takes a number for each region", GazeError) or (
            1.0,
        ) * len(self.regions)
        numbers = tuple(number(weight, "The weight of a region", GazeError) for weight in weights)
        object.__setattr__(self, "weights", numbers)
        if not self.regions or not all(isinstance(region, Region) for region in self.regions):
            found = ", ".join(type(region).__name__ for region in self.regions)
            raise GazeError(
                f"A mix needs one or more regions; found {found or 'none'}. Give Mix([dog, ball], [3, 1])."
            )
        if len(self.weights) != len(self.regions):
            raise GazeError(
                f"A mix of {len(self.regions)} regions was given {len(self.weights)} weights. Give one for each."
            )
        if not all(weight > 0 and math.isfinite(weight) for weight in self.weights):
            raise GazeError(
                f"The weights of a mix are finite numbers above 0; found {self.weights}. Leave out a region that "
                "shall get nothing."
            )
        same_scene(self.grid, self.regions)
        for region in self.regions:
            region.checked()

    def __str__(self) -> str:
        parts = [f"{share:.0%} {region}" for region, share in zip(self.regions, self.shares, strict=True)]
        return self.name or " + ".join(parts)

    @property
    def grid(self) -> ImageGrid:
        """The scene that the regions belong to."""
        return self.regions[0].grid

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return str(self)

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights, summing to 1."""
        largest = max(self.weights)  # their sum may be too large for a number
        total = sum(weight / largest for weight in self.weights)
        return tuple(weight / largest / total for weight in self.weights)

    def checked(self) -> "Mix":
        """This mix, whose regions were checked when it was made."""
        return self


Target = Region | Mix


def parts(target: Target) -> tuple[tuple[Region, float], ...]:
    """The regions of a target with their shares, which sum to 1."""
    if isinstance(target, Region):
        return ((target, 1.0),)
    return tuple(zip(target.regions, target.shares, strict=True))


def to_json(target: Target) -> dict[str, Any]:
    """What a target is, in plain values: for each part its share, its image, and [image token, coverage] pairs."""
    found = []
    for region, share in parts(target):
        covered = [[int(i), round(float(region.weights[i]), 6)] for i in region.weights.nonzero()[0]]
        found.append({"share": share, "image": region.image, "tokens": covered})
    return {"name": str(target), "parts": found}

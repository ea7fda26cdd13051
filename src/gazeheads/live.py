"""A target that is moved while the model speaks.

live = Live(scene.panel(0))
for token in model.stream(scene, gaze=Gaze(lever, at=live, during="answer")):
    if token.index == 10:
        live.look(scene.panel(4))           # token 11 is the first that is produced under it
"""

from gazeheads.errors import GazeError
from gazeheads.regions import Region, same_scene


class Live:
    """A region, or None (look freely), that anyone may change at any time, from any thread.

    It is read once in each forward pass, at its beginning: what `look` sets holds for the very next token. Two live
    targets are equal if they are the same one.
    """

    def __init__(self, region: Region) -> None:
        self.grid = region.checked().grid
        self.first = region
        self._region: Region | None = region

    def __repr__(self) -> str:
        return f"Live({'looks freely' if self._region is None else self._region})"

    @property
    def region(self) -> Region | None:
        """Where it looks now."""
        return self._region

    def look(self, region: Region | None) -> None:
        """From the next token on look there; None: freely.

        Raises `ForeignRegion` for a region of another scene and `RegionTooSmall`; then nothing changes.
        """
        if region is not None:
            if not isinstance(region, Region):
                raise GazeError(f"A live target looks at a Region or None; found {type(region).__name__}.")
            same_scene(self.grid, [region.checked()])
        self._region = region

"""A target that is moved while the model speaks.

live = Live(scene.panel(0))
for token in model.stream(scene, gaze=Gaze(selected, at=live, during="answer")):
    if token.index == 10:
        live.look(scene.panel(4))           # token 11 is the first that is produced under it
"""

from gazeheads.checks import shown
from gazeheads.errors import GazeError
from gazeheads.regions.mix import Mix, Target
from gazeheads.regions.region import Region, same_scene


class Live:
    """A target, or None (unsteered), that anyone may change at any time, from any thread.

    It is read once in each forward pass, at its beginning: what `look` sets holds for the very next token. Two live
    targets are equal if they are the same one.
    """

    def __init__(self, target: Target) -> None:
        if not isinstance(target, Region | Mix):
            raise GazeError(
                f"A live target begins at a Region or a Mix; found {shown(target)}. Give Live(scene.panel(0)), and "
                "move it with look."
            )
        self.grid = target.checked().grid
        self.first = target
        self._target: Target | None = target

    def __repr__(self) -> str:
        return f"Live({'unsteered' if self._target is None else self._target})"

    @property
    def target(self) -> Target | None:
        """Where it looks now."""
        return self._target

    def look(self, target: Target | None) -> None:
        """From the next token on look there; None: unsteered.

        Raises `ForeignRegion` for a region of another scene and `RegionTooSmall`; then nothing changes.
        """
        if target is not None:
            if not isinstance(target, Region | Mix):
                raise GazeError(
                    f"A live target looks at a Region, a Mix or None; found {type(target).__name__}."
                )
            same_scene(self.grid, [target.checked()])
        self._target = target

"""What all visitors share: the model, its heads, the thread that runs it, and the door."""

import asyncio
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from gazeheads import GazeModel, Heads
from gazeheads.demo.aims import SwitchableHeads
from gazeheads.demo.gallery import Shown, brought, drawn
from gazeheads.demo.limits import Limits
from gazeheads.demo.shelf import Recent, Shelf
from gazeheads.demo.turns import Turns


class Busy(Exception):
    """As many visitors as there may be are there."""


class SharedState:
    """One model and its visitors. Raises `WrongModel` for heads of another model."""

    def __init__(self, model: GazeModel, heads: Heads, limits: Limits) -> None:
        self.model, self.selected, self.limits = model, SwitchableHeads(heads), limits
        self.selected.must_fit(model)
        self.shelf = Shelf(model, limits.shelf_bytes)
        self.turns = Turns()
        self.visitors: set[int] = set()
        self._numbers = itertools.count(1)
        # Images are drawn and decoded here, one at a time: a bomb costs one image's memory, and no turn.
        self._easel = ThreadPoolExecutor(1, thread_name_prefix="easel")
        self._drawn: Recent[Shown] = Recent(50_000_000)

    @contextmanager
    def door(self) -> Iterator[int]:
        """Come in and get a number; leave, and nothing of yours is done any more. Raises `Busy`."""
        if len(self.visitors) >= self.limits.visitors:
            raise Busy(
                f"All {self.limits.visitors} places are taken. Come back in a minute, or start a server of your own: "
                "gazeheads demo."
            )
        number = next(self._numbers)
        self.visitors.add(number)
        try:
            yield number
        finally:
            self.visitors.discard(number)
            self.turns.drop(number)

    async def drawn(self, name: str) -> Shown:
        """The doodle of this name. Raises `UsageError`."""
        found = self._drawn.get(name)
        if found is None:
            found = await asyncio.get_running_loop().run_in_executor(self._easel, drawn, self.model, name)
            self._drawn.put(name, found, len(found.png) + found.picture.width * found.picture.height * 4)
        return found

    async def brought(self, data: bytes, panels: tuple[tuple[float, float, float, float], ...] = ()) -> Shown:
        """The image in these bytes. Raises `UsageError`, `RegionError`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._easel, brought, data, self.limits, panels)

    def close(self) -> None:
        """End the threads."""
        self.turns.close()
        self._easel.shutdown(wait=True, cancel_futures=True)

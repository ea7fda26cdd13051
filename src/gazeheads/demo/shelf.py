"""Prompts that were run once, kept for the next answer; and unsteered answers, which are the same for everybody.

Only the thread of `turns` uses it.
"""

from collections import OrderedDict
from typing import Any, Generic, TypeVar

from gazeheads import GazeModel
from gazeheads.demo.gallery import Shown
from gazeheads.model.prefill import Prefill

V = TypeVar("V")


class Recent(Generic[V]):
    """The values that were used last, up to a total size; the newest one is kept whatever its size."""

    def __init__(self, room: int) -> None:
        self.room, self.used = room, 0
        self._held: OrderedDict[Any, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Any) -> V | None:
        """The value, which now was used last."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: Any, value: V, size: int) -> None:
        """Keep it, and let go of the oldest until all fit."""
        if key in self._held:
            self.used -= self._held.pop(key)[1]
        self._held[key] = value, size
        self.used += size
        while self.used > self.room and len(self._held) > 1:
            self.used -= self._held.popitem(last=False)[1][1]


class Shelf:
    """The prefix of each image and prompt, and unsteered answers as messages."""

    def __init__(self, model: GazeModel, room: int) -> None:
        self.model = model
        self.prefixes: Recent[Prefill] = Recent(room)
        self.free: Recent[list[dict[str, Any]]] = Recent(1_000_000)  # attentions
        self.made = 0  # prompts that were run

    def prefill(self, shown: Shown, prompt: str) -> Prefill:
        """The prompt about this image, run now if it was not before. Raises `UsageError`."""
        found = self.prefixes.get((shown.key, prompt))
        if found is None:
            scene = self.model.encode(shown.picture, prompt, panels=shown.boxes, names=shown.names)
            found = self.model.prefill(scene)
            self.made += 1
            inputs = sum(x.numel() * x.element_size() for x in scene.tensors.values())
            inputs += sum(
                4 * each.width * each.height for each in scene.images
            )  # Pillow keeps 4 bytes a pixel
            self.prefixes.put((shown.key, prompt), found, found.bytes + inputs)
        return found

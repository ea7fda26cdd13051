"""A meter of tensor memory: bytes of the tensors that a piece of code makes, those that live at once, the largest."""

import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Meter(TorchDispatchMode):
    """Counts storages that are new while it is active; it may be entered again and again.

    live: bytes held now. peak: the most that were. largest: bytes of the largest one. Views count once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        known = {x.untyped_storage()._cdata for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        out = func(*args, **(kwargs or {}))
        for made in tree_leaves(out):
            if isinstance(made, Tensor) and made.untyped_storage()._cdata not in known:
                storage = made.untyped_storage()
                known.add(storage._cdata)
                size = storage.nbytes()
                self.live += size
                self.peak, self.largest = max(self.peak, self.live), max(self.largest, size)
                weakref.finalize(storage, self._freed, size)
        return out

    def _freed(self, size: int) -> None:
        self.live -= size

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, metered."""

        def metered(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return metered

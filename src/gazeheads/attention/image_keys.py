"""Which key holds which image token. It is found once for a prompt, and kept while tokens follow."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from torch import Tensor, arange, where

from gazeheads.arrays import Ints
from gazeheads.attention.call import ForwardPass
from gazeheads.regions.grid import ImageGrid


class Slots:
    """The keys of the image tokens of a batch, whose rows show the images of `grids`."""

    def __init__(self, grids: Sequence[ImageGrid]) -> None:
        self._beyond = max((grid.n_prompt for grid in grids), default=0)
        self._last = np.array([grid.n_prompt - 1 for grid in grids])
        self._wanted = np.full((len(grids), max(map(len, grids), default=0)), self._beyond)
        for row, grid in enumerate(grids):
            self._wanted[row, : len(grid)] = grid.positions
        self._found: dict[int, Tensor] = {}  # in the pass under way, by number of keys
        # In layers that hold all keys of a whole prompt: the positions of its slots, and what was found.
        self._whole: tuple[Ints, Tensor] | None = None

    def begin(self, forward_pass: ForwardPass) -> None:
        """Another forward pass. What was found stays true if it only has more tokens behind."""
        self._found = {}
        if self._whole is not None and not _continues(forward_pass.host, self._whole[0]):
            self._whole = None

    def of(self, n_keys: int, forward_pass: ForwardPass) -> Int[Tensor, "row image_token"]:
        """The key that holds each image token; -1 where none does: dropped, or not there yet.

        The same tensor as long as nothing has changed.
        """
        holds_all = n_keys == forward_pass.positions.shape[1]
        if holds_all and self._whole is not None:
            return self._whole[1]
        if n_keys not in self._found:
            self._found[n_keys] = self._find(forward_pass.keys(n_keys))
        if holds_all and (forward_pass.host.max(1) >= self._last).all():
            self._whole = forward_pass.host, self._found[n_keys]
        return self._found[n_keys]

    def _find(self, keys: Int[Tensor, "row key"]) -> Int[Tensor, "row image_token"]:
        n_rows, n_keys = keys.shape
        slot_of = keys.new_full((n_rows, self._beyond + 1), -1)
        places = arange(n_keys, device=keys.device).expand(n_rows, -1)
        slot_of.scatter_(1, where((keys >= 0) & (keys < self._beyond), keys, self._beyond), places)
        slot_of[:, self._beyond] = -1
        return slot_of.gather(1, keys.new_tensor(self._wanted))


def _continues(now: Int[Ints, "row slot"], before: Int[Ints, "row earlier"]) -> bool:
    """Whether slots are those of an earlier pass, with more behind them."""
    return now.shape[1] >= before.shape[1] and np.array_equal(now[:, : before.shape[1]], before)

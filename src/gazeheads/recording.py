"""Recording: what heads look at, read off while the model runs, without `output_attentions`.

Only rows that were asked for are computed, never the whole token x token pattern.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gazeheads.calls import Call
from gazeheads.errors import SeamError
from gazeheads.grid import ImageGrid
from gazeheads.heads import Head


class LastRow:
    """A probe that keeps what the last prompt token attends to among image tokens, for every head.

    `grids[row]` describes the prompt in that row of the batch.
    """

    def __init__(self, grids: Sequence[ImageGrid], n_layers: int) -> None:
        self.grids = grids
        self.layers = frozenset(range(n_layers))
        self.overwrites = frozenset[Head]()
        self.fired = False
        self._n_layers = n_layers
        self._kept: dict[int, Tensor] = {}

    def attend(self, call: Call) -> None:
        """Keep (row, head, image token) of this layer; the last prompt token must be among the queries."""
        n_rows, n_heads = call.query.shape[0], call.query.shape[1]
        last = np.array([grid.n_prompt - 1 for grid in self.grids])
        slots = np.argmax(call.moment.queries == last[:, None], axis=1)
        if (call.moment.queries[np.arange(n_rows), slots] != last).any():
            raise SeamError(
                "The last prompt token is not in this forward pass. Run the whole prompt at once."
            )
        at = call.moment.positions
        rows = torch.arange(n_rows, device=at.device).repeat_interleave(n_heads)
        heads = torch.arange(n_heads, device=at.device).repeat(n_rows)
        slot = at.new_tensor(slots)[:, None]
        logits = call.scores_at(rows, heads, slot[rows]).view(n_rows, n_heads, -1)
        hidden = call.hidden(torch.arange(n_rows, device=at.device), slot)
        pattern = (logits if hidden is None else logits + hidden).softmax(-1)
        keys = call.moment.keys(call.n_keys)
        wanted = at.new_zeros((n_rows, max(len(grid) for grid in self.grids)))
        for row, grid in enumerate(self.grids):
            wanted[row, : len(grid)] = at.new_tensor(np.array(grid.positions))
        # A key's slot is found by its position. One that a sliding window dropped has no slot, and no attention.
        slot_of = at.new_full((n_rows, int(last.max()) + 2), -1)
        slot_of.scatter_(
            1,
            keys.where(keys >= 0, int(last.max()) + 1),
            torch.arange(call.n_keys, device=at.device).expand(n_rows, -1),
        )
        slot = slot_of.gather(1, wanted)
        found = pattern.gather(2, slot.clamp(min=0)[:, None].expand(-1, n_heads, -1))
        self._kept[call.layer] = found * (slot >= 0)[:, None]

    def patterns(self) -> list[npt.NDArray[np.float32]]:
        """For each row (layer, head, image token) float32; NaN in layers that have no attention."""
        some = next(iter(self._kept.values()))
        layers = [self._kept.get(layer, torch.full_like(some, torch.nan)) for layer in range(self._n_layers)]
        kept = torch.stack(layers, dim=1).cpu().numpy()
        return [kept[row, :, :, : len(grid)] for row, grid in enumerate(self.grids)]


class AnswerRows:
    """A probe that keeps where heads look in the rows that produce an answer, in a pass over prompt and answer.

    One row, without padding, in one pass: the rows from the last prompt token on.
    """

    def __init__(self, grid: ImageGrid, heads: Sequence[Head]) -> None:
        self.grid, self.heads = grid, tuple(heads)
        self.layers = frozenset(head.layer for head in heads)
        self.overwrites = frozenset[Head]()
        self.fired = False
        self._kept: dict[Head, Tensor] = {}

    def attend(self, call: Call) -> None:
        """Keep (token, image token) of each head of this layer."""
        start = self.grid.n_prompt - 1
        if call.query.shape[0] != 1 or call.moment.queries[0, 0] != 0 or call.n_queries <= start:
            raise SeamError(
                "Rows of an answer are read in one pass over one prompt and its answer, from the beginning."
            )
        here = [head for head in self.heads if head.layer == call.layer]
        at = call.moment.positions
        rows, heads = at.new_zeros(len(here)), at.new_tensor([head.head for head in here])
        scores = call.scores(rows, heads, start, call.n_queries)
        hidden = call.hidden(at.new_zeros(1), torch.arange(start, call.n_queries, device=at.device)[None])
        pattern = (scores if hidden is None else scores + hidden).softmax(-1)
        shift = int(at.shape[1]) - call.n_keys  # a sliding layer holds the newest keys only
        slots = at.new_tensor(np.array(self.grid.positions)) - shift
        found = pattern[..., slots.clamp(min=0)] * (slots >= 0)
        self._kept.update(zip(here, found, strict=True))

    def patterns(self) -> npt.NDArray[np.float32]:
        """(head, token, image token) float32, heads in the order given."""
        found: npt.NDArray[np.float32] = torch.stack([self._kept[head] for head in self.heads]).cpu().numpy()
        return found

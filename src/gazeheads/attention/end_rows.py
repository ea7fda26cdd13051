"""A probe for questions that share a prefix: what every head looks at in the last row of each question."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float32, Int
from torch import Tensor

from gazeheads.attention.call import Call
from gazeheads.attention.supported import capped
from gazeheads.gaze.record import Weighting
from gazeheads.heads.head import Head

Kept = Float32[Tensor, "row head question image_token"]


class EndRows:
    """Reads some query rows of every layer, and keeps of them the keys of the image tokens.

    ends: which queries. seen: which keys each of them sees. images: the key of each image token. weighting: in which
    ways to weigh, as in `Record`. After the pass `kept[layer]` holds a tensor for each way.
    """

    overwrites: frozenset[Head] = frozenset()

    def __init__(
        self,
        layers: Sequence[int],
        ends: Int[Tensor, "row question"],
        seen: Bool[Tensor, "row question key"],
        images: Int[Tensor, "row image_token"],
        weighting: Sequence[Weighting],
    ) -> None:
        self.layers, self.fired = frozenset(layers), False
        self._ends, self._hidden, self._images, self._weighting = ends, ~seen[:, None], images, weighting
        self.kept: dict[int, list[Kept]] = {}

    def attend(self, call: Call) -> None:
        """Keep what the heads of this layer look at. Heads that share keys read them together."""
        rows, shared, keys, _ = call.key.shape
        heads, questions = call.query.shape[1], self._ends.shape[1]
        index = self._ends[:, None, :, None].expand(-1, heads, -1, call.query.shape[3])
        query = call.query.gather(2, index).float() * call.scaling
        logits = query.reshape(rows, shared, -1, query.shape[3]) @ call.key.float().transpose(2, 3)
        logits = capped(logits, call.cap).view(rows, heads, questions, keys)
        pattern = logits.masked_fill(self._hidden, -torch.inf).softmax(-1)
        images = self._images[:, None, None].expand(-1, heads, questions, -1)
        raw = pattern.gather(3, images)
        self.kept[call.layer] = [raw if how == "raw" else torch.empty(0) for how in self._weighting]
        if all(how == "raw" for how in self._weighting):
            return
        norms = call.value.float().norm(dim=-1).repeat_interleave(heads // shared, 1)[..., None]
        weighed = raw * norms[:, :, None, :, 0].expand(-1, -1, questions, -1).gather(3, images)
        for number, how in enumerate(self._weighting):
            if how != "raw":
                self.kept[call.layer][number] = (
                    weighed / (pattern @ norms) if how == "value-norm-share" else weighed
                )

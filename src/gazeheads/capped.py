"""Soft-capped attention, for text models that bound their logits: cap * tanh(logit / cap), then the mask (Gemma 2).

SDPA has no such step, so these models run eagerly. The branch of the seam does what transformers' own eager
attention does, in the same order and dtype: an idle model is what it was, bit for bit.
"""

import torch
from torch import Tensor, nn

from gazeheads.errors import SeamError


def capped(logits: Tensor, cap: float | None) -> Tensor:
    """Logits bounded to -cap..cap. None: as they are."""
    return logits if cap is None else (logits / cap).tanh() * cap


def eager_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, cap: float | None
) -> Tensor:
    """(row, query, head, dim) the output of eager attention with capped logits, the softmax in float32.

    query: (row, head, query, dim). key, value: (row, key-value head, key, dim). mask: broadcastable to (row, head,
    query, key), boolean (True = seen) or additive. Raises `SeamError` if it is missing, since without it nobody knows
    what is seen.
    """
    if mask is None:
        raise SeamError(
            "Soft-capped attention was reached without a mask, so what its queries see is unknown. Pass the 2-D "
            "attention mask, and run the model inside the block."
        )
    if mask.dtype == torch.bool:
        # The lowest number, not -inf: a row of padding sees nothing, and must not become NaN.
        lowest = torch.finfo(query.dtype).min
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, lowest)
    groups = query.shape[1] // key.shape[1]
    key, value = (shared.repeat_interleave(groups, dim=1) for shared in (key, value))
    logits = capped(torch.matmul(query, key.transpose(2, 3)) * scaling, cap) + mask
    pattern = nn.functional.softmax(logits, dim=-1, dtype=torch.float32).to(query.dtype)
    return torch.matmul(pattern, value).transpose(1, 2).contiguous()

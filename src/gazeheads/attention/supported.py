"""What models pass to their attention function beside queries, keys, values and mask, and what may change the pattern.

Flags and whole numbers do not: a sliding window is in the mask already. A tensor or a fraction may, unless it is known
here. Names are those of transformers 5.23.

Soft-capped attention is supported, for text models that bound their logits: cap * tanh(logit / cap), then the mask
(Gemma 2). SDPA has no such step, so these models run eagerly. The branch of the seam does what transformers' own eager
attention does, in the same order and dtype: an idle model is what it was, bit for bit.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gazeheads.errors import SeamError, UnknownAttention

HARMLESS = frozenset(
    "scaling dropout is_causal softcap sliding_window "
    "position_ids cache_position token_type_ids mm_token_type_ids image_sizes image_grid_thw cu_seq_lens_q "
    "cu_seq_lens_k num_items_in_batch".split()
)  # the first five are the seam's own business; the others say where tokens are, for functions without a mask

RISKY = (Tensor, float)

MEANING = {
    "s_aux": "attention sinks",
    "sinks": "attention sinks",
    "position_bias": "a bias of the logits",
    "head_mask": "a weight for each head",
    "indices": "a choice of keys",
    "block_indices": "a choice of keys",
    "cache": "a paged cache",
}


def must_be_known(keywords: Mapping[str, Any], model: str, by_sdpa: bool) -> None:
    """Raise `UnknownAttention` unless the pattern is a masked softmax of the logits, capped or not.

    model: its name, for the message. by_sdpa: transformers can run it by SDPA, so but for the keywords its attention
    is that.
    """
    for name, value in keywords.items():
        if name in HARMLESS or value is None or not (isinstance(value, RISKY) or name in MEANING):
            continue
        raise UnknownAttention(
            f"The attention of {model} was to be reached, but its layers are given {name!r} "
            f"({MEANING.get(name, 'unknown here')}), which may change the pattern in a way that is not reproduced "
            "here. Leave it out if you passed it; if the model needs it, use another model."
        )
    if not by_sdpa and "softcap" not in keywords:
        raise UnknownAttention(
            f"The attention of {model} was to be reached, but transformers does not run its text model by SDPA and "
            "gives it no softcap: its pattern may be something else than the softmax of its logits. Use another model."
        )


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

"""What models pass to their attention function beside queries, keys, values and mask, and what may change the pattern.

Flags and whole numbers do not: a sliding window is in the mask already. A tensor or a fraction may, unless it is known
here. Names are those of transformers 5.23.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gazeheads.errors import UnknownAttention

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

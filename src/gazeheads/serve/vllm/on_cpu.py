"""vLLM's CPU backend, steered.

Its kernel keeps keys and values packed for the instruction set of the machine. So those of requests with a gaze are
kept a second time, plainly; others are not. No request shares keys with one of another gaze: see `requests`.
"""

from typing import Any

import torch
from torch import Tensor
from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend, CPUAttentionBackendImpl

from gazeheads.serve.vllm.steering import steer
from gazeheads.serve.vllm.worker import WORKER


class Implementation(CPUAttentionBackendImpl):  # type: ignore[misc]
    """The stock kernel, and then our rows."""

    _plain: tuple[Tensor, Tensor] | None = None  # (page, slot, head, dim), made when they are first needed

    def do_kv_cache_update(
        self, layer: Any, key: Tensor, value: Tensor, kv_cache: Tensor, slot_mapping: Tensor
    ) -> None:
        """Keep the new keys and values, those of requests with a gaze plainly, too."""
        super().do_kv_cache_update(layer, key, value, kv_cache, slot_mapping)
        for start, end in WORKER.tokens:
            pages, heads, slots, _ = kv_cache.shape
            if self._plain is None:
                shape = pages, slots, heads, key.shape[-1]
                self._plain = torch.zeros(shape, dtype=key.dtype), torch.zeros(shape, dtype=value.dtype)
            for store, new in zip(self._plain, (key, value), strict=True):
                store.flatten(0, 1)[slot_mapping[start:end]] = new[start:end]

    def forward(
        self,
        layer: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        kv_cache: Tensor,
        attn_metadata: Any,
        output: Tensor,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        """Attention of all rows; see the stock implementation."""
        super().forward(layer, query, key, value, kv_cache, attn_metadata, output, *args, **kwargs)
        if self._plain is not None:
            window = self.sliding_window if self.sliding_window > 0 else None
            steer(layer, query, *self._plain, output, self.scale, window, self.logits_soft_cap or None)
        return output


class Backend(CPUAttentionBackend):  # type: ignore[misc]
    """Under the name of the stock backend, which the CPU platform always takes."""

    @staticmethod
    def get_impl_cls() -> type[Implementation]:
        """Ours."""
        return Implementation

"""vLLM's FlashAttention backend, steered; not run on a GPU.

Choose it with `--attention-backend CUSTOM`. Keys and values are read where the kernel keeps them. Attention splits the
graph, so piecewise CUDA graphs stay; graphs of whole decode steps do not, since they would not come back to us.
"""

from typing import Any

from torch import Tensor
from vllm.v1.attention.backend import AttentionCGSupport
from vllm.v1.attention.backends.flash_attn import (
    FlashAttentionBackend,
    FlashAttentionImpl,
    FlashAttentionMetadataBuilder,
)

from gazeheads.serve.vllm.steering import steer


class Implementation(FlashAttentionImpl):  # type: ignore[misc]
    """The stock kernel, and then our rows."""

    def forward(
        self,
        layer: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        kv_cache: Any,
        attn_metadata: Any,
        output: Tensor,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        """Attention of all rows; see the stock implementation."""
        super().forward(layer, query, key, value, kv_cache, attn_metadata, output, *args, **kwargs)
        if attn_metadata is not None:
            keys, values = kv_cache.transpose(1, 2).split(self.head_size, dim=-1)
            window = self.sliding_window[0] + 1 if self.sliding_window[0] >= 0 else None
            steer(layer, query, keys, values, output, self.scale, window, self.logits_soft_cap or None)
        return output


class Builder(FlashAttentionMetadataBuilder):  # type: ignore[misc]
    """The stock metadata, for piecewise graphs only."""

    @classmethod
    def get_cudagraph_support(cls, *args: Any, **kwargs: Any) -> AttentionCGSupport:
        """A graph of a whole step would be replayed without us."""
        return AttentionCGSupport.NEVER


class Backend(FlashAttentionBackend):  # type: ignore[misc]
    """Under a name of its own."""

    @staticmethod
    def get_name() -> str:
        """The name under which it is chosen."""
        return "CUSTOM"

    @staticmethod
    def get_impl_cls() -> type[Implementation]:
        """Ours."""
        return Implementation

    @staticmethod
    def get_builder_cls() -> type[Builder]:
        """Ours."""
        return Builder

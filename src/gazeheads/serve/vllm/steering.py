"""From a call of vLLM's attention to a `Layer`, whose steered rows are then written over."""

import re
from typing import Any

from torch import Tensor
from vllm.distributed import get_tensor_model_parallel_rank

from gazeheads.serve.steps import Layer
from gazeheads.serve.vllm.worker import WORKER

DECODER = re.compile(r"(?:^|\.)layers\.(\d+)\.")


def layer_number(name: str) -> int | None:
    """The number of a decoder layer, from the name of its attention; None: attention of something else."""
    number = DECODER.search(name)
    return None if number is None or "vis" in name else int(number[1])


def steer(
    layer: Any,
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    output: Tensor,
    scale: float,
    window: int | None,
    cap: float | None,
) -> None:
    """Write over what is to be steered in this layer. keys, values: (page, slot, head, dim)."""
    number = layer_number(layer.layer_name)
    step = None if number is None else WORKER.step(layer.layer_name)
    if number is None or step is None:
        return
    heads = query.view(query.shape[0], -1, keys.shape[-1])
    step.steer(
        Layer(
            number,
            heads,
            keys,
            values,
            output.view(output.shape[0], heads.shape[1], -1),
            scale,
            get_tensor_model_parallel_rank() * heads.shape[1],
            window,
            cap,
        )
    )

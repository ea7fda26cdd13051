"""The attention backends: the stock kernel runs first, then the steered heads of steered rows are written over.

`Steered` is what both share; `cpu` and `gpu` say where keys and values lie. The backend for GPUs has not run on one.
"""

from vllm.logger import init_logger
from vllm.platforms import current_platform
from vllm.v1.attention.backends.registry import AttentionBackendEnum, register_backend

logger = init_logger("vllm.gazeheads")

UNTRIED = (
    "gazeheads: the backend for GPUs was not run on a GPU: its formulas are tested on a CPU, its paging is not. Choose "
    "it with --attention-backend CUSTOM, and compare some answers with those of `gazeheads run`."
)


def register() -> None:
    """Put our backend where vLLM looks for one."""
    if current_platform.is_cpu():
        register_backend(AttentionBackendEnum.CPU_ATTN, "gazeheads.serve.vllm.on_cpu.Backend")
    else:
        register_backend(AttentionBackendEnum.CUSTOM, "gazeheads.serve.vllm.on_gpu.Backend")
        logger.warning_once(UNTRIED)

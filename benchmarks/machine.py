"""What a timing was taken on, in one line."""

import os
import platform

import torch
import transformers


def machine(device: str) -> str:
    """Cores, how busy they are, threads and versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    return (
        f"{name}, {cores} cores{busy}, {torch.get_num_threads()} torch threads; torch {torch.__version__}, "
        f"transformers {transformers.__version__}, Python {platform.python_version()}"
    )

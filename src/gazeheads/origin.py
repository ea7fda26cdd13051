"""Which models a scene fits: what it was encoded for, as something cheap to compare.

A scene depends on the processor, on the token ids, and on how the model cuts a picture and counts its tokens; not on
the weights, the dtype or the device. So two loads of one checkpoint share their scenes, and so do the checkpoints of
one training run.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

PROBE = "A dog, 12 cats & one naïve owl."  # how a tokenizer spells it tells tokenizers of one size apart
SHAPE = ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
NO_MATTER = frozenset(  # of a configuration: where it lies, and how its weights are held
    "_name_or_path _commit_hash transformers_version architectures dtype torch_dtype quantization_config "
    "attn_implementation _attn_implementation use_cache text_config".split()
)


@dataclass(frozen=True)
class Origin:
    """What a scene was encoded for. name: of the model, for messages. key: equal where scenes may be shared."""

    name: str = field(compare=False)
    key: str


def origin(hf: Any, processor: Any, name: str) -> Origin:
    """The origin of what `hf`, a transformers model, and its processor encode."""
    text, tokenizer = hf.config.get_text_config(), processor.tokenizer
    told = {
        "model": hf.config.to_dict(),
        "text": {part: getattr(text, part, None) for part in SHAPE},
        "images": processor.image_processor.to_dict(),
        "processor": {
            part: value for part, value in vars(processor).items() if not hasattr(value, "__dict__")
        },
        "tokenizer": [len(tokenizer), tokenizer(PROBE)["input_ids"]],
    }
    return Origin(name, hashlib.sha256(json.dumps(_kept(told), sort_keys=True).encode()).hexdigest())


def _kept(value: Any) -> Any:
    """Plain values, without those parts of a configuration that do not matter."""
    if isinstance(value, Mapping):
        return {str(name): _kept(part) for name, part in value.items() if name not in NO_MATTER}
    if isinstance(value, list | tuple):
        return [_kept(part) for part in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def fingerprint(hf: Any) -> str:
    """SHA-256 over the names, shapes, types and bytes of all weights: equal for equal weights, wherever they lie."""
    digest = hashlib.sha256()
    for name, weight in sorted(hf.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

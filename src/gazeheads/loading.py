"""Loading a model: the bundled one, or any checkpoint of a known family. The only place that says device and dtype."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from gazeheads.doodle import WEIGHTS
from gazeheads.errors import ModelError
from gazeheads.families import family
from gazeheads.model import GazeModel

BUNDLED = "gazeheads/doodle-vl"  # the name of the model that ships with the package


def load(
    path: str | Path | None = None, *, device: str | None = None, dtype: str | None = None, revision: str = ""
) -> GazeModel:
    """The bundled model, or the checkpoint in a folder or on the HuggingFace hub.

    device: "cpu", "cuda", ...; by default the GPU where there is one. dtype: "float32", "bfloat16", ...; by
    default float32 on the CPU and the checkpoint's own elsewhere. Raises `ModelError` or `UnknownFamily`.
    """
    place = WEIGHTS if path is None else path
    if path is None and not (WEIGHTS / "config.json").is_file():
        raise ModelError(
            f"The bundled model is not at {WEIGHTS}: this installation is incomplete. Install it again."
        )
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or ("float32" if device == "cpu" else "auto")
    extra: dict[str, Any] = {"revision": revision} if revision else {}
    try:
        config = AutoConfig.from_pretrained(place, **extra)
        known = family(config)
        hf: Any = AutoModelForImageTextToText.from_pretrained(
            place, dtype=dtype, attn_implementation="sdpa", **extra
        )
        hf = hf.to(device)
        processor = known.processor().from_pretrained(place, **extra)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"Model {str(place)!r} cannot be loaded: "
            f"{(str(error).splitlines() or ['no reason was given.'])[0]} Give a folder with a checkpoint, "
            "or a model id of the HuggingFace hub."
        ) from error
    name = BUNDLED if path is None else str(path)
    commit = revision or getattr(config, "_commit_hash", None) or ""
    return GazeModel(hf.eval(), processor, name, commit, is_bundled=path is None)

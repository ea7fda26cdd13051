"""Loading a model: the bundled one, or any checkpoint of a known family. The only place that says device and dtype.

Safetensors files are asked for, and code that comes with a checkpoint never runs unless it is asked for.
A checkpoint's own index can still name another file (docs/reliability.md).
A checkpoint that lacks weights is refused: transformers would fill them in at random and go on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, BitsAndBytesConfig

from gazeheads.attention.seam import attached
from gazeheads.errors import MissingPackage, ModelError, UsageError
from gazeheads.families import family
from gazeheads.model.bundled import WEIGHTS
from gazeheads.model.model import GazeModel

BUNDLED = "gazeheads/doodle-vl"  # the name of the model that ships with the package
EXTRAS = {"accelerate": "gpus", "bitsandbytes": "4bit"}  # package to the extra that installs it

Quantization = Literal["4bit"]


def load(
    path: str | Path | None = None,
    *,
    dtype: str = "auto",
    device: str = "auto",
    quantization: Quantization | None = None,
    revision: str = "",
    trust_remote_code: bool = False,
) -> GazeModel:
    """The bundled model, or the checkpoint in a folder or on the HuggingFace hub.

    dtype: "float32", "bfloat16", ...; "auto" is float32 on the CPU and the checkpoint's own elsewhere. device: "cpu",
    "cuda", "cuda:1", ...; "auto" is the GPU where there is one; "all" spreads the layers over all GPUs (accelerate).
    quantization: "4bit" (bitsandbytes, on a GPU). trust_remote_code: run code that comes with the checkpoint.
    Raises `ModelError`, `UnknownFamily` or `NotSwitched`.
    """
    place = WEIGHTS if path is None else path
    if path is None and not (WEIGHTS / "config.json").is_file():
        raise ModelError(
            f"The bundled model is not at {WEIGHTS}: this installation is incomplete. Install it again."
        )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    origin: dict[str, Any] = {"trust_remote_code": trust_remote_code} | (
        {"revision": revision} if revision else {}
    )
    with _refused(place, "Give a folder with a checkpoint, or a model id of the HuggingFace hub."):
        config = AutoConfig.from_pretrained(place, **origin)
    known = family(config)
    with _refused(
        place,
        "Give a checkpoint that is whole, with its weights in safetensors files and a known configuration.",
    ):
        hf, found = AutoModelForImageTextToText.from_pretrained(
            place,
            dtype=_dtype(dtype, device),
            attn_implementation="sdpa",
            use_safetensors=True,
            output_loading_info=True,
            **_spread(device, quantization),
            **origin,
        )
    _must_be_whole(place, found)
    if device != "all" and quantization is None:
        with _refused(
            place, f'The model was to run on "{device}": give a device that PyTorch has here, or "auto".'
        ):
            hf = hf.to(device)
    with _refused(
        place,
        "The weights were read, but not the processor: give a checkpoint with preprocessor_config.json and "
        "tokenizer.json.",
    ):
        processor = known.processor().from_pretrained(place, **origin)
    with attached(hf):
        pass  # raises where the text model cannot be reached
    name = BUNDLED if path is None else str(path)
    commit = revision or getattr(config, "_commit_hash", None) or ""
    return GazeModel(hf.eval(), processor, name, commit, is_bundled=path is None)


@contextmanager
def _refused(place: str | Path, advice: str) -> Iterator[None]:
    """What transformers raises for a checkpoint that it cannot read, as one `ModelError`."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, AssertionError) as error:
        why = (str(error).strip().splitlines() or ["no reason was given."])[0]
        why = f"{why} ({type(error).__name__})" if isinstance(error, KeyError | TypeError) else why
        if "custom code" in why:
            advice = "If you trust that code, pass trust_remote_code=True."
        raise ModelError(f"Model {str(place)!r} cannot be loaded: {why.rstrip('.')}. {advice}") from error


def _must_be_whole(place: str | Path, found: dict[str, Any]) -> None:
    missing = sorted(found["missing_keys"])
    if missing:
        raise ModelError(
            f"Model {str(place)!r} cannot be loaded: {len(missing)} of its weights are in none of its files "
            f"({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}). Download the checkpoint again, whole."
        )


def _dtype(dtype: str, device: str) -> str:
    if dtype == "auto":
        return "float32" if device == "cpu" else "auto"
    if not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise UsageError(
            f'dtype="{dtype}" is not a type of numbers. Use "auto", "float32", "bfloat16" or "float16".'
        )
    return dtype


def _spread(device: str, quantization: Quantization | None) -> dict[str, Any]:
    """Keywords for models on several GPUs, or with weights in four bits."""
    if quantization not in (None, "4bit"):
        raise UsageError(
            f'quantization="{quantization}" is not known. Use "4bit", or None for the weights as they are.'
        )
    if quantization is not None and device == "cpu":
        raise UsageError(
            'quantization="4bit" was asked for on the CPU; bitsandbytes needs a GPU. Load without it.'
        )
    spread: dict[str, Any] = {}
    if device == "all":
        _must_be_installed("accelerate", 'device="all"')
        spread["device_map"] = "auto"
    if quantization is not None:
        _must_be_installed("bitsandbytes", 'quantization="4bit"')
        _must_be_installed("accelerate", 'quantization="4bit"')
        spread["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
        spread.setdefault("device_map", {"": device})
    return spread


def _must_be_installed(package: str, asked: str) -> None:
    if find_spec(package) is None:
        raise MissingPackage(
            f"{asked} was asked for, which needs {package}; it is not installed. Install it: "
            f'pip install "gazeheads[{EXTRAS[package]}]".'
        )

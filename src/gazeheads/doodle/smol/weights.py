"""From a run to weights that are kept, and back: `keep RUN FILE`, `resume FILE RUN`.

The file holds the trained tensors in bfloat16 and says how far training was: of which stage, and after how many steps.
Training goes on from it with fresh optimisers, as on from a run folder with its own.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gazeheads.errors import ModelError

SIGHT, ANSWERS = "sight", "answers"  # the stages
FILES = {SIGHT: "sight.pt", ANSWERS: "last.pt"}


def write_weights(path: Path, tensors: dict[str, Tensor], stage: str, step: int) -> None:
    """Keep trained tensors in bfloat16."""
    half = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in tensors.items()}
    save_file(half, path, {"stage": stage, "step": str(step)})


def read_weights(path: Path) -> tuple[dict[str, Tensor], str, int]:
    """(tensors in float32, stage, step). Raises `ModelError` where the file is none of ours."""
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        return tensors, told["stage"], int(told["step"])
    except (OSError, SafetensorError) as error:
        raise ModelError(f"Weights {path} cannot be read ({error}). Get the file again.") from error
    except (KeyError, ValueError) as error:
        raise ModelError(
            f"Weights {path} do not say how far training was. Use weights of smol-doodle."
        ) from error


def parted(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part, without its name."""
    return {name.removeprefix(f"{part}."): t for name, t in tensors.items() if name.startswith(f"{part}.")}


def keep(run: Path, path: Path) -> None:
    """Write the weights of a run as far as it is."""
    stage = ANSWERS if (run / FILES[ANSWERS]).exists() else SIGHT
    state: dict[str, Any] = torch.load(run / FILES[stage], map_location="cpu", weights_only=True)
    if stage == ANSWERS:
        tensors = state["trained"]
    else:
        tensors = {f"{part}.{k}": t for part in ("tower", "projector") for k, t in state[part].items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_weights(path, tensors, stage, state["step"])


def resume(path: Path, run: Path) -> None:
    """Make a run folder from which training goes on, without its optimisers' states."""
    tensors, stage, step = read_weights(path)
    run.mkdir(parents=True, exist_ok=True)
    if (run / FILES[stage]).exists():
        raise ModelError(f"{run} has a checkpoint already. Give another folder.")
    state: dict[str, Any] = {"step": step, "seconds": 0.0}
    if stage == ANSWERS:
        state |= {"trained": tensors, "optim": None}
    else:
        state |= {part: parted(tensors, part) for part in ("tower", "projector")} | {"optims": None}
    torch.save(state, run / FILES[stage])


def main() -> None:
    """Parse the command line, and keep or resume."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=["keep", "resume"])
    parser.add_argument("source", type=Path, help="keep: the run folder; resume: the file")
    parser.add_argument("target", type=Path, help="keep: the file; resume: the run folder")
    args = parser.parse_args()
    {"keep": keep, "resume": resume}[args.verb](args.source, args.target)


if __name__ == "__main__":
    main()

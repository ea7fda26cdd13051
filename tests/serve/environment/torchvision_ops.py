"""Declare two operators that torchvision names when it is imported, where its compiled part cannot be loaded.

A torchvision that was built for CUDA imports beside a torch for the CPU, but for `torchvision::nms` and
`torchvision::qnms`, whose shapes it describes without having them. `make test-vllm` puts this module, and a .pth line
that imports it, into its own environment where `import torchvision` fails; a torchvision for the CPU needs none of it.
"""

import sys
from importlib.abc import MetaPathFinder

NAME = "torchvision._meta_registrations"


class Declare(MetaPathFinder):
    """Finds nothing, but is asked before the module that needs the operators is."""

    def find_spec(self, name, path=None, target=None):
        if name == NAME:
            import torch

            library = torch.library.Library("torchvision", "FRAGMENT")
            for operator in ("nms", "qnms"):
                if not hasattr(torch.ops.torchvision, operator):
                    library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            Declare.library = library  # what is declared lives as long as this
        return None


def install() -> None:
    """Be asked about every import from now on."""
    if not any(isinstance(finder, Declare) for finder in sys.meta_path):
        sys.meta_path.insert(0, Declare())


install()

"""A scene: images and a prompt as the model gets them, and the regions that one can point at in them.

`Scene` is what `GazeModel.encode` returns. All coordinates are pixels of the images as they were
passed in.

An `Origin` says which models a scene fits, as something cheap to compare. A scene depends on the processor, on the
token ids, and on how the model cuts an image and counts its tokens; not on the weights, the dtype or the device. So
two loads of one checkpoint share their scenes, and so do the checkpoints of one training run.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from gazeheads.checks import whole
from gazeheads.errors import ForeignScene, RegionError
from gazeheads.regions.grid import Box, ImageGrid
from gazeheads.regions.region import Region, RegionOptions, Views, image_box
from gazeheads.regions.shapes import Rectangle, Shape, Union, share_inside

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


@dataclass(frozen=True)
class ImageReach:
    """What reaches the model of one image. share: of its area, 0..1. how: its views and their cells, in words."""

    share: float
    how: str


@dataclass(frozen=True, eq=False)
class Scene:
    """One prompt about one or more images, ready for the model.

    tensors: what the processor made, for a batch of one: `model.hf.generate(**scene.tensors)` works.
    positions: (axis, 1, token) position ids of the prompt. image_key: equal for scenes that show the same
    images.
    boxes, names: the panels or objects of image 0, in reading order, if they were given. settings: the keywords with
    which the processor was called. origin: the model that it was encoded for; None, if it was made by hand: any.
    images: as they were passed in; none in a scene made by hand.
    """

    tensors: dict[str, Tensor] = field(repr=False)
    positions: Tensor = field(repr=False)
    grid: ImageGrid
    prompt: str
    image_key: str = field(repr=False)
    boxes: tuple[Box, ...] = field(default=(), repr=False)
    names: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    origin: Origin | None = field(default=None, repr=False)
    images: tuple[Image.Image, ...] = field(default=(), repr=False)

    @cached_property
    def seen(self) -> tuple[ImageReach, ...]:
        """What reaches the model of each image, by the boxes of its views."""
        return tuple(self._seen(image) for image in range(len(self.grid.sizes)))

    def _seen(self, image: int) -> ImageReach:
        views = [view for view in self.grid.views if view.image == image]
        picture = image_box(self.grid, image)
        boxes: list[Shape] = [Rectangle(view.box) for view in views]
        shape = reduce(Union, boxes)
        share = float(share_inside(shape, picture, np.array([picture.corners], float))[0])
        how = []
        for kind in dict.fromkeys(view.kind for view in views):
            alike = [view for view in views if view.kind == kind]
            width, height = alike[0].cell
            count = f"{len(alike)} {kind}s, each" if len(alike) > 1 else f"{kind}:"
            how.append(f"{count} {alike[0].rows} x {alike[0].cols} cells of {width:.3g} x {height:.3g} px")
        changed = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return ImageReach(share, "; ".join(how) + (f" (processor called with {changed})" if changed else ""))

    def must_suit(self, origin: Origin, name: str) -> None:
        """Raise `ForeignScene` unless it was encoded for a model of this origin and name, or made by hand."""
        if self.origin not in (None, origin):
            raise ForeignScene(
                f"A scene that was encoded by {self.origin.name} was given to {name}, which has another processor or "
                "another shape. Encode the image again: model.encode(image, prompt)."
            )

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt, image tokens included."""
        return self.grid.n_prompt

    def box(self, x0: float, y0: float, x1: float, y1: float, **options: Unpack[RegionOptions]) -> Region:
        """The pixels `x0 <= x < x1`, `y0 <= y < y1` of an image. options: `RegionOptions`.

        Raises `EmptyBox`, `OutsideImage`, or `RegionTooSmall` if it covers less than one token and `min_tokens` is
        not given (then it grows to the nearest cells, and `region.grown` says so).
        """
        return Region.box(self.grid, Box(x0, y0, x1, y1), **options)

    def mask(self, mask: npt.NDArray[np.generic], **options: Unpack[RegionOptions]) -> Region:
        """An array (row, col) of booleans or of values 0..1, of any size in proportion to the image."""
        return Region.mask(self.grid, mask, **options)

    def point(self, x: float, y: float, radius: float, **options: Unpack[RegionOptions]) -> Region:
        """All within `radius` pixels of (x, y)."""
        return Region.point(self.grid, x, y, radius, **options)

    @cached_property
    def panels(self) -> tuple[Region, ...]:
        """A region for each box that was given with the image, in reading order.

        Raises where one is too small.
        """
        names = self.names or tuple(f"panel {number}" for number in range(1, len(self.boxes) + 1))
        return tuple(
            Region.box(self.grid, box, name=name) for box, name in zip(self.boxes, names, strict=True)
        )

    def panel(self, which: int | str) -> Region:
        """One panel, by its number, counted from 0, or by its name. Raises `RegionError` if there is none such."""
        if isinstance(which, str):
            names = [panel.name for panel in self.panels]
            if names.count(which) != 1:
                raise RegionError(
                    f"Panel {which!r} was asked for; {names.count(which) or 'none'} of the {len(names)} panels of this "
                    f"scene has this name: {', '.join(names) or 'there are none'}. Give a number from 0, or names to "
                    "encode(..., panels=boxes, names=names)."
                )
            return self.panels[names.index(which)]
        which = whole(which, "A panel has a name or a number: its number", RegionError)
        if not 0 <= which < len(self.boxes):
            raise RegionError(
                f"Panel {which} (from 0) was asked for; this scene has {len(self.boxes)} panels. "
                + (
                    f"Give a number from 0 to {len(self.boxes) - 1}."
                    if self.boxes
                    else "Give the panels' boxes to encode(..., panels=boxes)."
                )
            )
        return self.panels[which]

    def cells(self, image: int = 0) -> tuple[Region, ...]:
        """A region for each image token that sees some of an image, in prompt order.

        Raises `RegionError` if there is no such image.
        """
        image_box(self.grid, image)
        # Other views of the image see the same pixels; they are left out.
        alone: dict[str, Views] = {"whole": "all", "tile": "detail", "thumbnail": "overview"}
        return tuple(
            Region.box(
                self.grid, Box(*map(float, rect)), image=image, views=alone[self.grid.views[view].kind]
            )
            for rect, view, sees in zip(
                self.grid.rects, self.grid.view_of.tolist(), self.grid.inside, strict=True
            )
            if self.grid.views[view].image == image and sees
        )

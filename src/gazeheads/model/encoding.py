"""From images and a question to what a model takes: tokens, positions, pixels, and the grid of the image tokens."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from gazeheads.checks import several, shown
from gazeheads.errors import ModelError, SceneError
from gazeheads.families import ROW_INPUTS, Family, Processed, image_positions
from gazeheads.families.features import taken
from gazeheads.images import rgb
from gazeheads.model.backbone import Backbone
from gazeheads.model.scene import Scene
from gazeheads.model.usable import must_fit
from gazeheads.regions.grid import Box, ImageGrid, View

LEAST_SHARE = 0.99  # of an image's area that must reach the model


def encode(
    model: Backbone,
    images: Image.Image | Sequence[Image.Image],
    prompt: str,
    panels: Sequence[Box] | None,
    names: Sequence[str],
    settings: Mapping[str, Any],
) -> Scene:
    """What `GazeModel.encode` returns. Raises `SceneError`, and `DataError` for an image that `rgb` refuses."""
    hf, processor, family = model.hf, model.processor, model.family
    given = _pictures(images)
    if not isinstance(prompt, str):
        raise SceneError(f"A prompt is text; found {shown(prompt)}. Ask something about the image, as a str.")
    if not prompt.strip():
        raise SceneError("The prompt is empty. Ask something about the image.")
    boxes, called = _panels(panels, names)
    images = [rgb(each, _called(each, n, len(given)), bool(boxes)) for n, each in enumerate(given, 1)]
    _must_be_known(processor, settings)
    settings = {**family.settings(processor), **settings}
    inputs = _processed(processor, family, images, prompt, settings)
    sizes = [picture.size for picture in images]
    made = Processed(processor, hf.config, inputs, sizes, settings)
    if not made.n_image_tokens:
        raise SceneError(
            f"{_sizes(images)} became no image token at all, so there is nothing to look at. Use a larger image, "
            "and a processor that was made for this model."
        )
    grid = _grid(made, family)
    key = hashlib.sha256()
    for name, value in inputs.items():
        if name not in ROW_INPUTS:
            key.update(value.numpy().tobytes())
    tensors = {
        name: value.to(hf.device, hf.dtype) if value.is_floating_point() else value.to(hf.device)
        for name, value in inputs.items()
    }
    positions = positions_of(hf, family, tensors)
    must_fit(hf, positions)
    scene = Scene(
        tensors,
        positions,
        grid,
        prompt,
        key.hexdigest(),
        boxes,
        called,
        settings,
        model.origin,
        tuple(images),
    )
    for image, seen in enumerate(scene.seen):
        if seen.share < LEAST_SHARE:
            raise SceneError(
                f"Only {seen.share:.0%} of image {image} reaches the model: its processor cuts off the rest. "
                f"{family.crop}."
            )
    return scene


def _pictures(given: Any) -> list[Image.Image]:
    """One image, or several, as a list."""
    if isinstance(given, str | Path):
        raise SceneError(
            f"An image was asked for; found {shown(given)}, a path. Open it: PIL.Image.open({str(given)!r})."
        )
    asked = "model.encode takes a PIL image, or a list of them"
    found = [given] if isinstance(given, Image.Image) else [*several(given, asked, SceneError)]
    if not found or not all(isinstance(picture, Image.Image) for picture in found):
        kinds = ", ".join(dict.fromkeys(type(picture).__name__ for picture in found))
        raise SceneError(
            f"{asked}; found {kinds or 'an empty list'}. Open files with PIL.Image.open(path), turn arrays into "
            "images with PIL.Image.fromarray(array)."
        )
    return found


def _called(picture: Image.Image, number: int, n: int) -> str:
    """What messages call an image: its file, or its number."""
    return str(getattr(picture, "filename", "") or f"{number} of {n}")


def _panels(panels: Any, names: Any) -> tuple[tuple[Box, ...], tuple[str, ...]]:
    """The boxes of the panels, and their names."""
    boxes = () if panels is None else several(panels, "panels= takes a list of boxes", SceneError)
    if not all(isinstance(box, Box) for box in boxes):
        raise SceneError(
            f"panels= takes boxes; found {', '.join(dict.fromkeys(type(box).__name__ for box in boxes))}. "
            "Give Box(left, top, right, bottom) in pixels, one for each panel."
        )
    called = several(names, "names= takes a list of texts, one for each panel", SceneError)
    if not all(isinstance(name, str) for name in called):
        raise SceneError(f"names= takes texts; found {shown(called)}. Give a str for each panel.")
    if called and len(called) != len(boxes):
        raise SceneError(f"{len(boxes)} panels were given with {len(called)} names. Give one for each.")
    return boxes, called


def _must_be_known(processor: Any, settings: Mapping[str, Any]) -> None:
    """Processors pass over what they do not know, with a warning at most."""
    images = processor.image_processor
    known = {*getattr(getattr(images, "valid_kwargs", None), "__annotations__", {}), *vars(images)}
    unknown = sorted({*settings} - known)
    if unknown:
        raise SceneError(
            f"{', '.join(unknown)}: {type(images).__name__} has no such setting. It has: "
            f"{', '.join(sorted(name for name in known if not name.startswith('_')))}."
        )


def _processed(
    processor: Any, family: Family, images: Sequence[Image.Image], prompt: str, settings: Mapping[str, Any]
) -> dict[str, Tensor]:
    """What the processor makes of one prompt."""
    text, special = _templated(processor, family, len(images), prompt)
    try:
        inputs = processor(images=[list(images)], text=[text], return_tensors="pt", **special, **settings)
    except ValueError as error:
        raise SceneError(
            f"The processor refuses {_sizes(images)} with this prompt: {str(error).rstrip('.')}. "
            "Use an image of more usual proportions, and no image placeholders in the prompt."
        ) from error
    # PaliGemma's also returns labels for training.
    return {name: value for name, value in inputs.items() if name != "labels"}


def _templated(processor: Any, family: Family, images: int, prompt: str) -> tuple[str, dict[str, bool]]:
    """The text of a prompt, and the keywords of the tokenizer: a template that writes the first token adds none."""
    text = family.prompt(processor, images, prompt)
    start = getattr(processor.tokenizer, "bos_token", None)
    return text, {"add_special_tokens": False} if start and text.startswith(start) else {}


def template_ids(model: Backbone, images: int, prompt: str) -> list[int]:
    """The tokens of a prompt about so many images, with placeholders where image tokens will stand."""
    text, special = _templated(model.processor, model.family, images, prompt)
    ids: list[int] = model.processor.tokenizer(text, **special)["input_ids"]
    return ids


def _sizes(images: Sequence[Image.Image]) -> str:
    return "an image of " + ", ".join(f"{picture.width} x {picture.height} px" for picture in images)


def _grid(made: Processed, family: Family) -> ImageGrid:
    """The grid of the image tokens that see something."""
    views = family.views(made)
    ids = made.inputs["input_ids"]
    positions = image_positions(ids, made.config.image_token_id)
    if family.newline is not None:
        sees = torch.tensor(
            [each for view in views for each in _sees(view, family.newline(view))], dtype=torch.bool
        )
        if len(sees) == len(positions):  # or else the grid will say what does not fit
            positions = positions[sees]
    return ImageGrid.from_views(ids.shape[1], positions.numpy(), views, made.sizes)


def _sees(view: View, every: int) -> list[bool]:
    """For each token of a view whether it sees something, with a newline token after `every` cells (0: never)."""
    cells = view.rows * view.cols
    return [True] * cells if every == 0 else ([True] * every + [False]) * (cells // every)


def positions_of(hf: Any, family: Family, tensors: Mapping[str, Tensor]) -> Tensor:
    """(axis, 1, token) position ids of a prompt: several axes where the model counts rows and columns apart."""
    if family.several_axes:
        counts = getattr(hf.model, "get_rope_index", None)
        if counts is None:
            raise ModelError(
                f"The positions of {type(hf).__name__} have several axes, but {type(hf.model).__name__} has no "
                "get_rope_index to count them. Give the model itself, not a wrapper of it."
            )
        positions: Tensor = counts(**taken(counts, tensors))[0]
        return positions
    ids = tensors["input_ids"]
    return torch.arange(ids.shape[1], device=ids.device)[None, None] + family.first_position

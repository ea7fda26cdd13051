"""What we must know of each model family: its processor, and which pixels its image tokens see.

A family is found by the exact `model_type` of the checkpoint and of its vision tower; a pair that is not listed
raises. To add one, write a small module with a `Family` in it and name it in `FAMILIES`: docs/families.md shows how,
and the pixel-gradient test tells whether its views are right.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from gazeheads.errors import SceneError, UnknownFamily
from gazeheads.families.features import Pictures, one_by_one
from gazeheads.regions.grid import View

Size = tuple[int, int]  # width, height of an image in pixels

ROW_INPUTS = (
    "input_ids",
    "attention_mask",
    "token_type_ids",
    "mm_token_type_ids",
)  # one entry for each token
GUIDE = "docs/families.md"


@dataclass(frozen=True)
class Processed:
    """One prompt as a processor made it. settings: the keywords that the processor was called with."""

    processor: Any
    config: Any
    inputs: Mapping[str, Tensor]
    sizes: Sequence[Size]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def setting(self, name: str) -> Any:
        """A setting of the image processor, as it was for this call; None where it has none.

        What the processor sets goes before what its image processor does.
        """
        own = getattr(self.processor, "images_kwargs", {}).get(
            name, getattr(self.processor.image_processor, name, None)
        )
        return self.settings.get(name, own)

    @property
    def n_image_tokens(self) -> int:
        """How many tokens of the prompt have the id of image tokens."""
        return int((self.inputs["input_ids"] == self.config.image_token_id).sum())


def by_template(processor: Any, n_pictures: int, question: str) -> str:
    """The prompt: the images, then the question, as the chat template of the checkpoint writes it."""
    if not (getattr(processor, "chat_template", None) or getattr(processor.tokenizer, "chat_template", None)):
        raise SceneError(
            f"A prompt was to be written for a {type(processor).__name__} without a chat template. Set "
            "processor.chat_template to the one that the checkpoint was trained with."
        )
    parts = [*({"type": "image"} for _ in range(n_pictures)), {"type": "text", "text": question}]
    text: str = processor.apply_chat_template(
        [{"role": "user", "content": parts}], add_generation_prompt=True, tokenize=False
    )
    return text


def wide(processor: Any) -> tuple[int, int]:
    """256 px, in cells of 32, as in the paper: for families whose cells follow from the image as a whole."""
    return 256, 32


def no_settings(processor: Any) -> dict[str, Any]:
    """The processor as the checkpoint sets it."""
    return {}


@dataclass(frozen=True)
class Family:
    """One way to turn images and text into tokens.

    processor: gives the processor class. views: the grids that the image tokens form, in prompt order. settings: from
    the processor, keywords that it is called with, where its own lose or squash the image. crop: what to do where
    they still do, for the message. newline: of a view, after how many cells in turn a token follows that has the id
    of image tokens and sees nothing; 0: never. prompt: from the processor, the number of images and the question,
    the text. first_position: position id of the first token. features:
    how a batch gives its images to the model. panel_size: from the processor, the height of strips and
    the width of a cell, in pixels, that suit it. sees_ahead: whether the text of a prompt sees what follows it.
    several_axes: whether rows and columns are counted apart, so that a token has several positions.
    """

    processor: Callable[[], type[Any]]
    views: Callable[[Processed], list[View]]
    settings: Callable[[Any], dict[str, Any]] = no_settings
    crop: str = "Do not crop"
    newline: Callable[[View], int] | None = None
    prompt: Callable[[Any, int, str], str] = by_template
    first_position: int = 0
    features: Callable[[Any, Pictures, Sequence[int]], dict[str, Any]] = one_by_one
    panel_size: Callable[[Any], tuple[int, int]] = wide
    sees_ahead: bool = False
    several_axes: bool = False


# (model_type, vision model_type) to the module of the family.
FAMILIES = {
    ("aya_vision", "siglip_vision_model"): "internvl:AYA_VISION",
    ("cohere2_vision", "siglip_vision_model"): "cohere2_vision:FAMILY",
    ("deepseek_vl", "siglip_vision_model"): "deepseek_vl:FAMILY",
    ("gemma3", "siglip_vision_model"): "gemma3:FAMILY",
    ("glm4v", "glm4v_vision"): "qwen_vl:GLM4V",
    ("idefics3", "idefics3_vision"): "idefics3:FAMILY",
    ("internvl", "internvl_vision"): "internvl:FAMILY",
    ("llava", "clip_vision_model"): "llava:FAMILY",
    ("llava", "pixtral"): "pixtral:FAMILY",
    ("llava", "siglip_vision_model"): "llava:FAMILY",
    ("llava_next", "clip_vision_model"): "llava_next:FAMILY",
    ("llava_onevision", "siglip_vision_model"): "llava_next:ONEVISION",
    ("mistral3", "pixtral"): "pixtral:FAMILY",
    ("ovis2", "ovis2_vision"): "ovis2:FAMILY",
    ("paligemma", "siglip_vision_model"): "paligemma:FAMILY",
    ("qwen2_5_vl", "qwen2_5_vl_vision"): "qwen_vl:QWEN2_5_VL",
    ("qwen2_vl", "qwen2_vl_vision"): "qwen_vl:QWEN2_VL",
    ("qwen3_5", "qwen3_5_vision"): "qwen_vl:QWEN3_VL",
    ("qwen3_vl", "qwen3_vl_vision"): "qwen_vl:QWEN3_VL",
    ("qwen3_vl_moe", "qwen3_vl_moe_vision"): "qwen_vl:QWEN3_VL",
    ("smolvlm", "smolvlm_vision"): "idefics3:SMOLVLM",
}


def family(config: Any) -> Family:
    """The family of a checkpoint, by its config. Raises `UnknownFamily`, with what is known and what to write."""
    vision = getattr(config, "vision_config", None)
    pair = config.model_type, getattr(vision, "model_type", "")
    if pair in FAMILIES:
        module, _, name = FAMILIES[pair].partition(":")
        found: Family = getattr(import_module(f"gazeheads.families.{module}"), name)
        return found
    known = ", ".join(sorted({model for model, _ in FAMILIES}))
    if vision is None:
        why = "it has no vision tower, so there are no image tokens to look at. Give a vision-language model"
    elif any(model == pair[0] for model, _ in FAMILIES):
        towers = sorted(tower for model, tower in FAMILIES if model == pair[0])
        why = f"its vision tower is of type {pair[1]!r}; known with this model type: {', '.join(towers)}. Add the pair"
    else:
        why = "it is not known which pixels its image tokens see. Give one of these, or add the family"
    raise UnknownFamily(f"Model type {pair[0]!r} is not known: {why} ({GUIDE}). Known: {known}.")


def image_positions(input_ids: Tensor, image_token: int) -> Tensor:
    """Where the image tokens stand in a prompt (1, token).

    By their id, the one rule that holds for every family.
    """
    return torch.nonzero(input_ids[0] == image_token)[:, 0]

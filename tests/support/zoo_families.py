"""A tiny random model for every family, behind its real processor (`zoo_processors`).

`zoo(name)` gives the `GazeModel` of one family, made once. Names are model types; "pixtral" is LLaVA with a Pixtral
tower, "llava_siglip" with a SigLIP tower, "gemma3_scan" is Gemma 3 with pan-and-scan. Query and key weights are scaled
up, so that attention is far from uniform.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
import zoo_processors as processors
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText
from zoo_processors import OVIS, PINPOINTS

from gazeheads.families import FAMILIES
from gazeheads.model.model import GazeModel

# ----------------------------------------------------------------------------------------------------------- models

CLIP = dict(
    model_type="clip_vision_model",
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=2,
    image_size=56,
    patch_size=14,
)
SIGLIP = CLIP | dict(model_type="siglip_vision_model")
PIXTRAL = CLIP | dict(model_type="pixtral", image_size=224, head_dim=16)
QWEN_TOWER = dict(
    depth=2,
    hidden_size=32,
    intermediate_size=48,
    num_heads=2,
    out_hidden_size=64,
    num_position_embeddings=256,
)
MROPE = dict(rope_type="default", rope_theta=1e4, mrope_section=[2, 3, 3])


SHAPES = ((168, 56), (56, 168), (112, 84), (336, 56), (112, 112), (331, 57))  # pictures, px


def text(model_type: str | None = None, **more: Any) -> dict[str, Any]:
    """A text model of 3 layers and 4 heads, of which two share keys and values."""
    shape = dict(
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        vocab_size=512,
        max_position_embeddings=4096,
    )
    return ({} if model_type is None else {"model_type": model_type}) | shape | more


@dataclass(frozen=True)
class Species:
    """How to build one family. config: keywords of its configuration, from its tokenizer's token numbers."""

    model_type: str
    processor: Callable[[], Any]
    config: Callable[[Callable[[str], int]], dict[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)  # keywords of `encode`


def _qwen_config(number: Callable[[str], int]) -> dict[str, Any]:
    return dict(
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )


def _species() -> dict[str, Species]:
    old = dict(depth=2, num_heads=2, patch_size=14)
    deep = QWEN_TOWER | dict(patch_size=16, deepstack_visual_indexes=[0])
    interleaved = MROPE | dict(mrope_interleaved=True)
    experts = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32)
    hybrid = text(
        num_hidden_layers=4,
        rope_parameters=interleaved | dict(mrope_section=[2, 1, 1], partial_rotary_factor=0.5),
        linear_key_head_dim=16,
        linear_value_head_dim=16,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        layer_types=["linear_attention", "full_attention"] * 2,
    )
    glm_tower = dict(
        depth=2,
        hidden_size=32,
        intermediate_size=48,
        num_heads=2,
        out_hidden_size=64,
        image_size=56,
        patch_size=14,
    )
    ovis_tower = CLIP | dict(
        model_type="ovis2_vision",
        vocab_size=40,
        num_visual_indicator_tokens=5,
        hidden_stride=2,
        tokenize_function="softmax",
    )
    idefics_tower = dict(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
    )
    internvl_tower = idefics_tower | dict(image_size=[56, 56], patch_size=[14, 14])

    def image(token: str, **more: Any) -> Callable[[Callable[[str], int]], dict[str, Any]]:
        return lambda number: dict(image_token_id=number(token)) | more

    def index(token: str, **more: Any) -> Callable[[Callable[[str], int]], dict[str, Any]]:
        return lambda number: dict(image_token_index=number(token)) | more

    def qwen(**more: Any) -> Callable[[Callable[[str], int]], dict[str, Any]]:
        return lambda number: _qwen_config(number) | more

    gemma = lambda number: dict(  # noqa: E731
        image_token_index=number("<image_soft_token>"),
        boi_token_index=number("<start_of_image>"),
        eoi_token_index=number("<end_of_image>"),
        mm_tokens_per_image=4,
        text_config=text(
            "gemma3_text",
            sliding_window=16,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            query_pre_attn_scalar=16,
        ),
        vision_config=SIGLIP,
    )
    glm = lambda number: dict(  # noqa: E731
        image_token_id=number("<|image|>"),
        video_token_id=number("<|video|>"),
        image_start_token_id=number("<|begin_of_image|>"),
        image_end_token_id=number("<|end_of_image|>"),
        video_start_token_id=number("<|begin_of_video|>"),
        video_end_token_id=number("<|end_of_video|>"),
        text_config=text(rope_parameters=MROPE | dict(mrope_section=[1, 1, 2], partial_rotary_factor=0.5)),
        vision_config=glm_tower,
    )
    ovis = lambda number: dict(  # noqa: E731
        image_token_id=number("<IMG_ATOM>"),
        visual_indicator_token_ids=[number(token) for token in OVIS],
        text_config=text("qwen2"),
        vision_config=ovis_tower,
        hidden_size=64,
        vocab_size=512,
    )
    cohere = text(
        "cohere2", sliding_window=16, layer_types=["sliding_attention", "full_attention", "sliding_attention"]
    )
    clip_llava = dict(vision_config=CLIP, text_config=text("llama"), vision_feature_layer=-1)
    return {
        "qwen2_vl": Species(
            "qwen2_vl",
            lambda: processors.qwen("Qwen2VLProcessor", 14),
            qwen(
                text_config=text(rope_parameters=MROPE),
                vision_config=old | dict(embed_dim=32, hidden_size=64),
            ),
        ),
        "qwen2_5_vl": Species(
            "qwen2_5_vl",
            lambda: processors.qwen("Qwen2_5_VLProcessor", 14),
            qwen(
                text_config=text(rope_parameters=MROPE),
                vision_config=QWEN_TOWER | dict(patch_size=14, window_size=56, fullatt_block_indexes=[1]),
            ),
        ),
        "qwen3_vl": Species(
            "qwen3_vl",
            lambda: processors.qwen("Qwen3VLProcessor", 16),
            qwen(text_config=text(rope_parameters=interleaved), vision_config=deep),
        ),
        "qwen3_vl_moe": Species(
            "qwen3_vl_moe",
            lambda: processors.qwen("Qwen3VLProcessor", 16),
            qwen(text_config=text(rope_parameters=interleaved, **experts), vision_config=deep),
        ),
        "qwen3_5": Species(
            "qwen3_5",
            lambda: processors.qwen("Qwen3VLProcessor", 16),
            qwen(text_config=hybrid, vision_config=QWEN_TOWER | dict(patch_size=16)),
        ),
        "glm4v": Species("glm4v", processors.glm4v, glm),
        "llava": Species("llava", processors.llava, index("<image>", **clip_llava)),
        "llava_siglip": Species(
            "llava",
            processors.llava_siglip,
            index(
                "<image>", **clip_llava | dict(vision_config=SIGLIP), vision_feature_select_strategy="full"
            ),
        ),
        "llava_next": Species(
            "llava_next",
            processors.llava_next,
            index("<image>", image_grid_pinpoints=PINPOINTS, **clip_llava),
        ),
        "llava_onevision": Species(
            "llava_onevision",
            processors.llava_onevision,
            lambda number: dict(
                image_token_index=number("<image>"),
                video_token_index=number("<video>"),
                text_config=text("qwen2"),
                vision_config=SIGLIP,
                image_grid_pinpoints=PINPOINTS,
                vision_aspect_ratio="anyres_max_2",
                vision_feature_layer=-1,
            ),
        ),
        "internvl": Species(
            "internvl",
            processors.internvl,
            image(
                "<IMG_CONTEXT>", text_config=text("qwen2"), vision_config=internvl_tower, image_seq_length=4
            ),
        ),
        "gemma3": Species("gemma3", processors.gemma3, gemma),
        "gemma3_scan": Species(
            "gemma3", processors.gemma3, gemma, {"do_pan_and_scan": True, "pan_and_scan_min_crop_size": 24}
        ),
        "idefics3": Species(
            "idefics3",
            processors.idefics3,
            image("<image>", text_config=text("llama"), vision_config=idefics_tower, scale_factor=2),
        ),
        "smolvlm": Species(
            "smolvlm",
            processors.smolvlm,
            image("<image>", text_config=text("llama"), vision_config=idefics_tower, scale_factor=2),
        ),
        "pixtral": Species(
            "llava",
            processors.pixtral,
            index(
                "[IMG]",
                text_config=text("mistral"),
                vision_config=PIXTRAL,
                vision_feature_layer=-1,
                vision_feature_select_strategy="full",
            ),
        ),
        "mistral3": Species(
            "mistral3",
            lambda: processors.pixtral(2),
            index(
                "[IMG]",
                text_config=text("mistral", sliding_window=None),
                vision_config=PIXTRAL,
                vision_feature_layer=-1,
                spatial_merge_size=2,
            ),
        ),
        "paligemma": Species(
            "paligemma",
            processors.paligemma,
            index(
                "<image>",
                text_config=text("gemma"),
                vision_config=SIGLIP | dict(projection_dim=64),
                projection_dim=64,
            ),
        ),
        "aya_vision": Species(
            "aya_vision",
            processors.aya_vision,
            index(
                "<|IMG_PATCH|>",
                text_config=cohere,
                vision_config=SIGLIP,
                vision_feature_layer=-1,
                downsample_factor=2,
            ),
        ),
        "deepseek_vl": Species(
            "deepseek_vl",
            processors.deepseek_vl,
            image("<image_placeholder>", text_config=text("llama"), vision_config=SIGLIP),
        ),
        "ovis2": Species("ovis2", processors.ovis2, ovis),
        "cohere2_vision": Species(
            "cohere2_vision",
            processors.cohere2_vision,
            image(
                "<|IMG_PATCH|>",
                text_config=cohere,
                vision_config=SIGLIP,
                downsample_factor=2,
                alignment_intermediate_size=64,
            ),
        ),
    }


ZOO = _species()
assert {species.model_type for species in ZOO.values()} == {model for model, _ in FAMILIES}


@cache
def zoo(name: str) -> GazeModel:
    """The tiny model of one family, in float32 and eval mode."""
    species = ZOO[name]
    processor = species.processor()
    config = AutoConfig.for_model(
        species.model_type, **species.config(processor.tokenizer.convert_tokens_to_ids)
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        hf = AutoModelForImageTextToText.from_config(config).eval()
        for weight_name, weight in hf.named_parameters():
            language = any(part in weight_name for part in ("language_model", "text_model"))
            if weight_name.endswith("embed_tokens.weight"):
                torch.nn.init.normal_(weight, std=0.3)
            elif weight.ndim > 1 and "linear_attn" not in weight_name:  # these amplify rounding
                gain = 2.0 if language and ("q_proj" in weight_name or "k_proj" in weight_name) else 1.0
                torch.nn.init.normal_(weight, std=gain * weight[0].numel() ** -0.5)
    hf.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    hf.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    return GazeModel(hf, processor, name=f"tiny {name}")


def ramp(width: int, height: int) -> Image.Image:
    """Red grows from left to right, green from top to bottom."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[..., 0] = ((np.arange(width) + 0.5) / width * 255)[None]
    pixels[..., 1] = ((np.arange(height) + 0.5) / height * 255)[:, None]
    return Image.fromarray(pixels)

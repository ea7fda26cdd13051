"""Tiny random models of other architectures, and prompts for them that need no picture.

To the seam image tokens are positions that a grid declares; so a prompt here is random token ids, some of which a
hand-made `ImageGrid` calls the cells of a picture. The text models are real: sliding windows, soft caps, experts,
shared keys, linear attention, and the two-way attention that some families give to their prompts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForImageTextToText

from gazeheads import Box, Scene
from gazeheads.regions.grid import ImageGrid, View

LAYERS, HEADS, WINDOW, VOCABULARY = 3, 4, 9, 64
CELL = 8  # pixels

TEXT = dict(
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=LAYERS,
    num_attention_heads=HEADS,
    num_key_value_heads=2,
    head_dim=8,
    vocab_size=VOCABULARY,
    max_position_embeddings=512,
)
SIGLIP = dict(
    model_type="siglip_vision_model",
    hidden_size=16,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=1,
    image_size=28,
    patch_size=14,
)
QWEN_VISION = dict(
    depth=1,
    hidden_size=16,
    intermediate_size=16,
    num_heads=1,
    patch_size=16,
    out_hidden_size=32,
    num_position_embeddings=16,
    deepstack_visual_indexes=[],
)
MROPE = dict(rope_type="default", rope_theta=1e4, mrope_section=[1, 1, 2], mrope_interleaved=True)
QWEN = dict(
    vision_config=QWEN_VISION,
    image_token_id=60,
    video_token_id=61,
    vision_start_token_id=62,
    vision_end_token_id=63,
)
SIGLIP_IMAGE = dict(vision_config=SIGLIP, image_token_index=63)
LOCAL = dict(sliding_window=WINDOW, layer_types=["sliding_attention", "full_attention", "sliding_attention"])

KINDS: dict[str, dict[str, Any]] = {
    # sliding windows, and image tokens that see each other both ways
    "gemma3": dict(
        text_config=dict(TEXT, **LOCAL),
        boi_token_index=62,
        eoi_token_index=61,
        mm_tokens_per_image=4,
        **SIGLIP_IMAGE,
    ),
    # soft-capped logits, sliding windows, and a prompt that sees all of itself
    "paligemma": dict(
        text_config=dict(
            TEXT, model_type="gemma2", attn_logit_softcapping=3.0, query_pre_attn_scalar=8, **LOCAL
        ),
        projection_dim=32,
        hidden_size=32,
        **SIGLIP_IMAGE,
    ),
    "qwen3_vl": dict(text_config=dict(TEXT, rope_parameters=MROPE), **QWEN),
    "qwen3_vl_moe": dict(
        text_config=dict(
            TEXT, rope_parameters=MROPE, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16
        ),
        **QWEN,
    ),
    # a layer without attention
    "qwen3_5": dict(
        text_config=dict(
            TEXT,
            rope_parameters=dict(MROPE, partial_rotary_factor=1.0),
            layer_types=["linear_attention", "full_attention", "full_attention"],
            linear_num_key_heads=2,
            linear_num_value_heads=2,
            linear_key_head_dim=8,
            linear_value_head_dim=8,
        ),
        **QWEN,
    ),
    # attention sinks
    "llava": dict(
        text_config=dict(
            TEXT,
            model_type="gpt_oss",
            num_local_experts=2,
            num_experts_per_tok=1,
            max_position_embeddings=131072,
            **LOCAL,
        ),
        **SIGLIP_IMAGE,
    ),
}


def build(kind: str, seed: int = 0, **text: Any) -> Any:
    """A random model in float32 whose heads look at something: their logits are a few nats apart."""
    settings = dict(KINDS[kind])
    settings["text_config"] = dict(settings["text_config"], **text)
    config = AutoConfig.for_model(kind, **settings)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        hf = AutoModelForImageTextToText.from_config(config).eval()
        for name, weight in hf.get_decoder().named_parameters():
            if name.endswith(("k_proj.weight", "q_proj.weight", "v_proj.weight", "o_proj.weight")):
                torch.nn.init.normal_(weight, std=1.5 * weight.shape[-1] ** -0.5)
            elif name.endswith(("q_norm.weight", "k_norm.weight")):
                torch.nn.init.constant_(weight, 1.5)
            elif name.endswith("embed_tokens.weight"):
                torch.nn.init.normal_(weight, std=0.3)
        hf.generation_config.eos_token_id = None
        hf.generation_config.pad_token_id = 0
    return hf


def prompt(length: int, start: int, cols: int = 4, seed: int = 0) -> Scene:
    """Random tokens, of which 2 x `cols` from `start` on are declared to be a picture; its halves are two panels."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, 60, (1, length), generator=generator)
    size = cols * CELL, 2 * CELL
    whole = View(0, "whole", 2, cols, Box(0, 0, *size))
    grid = ImageGrid.from_views(length, np.arange(start, start + 2 * cols), [whole], [size])
    half = size[0] / 2
    boxes = Box(0, 0, half, size[1]), Box(half, 0, size[0], size[1])
    return Scene({"input_ids": ids}, torch.arange(length)[None, None], grid, "?", str(seed), boxes)


def inputs(
    hf: Any, scenes: Sequence[Scene], answers: Sequence[Sequence[int]] = (), both_ways: bool = True
) -> dict[str, Tensor]:
    """Prompts side by side, padded on the left, each with the first tokens of its answer behind it if these are given.

    both_ways: let the picture (Gemma 3) or the prompt (PaliGemma) see itself both ways, as these families do.
    """
    longest = max(scene.n_prompt for scene in scenes)
    rows: dict[str, list[Tensor]] = {"input_ids": [], "attention_mask": [], "token_type_ids": []}
    for number, scene in enumerate(scenes):
        said = torch.tensor(list(answers[number]) if answers else [], dtype=torch.long)
        ids = torch.cat([scene.tensors["input_ids"][0], said])
        kinds = torch.zeros_like(ids)
        if hf.config.model_type == "gemma3":
            kinds[torch.tensor(scene.grid.positions)] = 1  # the picture's
        else:
            kinds[scene.n_prompt :] = 1  # the answer's
        for name, row in (
            ("input_ids", ids),
            ("attention_mask", torch.ones_like(ids)),
            ("token_type_ids", kinds),
        ):
            rows[name].append(torch.nn.functional.pad(row, (longest - scene.n_prompt, 0)))
    if hf.config.model_type not in ("gemma3", "paligemma") or not both_ways:
        del rows["token_type_ids"]
    return {name: torch.stack(each) for name, each in rows.items()}

"""How Doodle-VL is built before it is trained: tokenizer, processor, configuration, first weights.

It is a real `Qwen3VLForConditionalGeneration` with a small configuration, so that every line of code that runs on an
8B checkpoint runs on it. A cell (image token) is 16 x 16 pixels: patches of 8 pixels, merged 2 x 2.
"""

import math
import random
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from gazeheads.doodle.lessons import corpus
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import CELL, LETTERS, doodles

PATCH, MERGE = CELL // 2, 2
SPECIAL = {
    "pad_token": "<|endoftext|>",
    "start": "<|im_start|>",
    "eos_token": "<|im_end|>",
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
}
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>{% endif %}"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}"
    "{% if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif c.type == 'text' %}{{ c.text }}"
    "{% endif %}{% endfor %}{% endif %}{% if m.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>{% endif %}"
)
VOCABULARY = 768
SHAPE: dict[str, Any] = {
    "hidden_size": 160,
    "intermediate_size": 448,
    "num_hidden_layers": 8,
    "num_attention_heads": 12,
    "num_key_value_heads": 6,
    "head_dim": 32,
}
VISION: dict[str, Any] = {
    "depth": 3,
    "hidden_size": 128,
    "intermediate_size": 320,
    "num_heads": 4,
    "deepstack_visual_indexes": [1],
    "num_position_embeddings": 24 * 24,
}


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on the lessons.

    Any text can be encoded, and the grammar's words are one token each.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    samples = doodles(500, 0, "train") + doodles(100, 0, "train", panels=8, labels=LETTERS + "0123456789")
    samples += doodles(100, 0, "train", panels=3) + scenes(400, 0, "train")
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(samples, random.Random("tokenizer")), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL["pad_token"],
        eos_token=SPECIAL["eos_token"],
        padding_side="left",
        model_max_length=4096,
    )
    fast.add_special_tokens(
        {"additional_special_tokens": [t for k, t in SPECIAL.items() if not k.endswith("token")]}
    )
    fast.chat_template = TEMPLATE
    return fast


def build_image_processor() -> Qwen2VLImageProcessorPil:
    """The processor of Qwen3-VL at the scale of doodles: at most 24,576 pixels, 96 cells, an image."""
    return Qwen2VLImageProcessorPil(
        patch_size=PATCH,
        merge_size=MERGE,
        temporal_patch_size=2,
        size={"shortest_edge": 4 * CELL * CELL, "longest_edge": 96 * CELL * CELL},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )


def build_config(tokenizer: PreTrainedTokenizerFast, **shape: int) -> Qwen3VLConfig:
    """The configuration; `shape` overrides entries of SHAPE, to compare sizes."""
    index = tokenizer.convert_tokens_to_ids
    return Qwen3VLConfig(
        text_config={
            **SHAPE,
            **shape,
            "vocab_size": VOCABULARY,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1000.0,
                "mrope_section": [6, 5, 5],
                "mrope_interleaved": True,
            },
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={
            **VISION,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
            "out_hidden_size": shape.get("hidden_size", SHAPE["hidden_size"]),
        },
        image_token_id=index(SPECIAL["image"]),
        video_token_id=index(SPECIAL["video"]),
        vision_start_token_id=index(SPECIAL["vision_start"]),
        vision_end_token_id=index(SPECIAL["vision_end"]),
        tie_word_embeddings=True,
    )


def build_model(config: Qwen3VLConfig, seed: int) -> Qwen3VLForConditionalGeneration:
    """First weights. The vision position embedding starts as 2D sines and cosines, which gives position a chance."""
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config)
    table = model.model.visual.pos_embed.weight
    side, width = math.isqrt(len(table)), table.shape[1]
    frequencies = 1.0 / 100 ** (torch.arange(width // 4) / (width // 4))
    angles = torch.arange(side)[:, None] * frequencies
    waves = torch.cat([angles.sin(), angles.cos()], 1)
    rows = waves[:, None].expand(side, side, -1)
    cols = waves[None].expand(side, side, -1)
    with torch.no_grad():
        table.copy_(0.5 * torch.cat([rows, cols], -1).reshape(side * side, width))
    return model

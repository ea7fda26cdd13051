"""Tiny random models and a real processor, built from parts: no download, no torchvision.

`tiny_model()` gives a Qwen3-VL of random weights behind a real `Qwen3VLProcessor`; every head of it attends
to something else, and well away from uniformly (the query and key weights are scaled up), so a law that holds
here is not true by flatness.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedTokenizerFast, Qwen3VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from gazeheads.families.processors import image_only
from gazeheads.model.model import GazeModel
from gazeheads.regions.grid import Box

SPECIALS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class FakeSample:
    """The attributes of `gazeheads.sample.Sample` that the core reads."""

    id: str
    kind: str
    image: Image.Image
    boxes: tuple[Box, ...]
    names: tuple[str, ...] = ()

    def resized(self, height: int, cell: int) -> "FakeSample":
        """A picture that cannot be drawn anew stays as it is."""
        return self


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """256 byte tokens and the special tokens of Qwen: any string can be encoded."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bare = Tokenizer(models.BPE(vocab={char: number for number, char in enumerate(alphabet)}, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token="<pad>", eos_token="<eos>", padding_side="left"
    )
    tokenizer.add_special_tokens({"additional_special_tokens": list(SPECIALS)})
    return tokenizer


def qwen_processor(patch: int = 16, longest: int = 512 * 512) -> Qwen3VLProcessor:
    """A real processor: PIL image processor, 2 x 2 merge, so cells of 2 * patch pixels."""
    images = Qwen2VLImageProcessorPil(
        patch_size=patch,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": 4 * patch**2, "longest_edge": longest},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return image_only(Qwen3VLProcessor)(
        image_processor=images, tokenizer=byte_tokenizer(), video_processor=None, chat_template=CHAT
    )


def tiny_model(
    seed: int = 0, layers: int = 3, heads: int = 4, kv_heads: int = 2, patch: int = 16, sharp: float = 4.0
) -> GazeModel:
    """A random Qwen3-VL in float32; `sharp` multiplies the attention logits."""
    processor = qwen_processor(patch)
    number = processor.tokenizer.convert_tokens_to_ids
    config = AutoConfig.for_model(
        "qwen3_vl",
        text_config=dict(
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            head_dim=16,
            vocab_size=512,
            max_position_embeddings=4096,
            rope_parameters=dict(
                rope_type="default", rope_theta=1e4, mrope_section=[2, 3, 3], mrope_interleaved=True
            ),
        ),
        vision_config=dict(
            depth=2,
            hidden_size=32,
            intermediate_size=48,
            num_heads=2,
            patch_size=patch,
            out_hidden_size=64,
            num_position_embeddings=256,
            deepstack_visual_indexes=[0],
        ),
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        hf = AutoModelForImageTextToText.from_config(config).eval()
        for name, weight in hf.named_parameters():
            if name.endswith(("k_proj.weight", "q_proj.weight", "v_proj.weight", "o_proj.weight")):
                torch.nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)
            elif name.endswith("q_norm.weight"):
                torch.nn.init.constant_(weight, sharp)
            elif "visual" in name and name.endswith("weight") and weight.ndim > 1:
                torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
            elif name.endswith("embed_tokens.weight"):
                torch.nn.init.normal_(weight, std=0.3)
        hf.generation_config.eos_token_id = processor.tokenizer.eos_token_id
        hf.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    return GazeModel(hf, processor, name="tiny")


def noise(width: int = 192, height: int = 32, seed: int = 0) -> Image.Image:
    """A picture of random pixels: every cell looks different."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def strip(panels: int = 3, cell: int = 32, cells: int = 2, seed: int = 0) -> FakeSample:
    """A strip of equal panels of `cells` x `cells` image tokens each, panels aligned to the grid."""
    side = cell * cells
    picture = noise(side * panels, side, seed)
    boxes = tuple(Box(k * side, 0, (k + 1) * side, side) for k in range(panels))
    return FakeSample(
        f"strip-{seed}", "strip", picture, boxes, tuple(f"panel {k + 1}" for k in range(panels))
    )

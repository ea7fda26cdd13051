"""A tiny random model and a real processor for every family, built from parts: no download, no torchvision.

`zoo(name)` gives the `GazeModel` of one family, made once. Names are model types; "pixtral" is LLaVA with a Pixtral
tower, "gemma3_scan" is Gemma 3 with pan-and-scan. Image processors have sizes of 56 px a tile, 14 px a patch, so that
a tile is 4 x 4 patches. Query and key weights are scaled up, so that attention is far from uniform.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.deepseek_vl.image_processing_pil_deepseek_vl import DeepseekVLImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
    LlavaOnevisionImageProcessorPil,
)
from transformers.models.ovis2.image_processing_pil_ovis2 import Ovis2ImageProcessorPil
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

from gazeheads.families import FAMILIES
from gazeheads.families.idefics3 import SMOLVLM
from gazeheads.families.pixtral import pixtral_pictures
from gazeheads.families.processors import image_only
from gazeheads.model import GazeModel

HALF: dict[str, Any] = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3)
TILE = {"height": 56, "width": 56}
PINPOINTS = [[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]]  # height, width of a canvas
QWEN = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
OVIS = ("<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>")
IDEFICS = (
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
    "<global-img>",
    "<video>",
    *(f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)),
)


def tokenizer(
    specials: Sequence[str] = (), named: Mapping[str, str] | None = None
) -> PreTrainedTokenizerFast:
    """256 byte tokens and the special tokens of a family; `named` become attributes, such as `image_token`."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bare = Tokenizer(models.BPE(vocab={char: number for number, char in enumerate(alphabet)}, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=bare,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        padding_side="left",
        extra_special_tokens=dict(named or {}),
    )
    if specials:
        made.add_special_tokens({"additional_special_tokens": list(specials)})
    return made


def chat(picture: str, before: str = "", between: str = "") -> str:
    """A chat template that writes `picture` for each picture."""
    return (
        "{% for message in messages %}{% for part in message['content'] %}{% if part['type'] == 'image' %}"
        + f"{before}{picture}{between}"
        + "{% else %}{{ part['text'] }}{% endif %}{% endfor %}\n{% endfor %}"
        + "{% if add_generation_prompt %}Answer:{% endif %}"
    )


# ------------------------------------------------------------------------------------------------------- processors


def _qwen(name: str, patch: int) -> Any:
    images = Qwen2VLImageProcessorPil(
        patch_size=patch,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": 4 * patch**2, "longest_edge": 512 * 512},
        **HALF,
    )
    return image_only(getattr(transformers, name))(
        image_processor=images,
        tokenizer=tokenizer(QWEN),
        video_processor=None,
        chat_template=chat("<|image_pad|>", "<|vision_start|>", "<|vision_end|>"),
    )


def _glm4v() -> Any:
    images = Glm4vImageProcessorPil(
        patch_size=14,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": 784, "longest_edge": 512 * 512},
        **HALF,
    )
    tokens = ("image", "video", "begin_of_image", "end_of_image", "begin_of_video", "end_of_video")
    return image_only(transformers.Glm4vProcessor)(
        image_processor=images,
        tokenizer=tokenizer([f"<|{token}|>" for token in tokens]),
        video_processor=None,
        chat_template=chat("<|image|>", "<|begin_of_image|>", "<|end_of_image|>"),
    )


def _got(**settings: Any) -> Any:
    return GotOcr2ImageProcessorPil(size=TILE, crop_to_patches=True, min_patches=1, max_patches=12, **HALF)


def _internvl() -> Any:
    return image_only(transformers.InternVLProcessor)(
        image_processor=_got(),
        tokenizer=tokenizer(
            named=dict(
                start_image_token="<img>",
                end_image_token="</img>",
                context_image_token="<IMG_CONTEXT>",
                video_token="<video>",
            )
        ),
        video_processor=None,
        image_seq_length=4,
        chat_template=chat("<IMG_CONTEXT>", between="\n"),
    )


def _aya_vision() -> Any:
    words = [
        "<image>",
        "<|START_OF_IMG|>",
        "<|END_OF_IMG|>",
        "<|IMG_PATCH|>",
        "<|IMG_LINE_BREAK|>",
        "TILE_GLOBAL",
    ]
    return transformers.AyaVisionProcessor(
        image_processor=_got(),
        tokenizer=tokenizer([*words, *(f"TILE_{n}" for n in range(1, 13)), "TILE"]),
        patch_size=14,
        img_size=56,
        downsample_factor=2,
        chat_template=chat("<image>"),
    )


class GotForCohere(GotOcr2ImageProcessorPil):
    """Tiles for cohere2_vision, whose own image processor needs torchvision: another's, in its arrangement."""

    def crop_image_to_patches(
        self, images: Any, min_patches: int, max_patches: int, *args: Any, **kw: Any
    ) -> Any:
        import transformers.models.got_ocr2.image_processing_pil_got_ocr2 as module

        from gazeheads.families.cohere2_vision import arrangement

        own = module.get_optimal_tiled_canvas
        module.get_optimal_tiled_canvas = lambda size, tile, least, most: arrangement(
            (size[1], size[0]), tile[0], most
        )
        try:
            return super().crop_image_to_patches(images, min_patches, max_patches, *args, **kw)
        finally:
            module.get_optimal_tiled_canvas = own


def _cohere2_vision() -> Any:
    words = dict(
        image_token="<|IMG_PATCH|>",
        boi_token="<|START_OF_IMG|>",
        eoi_token="<|END_OF_IMG|>",
        img_line_break_token="<|IMG_LINE_BREAK|>",
    )
    images = GotForCohere(size=TILE, crop_to_patches=True, min_patches=1, max_patches=12, **HALF)
    images.patch_size = 2  # cells along a tile: its name for it
    return transformers.Cohere2VisionProcessor(
        image_processor=images, tokenizer=tokenizer(named=words), chat_template=chat("<|IMG_PATCH|>")
    )


def _deepseek_vl() -> Any:
    return transformers.DeepseekVLProcessor(
        image_processor=DeepseekVLImageProcessorPil(size=TILE, min_size=14, **HALF),
        tokenizer=tokenizer(named=dict(image_token="<image_placeholder>")),
        num_image_tokens=16,
        chat_template=chat("<image_placeholder>", "User: ", "\n"),
    )


def _llava() -> Any:
    return transformers.LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size=TILE, **HALF),
        tokenizer=tokenizer(["<image>"]),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat("<image>", between="\n"),
    )


def _llava_next() -> Any:
    return transformers.LlavaNextProcessor(
        image_processor=LlavaNextImageProcessorPil(
            size={"shortest_edge": 56}, crop_size=TILE, image_grid_pinpoints=PINPOINTS, **HALF
        ),
        tokenizer=tokenizer(["<image>"]),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat("<image>", between="\n"),
    )


def _llava_onevision() -> Any:
    return image_only(transformers.LlavaOnevisionProcessor)(
        image_processor=LlavaOnevisionImageProcessorPil(size=TILE, image_grid_pinpoints=PINPOINTS, **HALF),
        tokenizer=tokenizer(["<image>", "<video>"]),
        video_processor=None,
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_2",  # two tiles' worth of cells, so that larger canvases are shrunk
        chat_template=chat("<image>", between="\n"),
    )


def _ovis2() -> Any:
    return transformers.Ovis2Processor(
        image_processor=Ovis2ImageProcessorPil(
            size=TILE, crop_to_patches=True, min_patches=1, max_patches=9, **HALF
        ),
        tokenizer=tokenizer(["<image>", "<IMG_ATOM>", *OVIS]),
        image_seq_length=4,
        chat_template=chat("<image>", between="\n"),
    )


def _gemma3() -> Any:
    return transformers.Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(
            size=TILE,
            **HALF,
        ),
        tokenizer=tokenizer(
            named=dict(
                boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft_token>"
            )
        ),
        image_seq_length=4,
        chat_template="<bos>" + chat("<start_of_image>"),
    )


def _idefics3() -> Any:
    return transformers.Idefics3Processor(
        image_processor=Idefics3ImageProcessorPil(
            size={"longest_edge": 224}, max_image_size={"longest_edge": 56}, **HALF
        ),
        tokenizer=tokenizer(IDEFICS),
        image_seq_len=4,
        chat_template=chat("<image>", "User:"),
    )


def _smolvlm() -> Any:
    return SMOLVLM.processor()(
        image_processor=SmolVLMImageProcessorPil(
            size={"longest_edge": 224}, max_image_size={"longest_edge": 56}, **HALF
        ),
        tokenizer=tokenizer(IDEFICS),
        video_processor=None,
        image_seq_len=4,
        chat_template=chat("<image>", "User:"),
    )


def _pixtral(merge: int = 1) -> Any:
    return pixtral_pictures()(
        image_processor=PixtralImageProcessorPil(size={"longest_edge": 224}, patch_size=14, **HALF),
        tokenizer=tokenizer(["[IMG]", "[IMG_BREAK]", "[IMG_END]"]),
        patch_size=14,
        spatial_merge_size=merge,
        chat_template=chat("[IMG]"),
    )


def _paligemma() -> Any:
    images = SiglipImageProcessorPil(size=TILE, **HALF)
    images.image_seq_length = 16
    return transformers.PaliGemmaProcessor(
        image_processor=images, tokenizer=tokenizer(["<image>"], dict(image_token="<image>"))
    )


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
            lambda: _qwen("Qwen2VLProcessor", 14),
            qwen(
                text_config=text(rope_parameters=MROPE),
                vision_config=old | dict(embed_dim=32, hidden_size=64),
            ),
        ),
        "qwen2_5_vl": Species(
            "qwen2_5_vl",
            lambda: _qwen("Qwen2_5_VLProcessor", 14),
            qwen(
                text_config=text(rope_parameters=MROPE),
                vision_config=QWEN_TOWER | dict(patch_size=14, window_size=56, fullatt_block_indexes=[1]),
            ),
        ),
        "qwen3_vl": Species(
            "qwen3_vl",
            lambda: _qwen("Qwen3VLProcessor", 16),
            qwen(text_config=text(rope_parameters=interleaved), vision_config=deep),
        ),
        "qwen3_vl_moe": Species(
            "qwen3_vl_moe",
            lambda: _qwen("Qwen3VLProcessor", 16),
            qwen(text_config=text(rope_parameters=interleaved, **experts), vision_config=deep),
        ),
        "qwen3_5": Species(
            "qwen3_5",
            lambda: _qwen("Qwen3VLProcessor", 16),
            qwen(text_config=hybrid, vision_config=QWEN_TOWER | dict(patch_size=16)),
        ),
        "glm4v": Species("glm4v", _glm4v, glm),
        "llava": Species("llava", _llava, index("<image>", **clip_llava)),
        "llava_next": Species(
            "llava_next", _llava_next, index("<image>", image_grid_pinpoints=PINPOINTS, **clip_llava)
        ),
        "llava_onevision": Species(
            "llava_onevision",
            _llava_onevision,
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
            _internvl,
            image(
                "<IMG_CONTEXT>", text_config=text("qwen2"), vision_config=internvl_tower, image_seq_length=4
            ),
        ),
        "gemma3": Species("gemma3", _gemma3, gemma),
        "gemma3_scan": Species(
            "gemma3", _gemma3, gemma, {"do_pan_and_scan": True, "pan_and_scan_min_crop_size": 24}
        ),
        "idefics3": Species(
            "idefics3",
            _idefics3,
            image("<image>", text_config=text("llama"), vision_config=idefics_tower, scale_factor=2),
        ),
        "smolvlm": Species(
            "smolvlm",
            _smolvlm,
            image("<image>", text_config=text("llama"), vision_config=idefics_tower, scale_factor=2),
        ),
        "pixtral": Species(
            "llava",
            _pixtral,
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
            lambda: _pixtral(2),
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
            _paligemma,
            index(
                "<image>",
                text_config=text("gemma"),
                vision_config=SIGLIP | dict(projection_dim=64),
                projection_dim=64,
            ),
        ),
        "aya_vision": Species(
            "aya_vision",
            _aya_vision,
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
            _deepseek_vl,
            image("<image_placeholder>", text_config=text("llama"), vision_config=SIGLIP),
        ),
        "ovis2": Species("ovis2", _ovis2, ovis),
        "cohere2_vision": Species(
            "cohere2_vision",
            _cohere2_vision,
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
            elif weight.ndim > 1:
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

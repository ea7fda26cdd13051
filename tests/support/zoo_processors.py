"""A real processor for every family, built from parts: no download, no torchvision.

Sizes are 56 px a tile and 14 px a patch (16 for Qwen3-VL), so that a tile is 4 x 4 patches.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
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

from gazeheads.families.idefics3 import SMOLVLM
from gazeheads.families.pixtral import pixtral_pictures
from gazeheads.families.processors import image_only

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


def qwen(name: str, patch: int) -> Any:
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


def glm4v() -> Any:
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


def got(**settings: Any) -> Any:
    return GotOcr2ImageProcessorPil(size=TILE, crop_to_patches=True, min_patches=1, max_patches=12, **HALF)


def internvl() -> Any:
    return image_only(transformers.InternVLProcessor)(
        image_processor=got(),
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


def aya_vision() -> Any:
    words = [
        "<image>",
        "<|START_OF_IMG|>",
        "<|END_OF_IMG|>",
        "<|IMG_PATCH|>",
        "<|IMG_LINE_BREAK|>",
        "TILE_GLOBAL",
    ]
    return transformers.AyaVisionProcessor(
        image_processor=got(),
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


def cohere2_vision() -> Any:
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


def deepseek_vl() -> Any:
    return transformers.DeepseekVLProcessor(
        image_processor=DeepseekVLImageProcessorPil(size=TILE, min_size=14, **HALF),
        tokenizer=tokenizer(named=dict(image_token="<image_placeholder>")),
        num_image_tokens=16,
        chat_template=chat("<image_placeholder>", "User: ", "\n"),
    )


def llava() -> Any:
    return transformers.LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size=TILE, **HALF),
        tokenizer=tokenizer(["<image>"]),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat("<image>", between="\n"),
    )


def llava_siglip() -> Any:
    return transformers.LlavaProcessor(
        image_processor=SiglipImageProcessorPil(size=TILE, **HALF),
        tokenizer=tokenizer(["<image>"]),
        patch_size=14,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=chat("<image>", between="\n"),
    )


def llava_next() -> Any:
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


def llava_onevision() -> Any:
    return image_only(transformers.LlavaOnevisionProcessor)(
        image_processor=LlavaOnevisionImageProcessorPil(size=TILE, image_grid_pinpoints=PINPOINTS, **HALF),
        tokenizer=tokenizer(["<image>", "<video>"]),
        video_processor=None,
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_2",  # two tiles' worth of cells, so that larger canvases are shrunk
        chat_template=chat("<image>", between="\n"),
    )


def ovis2() -> Any:
    return transformers.Ovis2Processor(
        image_processor=Ovis2ImageProcessorPil(
            size=TILE, crop_to_patches=True, min_patches=1, max_patches=9, **HALF
        ),
        tokenizer=tokenizer(["<image>", "<IMG_ATOM>", *OVIS]),
        image_seq_length=4,
        chat_template=chat("<image>", between="\n"),
    )


def gemma3() -> Any:
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


def idefics3() -> Any:
    return transformers.Idefics3Processor(
        image_processor=Idefics3ImageProcessorPil(
            size={"longest_edge": 224}, max_image_size={"longest_edge": 56}, **HALF
        ),
        tokenizer=tokenizer(IDEFICS),
        image_seq_len=4,
        chat_template=chat("<image>", "User:"),
    )


def smolvlm() -> Any:
    return SMOLVLM.processor()(
        image_processor=SmolVLMImageProcessorPil(
            size={"longest_edge": 224}, max_image_size={"longest_edge": 56}, **HALF
        ),
        tokenizer=tokenizer(IDEFICS),
        video_processor=None,
        image_seq_len=4,
        chat_template=chat("<image>", "User:"),
    )


def pixtral(merge: int = 1) -> Any:
    return pixtral_pictures()(
        image_processor=PixtralImageProcessorPil(size={"longest_edge": 224}, patch_size=14, **HALF),
        tokenizer=tokenizer(["[IMG]", "[IMG_BREAK]", "[IMG_END]"]),
        patch_size=14,
        spatial_merge_size=merge,
        chat_template=chat("[IMG]"),
    )


def paligemma() -> Any:
    images = SiglipImageProcessorPil(size=TILE, **HALF)
    images.image_seq_length = 16
    return transformers.PaliGemmaProcessor(
        image_processor=images, tokenizer=tokenizer(["<image>"], dict(image_token="<image>"))
    )

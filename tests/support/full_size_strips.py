"""A strip of six panels, 1536 x 256 px, through processors of the size that published checkpoints have.

No checkpoint was at hand: the sizes are those that the one named with each is known for, or the defaults of its class
in transformers 5.23. `STRIPS` says which views the strip must get then.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
import transformers
from transformers import AutoConfig
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
from zoo_families import ZOO
from zoo_processors import GotForCohere

from gazeheads.doctor.receptive_fields import ramps
from gazeheads.families import family
from gazeheads.model.encoding import encode
from gazeheads.model.scene import Scene


def qwen(patch: int, images: Any = Qwen2VLImageProcessorPil) -> Any:
    return images(
        patch_size=patch,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": 4 * (2 * patch) ** 2, "longest_edge": 16384 * (2 * patch) ** 2},
    )


def square(side: int) -> dict[str, int]:
    return {"height": side, "width": side}


PINPOINTS = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]


@dataclass(frozen=True)
class Real:
    """A processor of real size. views: kind, rows, cols, in order. parts: attributes
    that a tiny processor has otherwise; vision, config: entries of the configuration."""

    checkpoint: str
    images: Callable[[], Any]
    views: tuple[tuple[str, int, int], ...]
    parts: Mapping[str, Any]
    vision: Mapping[str, Any]
    config: Mapping[str, Any]


def real(
    checkpoint: str,
    images: Callable[[], Any],
    *views: tuple[str, int, int],
    parts: Mapping[str, Any] | None = None,
    vision: Mapping[str, Any] | None = None,
    **config: Any,
) -> Real:
    return Real(checkpoint, images, views, parts or {}, vision or {}, config)


GRID_OF_384 = [[384 * rows, 384 * cols] for rows in range(1, 7) for cols in range(1, 7)]

STRIPS = {
    "qwen2_vl": real("Qwen/Qwen2-VL-7B-Instruct", lambda: qwen(14), ("whole", 9, 55)),
    "qwen2_5_vl": real("Qwen/Qwen2.5-VL-7B-Instruct", lambda: qwen(14), ("whole", 9, 55)),
    "qwen3_vl": real("Qwen/Qwen3-VL-8B-Instruct", lambda: qwen(16), ("whole", 8, 48)),
    "qwen3_vl_moe": real("Qwen/Qwen3-VL-30B-A3B-Instruct", lambda: qwen(16), ("whole", 8, 48)),
    "qwen3_5": real("Qwen/Qwen3.5-27B", lambda: qwen(16), ("whole", 8, 48)),
    "glm4v": real("zai-org/GLM-4.1V-9B-Thinking", lambda: qwen(14, Glm4vImageProcessorPil), ("whole", 9, 55)),
    "llava": real(
        "llava-hf/llava-1.5-7b-hf",
        lambda: CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size=square(336)),
        ("whole", 24, 24),
    ),
    "llava_siglip": real(
        "llava-hf/llava-interleave-qwen-7b-hf",
        lambda: SiglipImageProcessorPil(size=square(384)),
        ("whole", 27, 27),
    ),
    "llava_next": real(
        "llava-hf/llava-v1.6-vicuna-7b-hf",
        lambda: LlavaNextImageProcessorPil(
            size={"shortest_edge": 336}, crop_size=square(336), image_grid_pinpoints=PINPOINTS
        ),
        ("thumbnail", 24, 24),
        ("tile", 12, 72),
        vision={"image_size": 336},
        image_grid_pinpoints=PINPOINTS,
    ),
    "llava_onevision": real(
        "llava-hf/llava-onevision-qwen2-7b-ov-hf",
        lambda: LlavaOnevisionImageProcessorPil(size=square(384), image_grid_pinpoints=GRID_OF_384),
        ("thumbnail", 27, 27),
        ("tile", 19, 108),
        parts={"num_image_tokens": 729, "vision_aspect_ratio": "anyres_max_9"},
        vision={"image_size": 384},
        image_grid_pinpoints=GRID_OF_384,
        vision_aspect_ratio="anyres_max_9",
    ),
    "internvl": real(
        "OpenGVLab/InternVL3_5-8B-HF",
        lambda: GotOcr2ImageProcessorPil(
            size=square(448), crop_to_patches=True, min_patches=1, max_patches=12
        ),
        *[("tile", 16, 16)] * 6,
        ("thumbnail", 16, 16),
        parts={"image_seq_length": 256},
    ),
    "gemma3": real(
        "google/gemma-3-4b-it",
        lambda: Gemma3ImageProcessorPil(size=square(896)),
        ("whole", 16, 16),
        parts={"image_seq_length": 256},
    ),
    "gemma3_scan": real(
        "google/gemma-3-4b-it",
        lambda: Gemma3ImageProcessorPil(size=square(896)),
        ("thumbnail", 16, 16),
        *[("tile", 16, 16)] * 4,
        parts={"image_seq_length": 256},
    ),
    "idefics3": real(
        "HuggingFaceM4/Idefics3-8B-Llama3",
        lambda: Idefics3ImageProcessorPil(size={"longest_edge": 1456}, max_image_size={"longest_edge": 364}),
        *[("tile", 13, 13)] * 4,
        ("thumbnail", 13, 13),
        parts={"image_seq_len": 169},
    ),
    "smolvlm": real(
        "HuggingFaceTB/SmolVLM2-500M-Video-Instruct",
        lambda: SmolVLMImageProcessorPil(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}),
        *[("tile", 8, 8)] * 4,
        ("thumbnail", 8, 8),
        parts={"image_seq_len": 64},
    ),
    "pixtral": real(
        "mistral-community/pixtral-12b",
        lambda: PixtralImageProcessorPil(size={"longest_edge": 1024}, patch_size=16),
        ("whole", 11, 64),
        parts={"patch_size": 16},
    ),
    "mistral3": real(
        "mistralai/Mistral-Small-3.1-24B-Instruct-2503",
        lambda: PixtralImageProcessorPil(size={"longest_edge": 1540}, patch_size=14),
        ("whole", 10, 55),
    ),
    "paligemma": real(
        "google/paligemma-3b-pt-224",
        lambda: SiglipImageProcessorPil(size=square(224)),
        ("whole", 16, 16),
        parts={"image_seq_length": 256},
    ),
    "aya_vision": real(
        "CohereForAI/aya-vision-8b",
        lambda: GotOcr2ImageProcessorPil(
            size=square(364), crop_to_patches=True, min_patches=1, max_patches=12
        ),
        *[("tile", 13, 13)] * 6,
        ("thumbnail", 13, 13),
        parts={"img_size": 364},
    ),
    "ovis2": real(
        "thisisiron/Ovis2-1B-hf",
        lambda: Ovis2ImageProcessorPil(size=square(448), crop_to_patches=True, min_patches=1, max_patches=9),
        ("thumbnail", 16, 16),
        *[("tile", 16, 16)] * 6,
        parts={"image_seq_length": 256},
    ),
    "cohere2_vision": real(
        "CohereLabs/command-a-vision-07-2025",
        lambda: GotForCohere(size=square(512), crop_to_patches=True, min_patches=1, max_patches=12),
        *[("tile", 16, 16)] * 3,
        ("thumbnail", 16, 16),
        parts={"patch_size": 16},
    ),
    "deepseek_vl": real(
        "deepseek-community/deepseek-vl-1.3b-chat",
        lambda: DeepseekVLImageProcessorPil(size=square(384), min_size=14),
        ("whole", 24, 24),
        parts={"num_image_tokens": 576},
    ),
}


class _NoModel:
    """What `encode` asks of a model, where there is none."""

    def __init__(self, config: Any) -> None:
        self.config, self.device, self.dtype, self.model = (
            config,
            torch.device("cpu"),
            torch.float32,
            self,
        )

    def get_rope_index(self, input_ids: Any, **_: Any) -> tuple[Any, None]:
        """Positions on three axes, of no meaning."""
        return torch.arange(input_ids.shape[1]).expand(3, 1, -1), None


def real_scene(name: str) -> Scene:
    """The strip as the processor of that family, in its real size, encodes it; every panel is 256 px wide."""
    told, species = STRIPS[name], ZOO[name]
    processor = species.processor()
    if hasattr(processor, "full_image_sequence"):  # Gemma 3 writes it when it is made
        processor = transformers.Gemma3Processor(
            told.images(), processor.tokenizer, image_seq_length=256, chat_template=processor.chat_template
        )
    processor.image_processor = told.images()
    for part, value in told.parts.items():
        setattr(processor, part, value)
    known = species.config(processor.tokenizer.convert_tokens_to_ids) | told.config
    vision = {**known["vision_config"], **told.vision}
    config = AutoConfig.for_model(species.model_type, **known | {"vision_config": vision})
    settings = {key: value for key, value in species.settings.items() if key == "do_pan_and_scan"}
    model: Any = SimpleNamespace(hf=_NoModel(config), processor=processor, family=family(config), origin=None)
    return encode(model, ramps((1536, 256)), "What?", None, (), settings)

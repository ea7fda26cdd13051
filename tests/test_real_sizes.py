"""Published sizes, without weights: models on the meta device, and a six-panel strip through processors of real size.

The numbers are those of config.json and preprocessor_config.json of the checkpoint named with each entry; what those
leave out are the defaults of transformers 5.23. Parameters, in billions, are what the hub shows for the checkpoint's
safetensors files: a wrong number anywhere else would move them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoConfig, AutoModelForImageTextToText
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.ovis2.image_processing_pil_ovis2 import Ovis2ImageProcessorPil
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from conformance import ramps
from gazeheads.attention import attached
from gazeheads.encoding import encode
from gazeheads.families import family
from gazeheads.heads import Heads
from gazeheads.model import GazeModel
from zoo_families import ZOO, zoo

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

# ------------------------------------------------------------------------------------------------ sizes of models


def qwen3_vl(
    layers: int, heads: int, hidden: int, inner: int, tower: int, tied: bool = False
) -> dict[str, Any]:
    small = dict(depth=24, hidden_size=1024, intermediate_size=4096, deepstack_visual_indexes=[5, 11, 17])
    large = dict(depth=27, hidden_size=1152, intermediate_size=4304, deepstack_visual_indexes=[8, 16, 24])
    return dict(
        text_config=dict(
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=8,
            head_dim=128,
            hidden_size=hidden,
            intermediate_size=inner,
            vocab_size=151936,
            tie_word_embeddings=tied,
            rope_parameters=dict(
                rope_type="default", rope_theta=5e6, mrope_section=[24, 20, 20], mrope_interleaved=True
            ),
        ),
        vision_config=(small if tower == 24 else large)
        | dict(num_heads=16, patch_size=16, out_hidden_size=hidden),
        tie_word_embeddings=tied,
    )


CLIP_336 = dict(
    model_type="clip_vision_model",
    hidden_size=1024,
    intermediate_size=4096,
    num_hidden_layers=24,
    num_attention_heads=16,
    image_size=336,
    patch_size=14,
    projection_dim=768,
)


def llava(layers: int, heads: int, hidden: int, inner: int) -> dict[str, Any]:
    return dict(
        text_config=dict(
            model_type="llama",
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            hidden_size=hidden,
            intermediate_size=inner,
            vocab_size=32064,
        ),
        vision_config=CLIP_336,
    )


@dataclass(frozen=True)
class Published:
    """One checkpoint. groups: heads that share keys and values."""

    model_type: str
    config: Mapping[str, Any]
    layers: int
    heads: int
    groups: int
    parameters: float  # billions


PUBLISHED = {
    "Qwen/Qwen3-VL-2B-Instruct": Published(
        "qwen3_vl", qwen3_vl(28, 16, 2048, 6144, 24, tied=True), 28, 16, 8, 2.13
    ),
    "Qwen/Qwen3-VL-4B-Instruct": Published(
        "qwen3_vl", qwen3_vl(36, 32, 2560, 9728, 24, tied=True), 36, 32, 8, 4.44
    ),
    "Qwen/Qwen3-VL-8B-Instruct": Published("qwen3_vl", qwen3_vl(36, 32, 4096, 12288, 27), 36, 32, 8, 8.77),
    "Qwen/Qwen3-VL-32B-Instruct": Published("qwen3_vl", qwen3_vl(64, 64, 5120, 25600, 27), 64, 64, 8, 33.4),
    "Qwen/Qwen2-VL-7B-Instruct": Published(
        "qwen2_vl",
        dict(
            text_config=dict(
                num_hidden_layers=28,
                num_attention_heads=28,
                num_key_value_heads=4,
                hidden_size=3584,
                intermediate_size=18944,
                vocab_size=152064,
                rope_parameters=dict(rope_type="default", rope_theta=1e6, mrope_section=[16, 24, 24]),
            ),
            vision_config=dict(
                depth=32, embed_dim=1280, hidden_size=3584, num_heads=16, mlp_ratio=4, patch_size=14
            ),
            tie_word_embeddings=False,
        ),
        28,
        28,
        4,
        8.29,
    ),
    "OpenGVLab/InternVL3_5-8B-HF": Published(
        "internvl",
        dict(
            text_config=dict(
                model_type="qwen3",
                num_hidden_layers=36,
                num_attention_heads=32,
                num_key_value_heads=8,
                head_dim=128,
                hidden_size=4096,
                intermediate_size=12288,
                vocab_size=151936,
                tie_word_embeddings=False,
            ),
            tie_word_embeddings=False,
            vision_config=dict(
                hidden_size=1024,
                intermediate_size=4096,
                num_hidden_layers=24,
                num_attention_heads=16,
                image_size=[448, 448],
                patch_size=[14, 14],
            ),
        ),
        36,
        32,
        8,
        8.53,
    ),
    "llava-hf/llava-1.5-7b-hf": Published("llava", llava(32, 32, 4096, 11008), 32, 32, 32, 7.06),
    "llava-hf/llava-1.5-13b-hf": Published("llava", llava(40, 40, 5120, 13824), 40, 40, 40, 13.35),
    "llava-hf/llava-v1.6-vicuna-7b-hf": Published("llava_next", llava(32, 32, 4096, 11008), 32, 32, 32, 7.06),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_have_their_heads_in_reach(name: str) -> None:
    told = PUBLISHED[name]
    config = AutoConfig.for_model(told.model_type, **told.config)
    with torch.device("meta"):
        hf = AutoModelForImageTextToText.from_config(config)
    model = GazeModel(hf, zoo(told.model_type).processor, name)
    assert (model.n_layers, model.n_heads) == (told.layers, told.heads)
    assert config.get_text_config().num_key_value_heads == told.groups
    assert sum(weight.numel() for weight in hf.parameters()) / 1e9 == pytest.approx(
        told.parameters, rel=0.004
    )
    with attached(hf):
        assert config.get_text_config()._attn_implementation == "gazeheads"
        assert config.vision_config._attn_implementation == "sdpa"
    layers = hf.get_decoder().layers
    assert sum(hasattr(layer, "self_attn") for layer in layers) == told.layers
    share = Heads.of(["L0H0"], name, told.layers, told.heads).all()
    assert len(share) == told.layers * told.heads


# ------------------------------------------------------------------------------------------------- sizes of pictures


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
    """A processor of real size. parts: attributes that a tiny one has otherwise. views: kind, rows, cols, in order."""

    family: str
    images: Callable[[], Any]
    views: tuple[tuple[str, int, int], ...]
    parts: Mapping[str, Any]
    vision: Mapping[str, Any]
    text: Mapping[str, Any]


def real(
    name: str,
    images: Callable[[], Any],
    *views: tuple[str, int, int],
    parts: Mapping[str, Any] | None = None,
    **config: Any,
) -> Real:
    return Real(name, images, views, parts or {}, config.pop("vision", {}), config)


STRIPS = {
    "Qwen3-VL": real("qwen3_vl", lambda: qwen(16), ("whole", 8, 48)),
    "Qwen2-VL": real("qwen2_vl", lambda: qwen(14), ("whole", 9, 55)),
    "Qwen2.5-VL": real("qwen2_5_vl", lambda: qwen(14), ("whole", 9, 55)),
    "GLM-4V": real("glm4v", lambda: qwen(14, Glm4vImageProcessorPil), ("whole", 9, 55)),
    "InternVL3.5": real(
        "internvl",
        lambda: GotOcr2ImageProcessorPil(
            size=square(448), crop_to_patches=True, min_patches=1, max_patches=12
        ),
        *[("tile", 16, 16)] * 6,
        ("thumbnail", 16, 16),
        parts={"image_seq_length": 256},
    ),
    "LLaVA-1.5": real(
        "llava",
        lambda: CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size=square(336)),
        ("whole", 24, 24),
    ),
    "LLaVA-NeXT": real(
        "llava_next",
        lambda: LlavaNextImageProcessorPil(
            size={"shortest_edge": 336}, crop_size=square(336), image_grid_pinpoints=PINPOINTS
        ),
        ("thumbnail", 24, 24),
        ("tile", 12, 72),
        vision={"image_size": 336},
        image_grid_pinpoints=PINPOINTS,
    ),
    "Gemma 3": real(
        "gemma3",
        lambda: Gemma3ImageProcessorPil(size=square(896)),
        ("whole", 16, 16),
        parts={"image_seq_length": 256},
    ),
    "Gemma 3, pan-and-scan": real(
        "gemma3_scan",
        lambda: Gemma3ImageProcessorPil(size=square(896)),
        ("thumbnail", 16, 16),
        *[("tile", 16, 16)] * 4,
        parts={"image_seq_length": 256},
    ),
    "Idefics3": real(
        "idefics3",
        lambda: Idefics3ImageProcessorPil(size={"longest_edge": 1456}, max_image_size={"longest_edge": 364}),
        *[("tile", 13, 13)] * 4,
        ("thumbnail", 13, 13),
        parts={"image_seq_len": 169},
    ),
    "Pixtral": real(
        "pixtral",
        lambda: PixtralImageProcessorPil(size={"longest_edge": 1024}, patch_size=16),
        ("whole", 11, 64),
        parts={"patch_size": 16},
    ),
    "Ovis2": real(
        "ovis2",
        lambda: Ovis2ImageProcessorPil(size=square(448), crop_to_patches=True, min_patches=1, max_patches=9),
        ("thumbnail", 16, 16),
        *[("tile", 16, 16)] * 6,
        parts={"image_seq_length": 256},
    ),
}


class _NoPositions:
    """What `encode` asks of a model: here there is none."""

    def __init__(self, config: Any) -> None:
        self.config, self.device, self.dtype, self.model = (
            config,
            torch.device("cpu"),
            torch.float32,
            object(),
        )


@pytest.mark.parametrize("name", STRIPS)
def test_a_strip_of_six_panels_gets_its_grid(name: str) -> None:
    told = STRIPS[name]
    processor = ZOO[told.family].processor()
    if hasattr(processor, "full_image_sequence"):  # Gemma 3 writes it when it is made
        images, tokens = told.images(), processor.tokenizer
        processor = transformers.Gemma3Processor(
            images, tokens, image_seq_length=256, chat_template=processor.chat_template
        )
    processor.image_processor = told.images()
    for part, value in told.parts.items():
        setattr(processor, part, value)
    number = processor.tokenizer.convert_tokens_to_ids
    known = ZOO[told.family].config(number) | told.text
    config = AutoConfig.for_model(
        ZOO[told.family].model_type, **known | {"vision_config": dict(known["vision_config"]) | told.vision}
    )
    settings = {"do_pan_and_scan": True} if told.family == "gemma3_scan" else {}
    scene = encode(
        _NoPositions(config), processor, family(config), ramps((1536, 256)), "What?", None, (), settings
    )
    views = [(view.kind, view.rows, view.cols) for view in scene.grid.views]
    assert views == list(told.views)
    assert scene.seen[0].share == pytest.approx(1)
    panels = [scene.box(256 * k, 0, 256 * (k + 1), 256, views="detail").weights.sum() for k in range(6)]
    assert panels == pytest.approx(
        [sum(r * c for kind, r, c in views if kind != "thumbnail") / 6] * 6, rel=0.02
    )

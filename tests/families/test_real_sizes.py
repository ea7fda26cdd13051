"""Published sizes, without weights: models on the meta device, and a strip through processors of real size.

No checkpoint was at hand. The numbers are those of its config.json as published; what that leaves out are the
defaults of transformers 5.23. The number of parameters, in billions, is published too, and a wrong number anywhere
else would move it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from families_shared import IGNORED
from full_size_strips import STRIPS, real_scene
from transformers import AutoConfig, AutoModelForImageTextToText
from zoo_families import ZOO, zoo

from gazeheads.attention.seam import attached
from gazeheads.errors import WrongModel
from gazeheads.heads.heads import Heads, belong
from gazeheads.model.model import GazeModel

pytestmark = IGNORED

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
    theirs = Heads.of(["L20H9"], "another", told.layers + 8, told.heads)  # found on a deeper model
    with pytest.raises(WrongModel, match=f"this one has {told.layers} layers x {told.heads} heads"):
        belong(theirs.heads, theirs.shape, model.n_layers, model.n_heads, "steered")


# ------------------------------------------------------------------------------------------------- sizes of images


@pytest.mark.parametrize("name", STRIPS)
def test_a_strip_of_six_panels_gets_its_grid(name: str) -> None:
    scene = real_scene(name)
    views = [(view.kind, view.rows, view.cols) for view in scene.grid.views]
    assert views == list(STRIPS[name].views)
    assert scene.seen[0].share == pytest.approx(1)
    detail = (
        np.array([view.kind != "thumbnail" for view in scene.grid.views])[scene.grid.view_of]
        & scene.grid.inside
    )
    panels = [scene.box(256 * k, 0, 256 * (k + 1), 256, views="detail").weights.sum() for k in range(6)]
    assert panels == pytest.approx([detail.sum() / 6] * 6, rel=0.02)


def test_every_family_has_its_strip() -> None:
    assert set(STRIPS) == set(ZOO)

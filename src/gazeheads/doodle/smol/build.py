"""How smol-doodle is built before it is trained: a tower of its own before a language model that exists.

It is a real `Mistral3ForConditionalGeneration` (a Pixtral tower, its cells merged 2 x 2) whose language model is
SmolLM2. A cell (image token) is 16 x 16 pixels; each row of cells ends with a token of its own, as Pixtral's do.
Tokens for that are among those which the tokenizer has and text never uses.
"""

import copy
from typing import Any

import torch
from torch import Tensor
from transformers import Mistral3Config, Mistral3ForConditionalGeneration
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

from gazeheads.drawing.strips import CELL

PATCH, MERGE = CELL // 2, 2
LONGEST = 1024  # side of a picture, pixels: more cells than the model ever saw, but no crash
IMAGE, BREAK, END = "<issue_start>", "<issue_comment>", "<issue_closed>"  # of the tokenizer's own
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}"
    "{% if c.type == 'image' %}" + IMAGE + "\n{% elif c.type == 'text' %}{{ c.text }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VISION: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 5,
    "num_attention_heads": 6,
    "patch_size": PATCH,
    "image_size": LONGEST,
    "hidden_act": "silu",
    "rope_parameters": {"rope_type": "axial", "rope_theta": 100.0},
}


def build_config(text: Any, tokenizer: Any, **vision: Any) -> Mistral3Config:
    """The configuration around a text model's; `vision` overrides entries of VISION, for tests."""
    return Mistral3Config(
        text_config=copy.deepcopy(text),  # it would lose its attention implementation otherwise
        vision_config={"model_type": "pixtral", **VISION, **vision},
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        spatial_merge_size=MERGE,
        vision_feature_layer=-1,
        multimodal_projector_bias=True,
        projector_hidden_act="gelu",
        tie_word_embeddings=True,
    )


def build_processor(tokenizer: Any) -> Any:
    """The processor: pictures as they are, in whole cells; the chat template without a system message."""
    from gazeheads.families.pixtral import FAMILY

    return FAMILY.processor()(
        image_processor=PixtralImageProcessorPil(
            size={"longest_edge": LONGEST},
            patch_size=PATCH,
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
        ),
        tokenizer=tokenizer,
        patch_size=PATCH,
        spatial_merge_size=MERGE,
        image_token=IMAGE,
        image_break_token=BREAK,
        image_end_token=END,
        chat_template=TEMPLATE,
    )


def build_eyes(config: Mistral3Config, seed: int, spread: float) -> tuple[Any, Any]:
    """First weights of tower and projector. spread: standard deviation of the text embeddings, to begin at."""
    from transformers import AutoModel
    from transformers.models.mistral3.modeling_mistral3 import Mistral3MultiModalProjector

    torch.manual_seed(seed)
    tower = AutoModel.from_config(config.vision_config, attn_implementation="sdpa")
    projector = Mistral3MultiModalProjector(config)
    with torch.no_grad():
        torch.nn.init.normal_(projector.linear_1.weight, std=config.vision_config.hidden_size**-0.5)
        torch.nn.init.normal_(
            projector.linear_2.weight, std=1.5 * spread * config.text_config.hidden_size**-0.5
        )
        torch.nn.init.normal_(
            projector.patch_merger.merging_layer.weight, std=(config.vision_config.hidden_size * 4) ** -0.5
        )
        torch.nn.init.normal_(tower.patch_conv.weight, std=(3 * PATCH * PATCH) ** -0.5)
    return tower, projector


def see(tower: Any, projector: Any, pixels: Tensor) -> Tensor:
    """What the language model gets of pictures of one size: (picture, cell, width). pixels: -1..1.

    As `Mistral3Model.get_image_features`, which would lay all pictures into one long row.
    """
    count, _, height, width = pixels.shape
    rows, cols = height // PATCH, width // PATCH
    patches = tower.patch_conv(pixels).flatten(2).transpose(1, 2)
    places = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(cols), indexing="ij"), -1)
    places = places.reshape(-1, 2).to(pixels.device)
    patches = tower.ln_pre(patches)
    turns = tower.patch_positional_embedding(patches, places)
    hidden = tower.transformer(patches, attention_mask=None, position_embeddings=turns).last_hidden_state
    sizes = torch.tensor([[height, width]] * count)
    cells: Tensor = projector(hidden.reshape(-1, hidden.shape[-1]), sizes)
    return cells.reshape(count, (rows // MERGE) * (cols // MERGE), -1)


def assemble(
    config: Mistral3Config, text: Any, tower: Any, projector: Any
) -> Mistral3ForConditionalGeneration:
    """The parts as one model; they are used as they are, not copied."""
    with torch.device("meta"):
        model = Mistral3ForConditionalGeneration(config)
    model.model.vision_tower = tower
    model.model.multi_modal_projector = projector
    model.model.language_model = text.model
    model.lm_head = text.lm_head
    model.set_attn_implementation("sdpa")
    return model.eval()

"""Idefics 3 and SmolVLM: the image is stretched to whole tiles; the tiles come row by row, the whole image last.

Each tile is named in the prompt, `<row_1_col_2>`, so the prompt itself says how an image was tiled (transformers
5.23, checked by pixel gradients).
"""

import math
import re
from typing import Any

from gazeheads.errors import ModelError
from gazeheads.families import Family, Processed, image_positions
from gazeheads.families.processors import ImageOnly, named
from gazeheads.families.tiles import tiled
from gazeheads.regions.grid import View

TILE = re.compile(r"<row_(\d+)_col_(\d+)>")


def _views(made: Processed) -> list[View]:
    side = math.isqrt(made.processor.image_seq_len)
    views: list[View] = []
    last = (0, 0)  # rows and columns seen of the image under way
    image = 0
    for name in _names(made, side * side):
        tile = TILE.fullmatch(name)
        if tile:
            last = int(tile[1]), int(tile[2])
            continue
        if image == len(made.sizes):
            raise ModelError(
                f"{image} images were given, but the prompt holds more. Leave out image placeholders."
            )
        views += tiled(image, made.sizes[image], side, *(last if last != (0, 0) else (1, 1)), first=False)
        image, last = image + 1, (0, 0)
    return views


def _names(made: Processed, tokens: int) -> list[str]:
    """What stands before each block of image tokens: the tile's name, or that of the whole image."""
    ids = made.inputs["input_ids"]
    starts = image_positions(ids, made.config.image_token_id)[::tokens].tolist()
    names: list[str] = made.processor.tokenizer.convert_ids_to_tokens(
        ids[0, [start - 1 for start in starts]].tolist()
    )
    return names


def _smolvlm() -> type[Any]:
    import transformers.models.smolvlm.processing_smolvlm as module
    from transformers import ProcessorMixin

    if getattr(module, "num2words", None) is None:
        module.num2words = str  # it writes the times of video frames, which are not used here

    class SmolVLMProcessor(ImageOnly, module.SmolVLMProcessor):  # type: ignore[misc]
        def __init__(
            self,
            image_processor: Any,
            tokenizer: Any,
            video_processor: Any = None,  # without a default in the class itself
            image_seq_len: int = 169,
            chat_template: str | None = None,
            **settings: Any,
        ) -> None:
            super().__init__(
                image_processor, tokenizer, video_processor, image_seq_len, chat_template, **settings
            )

        def apply_chat_template(self, *conversation: Any, **settings: Any) -> Any:
            """As all processors do it: its own asks the video processor for its frames first."""
            return ProcessorMixin.apply_chat_template(self, *conversation, **settings)

    return SmolVLMProcessor


FAMILY = Family(processor=named("Idefics3Processor"), views=_views)
SMOLVLM = Family(processor=_smolvlm, views=_views)

"""Pixtral and Mistral 3: one grid over the whole image, in proportion; each row ends with a token of its own.

`PixtralProcessor` cannot even be imported without torchvision. Where it is missing, `PixtralPictures` stands in: the
same tokens, made with the PIL image processor (transformers 5.23, checked by pixel gradients).
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from gazeheads.families import Family, Processed
from gazeheads.regions.grid import Box, View


def _views(made: Processed) -> list[View]:
    cell = made.processor.patch_size * made.processor.spatial_merge_size
    sizes = made.inputs["image_sizes"].tolist()
    return [
        View(image, "whole", rows // cell, cols // cell, Box(0, 0, width, height))
        for image, ((rows, cols), (width, height)) in enumerate(zip(sizes, made.sizes, strict=True))
    ]


def _processor() -> type[Any]:
    if find_spec("torchvision") is None:
        return pixtral_pictures()
    from transformers import PixtralProcessor

    found: type[Any] = PixtralProcessor
    return found


def pixtral_pictures() -> type[Any]:
    """A `PixtralProcessor` that needs no torchvision."""
    from transformers import ProcessorMixin

    class PixtralProcessor(ProcessorMixin):  # type: ignore[misc]
        def __init__(
            self,
            image_processor: Any = None,
            tokenizer: Any = None,
            patch_size: int = 16,
            spatial_merge_size: int = 1,
            chat_template: str | None = None,
            image_token: str = "[IMG]",
            image_break_token: str = "[IMG_BREAK]",
            image_end_token: str = "[IMG_END]",
            **_: Any,
        ) -> None:
            super().__init__(image_processor, tokenizer, chat_template=chat_template)
            self.patch_size, self.spatial_merge_size = patch_size, spatial_merge_size
            self.image_token, self.image_break_token, self.image_end_token = (
                image_token,
                image_break_token,
                image_end_token,
            )
            self.image_token_id = tokenizer.convert_tokens_to_ids(image_token)

        def _process_images(self, images: Any, **settings: Any) -> Any:
            settings["patch_size"] = self.patch_size * self.spatial_merge_size
            return super()._process_images(images, **settings)

        def replace_image_token(self, image_inputs: Mapping[str, Any], image_idx: int, **_: Any) -> str:
            cell = self.patch_size * self.spatial_merge_size
            height, width = (int(side) // cell for side in image_inputs["image_sizes"][image_idx])
            return self.image_break_token.join([self.image_token * width] * height) + self.image_end_token

        @property
        def model_input_names(self) -> list[str]:
            return [
                *self.tokenizer.model_input_names,
                *self.image_processor.model_input_names,
                "image_sizes",
            ]

    return PixtralProcessor


FAMILY = Family(processor=_processor, views=_views)

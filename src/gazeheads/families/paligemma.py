"""PaliGemma: one square grid over the whole image, which is squashed to the square.

The prompt has no chat template: the images, then the question. All of it sees all of it, so what the image tokens
hold depends on the question, and no prefix can be shared. Positions count from 1 (transformers 5.23, checked by pixel
gradients).
"""

import math
from typing import Any

from gazeheads.families import Family, Processed
from gazeheads.families.processors import named
from gazeheads.regions.grid import Box, View


def squashed(made: Processed) -> list[View]:
    """One square grid for each image, over all of it."""
    side = math.isqrt(made.n_image_tokens // len(made.sizes))
    return [
        View(image, "whole", side, side, Box(0, 0, width, height))
        for image, (width, height) in enumerate(made.sizes)
    ]


def _prompt(processor: Any, n_pictures: int, question: str) -> str:
    return "<image>" * n_pictures + question


FAMILY = Family(
    processor=named("PaliGemmaProcessor"), views=squashed, prompt=_prompt, first_position=1, sees_ahead=True
)

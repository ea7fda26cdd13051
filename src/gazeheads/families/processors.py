"""Processors without their video part: a processor class that demands one would need torchvision for it."""

from typing import Any


class ImageOnly:
    """Put before a processor class: no video sub-processor."""

    @classmethod
    def get_attributes(cls) -> list[str]:
        """The sub-processors of the class, without the one for videos."""
        return [name for name in super().get_attributes() if name != "video_processor"]  # type: ignore[misc]


def image_only(processor: type[Any]) -> type[Any]:
    """The same processor class under the same name, for pictures and text only."""
    return type(processor.__name__, (ImageOnly, processor), {})

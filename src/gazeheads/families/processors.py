"""Processors without their video part: a processor class that demands one would need torchvision for it."""

from collections.abc import Callable
from typing import Any


class ImageOnly:
    """Put before a processor class: no video sub-processor."""

    @classmethod
    def get_attributes(cls) -> list[str]:
        """The sub-processors of the class, without the one for videos."""
        return [name for name in super().get_attributes() if name != "video_processor"]  # type: ignore[misc]


def image_only(processor: type[Any]) -> type[Any]:
    """The same processor class under the same name, for images and text only."""
    return type(processor.__name__, (ImageOnly, processor), {})


def named(name: str, takes_videos: bool = False) -> Callable[[], type[Any]]:
    """The class of that name in transformers, imported when it is asked for, for images and text only."""

    def processor() -> type[Any]:
        import transformers

        found: type[Any] = getattr(transformers, name)
        return image_only(found) if takes_videos else found

    return processor

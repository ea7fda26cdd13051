"""How much one visitor may ask for, and how many may be there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What the server gives at most.

    visitors: at once, open pages and running requests together. upload_bytes, upload_pixels: of an image file. side:
    pixels of the longer side of an image as it is used; a larger one is made smaller, and the page says so.
    prompt: characters. tokens: of one answer. seconds: of one answer, waiting for its turns and its pace included.
    idle_seconds: until a page that asks for nothing is let go. shelf_bytes: for prompts that were run. outbox_bytes:
    about what a page may leave unread. patience: seconds until a message must have gone out.
    """

    visitors: int = 64
    upload_bytes: int = 8_000_000
    upload_pixels: int = 24_000_000
    side: int = 1024
    prompt: int = 500
    tokens: int = 160
    seconds: float = 240.0
    idle_seconds: float = 1800.0
    shelf_bytes: int = 512_000_000
    outbox_bytes: int = 32_000_000
    patience: float = 20.0

    @property
    def message_bytes(self) -> int:
        """Of one message or request body: an upload in base 64, and room for the rest."""
        return self.upload_bytes * 4 // 3 + 100_000

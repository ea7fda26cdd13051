"""The messages between page and server. What is not understood is refused, with the place where it went wrong.

Places on an image are shares of it: x of its width, y of its height, from the upper left corner, 0 to 1. A radius is
a share of the height.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from gazeheads.gaze.push import PUSHES

Share = Annotated[float, Field(ge=0, le=1)]
LONGEST = 300  # characters of a complaint
SAMPLE = r"^(strip|short|grid|scene)-(0|[1-9][0-9]{0,5})$"


class Message(BaseModel):
    """Typed, whole, and no more than what is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AtPanel(Message):
    """A panel or object of the image, counted from 0."""

    kind: Literal["panel"]
    index: int = Field(ge=0, le=63)


class AtBox(Message):
    """A box: left, top, right, bottom."""

    kind: Literal["box"]
    x0: Share
    y0: Share
    x1: Share
    y1: Share


class AtSpot(Message):
    """A disc."""

    kind: Literal["spot"]
    x: Annotated[float, Field(ge=0, lt=1)]
    y: Annotated[float, Field(ge=0, lt=1)]
    radius: float = Field(gt=0, le=2)


class AtMask(Message):
    """A painted area: `rows` x `cols` bits over the whole image, row by row, first bit highest, in base 64."""

    kind: Literal["mask"]
    rows: int = Field(ge=1, le=128)
    cols: int = Field(ge=1, le=256)
    bits: str = Field(max_length=5600)

    @model_validator(mode="after")
    def _whole(self) -> "AtMask":
        try:
            found = len(base64.b64decode(self.bits, validate=True))
        except binascii.Error as error:
            raise ValueError("bits: this is no base 64") from error
        if found != (self.rows * self.cols + 7) // 8:
            raise ValueError(
                f"bits: {self.rows} x {self.cols} need {(self.rows * self.cols + 7) // 8} bytes, not {found}"
            )
        return self


Target = Annotated[AtPanel | AtBox | AtSpot | AtMask, Field(discriminator="kind")]


class Stop(Message):
    """From token `token` on (0 is the first) look at the target; none: freely. id: what the log calls it."""

    token: int = Field(ge=0, le=100_000)
    target: Target | None
    id: int = Field(default=0, ge=0, le=1_000_000)


class Manner(Message):
    """Which heads are steered, how hard, and which are watched.

    heads: the gaze heads, as many others drawn at random (layer by layer as many; `draw` is the seed), or all. k: how
    many gaze heads; none: as many as were chosen on dev samples. mode: a push
    of `gazeheads.gaze.push`. strength: 0 to 1, the weight of each head; of a push that takes nats ten times as many.
    watch: the gaze heads, or the next best ones, which are not steered.
    """

    heads: Literal["gaze", "random", "all"] = "gaze"
    draw: int = Field(default=0, ge=0, le=1_000_000)
    k: int | None = Field(default=None, ge=1, le=100_000)
    strength: Share = 1.0
    mode: str = Field(default="focus", pattern=rf"^({'|'.join(PUSHES)})$")
    watch: Literal["gaze", "next"] = "gaze"


class Ask(Manner):
    """A question, and where to look while it is answered. tokens: at most. keep_talking: no end before that."""

    prompt: Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
    stops: tuple[Stop, ...] = Field(default=(), max_length=1000)
    tokens: int = Field(default=48, ge=1)
    keep_talking: bool = False


class Show(Message):
    """Show me this doodle."""

    type: Literal["show"]
    sample: Annotated[str, StringConstraints(pattern=SAMPLE)]


class Prepare(Message):
    """Run this prompt about the image that is shown, so that the answer will begin at once."""

    type: Literal["prepare"]
    prompt: Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]


class Say(Ask):
    """Answer, and stream it as run `run`. pace: tokens a second; none: as fast as they come."""

    type: Literal["say"]
    run: int = Field(ge=0, le=1_000_000_000)
    pace: float | None = Field(default=None, ge=0.5, le=1000)


class Look(Message):
    """From the next token on look there; none: freely."""

    type: Literal["look"]
    id: int = Field(ge=0, le=1_000_000)
    target: Target | None


class Pace(Message):
    """From now on so many tokens a second; none: as fast as they come."""

    type: Literal["pace"]
    pace: float | None = Field(ge=0.5, le=1000)


class Halt(Message):
    """Enough."""

    type: Literal["stop"]


Command = Annotated[Show | Prepare | Say | Look | Pace | Halt, Field(discriminator="type")]
COMMAND: TypeAdapter[Show | Prepare | Say | Look | Pace | Halt] = TypeAdapter(Command)


def place_of(error: Mapping[str, Any]) -> str:
    """Where in a message a validation error is, and what it says, in a line that is never as long as the message."""
    where = ".".join(str(part) for part in error["loc"])
    said = f"{where or 'message'}: {error['msg']}"
    return said if len(said) <= LONGEST else said[:LONGEST] + " …"

"""POST /v1/look, for programs: an image, a question and where to look; the answer, where heads looked, the proof."""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints
from starlette.requests import Request

from gazeheads.arrays import Floats
from gazeheads.demo.aims import panel
from gazeheads.demo.gallery import Shown
from gazeheads.demo.shared import SharedState
from gazeheads.demo.speech import LOOKS, Speech
from gazeheads.demo.wire import SAMPLE, Ask, Message, Share, Stop, Target
from gazeheads.errors import UsageError


class GivenImage(Message):
    """A doodle by name ("strip-12"), or an image file in base 64, with boxes for targets of the kind "panel"."""

    sample: Annotated[str, StringConstraints(pattern=SAMPLE)] | None = None
    data: str | None = None
    panels: tuple[tuple[Share, Share, Share, Share], ...] = Field(default=(), max_length=64)


class LookRequest(Ask):
    """What to look at, where, and how. target: for the whole answer; stops: or a plan, from token to token."""

    picture: GivenImage
    target: Target | None = None


class TokenLook(BaseModel):
    """One token. look: attention of the watched heads on each cell, mean over heads, 0 to 1.

    panels: the same, summed over each panel of the image. target: number of the stop in force. before, after: mass
    of the steered heads on the target without and with the push.
    """

    text: str
    target: int | None
    before: float | None
    after: float | None
    look: list[float]
    panels: list[float]


class Proof(BaseModel):
    """That the push was applied: tokens steered, and the mass on the target before and after, their means."""

    steered: int
    before: float | None
    after: float | None


class LookAnswer(BaseModel):
    """The answer. views: the grids of the cells: rows, columns, left, top, right, bottom as shares of the image."""

    answer: str
    unsteered: str
    why: Literal["end", "length", "time"]
    views: list[list[float]]
    trace: list[TokenLook]
    proof: Proof
    pushed: list[str]
    watched: list[str]


class Refusal(BaseModel):
    """What was asked, what was found, what to do."""

    error: str


async def look(place: SharedState, asked: LookRequest, request: Request) -> LookAnswer | None:
    """The answer; None where the client has left. Raises `Busy`, or `GazeHeadsError` for what cannot be looked at."""
    limits = place.limits
    if len(asked.prompt) > limits.prompt or asked.tokens > limits.tokens:
        raise UsageError(
            f"A prompt of {len(asked.prompt)} characters and {asked.tokens} tokens were asked for; {limits.prompt} and "
            f"{limits.tokens} are the most. Ask for less."
        )
    if asked.target is not None and asked.stops:
        raise UsageError(
            "Both a target and stops were given. Give one of them; a stop at token 0 is a target."
        )
    with place.door() as number:
        shown = await _shown(place, asked.picture)
        if asked.target is not None:
            asked = asked.model_copy(update={"stops": (Stop(token=0, target=asked.target),)})
        pushed, watched = place.selected.pushed(asked), place.selected.watched(asked)
        sides = {side: _Side(place, shown, asked, side) for side in ("steered", "free")}
        for side in sides.values():
            place.turns.add(number, side.speech)
        while not all(side.ended.is_set() for side in sides.values()):
            if await request.is_disconnected():
                for side in sides.values():
                    side.speech.stop()
                return None
            waiting = [asyncio.create_task(side.ended.wait()) for side in sides.values()]
            await asyncio.wait(waiting, timeout=0.5)
            for task in waiting:
                task.cancel()
    steered, free = sides["steered"], sides["free"]
    for side in (steered, free):
        if side.error:
            raise UsageError(side.error)
    weights = [panel(steered.speech.scene, index).weights for index in range(len(shown.boxes))]
    return LookAnswer(
        answer=steered.text,
        unsteered=free.text,
        why=steered.done["why"],
        views=steered.views,
        trace=[_seen(token, weights) for token in steered.tokens],
        proof=Proof(**{name: steered.done[name] for name in ("steered", "before", "after")}),
        pushed=[str(head) for head in pushed],
        watched=[str(head) for head in watched],
    )


async def _shown(place: SharedState, picture: GivenImage) -> Shown:
    if (picture.sample is None) == (picture.data is None):
        raise UsageError("An image is either a sample or data. Give one of them.")
    if picture.sample is not None:
        if picture.panels:
            raise UsageError("A sample has its own panels. Leave them out.")
        return await place.drawn(picture.sample)
    try:
        data = base64.b64decode(picture.data or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(
            f"The image's data are no base 64 ({error}). Encode the bytes of the file."
        ) from error
    return await place.brought(data, picture.panels)


class _Side:
    """One of both answers, and what it said."""

    def __init__(self, place: SharedState, shown: Shown, asked: LookRequest, side: str) -> None:
        self.tokens: list[dict[str, Any]] = []
        self.views: list[list[float]] = []
        self.done: dict[str, Any] = {}
        self.error = ""
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.speech = Speech(place.shelf, place.selected, place.limits, shown, asked, 0, self._hear, side)

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "token":
                self.tokens.append(message)
            case "begun":
                self.views = message["views"]
            case "error":
                self.error = self.error or message["message"]
                self.speech.stop()
            case "done":
                self.done = message
                self._loop.call_soon_threadsafe(self.ended.set)

    @property
    def text(self) -> str:
        return "".join(token["text"] for token in self.tokens)


def _seen(token: dict[str, Any], weights: Sequence[Floats]) -> TokenLook:
    look = [value / LOOKS for value in token["look"]]
    return TokenLook(
        look=look,
        panels=[float(each @ look) for each in weights],
        **{name: token[name] for name in ("text", "target", "before", "after")},
    )

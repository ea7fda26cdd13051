"""One visitor: a WebSocket, an image, and at most one answer at a time beside its unsteered twin.

A message that cannot be understood gets an error that says where; the visit goes on. A visitor who leaves, in
whatever way, takes his answers with him: the step under way is the last one.
"""

import asyncio
import contextlib
from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from gazeheads.demo.gallery import Shown
from gazeheads.demo.shared import Busy, SharedState
from gazeheads.demo.speech import Preparation, Speech
from gazeheads.demo.wire import COMMAND, Halt, Look, Pace, Prepare, Say, Show, place_of
from gazeheads.errors import GazeHeadsError

BUSY, GONE_QUIET, TOO_SLOW, TOO_LARGE = 1013, 4000, 4001, 1009  # close codes


class Visit:
    """What belongs to one open page."""

    def __init__(self, place: SharedState, number: int, hello: dict[str, Any]) -> None:
        self.place, self.number = place, number
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.shown: Shown | None = None
        self.speeches: list[Speech] = []
        self.overfull = asyncio.Event()  # more is to be sent than the page reads
        self._loop = asyncio.get_running_loop()
        self.unread = 0  # bytes, about
        self._put(hello)

    def emit(self, message: dict[str, Any]) -> None:
        """Send it. From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: so has the page
            self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: dict[str, Any]) -> None:
        self.outbox.put_nowait(message)
        self.unread += weight(message)
        if self.unread > self.place.limits.outbox_bytes:
            self.overfull.set()

    async def take(self, text: str) -> None:
        """Do what a message says."""
        try:
            command = COMMAND.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            self._complain("message", place_of(first))
            return
        try:
            await self._do(command)
        except GazeHeadsError as error:
            self._complain("picture" if isinstance(command, Show) else "say", str(error))

    async def take_picture(self, data: bytes) -> None:
        """Show an image that the visitor brought."""
        try:
            self._show(await self.place.brought(data))
        except GazeHeadsError as error:
            self._complain("picture", str(error))

    async def _do(self, command: Show | Prepare | Say | Look | Pace | Halt) -> None:
        match command:
            case Show(sample=sample):
                self._show(await self.place.drawn(sample))
            case Prepare(prompt=prompt) if self.shown and self._may_ask(prompt, 1):
                job = Preparation(self.place.shelf, self.shown, prompt, self.emit)
                if not self.place.turns.add(self.number, job):
                    self._complain("prompt", "Too much is waiting to be done already. Wait a moment.")
            case Say() if self.shown and self._may_ask(command.prompt, command.tokens):
                self._say(command, self.shown)
            case Prepare() | Say() if not self.shown:
                self._complain("picture", "No image is shown. Choose one first.")
            case Look(id=number, target=target):
                for speech in self.speeches:
                    if speech.side == "steered":
                        speech.look(number, target)
            case Pace(pace=pace):
                for speech in self.speeches:
                    speech.pace = pace
                    speech.due = 0.0
                self.place.turns.wake()
            case Halt():
                self._halt()
            case _:
                pass  # refused by `_may_ask`, which has said so

    def _may_ask(self, prompt: str, tokens: int) -> bool:
        limits = self.place.limits
        if len(prompt) > limits.prompt:
            self._complain(
                "prompt",
                f"The prompt has {len(prompt)} characters; {limits.prompt} are the most. Shorten it.",
            )
        elif tokens > limits.tokens:
            self._complain(
                "tokens", f"{tokens} tokens were asked for; {limits.tokens} are the most. Ask for fewer."
            )
        else:
            return True
        return False

    def _say(self, say: Say, shown: Shown) -> None:
        place = self.place
        place.selected.pushed(say)  # raises before anything is stopped
        self._halt()
        place.turns.drop(self.number)
        self.speeches = [
            Speech(place.shelf, place.selected, place.limits, shown, say, say.run, self.emit, side, say.pace)
            for side in ("steered", "free")
        ]
        for speech in self.speeches:
            place.turns.add(self.number, speech)

    def _halt(self) -> None:
        for speech in self.speeches:
            speech.stop()
        self.place.turns.wake()

    def _show(self, shown: Shown) -> None:
        self._halt()
        self.shown = shown
        self.emit(shown.message())

    def _complain(self, where: str, message: str) -> None:
        self.emit({"type": "error", "where": where, "message": message})


def weight(message: dict[str, Any]) -> int:
    """About how many bytes a message has in memory."""
    return 1000 + len(message.get("png", "")) + len(message.get("message", ""))


async def visit(socket: WebSocket, place: SharedState, hello: dict[str, Any]) -> None:
    """A visit from beginning to end."""
    await socket.accept()
    try:
        with place.door() as number:
            await _stay(socket, Visit(place, number, hello))
    except Busy as busy:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_json({"type": "busy", "message": str(busy)})
            await socket.close(BUSY, "busy")


async def _stay(socket: WebSocket, mine: Visit) -> None:
    """Listen and speak until one of both ends."""
    tasks = [
        asyncio.create_task(part) for part in (_listen(socket, mine), _speak(socket, mine), _keeps_up(mine))
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for speech in mine.speeches:
            speech.stop()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        failure = None if task.cancelled() else task.exception()
        if failure is not None and not isinstance(failure, WebSocketDisconnect | RuntimeError):
            raise failure
        code = None if failure or task.cancelled() else task.result()
        if code is not None:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                async with asyncio.timeout(
                    mine.place.limits.patience / 4
                ):  # one who does not read would hold it
                    await socket.close(code)


async def _listen(socket: WebSocket, mine: Visit) -> int | None:
    """Take messages until the page leaves (None), or until it must: a close code."""
    limits = mine.place.limits
    while True:
        try:
            async with asyncio.timeout(limits.idle_seconds):  # wait_for of 3.11 can swallow a cancellation
                event = await socket.receive()
        except TimeoutError:
            return GONE_QUIET
        if event["type"] == "websocket.disconnect":
            return None
        text, data = event.get("text"), event.get("bytes")
        if len(text or data or "") > limits.message_bytes:
            return TOO_LARGE
        if text is not None:
            await mine.take(text)
        else:
            await mine.take_picture(data or b"")
        await asyncio.sleep(0)  # what came in one piece is not taken in one go: others have their turn


async def _speak(socket: WebSocket, mine: Visit) -> int | None:
    """Send what there is to say."""
    while True:
        message = await mine.outbox.get()
        try:
            async with asyncio.timeout(mine.place.limits.patience):
                await socket.send_json(message)
        except TimeoutError:
            return TOO_SLOW
        mine.unread -= weight(message)


async def _keeps_up(mine: Visit) -> int:
    """Until the page does not."""
    await mine.overfull.wait()
    return TOO_SLOW

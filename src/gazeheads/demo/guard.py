"""Who may come in, and what a browser may do with what it gets. The outermost layer around the application.

- A page of another origin can neither open a WebSocket nor post.
- A request body is counted as it comes in; a larger one than allowed is refused, whatever its header says.
- The content policy allows what comes from here, no inline script or style, no frames.
"""

import contextlib
import json
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class TooLarge(Exception):
    """More came in than may."""


class Guard:
    """most: bytes of a request body."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal:
                await receive()  # the handshake; a close before it is answered with 403
                await send({"type": "websocket.close", "code": 1008, "reason": refusal})
            else:
                await self.app(scope, receive, send)
            return
        if refusal:
            await _refuse(send, 403, refusal)
            return
        await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        came, began, too_much = 0, False, False

        async def counted() -> Message:
            nonlocal came, too_much
            event: Message = await receive()
            came += len(event.get("body", b""))
            if came > self.most:
                too_much = True
                raise TooLarge
            return event

        async def dressed(event: Message) -> None:
            nonlocal began
            if too_much and not began:
                return  # what the application makes of it is not told: the refusal follows
            if event["type"] == "http.response.start":
                began = True
                event = {**event, "headers": [*event.get("headers", ()), *HEADERS]}
            await send(event)

        too_large = f"The request is larger than {self.most} bytes, the most that is taken."
        if _header(scope, b"content-length").isdigit() and int(_header(scope, b"content-length")) > self.most:
            await _refuse(send, 413, too_large)
            return
        with contextlib.suppress(TooLarge):
            await self.app(scope, counted, dressed)
        if too_much and not began:
            await _refuse(send, 413, too_large)

    def _refusal(self, scope: Scope) -> str:
        """Why not, or ""."""
        origin = _header(scope, b"origin")
        asks = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if asks and origin and _netloc(origin) != _header(scope, b"host"):
            return "A page of another origin asked. Open the page of this server itself."
        return ""


def _header(scope: Scope, name: bytes) -> str:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if found else ""


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

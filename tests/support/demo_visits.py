"""A demo server in the process, on a tiny random model, and pages that talk to it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient, WebSocketTestSession

from gazeheads.demo.app import create_app
from gazeheads.demo.limits import Limits
from gazeheads.demo.shared import SharedState
from gazeheads.heads.head import Provenance
from gazeheads.heads.heads import Heads
from gazeheads.model.model import GazeModel

ASK = {"type": "say", "run": 1, "prompt": "What is it?", "tokens": 6, "keep_talking": True}


def ranked(model: GazeModel) -> Heads:
    """All heads of the model in a random order."""
    scores = np.random.default_rng(0).random((model.n_layers, model.n_heads))
    return Heads.ranked(scores, Provenance(model.name, model.n_layers, model.n_heads))


@contextmanager
def server(model: GazeModel, hosts: frozenset[str] | None = None, **limits: Any) -> Iterator[TestClient]:
    """A client of a running demo."""
    app = create_app(model, ranked(model), Limits(**limits), hosts)
    with TestClient(app) as client:
        yield client


def place(client: TestClient) -> SharedState:
    """What the visitors of this server share."""
    found: SharedState = client.app.state.place  # type: ignore[attr-defined]
    return found


@contextmanager
def page(client: TestClient, show: str | bytes | None = "strip-1") -> Iterator[WebSocketTestSession]:
    """An open page that has been greeted and shows a picture."""
    with client.websocket_connect("/v1/session") as socket:
        assert socket.receive_json()["type"] == "hello"
        if isinstance(show, str):
            socket.send_json({"type": "show", "sample": show})
        elif show is not None:
            socket.send_bytes(show)
        if show is not None:
            assert until(socket, "picture")[-1]["type"] == "picture"
        yield socket


def until(socket: WebSocketTestSession, *kinds: str, side: str | None = None) -> list[dict[str, Any]]:
    """All messages up to the first one of these kinds (and this side)."""
    found: list[dict[str, Any]] = []
    while True:
        found.append(socket.receive_json())
        if found[-1]["type"] in kinds and side in (None, found[-1].get("side")):
            return found


def finished(socket: WebSocketTestSession) -> dict[str, list[dict[str, Any]]]:
    """The messages of both sides of an answer, up to the end of both."""
    sides: dict[str, list[dict[str, Any]]] = {"steered": [], "free": []}
    ended = 0
    while ended < 2:
        message = socket.receive_json()
        assert message["type"] in ("begun", "token", "done", "ready"), message
        if "side" in message:
            sides[message["side"]].append(message)
        ended += message["type"] == "done"
    return sides


def text(messages: list[dict[str, Any]]) -> str:
    """What was said."""
    return "".join(message["text"] for message in messages if message["type"] == "token")


def file(picture: Image.Image, form: str = "PNG", **settings: Any) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **settings)
    return buffer.getvalue()

"""The application: the page, its assets, the WebSocket, and what programs may ask."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

import gazeheads
from gazeheads import GazeHeadsError, GazeModel, Heads, prompts
from gazeheads.demo.gallery import KINDS
from gazeheads.demo.guard import Guard
from gazeheads.demo.limits import Limits
from gazeheads.demo.looking import LookAnswer, LookRequest, Refusal, look
from gazeheads.demo.shared import Busy, SharedState
from gazeheads.demo.visit import visit
from gazeheads.demo.wire import place_of
from gazeheads.gaze.push import PUSHES

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PRESETS = {  # what people see, what the model is asked
    "This panel": prompts.THIS_PANEL,
    "Tell the story": prompts.NARRATE_FREELY,
    "Panel by panel": prompts.NARRATE,
    "Backwards": "Describe the panels from last to first. Start each with its number.",
    "Main object": "What is the main object in this part of the image?",
    "List the objects": "What objects are in this image?",
}


class Offer(BaseModel):
    """A push that may be chosen. unit: of its strength; "" for a share."""

    words: str
    unit: str


class About(BaseModel):
    """The model, its heads and the limits of this server."""

    model: str
    bundled: bool
    layers: int
    heads: int
    k: int
    most_k: int
    kinds: dict[str, str]
    presets: dict[str, str]
    pushes: dict[str, Offer]
    limits: dict[str, float]
    version: str


class Health(BaseModel):
    """How many visitors there are, and how many steps were taken for them."""

    visitors: int
    most: int
    speaking: int
    steps: int


def create_app(
    model: GazeModel, heads: Heads, limits: Limits | None = None, hosts: frozenset[str] | None = None
) -> FastAPI:
    """The demo of a model with these heads. hosts: names that it answers to; None: any.

    Raises `WrongModel` for heads of another model. `app.state.place` is what visitors share.
    """
    limits = limits or Limits()
    place = SharedState(model, heads, limits)
    about = _about(place)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        place.close()

    app = FastAPI(
        title="gazeheads demo",
        version=gazeheads.__version__,
        description="Ask a vision-language model about an image, and say where it should look meanwhile.",
        lifespan=life,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    app.state.place = place
    if hosts is not None:  # another name that leads here (DNS rebinding) is refused
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted(hosts), www_redirect=False)
    app.add_middleware(
        Guard, most=limits.message_bytes
    )  # around the other one: its headers stand on every answer
    assets = _assets()

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> Response:
        return _file(assets, "index.html")

    @app.get("/assets/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        return _file(assets, name)

    @app.get("/v1/about")
    async def tell() -> About:
        """The model, its heads, presets and limits."""
        return about

    @app.get("/v1/health")
    async def health() -> Health:
        """Whether it runs, and for how many."""
        return Health(
            visitors=len(place.visitors),
            most=limits.visitors,
            speaking=place.turns.owners,
            steps=place.turns.steps,
        )

    refusals: dict[int | str, dict[str, Any]] = {
        code: {"model": Refusal, "description": why}
        for code, why in {
            403: "another origin",
            413: "the request is too large",
            422: "what was asked cannot be done",
            503: "too many visitors",
        }.items()
    }

    @app.post("/v1/look", response_model=LookAnswer, responses=refusals)
    async def ask(asked: LookRequest, request: Request) -> Any:
        """Ask about an image with the gaze on a target, or on a plan of targets."""
        return await look(place, asked, request) or Response(status_code=499)

    @app.websocket("/v1/session")
    async def session(socket: WebSocket) -> None:
        await visit(socket, place, {"type": "hello", **about.model_dump()})

    @app.exception_handler(GazeHeadsError)
    async def refused(_: Request, error: GazeHeadsError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 503, {"retry-after": "30"})

    @app.exception_handler(HTTPException)
    async def absent(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def misread(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"error": place_of(error.errors()[0])}, 422)

    _state_limits(app, limits)
    return app


def _state_limits(app: FastAPI, limits: Limits) -> None:
    """Let the description at /openapi.json say how much may be asked for here."""
    asked = app.openapi()["components"]["schemas"]["LookRequest"]["properties"]  # kept: the same every time
    asked["prompt"]["maxLength"] = limits.prompt
    asked["tokens"]["maximum"] = limits.tokens


def _about(place: SharedState) -> About:
    model, selected, limits = place.model, place.selected, place.limits
    return About(
        model=model.name,
        bundled=model.is_bundled,
        layers=model.n_layers,
        heads=model.n_heads,
        k=selected.k,
        most_k=selected.most,
        kinds=KINDS,
        presets=PRESETS,
        pushes={name: Offer(words=kind.words, unit=kind.unit) for name, kind in PUSHES.items()},
        limits={
            name: getattr(limits, name)
            for name in ("upload_bytes", "upload_pixels", "prompt", "tokens", "seconds")
        },
        version=gazeheads.__version__,
    )


def _assets() -> dict[str, bytes]:
    """All files of the page, read once: no name that a client sends is ever a path."""
    folder = resources.files("gazeheads.demo") / "assets"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def _file(assets: dict[str, bytes], name: str) -> Response:
    if name not in assets:
        return JSONResponse({"error": "There is no such page."}, 404)
    kind = TYPES.get(name[name.rfind(".") :], "application/octet-stream")
    return Response(assets[name], media_type=kind, headers={"cache-control": "no-cache"})

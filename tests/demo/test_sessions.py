"""The demo's sessions: answers that stream, targets that move, visitors that come and go."""

import pytest

pytest.importorskip("fastapi", reason='of the extra "demo", which the extra "dev" brings, too')

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import tiny
from demo_visits import ASK, file, finished, page, place, ranked, server, text, until
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import gazeheads as gh
from gazeheads.demo import speech as speeches
from gazeheads.demo.aims import SwitchableHeads
from gazeheads.demo.gallery import drawn
from gazeheads.demo.shared import SharedState
from gazeheads.demo.visit import Visit, _stay
from gazeheads.model.model import GazeModel

PANEL = {"kind": "panel", "index": 1}


@pytest.fixture(scope="module")
def client(model: GazeModel) -> Iterator[TestClient]:
    with server(model) as client:
        yield client


def alone(model: GazeModel, name: str, targets: dict[int, int | None], tokens: int = 6) -> str:
    """What the package says itself about this doodle, led by a schedule over its panels."""
    shown = drawn(model, name)
    scene = model.encode(shown.picture, ASK["prompt"], panels=shown.boxes)
    stops = {start: None if panel is None else scene.panel(panel) for start, panel in targets.items()}
    gaze = (
        gh.Gaze(SwitchableHeads(ranked(model)).ranking.selected, gh.Schedule.at(stops), during="answer")
        if stops
        else None
    )
    return model.generate(scene, gaze, max_new_tokens=tokens, min_new_tokens=tokens).text


def test_an_answer_streams_beside_the_unsteered_one(client: TestClient, model: GazeModel) -> None:
    with page(client) as socket:
        socket.send_json(ASK | {"stops": [{"token": 0, "target": PANEL, "id": 5}]})
        sides = finished(socket)
    assert text(sides["steered"]) == alone(model, "strip-1", {0: 1})
    assert text(sides["free"]) == alone(model, "strip-1", {})
    tokens = [message for message in sides["steered"] if message["type"] == "token"]
    assert [token["index"] for token in tokens] == list(range(6))
    assert all(token["target"] == 5 and token["after"] == pytest.approx(1, abs=1e-3) for token in tokens)
    assert all(
        0 <= token["before"] < 1 and sum(token["look"]) <= 10_000 + len(token["look"]) for token in tokens
    )
    done = sides["steered"][-1]
    assert done["why"] == "length" and done["steered"] == 6 and done["after"] > done["before"]
    assert sides["free"][-1]["steered"] == 0 and sides["free"][-1]["after"] is None
    (rows, cols, *box), *_ = sides["steered"][0]["views"]
    assert rows * cols == len(tokens[0]["look"]) and box == [0, 0, 1, 1]


def test_stops_lead_the_answer_as_a_schedule_does(client: TestClient, model: GazeModel) -> None:
    stops = [
        {"token": 4, "target": None, "id": 3},
        {"token": 1, "target": PANEL, "id": 1},
        {"token": 2, "target": {"kind": "panel", "index": 4}, "id": 2},
    ]
    with page(client) as socket:
        socket.send_json(ASK | {"stops": stops})
        steered = finished(socket)["steered"]
    assert [m["target"] for m in steered if m["type"] == "token"] == [None, 1, 2, 2, None, None]
    assert text(steered) == alone(model, "strip-1", {1: 1, 2: 4, 4: None})


def test_a_move_holds_from_the_next_token_on(client: TestClient, model: GazeModel) -> None:
    """The page moves after token 2 was heard; the pace leaves no doubt which token is the next one."""
    with page(client) as socket:
        socket.send_json(ASK | {"pace": 4, "stops": [{"token": 0, "target": PANEL, "id": 1}]})
        heard = until(socket, "token", side="steered")
        while heard[-1]["index"] < 2:
            heard += until(socket, "token", side="steered")
        socket.send_json({"type": "look", "id": 9, "target": {"kind": "panel", "index": 3}})
        heard += until(socket, "done", side="steered")
    steered = [m for m in heard if m["type"] == "token" and m["side"] == "steered"]
    assert [token["target"] for token in steered] == [1, 1, 1, 9, 9, 9]
    assert text(steered) == alone(model, "strip-1", {0: 1, 3: 3})


@pytest.mark.parametrize(
    "target",
    [
        {"kind": "box", "x0": 0.1, "y0": 0.2, "x1": 0.5, "y1": 0.9},
        {"kind": "spot", "x": 0.5, "y": 0.5, "radius": 0.001},
        {"kind": "mask", "rows": 3, "cols": 20, "bits": "AAf/AAAAAAA="},
    ],
)
def test_targets_of_every_kind(client: TestClient, target: dict[str, object]) -> None:
    with page(client) as socket:
        socket.send_json(ASK | {"stops": [{"token": 0, "target": target, "id": 1}]})
        steered = finished(socket)["steered"]
    assert steered[-1]["after"] == pytest.approx(1, abs=1e-3)


def test_a_target_that_cannot_be_leaves_the_old_one(client: TestClient) -> None:
    stops = [
        {"token": 0, "target": PANEL, "id": 1},
        {"token": 2, "target": {"kind": "panel", "index": 40}, "id": 2},
    ]
    with page(client) as socket:
        socket.send_json(ASK | {"stops": stops})
        heard = until(socket, "done", side="steered")
    (wrong,) = [message for message in heard if message["type"] == "error"]
    assert wrong["where"] == "target" and wrong["id"] == 2 and "this scene has 6 panels" in wrong["message"]
    tokens = [m for m in heard if m["type"] == "token" and m["side"] == "steered"]
    assert [token["target"] for token in tokens] == [1] * 6


@pytest.mark.parametrize("mode", ["uniform", "bias", "reweigh", "focus"])
def test_a_push_of_half_the_strength_moves_less(client: TestClient, mode: str) -> None:
    after = {}
    with page(client) as socket:
        for strength in (0.0, 0.5, 1.0):
            stop = {"token": 0, "target": PANEL, "id": 1}
            socket.send_json(ASK | {"stops": [stop], "mode": mode, "strength": strength, "tokens": 1})
            after[strength] = finished(socket)["steered"][-1]
    assert after[0.0]["after"] == pytest.approx(after[0.0]["before"], abs=1e-3)
    assert after[0.0]["after"] < after[0.5]["after"] < after[1.0]["after"]


def test_the_switch_pushes_other_heads_and_watches_the_same(client: TestClient, model: GazeModel) -> None:
    selected = SwitchableHeads(ranked(model))
    ask = ASK | {"k": 3, "stops": [{"token": 0, "target": PANEL, "id": 1}], "tokens": 1}
    mass = {}
    with page(client) as socket:
        for heads in ("gaze", "random", "all"):
            socket.send_json(ask | {"heads": heads})
            steered = finished(socket)["steered"]
            token = next(m for m in steered if m["type"] == "token")
            mass[heads] = sum(token["look"][i] for i in inside(model, 1)) / 10_000
            assert token["after"] == pytest.approx(1, abs=1e-3)
    assert mass["gaze"] == pytest.approx(1, abs=1e-2)
    assert mass["all"] == pytest.approx(1, abs=1e-2)
    assert mass["random"] < 0.9
    manner = speeches.Ask(prompt="?", k=3, heads="random")
    assert not set(selected.pushed(manner)) & set(selected.gaze_heads(manner))
    watched = selected.watched(speeches.Ask(prompt="?", k=3, watch="next"))
    assert tuple(watched) == tuple(ranked(model).all())[3:6]


def inside(model: GazeModel, panel: int) -> list[int]:
    shown = drawn(model, "strip-1")
    scene = model.encode(shown.picture, ASK["prompt"], panels=shown.boxes)
    return [int(i) for i in scene.panel(panel).weights.nonzero()[0]]


def test_a_prompt_is_run_once_and_an_unsteered_answer_made_once(model: GazeModel) -> None:
    with server(model) as client:
        with page(client) as socket:
            socket.send_json({"type": "prepare", "prompt": ASK["prompt"]})
            assert until(socket, "ready")[-1]["views"]
            socket.send_json(ASK)
            first = finished(socket)["free"]
        with page(client) as socket:
            before = place(client).turns.steps
            socket.send_json(ASK | {"run": 2})
            second = finished(socket)["free"]
            assert place(client).turns.steps - before < 6 + 4  # the steered one's tokens, and no others
    assert place(client).shelf.made == 1
    assert [m["run"] for m in second] == [2] * len(second)
    assert [m | {"run": 2} for m in first[1:]] == second[1:]


def test_a_new_question_ends_the_one_before(client: TestClient) -> None:
    with page(client) as socket:
        socket.send_json(ASK | {"run": 1, "pace": 1, "tokens": 60})
        until(socket, "token")
        socket.send_json(ASK | {"run": 2})
        heard = until(socket, "done", side="steered")
        rest = [m for m in heard if m.get("run") == 1 and m["type"] == "token"]
    assert heard[-1]["run"] == 2 and len(rest) <= 2


def test_stop_ends_an_answer_within_a_token(client: TestClient) -> None:
    with page(client) as socket:
        socket.send_json(ASK | {"pace": 0.5, "tokens": 60})
        until(socket, "token", side="steered")
        began = time.monotonic()
        socket.send_json({"type": "stop"})
        heard = until(socket, "done", side="steered")
    assert time.monotonic() - began < 1.5  # a token of this pace takes 2 s
    assert heard[-1]["why"] == "stopped"
    assert len([m for m in heard if m["type"] == "token" and m["side"] == "steered"]) <= 1


def test_the_pace_can_be_changed_while_it_speaks(client: TestClient) -> None:
    with page(client) as socket:
        socket.send_json(ASK | {"pace": 0.5, "tokens": 12})
        until(socket, "token", side="steered")
        began = time.monotonic()
        socket.send_json({"type": "pace", "pace": None})
        until(socket, "done", side="steered")
    assert time.monotonic() - began < 15  # at the old pace it would take 22 s


def test_an_answer_that_takes_too_long_is_ended(model: GazeModel) -> None:
    with server(model, seconds=0.5) as client, page(client) as socket:
        socket.send_json(ASK | {"pace": 2, "tokens": 60})
        assert until(socket, "done", side="steered")[-1]["why"] == "time"


def test_who_leaves_in_mid_answer_leaves_nothing_behind(model: GazeModel) -> None:
    with server(model) as client:
        with page(client) as socket:
            socket.send_json(ASK | {"tokens": 160, "pace": 1})
            until(socket, "token")
            assert client.get("/v1/health").json()["visitors"] == 1
        settled(client)
        steps = place(client).turns.steps
        time.sleep(0.3)
        assert place(client).turns.steps == steps


def settled(client: TestClient) -> None:
    """Wait until nobody is there and nothing is done."""
    for _ in range(200):
        health = client.get("/v1/health").json()
        if (health["visitors"], health["speaking"]) == (0, 0):
            return
        time.sleep(0.02)
    raise AssertionError(health)


def test_one_too_many_is_told_that_it_is_busy(model: GazeModel) -> None:
    with server(model, visitors=2) as client:
        with page(client, None), page(client, None):
            with client.websocket_connect("/v1/session") as third:
                assert "All 2 places are taken" in third.receive_json()["message"]
                with pytest.raises(WebSocketDisconnect) as closed:
                    third.receive_json()
            assert closed.value.code == 1013
            answer = client.post("/v1/look", json={"picture": {"sample": "strip-1"}, "prompt": "?"})
            assert answer.status_code == 503 and "places are taken" in answer.json()["error"]
        with page(client, None):
            pass  # there is room again


def test_a_page_that_asks_for_nothing_is_let_go(model: GazeModel) -> None:
    with server(model, idle_seconds=0.05) as client, page(client, None) as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == 4000


def test_a_page_that_does_not_read_is_let_go(model: GazeModel) -> None:
    class Deaf:
        """Takes nothing, sends nothing."""

        code: int | None = None

        async def receive(self) -> None:
            await asyncio.Event().wait()

        async def send_json(self, message: object) -> None:
            await asyncio.Event().wait()

        async def close(self, code: int) -> None:
            self.code = code

    async def stay(socket: Deaf, shared: SharedState) -> None:
        visit = Visit(shared, 1, {"type": "hello"})
        for _ in range(6):
            visit.emit({"type": "token"})
        await asyncio.wait_for(_stay(socket, visit), 5)  # type: ignore[arg-type]

    with server(model, outbox_bytes=4000) as client:
        deaf = Deaf()
        asyncio.run(stay(deaf, place(client)))
    assert deaf.code == 4001


def test_every_answer_belongs_to_its_own_picture_and_target(client: TestClient, model: GazeModel) -> None:
    """Eight pages at once, each with its own image, or its own target on a shared one."""
    wanted = {
        (name, panel): alone(model, name, {0: panel})
        for name in ("strip-1", "short-2", "grid-3")
        for panel in (0, 2)
    }
    assert len(set(wanted.values())) >= 5
    found: dict[tuple[str, int], str] = {}

    def visit(name: str, panel: int) -> None:
        with page(client, name) as socket:
            stop = {"token": 0, "target": {"kind": "panel", "index": panel}, "id": 1}
            socket.send_json(ASK | {"stops": [stop]})
            found[name, panel] = text(finished(socket)["steered"])

    threads = [threading.Thread(target=visit, args=key) for key in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == wanted


def test_an_upload_is_shown_and_asked_about(client: TestClient) -> None:
    with client.websocket_connect("/v1/session") as socket:
        socket.receive_json()
        socket.send_bytes(file(tiny.noise(96, 64), "JPEG"))
        shown = until(socket, "picture")[-1]
        assert (shown["width"], shown["height"], shown["panels"]) == (96, 64, [])
        box = {"kind": "box", "x0": 0, "y0": 0, "x1": 0.5, "y1": 1}
        socket.send_json(ASK | {"stops": [{"token": 0, "target": box, "id": 1}]})
        assert finished(socket)["steered"][-1]["after"] == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_sixty_four_visitors_for_a_minute_each_with_his_own_answer() -> None:
    """On the bundled model, over sockets: none dropped, none mixed up, memory flat; the benchmark checks and fails."""
    program = Path(__file__).parents[2] / "benchmarks" / "demo.py"
    run = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 mixed up, 0 dropped" in run.stdout and "64 visitors for " in run.stdout

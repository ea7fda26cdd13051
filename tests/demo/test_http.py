"""What programs may ask the demo, what browsers may do with it, and how it is started."""

import argparse
import base64
import re
import socket
from collections.abc import Iterator
from importlib import resources

import numpy as np
import pytest

pytest.importorskip("fastapi", reason='of the extra "demo", which the extra "dev" brings, too')

import tiny
from demo_visits import file, page, place, ranked, server
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import gazeheads as gh
from gazeheads import cli
from gazeheads.commands.demo import run as demo
from gazeheads.demo import serving
from gazeheads.demo.aims import SwitchableHeads
from gazeheads.demo.app import create_app
from gazeheads.demo.gallery import drawn
from gazeheads.errors import GazeHeadsError, MissingPackage, WrongModel
from gazeheads.model.model import GazeModel

PANEL = {"kind": "panel", "index": 1}
ASKED = {"picture": {"sample": "short-1"}, "prompt": "What is it?", "tokens": 5, "keep_talking": True}


@pytest.fixture(scope="module")
def client(model: GazeModel) -> Iterator[TestClient]:
    with server(model) as client:
        yield client


# ------------------------------------------------------------------------------------------------ POST /v1/look


def test_a_program_gets_answer_trace_and_proof(client: TestClient, model: GazeModel) -> None:
    answer = client.post("/v1/look", json=ASKED | {"target": PANEL, "k": 3})
    assert answer.status_code == 200
    found = answer.json()
    shown = drawn(model, "short-1")
    scene = model.encode(shown.picture, "What is it?", panels=shown.boxes)
    heads = SwitchableHeads(ranked(model)).ranking.top(3)
    gaze = gh.Gaze(heads, scene.panel(1), during="answer")
    steered = model.generate(scene, gaze, record=heads, max_new_tokens=5, min_new_tokens=5)
    assert found["answer"] == steered.text
    assert found["unsteered"] == model.generate(scene, max_new_tokens=5, min_new_tokens=5).text
    assert steered.effect is not None and steered.trace is not None
    assert found["proof"]["steered"] == 5
    assert found["proof"]["before"] == pytest.approx(steered.effect.before, abs=1e-3)
    assert found["proof"]["after"] == pytest.approx(steered.effect.after, abs=1e-3)
    assert found["pushed"] == found["watched"] == [str(head) for head in heads]
    looks = np.array([token["look"] for token in found["trace"]])
    np.testing.assert_allclose(looks, steered.trace.mean, atol=1e-3)
    over = np.array([token["panels"] for token in found["trace"]])
    np.testing.assert_allclose(over, steered.trace.over(scene.panels), atol=5e-3)


def test_a_plan_leads_the_answer(client: TestClient) -> None:
    stops = [{"token": 0, "target": PANEL, "id": 7}, {"token": 3, "target": None}]
    trace = client.post("/v1/look", json=ASKED | {"stops": stops}).json()["trace"]
    assert [token["target"] for token in trace] == [7, 7, 7, None, None]
    assert [token["after"] is None for token in trace] == [False, False, False, True, True]


def test_a_picture_comes_with_panels_of_its_own(client: TestClient) -> None:
    picture = {
        "data": base64.b64encode(file(tiny.noise(128, 64))).decode(),
        "panels": [[0, 0, 0.5, 1], [0.5, 0, 1, 1]],
    }
    found = client.post("/v1/look", json=ASKED | {"picture": picture, "target": PANEL}).json()
    assert all(token["panels"][1] > 0.98 and token["panels"][0] < 0.02 for token in found["trace"])


@pytest.mark.parametrize(
    "change, why",
    [
        ({"target": PANEL, "stops": [{"token": 0, "target": PANEL}]}, "Both a target and stops were given"),
        ({"picture": {}}, "either a sample or data"),
        ({"picture": {"sample": "short-1", "data": "AA=="}}, "either a sample or data"),
        ({"picture": {"sample": "short-1", "panels": [[0, 0, 1, 1]]}}, "A sample has its own panels"),
        ({"picture": {"data": "no base 64"}}, "are no base 64"),
        ({"picture": {"data": "AAAA"}}, "this is not an image in a format that is read"),
        ({"picture": {"sample": "/etc/passwd"}}, "picture.sample"),
        ({"target": {"kind": "panel", "index": 9}}, "this scene has 3 panels"),
        ({"tokens": 10_000}, "160 are the most"),
        ({"k": 100}, "top\\(100\\)"),
        ({"mode": "shout"}, "mode"),
        ({"path": "/etc/passwd"}, "path"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_with_the_reason(
    client: TestClient, change: dict, why: str
) -> None:
    answer = client.post("/v1/look", json=ASKED | change)
    assert answer.status_code == 422
    assert re.search(why, answer.json()["error"])
    assert not place(client).visitors


def test_a_request_that_is_too_large_is_refused_whatever_its_header_says(model: GazeModel) -> None:
    with server(model, upload_bytes=1000) as client:
        answer = client.post("/v1/look", content=b"x" * 200_000)
        assert answer.status_code == 413

        def token_texts() -> Iterator[bytes]:
            for _ in range(300):
                yield b"x" * 1000

        answer = client.post("/v1/look", content=token_texts())
        assert answer.status_code == 413 and "larger than" in answer.json()["error"]


def test_a_thing_smaller_than_a_cell_can_be_pointed_at_and_spoils_nothing(client: TestClient) -> None:
    data = base64.b64encode(file(Image.new("RGB", (96, 64), "#336699"))).decode()
    picture = {"data": data, "panels": [[0.1, 0.1, 0.12, 0.13], [0.5, 0, 1, 1]]}
    for index in (0, 1):
        answer = client.post(
            "/v1/look", json=ASKED | {"picture": picture, "target": PANEL | {"index": index}}
        )
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["proof"]["after"] == pytest.approx(1, abs=1e-3)
        assert found["trace"][0]["panels"][index] > 0.5
    answer = client.post("/v1/look", json=ASKED | {"picture": picture, "target": PANEL | {"index": 2}})
    assert answer.status_code == 422 and "2 panels" in answer.json()["error"]


def test_a_complaint_is_short_however_long_the_message(client: TestClient) -> None:
    answer = client.post("/v1/look", json=ASKED | {"x" * 100_000: 1})
    assert answer.status_code == 422 and len(answer.json()["error"]) < 400


def test_what_is_not_there_is_told_as_other_errors_are(client: TestClient) -> None:
    for path in ("/v1/nothing", "/assets/none.js"):
        answer = client.get(path)
        assert answer.status_code == 404 and list(answer.json()) == ["error"]
    answer = client.get("/v1/look")
    assert answer.status_code == 405 and list(answer.json()) == ["error"]


def test_the_api_is_documented(client: TestClient) -> None:
    found = client.get("/openapi.json").json()
    assert set(found["paths"]) == {"/v1/about", "/v1/health", "/v1/look"}
    assert set(found["paths"]["/v1/look"]["post"]["responses"]) == {"200", "403", "413", "422", "503"}
    about = client.get("/v1/about").json()
    assert about["k"] == len(ranked(place(client).model).selected) and about["most_k"] == 6


# ------------------------------------------------------------------------------------------------ browsers


def test_the_page_allows_nothing_that_is_not_its_own(client: TestClient) -> None:
    head = client.head("/")
    assert head.status_code == 200 and not head.content
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    html = answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|https?://", html)
    for name in re.findall(r'(?:src|href)="/assets/([^"]+)"', html):
        assert client.get(f"/assets/{name}").status_code == 200
    for name in ("..%2f__init__.py", "../app.py", "%2e%2e/app.py", "nothing.js"):
        assert client.get(f"/assets/{name}").status_code == 404


def test_every_module_imports_modules_that_are_there_and_nothing_from_elsewhere() -> None:
    assets = {
        each.name: each.read_text() for each in (resources.files("gazeheads.demo") / "assets").iterdir()
    }
    for name, text in assets.items():
        if name.endswith(".js"):
            assert set(re.findall(r'from "\./([^"]+)"', text)) <= set(assets)
            assert not re.search(r"https?://|innerHTML|eval\(|document\.write", text), name
    assert {"index.html", "main.js", "base.css"} <= set(assets)


def test_a_page_of_another_origin_is_not_let_in(client: TestClient) -> None:
    stranger = client.websocket_connect("/v1/session", headers={"origin": "https://evil.example"})
    with pytest.raises(WebSocketDisconnect), stranger:
        pass
    with client.websocket_connect("/v1/session", headers={"origin": "http://testserver"}) as socket:
        assert socket.receive_json()["type"] == "hello"
    for origin in ("https://evil.example", "http://[", "null"):
        answer = client.post("/v1/look", json=ASKED, headers={"origin": origin})
        assert answer.status_code == 403 and "another origin" in answer.json()["error"]


def test_a_server_on_the_loopback_answers_to_its_names_only(model: GazeModel) -> None:
    with server(model, hosts=serving.names("127.0.0.1")) as client:
        assert client.get("/", headers={"host": "localhost:7860"}).status_code == 200
        assert client.get("/", headers={"host": "[::1]:7860"}).status_code == 200
        answer = client.get("/", headers={"host": "rebound.example:7860"})
        assert answer.status_code == 400 and answer.headers["content-security-policy"]
        stranger = client.websocket_connect("/v1/session", headers={"host": "rebound.example"})
        with pytest.raises(WebSocketDisconnect), stranger:
            pass
    assert serving.names("::1") == serving.names("[::1]") == serving.LOOPBACK
    assert serving.names("0.0.0.0") is None


# ------------------------------------------------------------------------------------------------ starting


def test_it_listens_to_others_only_where_that_is_said() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.7", "example.org", ""):
        with pytest.raises(GazeHeadsError, match="lets other machines in; .* add --allow-remote"):
            serving.opened(host, 0, False)
    serving.opened("0.0.0.0", 0, True).close()
    for host in ("localhost", "127.0.0.1", "127.0.0.2"):
        serving.opened(host, 0, False).close()


def test_a_port_that_is_taken_is_said_before_the_model_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["demo", "--port", str(port), "--model", "/there/is/none"]) == 2
    said = capsys.readouterr().err
    assert f"Port {port} of 127.0.0.1 cannot be had: Address already in use" in said
    assert f"--port {port + 1}" in said and said.count("\n") == 1
    assert cli.main(["demo", "--port", "70000"]) == 2
    assert "Port 70000" in capsys.readouterr().err


def test_the_command_serves_the_page_of_its_model(
    model: GazeModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    served = {}

    def serve(app: object, door: socket.socket, limits: object) -> None:
        with TestClient(app, base_url="http://localhost") as client:  # type: ignore[arg-type]
            served.update(client.get("/v1/about").json(), visitors=client.get("/v1/health").json()["most"])

    monkeypatch.setattr(serving, "serve", serve)
    monkeypatch.setattr("gazeheads.commands.demo.loaded", lambda path: model)
    ranked(model).save(tmp_path / "heads.json")
    args = [
        "demo",
        "--model",
        "tiny",
        "--heads",
        str(tmp_path / "heads.json"),
        "--port",
        "0",
        "--visitors",
        "3",
    ]
    assert cli.main(args) == 0
    assert served["model"] == "tiny" and served["visitors"] == 3
    assert re.search(r"http://127\.0\.0\.1:\d+  \(tiny, 12 heads", capsys.readouterr().err)
    assert cli.main([*args, "--host", "0.0.0.0", "--allow-remote"]) == 0
    assert "warning: everybody who can reach this machine" in capsys.readouterr().err


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "NEEDED", ("fastapi", "no_such_package"))
    with pytest.raises(MissingPackage, match=r'needs no_such_package.*pip install "gazeheads\[demo\]"'):
        demo(argparse.Namespace(), print)


def test_heads_of_another_model_are_refused(model: GazeModel) -> None:
    with pytest.raises(WrongModel, match="9 layers x 9 heads"):
        create_app(model, gh.Heads.of(["L0H0"], "other", 9, 9))


def test_the_page_opens_on_what_it_was_asked_for(client: TestClient) -> None:
    """A sample by every kind, drawn for this model, in the proportions of what the page shows."""
    for name in ("strip-7", "short-7", "grid-7", "scene-7"):
        with page(client, name):
            shown = drawn(place(client).model, name)
        size = np.frombuffer(shown.png[16:24], dtype=">u4")
        assert size[0] * shown.picture.height == size[1] * shown.picture.width
        assert size[1] >= 288 and len(shown.boxes) >= 2

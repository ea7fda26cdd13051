"""Messages that no page of ours would send."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason='of the extra "demo", which the extra "dev" brings, too')

from demo_visits import ASK, finished, page, place, server, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from gazeheads.model.model import GazeModel

WRONG = {
    "no JSON": ("{", "message"),
    "no object": ("[1]", "message"),
    "no type": ("{}", "message"),
    "an unknown type": ('{"type": "open"}', "message"),
    "a path for a sample": ('{"type": "show", "sample": "../../etc/passwd"}', "message"),
    "a field too many": ('{"type": "stop", "file": "/etc/passwd"}', "message"),
    "an endless number": ('{"type": "pace", "pace": Infinity}', "message"),
    "no number": (
        '{"type": "look", "id": 1, "target": {"kind": "spot", "x": NaN, "y": 0, "radius": 1}}',
        "message",
    ),
    "outside": (
        '{"type": "look", "id": 1, "target": {"kind": "box", "x0": 0, "y0": 0, "x1": 2, "y1": 1}}',
        "message",
    ),
    "bits that are none": (
        '{"type": "look", "id": 1, "target": {"kind": "mask", "rows": 2, "cols": 2, "bits": "?"}}',
        "message",
    ),
    "too few bits": (
        '{"type": "look", "id": 1, "target": {"kind": "mask", "rows": 9, "cols": 9, "bits": "AA=="}}',
        "message",
    ),
    "an empty prompt": (json.dumps(ASK | {"prompt": " "}), "message"),
    "half a character": ('{"type": "prepare", "prompt": "\\ud800"}', "message"),
    "a prompt too long": (json.dumps(ASK | {"prompt": "a" * 501}), "prompt"),
    "too many tokens": (json.dumps(ASK | {"tokens": 161}), "tokens"),
    "more heads than there are": (json.dumps(ASK | {"k": 999}), "say"),
}


@pytest.fixture(scope="module")
def client(model: GazeModel) -> Iterator[TestClient]:
    with server(model) as client:
        yield client


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_understood_is_refused_where_it_is_wrong_and_the_visit_goes_on(
    client: TestClient, name: str
) -> None:
    text, where = WRONG[name]
    with page(client) as socket:
        socket.send_text(text)
        said = until(socket, "error")[-1]
        assert said["where"] == where and said["message"]
        socket.send_json(ASK | {"tokens": 1})
        assert finished(socket)["steered"][-1]["why"] == "length"


def test_a_question_before_any_picture_is_answered_with_that(client: TestClient) -> None:
    with page(client, None) as socket:
        for message in (ASK, {"type": "prepare", "prompt": "?"}):
            socket.send_json(message)
            assert "No image is shown" in until(socket, "error")[-1]["message"]
        socket.send_json({"type": "look", "id": 1, "target": None})  # nothing to move: nothing happens
        socket.send_json({"type": "stop"})
        socket.send_json({"type": "show", "sample": "strip-1"})
        assert until(socket, "picture")[-1]["sample"] == "strip-1"


@pytest.mark.parametrize(
    "prompt",
    ["<|image_pad|>", "<|vision_start|><|image_pad|><|vision_end|> two", "\0", "��", "🙂" * 99],
    ids=["a place", "an image", "nul", "no characters", "faces"],
)
def test_odd_prompts_are_answered_or_refused(client: TestClient, prompt: str) -> None:
    with page(client) as socket:
        socket.send_json(ASK | {"prompt": prompt, "tokens": 1})
        assert until(socket, "done", side="steered")[-1]["why"] in ("length", "error")
    assert place(client).turns.broken is None


def test_a_message_that_is_too_large_ends_the_visit(model: GazeModel) -> None:
    with server(model, upload_bytes=1000) as client, page(client, None) as socket:
        socket.send_text("x" * 200_000)
        assert socket.receive()["code"] == 1009


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
SHARES = st.floats(-0.2, 1.2) | st.sampled_from([0, 1, 0.5])
TARGETS = st.one_of(
    st.none(),
    st.fixed_dictionaries({"kind": st.just("panel"), "index": st.integers(-1, 70)}),
    st.fixed_dictionaries({"kind": st.just("box"), "x0": SHARES, "y0": SHARES, "x1": SHARES, "y1": SHARES}),
    st.fixed_dictionaries({"kind": st.just("spot"), "x": SHARES, "y": SHARES, "radius": SHARES}),
    st.fixed_dictionaries(
        {
            "kind": st.just("mask"),
            "rows": st.integers(0, 4),
            "cols": st.integers(0, 20),
            "bits": st.sampled_from(["AAAA", "////", "gA=="]),
        }
    ),
    JUNK,
)
NUMBERS = st.integers(-2, 2_000_000)
STOPS = st.lists(
    st.fixed_dictionaries({"token": st.integers(-1, 9), "id": NUMBERS, "target": TARGETS}), max_size=4
)
MESSAGES = st.one_of(
    st.fixed_dictionaries({"type": st.just("show"), "sample": st.sampled_from(["strip-1", "short-2", "x"])}),
    st.fixed_dictionaries({"type": st.just("look"), "id": NUMBERS, "target": TARGETS}),
    st.fixed_dictionaries({"type": st.just("pace"), "pace": st.none() | st.floats(-1, 2000)}),
    st.fixed_dictionaries({"type": st.just("prepare"), "prompt": st.text(max_size=9)}),
    st.fixed_dictionaries(
        {
            "type": st.just("say"),
            "run": st.integers(0, 9),
            "prompt": st.just("?") | st.text(max_size=9),
            "tokens": st.integers(0, 4),
        },
        optional={
            "stops": STOPS | JUNK,
            "heads": st.sampled_from(["gaze", "random", "all", "none"]),
            "k": st.none() | st.integers(-1, 14),
            "strength": SHARES,
            "mode": st.sampled_from(["focus", "uniform", "bias", "reweigh", ""]),
            "watch": st.sampled_from(["gaze", "next"]),
            "keep_talking": st.booleans() | JUNK,
        },
    ),
    st.just({"type": "stop"}),
    JUNK,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(MESSAGES | st.binary(max_size=9), max_size=8))
def test_whatever_is_sent_the_server_lives_and_the_page_can_go_on(
    client: TestClient, messages: list[Any]
) -> None:
    with page(client) as socket:
        for message in messages:
            if isinstance(message, bytes):
                socket.send_bytes(message)
            else:
                socket.send_text(json.dumps(message))
        socket.send_json({"type": "show", "sample": "strip-1"})
        socket.send_json(ASK | {"run": 77, "tokens": 1})
        while (said := socket.receive_json()) and not (said["type"] == "done" and said["run"] == 77):
            assert said["type"] in ("picture", "begun", "token", "done", "error", "ready"), said
        assert said["why"] == "length"
    assert place(client).turns.broken is None

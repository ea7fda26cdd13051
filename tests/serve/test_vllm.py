"""Gaze inside a real vLLM server: answers, log-probabilities and proofs equal to ours. `make test-vllm` runs these."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vllm_server import Server, logprobs, proof, text

pytestmark = pytest.mark.vllm

HERE = Path(__file__).parent
STRIPS = int(os.environ.get("GAZEHEADS_STRIPS", "4"))  # 55 requests each; 24 were run, see docs/serving.md


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> dict[str, dict]:
    """Requests by name, with what our engine answers; in its own environment, since it needs its own transformers."""
    if "GAZEHEADS_CASES" in os.environ:  # what ours.py wrote before
        return {case["name"]: case for case in json.loads(Path(os.environ["GAZEHEADS_CASES"]).read_text())}
    path = tmp_path_factory.mktemp("ours") / "cases.json"
    python = os.environ["GAZEHEADS_PYTHON"]
    here = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "src")}
    subprocess.run([python, HERE / "environment" / "ours.py", str(STRIPS), path], check=True, env=here)
    return {case["name"]: case for case in json.loads(path.read_text())}


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("server") / "log.txt"


@pytest.fixture(scope="module")
def server(log):
    running = Server(log)
    yield running
    running.stop()


def differences(case: dict, reply: tuple[int, dict]) -> list[str]:
    """What is not as ours."""
    status, said = reply
    if status != 200:
        return [f"{case['name']}: {status} {said}"]
    found = []
    if text(said) != case["text"]:
        found.append(f"{case['name']}: {text(said)!r} for {case['text']!r}")
    elif max(abs(a - b) for a, b in zip(logprobs(said), case["logprobs"], strict=True)) > 1e-3:
        found.append(f"{case['name']}: {logprobs(said)} for {case['logprobs']}")
    if case["gaze"] is None:
        return (
            found if said.get("kv_transfer_params") is None else [*found, "an unsteered reply with a proof"]
        )
    ours, theirs = case["effect"], proof(said)
    for name in ("before", "after", "before_by_token", "after_by_token"):
        if theirs[name] != pytest.approx(ours[name], abs=1e-4):
            found.append(f"{case['name']}: {name} {theirs[name]} for {ours[name]}")
    if "trace" in case and not np.allclose(theirs["trace"], case["trace"], atol=1e-4):
        found.append(f"{case['name']}: trace")
    return found


def test_answers_are_ours(server, cases):
    replies = server.ask_all(list(cases.values()))
    wrong = [
        each for case, reply in zip(cases.values(), replies, strict=True) for each in differences(case, reply)
    ]
    assert wrong == []
    assert len(cases) >= 55 * 2


def test_many_at_once_are_not_mixed_up(server, cases):
    """32 requests, each with a gaze of its own or none, in another order and beside other neighbours."""
    chosen = [*cases.values()][:: max(1, len(cases) // 32)][:32]
    for order in (chosen, chosen[::-1]):
        replies = server.ask_all(order)
        assert [
            each for case, reply in zip(order, replies, strict=True) for each in differences(case, reply)
        ] == []


def cached(reply: tuple[int, dict]) -> int:
    """How many tokens of the prompt had been computed before."""
    details = reply[1]["usage"]["prompt_tokens_details"]
    return 0 if details is None else details["cached_tokens"]


def test_prefixes_are_shared_by_the_same_gaze_alone(server, cases):
    for name in ("strip 1 focus all 0", "strip 1 focus all 3", "strip 1"):
        case = cases[name]
        server.ask(case["images"], case["gaze"])
        again = server.ask(case["images"], case["gaze"])
        assert differences(case, again) == [] and cached(again) >= 32
    case = cases["strip 1 focus all 0"]
    other = {**case["gaze"], "heads": {"file": "default", "top": 3}}
    assert cached(server.ask(case["images"], other)) == 0  # not even with the unsteered request


def test_several_answers_have_a_proof_each(server, cases):
    case = cases["strip 0 focus answer 2"]
    status, reply = server.ask(case["images"], case["gaze"], n=3, temperature=1, seed=5)
    assert status == 200
    answers = reply["kv_transfer_params"]["gaze"]["answers"]
    assert len(answers) == 3 and all(answer["after"] == pytest.approx(1) for answer in answers)
    tokens = [len(choice["logprobs"]["content"]) for choice in reply["choices"]]
    assert [len(answer["after_by_token"]) for answer in answers] == tokens


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"colour": 1}, "has no 'colour'"),
        ({"heads": "best"}, "this server was started with default"),
        ({"heads": ["L99H0"]}, "8 layers x 12 heads"),
        ({"at": {"panel": 9}}, "Panel 9"),
        ({"at": {"box": [0, 0, 1, 1], "image": 1}}, "Image 1 was asked for"),
        ({"at": {"stops": [{"panel": 0}], "starts": [50]}, "during": "decode"}, "steers nothing"),
        ({"at": {"stops": [{"panel": 0}], "starts": [14]}, "during": "answer"}, "steered nothing"),
        (
            {"at": {"stops": [{"panel": 0}], "starts": [0], "unit": "sentence"}, "during": "answer"},
            "does not know",
        ),
    ],
)
def test_a_bad_request_is_refused_with_what_to_do(server, cases, change, says):
    case = cases["strip 0 focus all 0"]
    status, reply = server.ask(case["images"], {**case["gaze"], **change})
    assert status == 400 and says in reply["error"]["message"]


def test_what_cannot_carry_a_gaze_refuses_it(server, cases):
    case = cases["strip 0 focus all 0"]
    status, reply = server.ask([], case["gaze"])
    assert status == 400 and "looks at images" in reply["error"]["message"]
    status, reply = server.ask(case["images"], case["gaze"], use_beam_search=True, logprobs=False)
    assert status == 400 and "beam search" in reply["error"]["message"]


def test_fuzzed_requests_are_refused_and_the_server_lives(server, cases):
    case = cases["strip 0 focus all 0"]
    whole = json.dumps(case["gaze"])
    plain = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=2)
        ),
        max_leaves=4,
    )
    cut = st.integers(0, len(whole) - 1).map(lambda at: whole[:at])
    swapped = st.builds(
        lambda name, value: json.dumps({**case["gaze"], name: value}), st.sampled_from([*case["gaze"]]), plain
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.one_of(cut, swapped, st.text(max_size=30), plain.map(json.dumps)))
    def refused(gaze: str) -> None:
        status, reply = server.ask(case["images"], gaze, max_tokens=2)
        assert status in (200, 400)
        assert (
            status == 400 or "gaze" in reply["kv_transfer_params"]
        )  # answered: then it was steered, and says so
        assert status == 200 or len(reply["error"]["message"]) > 20

    refused()
    assert differences(case, server.ask(case["images"], case["gaze"])) == []


def test_killed_and_started_again(log, cases):
    """The second server knows nothing of the first; answers are the same."""
    case = cases["strip 0 uniform answer 1"]
    for _ in range(2):
        server = Server(log)
        try:
            assert differences(case, server.ask(case["images"], case["gaze"])) == []
        finally:
            server.stop()

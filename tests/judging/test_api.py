"""The judge behind an API, against a real server on this machine that answers, dawdles, lies and hangs up."""

import gzip
import io
import json
import logging
import re
import socket
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from PIL import Image
from provider_server import Reply, Request, Served, honest, served, wrapped

from gazeheads.errors import JudgeError
from gazeheads.experiments.trial import Generated, Trial
from gazeheads.judging.api import MOST_BYTES, ApiJudge
from gazeheads.judging.cost import Cost
from gazeheads.judging.kinds import judge_of
from gazeheads.judging.providers import Retry, asked_to_wait
from gazeheads.regions.grid import Box
from gazeheads.runs.judge import verdicts_on
from gazeheads.runs.outcomes import outcomes
from gazeheads.sample import Sample
from gazeheads.statistics import estimate

KEY = "sk-very-secret-0123456789"
BOTH = pytest.mark.parametrize("provider", ["anthropic", "openai"])
FAST = Retry(tries=3, base=0.001)
PATHS = {"anthropic": "/v1/messages", "openai": "/chat/completions"}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)


@pytest.fixture
def sample() -> Sample:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 60, 3), dtype=np.uint8)
    boxes = tuple(Box(20 * k, 0, 20 * k + 20, 20) for k in range(3))
    return Sample("s", "strip", Image.fromarray(pixels), boxes, ("the left", "the middle", "the right"))


OPEN: list[ApiJudge] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def judge_at(server: Served, provider: str = "openai", **options: Any) -> ApiJudge:
    options = {"base_url": server.url, "retry": FAST, "timeout": 5.0} | options
    found = judge_of(f"api:{provider}:some-model", **options)
    assert isinstance(found, ApiJudge)
    OPEN.append(found)
    return found


def first(replies: list[Reply]) -> Any:
    """These replies, then honest ones."""
    return lambda request, n: replies[n] if n < len(replies) else honest(request)


# ------------------------------------------------------------------------------------------------------ what is asked


@BOTH
def test_a_reply_becomes_a_verdict(sample: Sample, provider: str) -> None:
    with served(lambda request, _: honest(request)) as server:
        found = judge_at(server, provider)
        texts = ["about 1", "Panel 1: it is about 3.", "about none", "about junk"]
        verdicts = [found.judge(sample, text) for text in texts]
    assert [(v.kind, v.region, v.margin) for v in verdicts] == [
        ("matched", 0, 0.75),
        ("matched", 2, 0.75),
        ("none", None, 0.75),
        ("degenerate", None, 0.75),
    ]
    request = server.requests[1]
    assert request.path == PATHS[provider]
    assert request.texts == ["it is about 3."]  # the label is a claim
    seen = Image.open(io.BytesIO(b64decode(request.picture)))
    assert np.array_equal(np.array(seen), np.array(sample.image))
    asked = [line for line in request.text.splitlines() if line[:2] in ("1.", "2.", "3.")]
    assert [line.split(" (")[0] for line in asked] == ["1. the left", "2. the middle", "3. the right"]
    assert "pixels 20 to 40 from the left" in asked[1]
    sent = {name.lower(): value for name, value in request.headers.items()}
    assert KEY in (sent["x-api-key"] if provider == "anthropic" else sent["authorization"])
    assert KEY not in json.dumps(request.body)
    assert request.body["model"] == "some-model"
    schema = (
        request.body["tools"][0]["input_schema"]
        if provider == "anthropic"
        else request.body["response_format"]["json_schema"]["schema"]
    )
    assert schema["properties"]["verdicts"]["items"]["properties"]["choice"]["enum"] == [
        "1",
        "2",
        "3",
        "none",
        "junk",
    ]


@BOTH
def test_all_parts_of_an_answer_are_judged_by_one_call_and_junk_is_not_asked_about(
    sample: Sample, provider: str
) -> None:
    parts = ["about 2", "", "la la la la la", "Panel 2: about 1", "about none"]
    with served(lambda request, _: honest(request)) as server:
        found = judge_at(server, provider)
        verdicts = found.judge_parts(sample, parts)
        assert found.judge_parts(sample, ["", "ha ha ha ha ha"])[1].kind == "degenerate"
    assert [(v.kind, v.region) for v in verdicts] == [
        ("matched", 1),
        ("degenerate", None),
        ("degenerate", None),
        ("matched", 0),
        ("none", None),
    ]
    assert [request.texts for request in server.requests] == [["about 2", "about 1", "about none"]]


def test_a_reply_in_a_fence_is_read_as_openai_compatible_servers_write_it(sample: Sample) -> None:
    def fenced(request: Request, _: int) -> Reply:
        body = honest(request).body
        message = body["choices"][0]["message"]
        message["content"] = f"```json\n{message['content']}\n```"
        return Reply(body=body)

    with served(fenced) as server:
        assert judge_at(server).judge(sample, "about 2").region == 1


# ------------------------------------------------------------------------------------------------- what does not answer


def test_what_may_pass_is_tried_again(sample: Sample) -> None:
    passing = (408, 429, 500, 502, 503, 504, 529)
    replies = [Reply(status, {"error": "busy"}) for status in passing]
    with served(first(replies)) as server:
        assert (
            judge_at(server, retry=Retry(tries=8, base=0.001, longest=0.002)).judge(sample, "about 2").region
            == 1
        )
    assert len(server.requests) == 1 + len(passing)


def test_the_server_says_how_long_to_wait(sample: Sample) -> None:
    with served(first([Reply(429, {}, {"Retry-After": "0.3"})])) as server:
        start = monotonic()
        assert judge_at(server).judge(sample, "about 2").region == 1
        assert monotonic() - start >= 0.3
    with served(first([Reply(429, {}, {"Retry-After": "3600"})])) as server:
        verdict = judge_at(server).judge(sample, "about 2")
    assert verdict.kind == "unscored"
    assert "429" in verdict.reason and "to come back in 3600 s" in verdict.reason
    assert len(server.requests) == 1
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 95 < asked_to_wait({"retry-after": later}) <= 100
    assert (
        asked_to_wait({"retry-after": "soon"})
        == asked_to_wait({})
        == asked_to_wait({"retry-after": "-3"})
        == 0
    )


def test_waits_grow_and_have_an_end() -> None:
    waits = [[Retry(base=1, longest=20).pause(n) for _ in range(200)] for n in range(8)]
    for n, drawn in enumerate(waits):
        full = min(20, 2**n)
        assert full / 2 <= min(drawn) < 0.6 * full < 0.9 * full < max(drawn) <= full


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(500, raw=b"trouble"), "the server says 500: trouble"),
        (Reply(close=True), "RemoteProtocolError"),
        (Reply(hang=30), "ReadTimeout"),
        (Reply(raw=b"no gzip", headers={"content-encoding": "gzip"}), "DecodingError"),
    ],
)
def test_a_server_that_always_fails_leaves_everything_unscored(
    sample: Sample, reply: Reply, why: str
) -> None:
    """Not at 0%: what is not known leaves the denominator."""
    generated = [
        Generated(Trial("e", "s", "gaze", "?", 5, target=k), f"about {k}", 1, "eos") for k in range(3)
    ]
    with served(lambda request, _: reply) as server:
        verdicts = verdicts_on(judge_at(server, timeout=0.05), generated, [sample])
    assert {v.kind for v in verdicts.values()} == {"unscored"}
    assert all(f"3 tries failed; the last: {why}" in v.reason for v in verdicts.values())
    assert len(server.requests) == 3 * FAST.tries
    found = estimate(outcomes(generated, verdicts, {"s": ()}), np.random.default_rng(0))
    assert (found.n, found.left_out) == (0, 3)
    assert np.isnan(found.mean)


def test_nobody_at_the_address(sample: Sample) -> None:
    with served(lambda request, _: honest(request)) as server:
        pass
    assert "ConnectError" in judge_at(server).judge(sample, "about 2").reason


def test_a_server_that_is_gone_stops_the_judging_and_what_was_judged_is_kept(
    sample: Sample, tmp_path: Path
) -> None:
    cache = tmp_path / "replies.sqlite"
    asked = [(sample, [f"about 1, {n}"]) for n in range(12)]
    well = False
    with served(lambda request, n: honest(request) if well or n < 4 else Reply(503, {})) as server:
        found = judge_at(server, cache=cache, concurrency=1, give_up_after=5)
        with pytest.raises(
            JudgeError, match=r"last 5 calls to http.* failed; the last: 3 tries failed; .*503"
        ):
            found.judge_many(asked)
        assert len(server.requests) <= 4 + 3 * 6  # the one that was under way, too
        server.requests.clear()
        well = True
        verdicts = judge_at(server, cache=cache).judge_many(asked)
    assert all(each[0].region == 0 for each in verdicts)
    assert len(server.requests) == 8


def test_a_wrong_key_stops_everything_and_is_shown_to_nobody(
    sample: Sample, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cache = tmp_path / "replies.sqlite"
    echo = Reply(401, {"error": f"invalid key {KEY}"})
    with served(lambda request, n: honest(request) if n == 0 else echo) as server:
        found = judge_at(server, "anthropic", cache=cache, concurrency=2)
        assert found.judge(sample, "about 2").region == 1
        with pytest.raises(
            JudgeError, match="says 401: .*invalid key .the key.*variable ANTHROPIC_API_KEY"
        ) as caught:
            found.judge_many([(sample, [f"about 1, {n}"]) for n in range(50)])
    assert len(server.requests) <= 1 + 2 * 2
    shown = [str(caught.value), repr(found), caplog.text]
    shown += [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()]
    assert not any(KEY in text for text in shown)
    assert any("about 2" in text or "verdicts" in text for text in shown[3:])  # the cache was looked at


@pytest.mark.parametrize(
    ("status", "advice"), [(400, "Change what was asked"), (404, "Check the model's name")]
)
def test_other_refusals_stop_with_what_the_server_says(sample: Sample, status: int, advice: str) -> None:
    with (
        served(lambda request, _: Reply(status, {"error": "no such thing"})) as server,
        pytest.raises(JudgeError, match=f"says {status}: .*no such thing.*{advice}"),
    ):
        judge_at(server).judge(sample, "about 2")
    assert len(server.requests) == (
        2 if status == 400 else 1
    )  # once more in words, for servers that know no schema


# ---------------------------------------------------------------------------------------------- what cannot be read

ONE = {"text": 1, "choice": "2", "confidence": 0.5}
BAD = [
    ({"verdicts": []}, "no verdict on text 1"),
    ({"verdicts": [ONE, ONE]}, '"text" is 1'),
    ({"verdicts": [ONE | {"text": 2}]}, '"text" is 2'),
    ({"verdicts": [ONE | {"text": True}]}, '"text" is True'),
    ({"verdicts": [ONE | {"choice": "4"}]}, "\"choice\" is '4', none of 1, 2, 3, none, junk"),
    ({"verdicts": [ONE | {"choice": 2.0}]}, '"choice" is 2.0'),
    ({"verdicts": [ONE | {"choice": True}]}, '"choice" is True'),
    ({"verdicts": [ONE | {"confidence": 101}]}, '"confidence" is 101'),
    ({"verdicts": [ONE | {"confidence": 1.5}]}, '"confidence" is 1.5'),
    ({"verdicts": [ONE | {"confidence": "high"}]}, "\"confidence\" is 'high'"),
    ({"verdicts": [ONE | {"confidence": True}]}, '"confidence" is True'),
    ({"verdicts": [3]}, '"text" is None'),
    ({"choice": "2"}, 'no object with a list "verdicts"'),
    ([ONE], 'no object with a list "verdicts"'),
    ("region 2", 'no object with a list "verdicts"'),
]


@BOTH
def test_a_reply_of_another_form_is_asked_for_once_more_with_the_reason(
    sample: Sample, provider: str
) -> None:
    bad = {f"text {n}": each for n, each in enumerate(BAD)}
    with served(lambda request, _: Reply(body=wrapped(bad[request.texts[0]][0], request.path))) as server:
        found = judge_at(server, provider)
        for text, (_, why) in bad.items():
            server.requests.clear()
            verdict = found.judge(sample, text)
            assert verdict.kind == "unscored"
            assert "could not be read, twice: " in verdict.reason and why in verdict.reason
            once, again = server.requests
            assert "could not be read" not in once.text
            assert "could not be read" in again.text and why in again.text
        found.judge(sample, text)
    assert len(server.requests) == 4  # it was not kept


GARBAGE = [
    Reply(raw=b"<html>Welcome</html>"),
    Reply(raw=b""),
    Reply(raw=b"\xff\xfe\x00"),
    Reply(body={}),
    Reply(body=[1]),
    Reply(body={"content": [], "choices": []}),
    Reply(
        body={"content": [{"type": "text", "text": "2"}], "choices": [{"message": {"content": "It is 2."}}]}
    ),
    Reply(body={"content": None, "choices": [{"message": {"content": None, "refusal": "I will not"}}]}),
]


@BOTH
def test_garbage_is_asked_for_once_more_and_then_unscored(sample: Sample, provider: str) -> None:
    seen: list[str] = []

    def garbage(request: Request, _: int) -> Reply:
        text = request.texts[0]
        seen.append(text)
        kind, number = text.split(" about 2, ")
        return honest(request) if kind == "once" and seen.count(text) > 1 else GARBAGE[int(number)]

    with served(garbage) as server:
        found = judge_at(server, provider)
        for n in range(len(GARBAGE)):
            assert found.judge(sample, f"once about 2, {n}").region == 1
            assert found.judge(sample, f"always about 2, {n}").kind == "unscored"
    assert len(server.requests) == 4 * len(GARBAGE)


# -------------------------------------------------------------------------------------------------- many, and only once


def test_no_more_calls_at_a_time_than_allowed(sample: Sample) -> None:
    asked = [(sample, [f"about {n % 3 + 1}, {n}"]) for n in range(12)]
    for limit in (1, 3):
        with served(lambda request, _: Reply(body=honest(request).body, hang=0.03)) as server:
            verdicts = judge_at(server, concurrency=limit).judge_many(asked)
        assert [each[0].region for each in verdicts] == [n % 3 for n in range(12)]
        assert server.most == limit


def test_what_was_answered_once_is_not_asked_again(sample: Sample, tmp_path: Path) -> None:
    cache = tmp_path / "replies.sqlite"
    other = Sample("t", "strip", sample.image.rotate(180), sample.boxes, sample.names)
    renamed = Sample("s", "strip", sample.image, sample.boxes, ("a", "b", "c"))
    asked = [
        (sample, ["about 1"]),
        (sample, ["about 1"]),
        (sample, ["Panel 3: about 1"]),
        (sample, ["about 2"]),
    ]
    with served(lambda request, _: honest(request)) as server:
        one = judge_at(server, cache=cache)
        assert str(one.cost(asked)).startswith("2 calls (0 more are answered already)")
        assert [each[0].region for each in one.judge_many(asked)] == [0, 0, 0, 1]
        assert len(server.requests) == 2
        again = judge_at(server, cache=cache)
        assert [each[0].region for each in again.judge_many(asked)] == [0, 0, 0, 1]
        assert again.judge(sample, "about 2").margin == 0.75
        assert len(server.requests) == 2
        assert again.cost([*asked, (other, ["about 1"])]).calls == 1
        assert again.cost([*asked, (other, ["about 1"])]).known == 2
        again.judge(other, "about 1")
        again.judge(renamed, "about 1")
        again.judge_parts(sample, ["about 1", "about 2"])
        assert len(server.requests) == 5
        model = judge_of("api:openai:another", base_url=server.url, cache=cache)
        assert isinstance(model, ApiJudge)
        OPEN.append(model)
        model.judge(sample, "about 1")
        judge_at(server, "anthropic", cache=cache).judge(sample, "about 1")
        assert len(server.requests) == 7


def test_a_cost_is_named_before_and_asked_for_above_the_limit(sample: Sample) -> None:
    with served(lambda request, _: honest(request)) as server:
        found = judge_at(server)
        cost = found.cost([(sample, ["about 1"]), (sample, ["about 2", "about 3", ""])], 3.0, 15.0)
    assert cost.calls == 2
    assert 800 < cost.tokens_in < 3000
    assert cost.tokens_out == 40 * 2 + 40 * 3
    assert cost.cost == pytest.approx((cost.tokens_in * 3 + cost.tokens_out * 15) / 1e6)
    assert not server.requests
    cost.must_be_allowed(1.0, False)
    with pytest.raises(JudgeError, match="about 0.0.*more than the limit of 0.001. Say --yes"):
        cost.must_be_allowed(0.001, False)
    cost.must_be_allowed(0.001, True)
    Cost(100).must_be_allowed(0.0, False)
    with pytest.raises(JudgeError, match="101 calls .* at unknown prices, no price was given"):
        Cost(101).must_be_allowed(1e9, False)
    Cost(101).must_be_allowed(0.0, True)


def test_without_a_key_nothing_starts(monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    for value, why in (("", "it is not set"), (" ", "it is not set"), ("schlüssel", "cannot be a key")):
        monkeypatch.setenv("OPENAI_API_KEY", value)
        with pytest.raises(JudgeError, match=f"environment variable OPENAI_API_KEY; .*{why}"):
            judge_of("api:openai:m")
    with pytest.raises(JudgeError, match="with 0 calls at a time"):
        judge_of("api:anthropic:m", concurrency=0)
    for spec in ("api:elsewhere:m", "api:openai:", "api:openai"):
        with pytest.raises(JudgeError, match=f"Judge '{spec}' is not known. Use api:PROVIDER:MODEL"):
            judge_of(spec)
    with pytest.raises(JudgeError, match="at 'localhost:8000', which is no address"):
        judge_of("api:anthropic:m", base_url="localhost:8000")


# ------------------------------------------------------------------------------------------- secrets, bounds, borders

SECRET = "user:hunter2@"


def test_secrets_of_an_address_are_used_and_never_said(sample: Sample) -> None:
    with served(lambda request, _: Reply(401, {"at": "http://user:hunter2@x/?key=hidden"})) as server:
        url = server.url.replace("//", f"//{SECRET}") + "/v9?key=hidden"
        found = judge_at(server, base_url=url)
        with pytest.raises(JudgeError, match=r"\*\*\*@127.0.0.1") as told:
            found.judge(sample, "about 1")
    assert server.requests[0].path == "/v9/chat/completions?key=hidden"
    for text in (str(told.value), json.dumps(found.settings())):
        assert "hunter2" not in text and "hidden" not in text


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_without_end_is_a_failure(sample: Sample, packed: bool) -> None:
    raw, headers = b" " * (MOST_BYTES + 1), {}
    if packed:
        raw, headers = gzip.compress(raw), {"content-encoding": "gzip"}
    with served(lambda request, _: Reply(raw=raw, headers=headers)) as server:
        found = judge_at(server, retry=Retry(tries=1)).judge(sample, "about 1")
    assert found.kind == "unscored" and f"more than {MOST_BYTES} bytes" in found.reason


def test_a_packed_reply_is_read(sample: Sample) -> None:
    def answer(request: Request, _: int) -> Reply:
        raw = gzip.compress(json.dumps(honest(request).body).encode())
        return Reply(raw=raw, headers={"content-encoding": "gzip"})

    with served(answer) as server:
        assert judge_at(server).judge(sample, "about 2").region == 1


@pytest.mark.parametrize(
    "name, value", [("ALL_PROXY", "nonsense://x"), ("SSL_CERT_FILE", "/no/such/file.pem")]
)
def test_what_the_environment_cannot_mean_is_told_before_the_first_call(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(JudgeError, match=f"cannot be set up: .*{name}"):
        judge_of("api:openai:m", base_url="https://example.invalid")


@pytest.mark.parametrize("url", ["http://", "http://[::1", "ftp://host", "http://host:99999999"])
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(JudgeError, match="which is no address"):
        judge_of("api:openai:m", base_url=url)


def test_numbers_that_cannot_be_meant_are_refused() -> None:
    for timeout in (float("nan"), float("inf"), 0.0):
        with pytest.raises(JudgeError, match="a timeout"):
            judge_of("api:openai:m", timeout=timeout)
    with pytest.raises(JudgeError, match="A price of -1 was given"):
        Cost(1, price_in=-1.0)


def test_a_host_that_cannot_be_found_stops_at_once(monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    calls = []

    def unknown(*args: Any, **more: Any) -> Any:
        calls.append(args)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(JudgeError, match="a host that cannot be found"):
        judge_of("api:openai:m", base_url="http://example.invalid", retry=FAST).judge(sample, "about 1")
    assert len(calls) == 1


def test_dates_to_come_back_at_are_of_greenwich() -> None:
    at = datetime.now(UTC) + timedelta(seconds=90)
    for zone in ("GMT", "-0000", "+0000"):
        text = f"{at:%a, %d %b %Y %H:%M:%S} {zone}"
        assert 85 < asked_to_wait({"retry-after": text}) <= 90


REPLY = json.dumps({"verdicts": [{"text": 1, "choice": 2, "confidence": 95}]})


def says(content: Any) -> Reply:
    message = {"role": "assistant", "content": content}
    return Reply(body={"choices": [{"message": message, "finish_reason": "length"}]})


@pytest.mark.parametrize(
    "content",
    [
        f"<think>{{1}} or {{2}}?</think>{REPLY}",
        f"it is {{2}}, I think</think>\n```json\n{REPLY}\n```",
        f"Here you are: {REPLY} I hope this helps.",
        [{"type": "text", "text": REPLY[:20]}, {"type": "text", "text": REPLY[20:]}],
    ],
)
def test_replies_of_servers_that_chat_are_read(sample: Sample, content: Any) -> None:
    with served(lambda request, _: says(content)) as server:
        found = judge_at(server).judge(sample, "hello there")
    assert (found.kind, found.region, found.margin) == ("matched", 1, 0.95)


@pytest.mark.parametrize(
    "content, why",
    [(None, "no text .it ended because: length"), ("Sorry, {no}.", "no JSON object with verdicts")],
)
def test_replies_without_a_verdict_say_why(sample: Sample, content: Any, why: str) -> None:
    with served(lambda request, _: says(content)) as server:
        found = judge_at(server).judge(sample, "hello there")
    assert found.kind == "unscored"
    assert re.search(why, found.reason)


def test_servers_without_structured_output_are_asked_in_words(sample: Sample) -> None:
    def answer(request: Request, _: int) -> Reply:
        old = {"response_format", "max_completion_tokens"} & set(request.body)
        return Reply(422, {"error": "extra fields"}) if old else honest(request)

    with served(answer) as server:
        judge = judge_at(server)
        assert judge.judge(sample, "about 3").region == 2
        assert judge.judge(sample, "about 1").region == 0
    assert len(server.requests) == 3  # the second is asked so at once
    assert '"verdicts"' in server.requests[1].text
    assert server.requests[1].body["max_tokens"] == 4000


def test_an_image_with_one_object_is_unscored_and_ends_nothing(sample: Sample) -> None:
    alone = replace(sample, boxes=sample.boxes[:1], names=sample.names[:1])
    with served(lambda request, _: honest(request)) as server:
        found = judge_at(server).judge_many([(alone, ["about 1", ""]), (sample, ["about 2"])])
    assert [each.kind for each in found[0]] == ["unscored", "degenerate"]
    assert found[0][0].reason == "1 region: there is no choice"
    assert found[1][0].region == 1

"""A judge behind an API: Anthropic's, OpenAI's, or of any server that speaks as OpenAI's does, over the network.

1. Strip "Panel k:". Collapsed text is degenerate and is not asked about; nor is what has been answered before
   (`cache`).
2. The image, its regions by name, and the texts go out as one forced choice (`question`), several at a time.
3. A reply follows a JSON schema (Anthropic: a tool that must be used; OpenAI: structured output) and is checked
   again. One that cannot be read is asked for once more, with a reminder; then the answer is unscored.
4. Too many requests, errors of the server, timeouts and broken connections are tried again, ever later, or when the
   server says (Retry-After); then the answer is unscored. Any other refusal, such as a wrong key, stops everything.

The requests are written by hand on top of httpx2, which transformers brings with it, instead of both providers' SDKs:
two messages of ten lines each, one way to wait and to fail for both.
"""

import math
import os
import socket
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from time import monotonic
from typing import Any

import httpx2

from gazeheads.errors import JudgeError
from gazeheads.judging.base import Asked, Judge, Verdict
from gazeheads.judging.cache import Replies
from gazeheads.judging.cost import Cost, tokens
from gazeheads.judging.providers import AGAIN, PROVIDERS, Provider, Retry, asked_to_wait, plainer
from gazeheads.judging.question import REMINDER, SYSTEM, VERSION, BadReply, Question, question, read
from gazeheads.sample import Sample
from gazeheads.text import degenerate, redacted, strip_labels

MOST_BYTES = 4_000_000  # of a reply, unpacked


class _Failed(Exception):
    """No verdict, for the reason that it says; the judging goes on."""


class ApiJudge(Judge):
    """Judges by asking `model` at a provider. `margin` of a verdict: how sure the model says it is, 0..1.

    base_url: of another server. replies: where to keep what was paid for. concurrency: calls at a time. timeout:
    seconds for a call. give_up_after: so many failures in a row stop the judging, for the server is gone; what was
    judged is kept. The key is read from the environment (ANTHROPIC_API_KEY or OPENAI_API_KEY) and never written
    anywhere. Raises `JudgeError` where there is none.
    """

    def __init__(
        self,
        provider: Provider,
        model: str,
        *,
        base_url: str = "",
        replies: Replies | None = None,
        retry: Retry | None = None,
        concurrency: int = 8,
        timeout: float = 120.0,
        give_up_after: int = 20,
    ) -> None:
        self.provider, self.model, self.concurrency = provider, model, concurrency
        self.base_url = redacted(base_url or provider.base_url).rstrip("/")
        self.replies, self.retry, self.give_up_after = replies or Replies(), retry or Retry(), give_up_after
        if concurrency < 1 or give_up_after < 1 or self.retry.tries < 1 or not 0 < timeout < math.inf:
            raise JudgeError(
                f"An API judge was asked for with {concurrency} calls at a time, {self.retry.tries} tries, a timeout "
                f"of {timeout:g} s, and giving up after {give_up_after} failures. Give numbers from 1 on."
            )
        self._url, self.timeout = _url(base_url or provider.base_url, provider.path), timeout
        self._failures = 0  # in a row
        self._plain = False  # whether the server knows no structured output
        self._key = _key(provider)
        self._client = _client({"accept-encoding": "identity", **provider.headers(self._key)}, timeout)

    def judge(self, sample: Sample, answer: str) -> Verdict:
        """The verdict on one answer."""
        return self.judge_many([(sample, [answer])])[0][0]

    def judge_parts(self, sample: Sample, parts: Sequence[str]) -> list[Verdict]:
        """The verdicts on all parts of one answer, by one call."""
        return self.judge_many([(sample, parts)])[0]

    def judge_many(self, asked: Sequence[Asked]) -> list[list[Verdict]]:
        """The verdicts on the parts of many answers, a call for each, several at a time; what is asked twice once.

        Raises `JudgeError` where the server refuses (a wrong key, an unknown model), or is gone.
        """
        questions = [_question(sample, parts) for sample, parts in asked]
        found = self._answered({self._cache_key(q): q for q in questions if q is not None})
        return [
            _together(parts, _alone(sample, parts) if q is None else found[self._cache_key(q)])
            for (sample, parts), q in zip(asked, questions, strict=True)
        ]

    def settings(self) -> dict[str, Any]:
        """Where it asks, and in which wording."""
        return {"base_url": self.base_url, "wording": VERSION}

    def cost(
        self,
        asked: Iterable[Asked],
        price_in: float | None = None,
        price_out: float | None = None,
    ) -> Cost:
        """What `judge_many` would cost. Prices: for a million tokens."""
        sizes: dict[str, tuple[int, int]] = {}
        known: set[str] = set()
        for sample, parts in asked:
            one = _question(sample, parts)
            if one is not None and (key := self._cache_key(one)) not in sizes and key not in known:
                if self.replies.get(key) is None:
                    sizes[key] = tokens(SYSTEM + one.text, one.sample.image.size, one.parts)
                else:
                    known.add(key)
        totals = [sum(column) for column in zip(*sizes.values(), strict=True)] or [0, 0]
        return Cost(len(sizes), len(known), totals[0], totals[1], price_in, price_out)

    def close(self) -> None:
        """Let go of connections and the cache."""
        self._client.close()
        self.replies.close()

    def _cache_key(self, asked: Question) -> str:
        return asked.key(f"{self.provider.name} at {self.base_url}", self.model)

    def _answered(self, questions: Mapping[str, Question]) -> dict[str, list[Verdict]]:
        """The verdicts on each question, from the cache or by a call."""
        found, calls = {}, {}
        for key, asked in questions.items():
            try:
                found[key] = read(self.replies.get(key), asked)
            except BadReply:  # there is none
                calls[key] = asked
        stop = Event()
        with ThreadPoolExecutor(self.concurrency) as pool:
            running = {pool.submit(self._call, key, asked, stop): key for key, asked in calls.items()}
            try:
                for done in as_completed(running):
                    key = running[done]
                    try:
                        found[key], self._failures = done.result(), 0
                    except _Failed as error:
                        self._failures += 1
                        if self._failures >= self.give_up_after:
                            raise JudgeError(
                                f"The last {self._failures} calls to {self.base_url} failed; the last: {error}. "
                                "What was judged is kept: see that the server is well, and start again."
                            ) from error
                        found[key] = [Verdict("unscored", reason=str(error))] * calls[key].parts
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)
        return found

    def _call(self, key: str, asked: Question, stop: Event) -> list[Verdict]:
        """Ask, and once more with a reminder where the reply cannot be read. Raises `_Failed` or `JudgeError`."""
        more, why = "", ""
        for _ in range(2):
            response = self._send(self.provider.ask(self.model, asked, more), stop)
            try:
                reply = self.provider.reply(response.json())
                verdicts = read(reply, asked)
            except (BadReply, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
                why = (
                    str(error) if isinstance(error, BadReply) else "it is not of the form that was asked for"
                )
                why = self._clean(why)
                more = "\n\n" + REMINDER.format(why=why)
                continue
            self.replies.put(key, reply)
            return verdicts
        raise _Failed(f"the judge's reply could not be read, twice: {why}")

    def _send(self, body: Mapping[str, Any], stop: Event) -> httpx2.Response:
        """A reply with status 200. Raises `_Failed` after too many tries, `JudgeError` where trying mends nothing."""
        why, body = "", plainer(body) if self._plain and "response_format" in body else body
        for number in range(self.retry.tries):
            pause = self.retry.pause(number)
            try:
                response = self._post(body)
            except httpx2.HTTPError as error:
                if _is_unknown_host(error):
                    raise JudgeError(
                        f"The judge {self.model} was asked at {self.base_url}, a host that cannot be found. Check the "
                        "base URL, and that there is a network."
                    ) from error
                why = self._clean(f"{type(error).__name__}: {error}".rstrip(": "))
            else:
                if response.status_code == 200:
                    return response
                why = f"the server says {response.status_code}: {self._clean(response.text)}"
                if response.status_code in (400, 422) and "response_format" in body:
                    try:
                        found = self._send(plainer(body), stop)
                        self._plain = True  # the next are asked so at once
                        return found
                    except JudgeError as error:
                        raise JudgeError(self._refused(response.status_code, why)) from error
                if response.status_code not in AGAIN:
                    raise JudgeError(self._refused(response.status_code, why))
                pause = max(pause, asked_to_wait(response.headers))
            if pause > self.retry.patience:
                raise _Failed(f"{why} (and to come back in {pause:.0f} s)")
            if number + 1 < self.retry.tries and stop.wait(pause):
                break
        raise _Failed(f"{self.retry.tries} tries failed; the last: {why}")

    def _post(self, body: Mapping[str, Any]) -> httpx2.Response:
        """A reply, read in full. Raises `HTTPError` for one that is too large, unpacked too, or takes too long."""
        ends, raw = monotonic() + self.timeout, bytearray()
        with self._client.stream("POST", self._url, json=body) as found:
            for chunk in found.iter_raw():
                raw += chunk
                if len(raw) > MOST_BYTES:
                    raise httpx2.ReadError(f"the reply has more than {MOST_BYTES} bytes")
                if monotonic() > ends:
                    raise httpx2.ReadTimeout(f"the reply was not there after {self.timeout:g} s")
        headers = {name: value for name, value in found.headers.items() if name != "content-encoding"}
        packed = found.headers.get("content-encoding", "identity") != "identity"
        return httpx2.Response(
            found.status_code, headers=headers, content=_unpacked(raw) if packed else bytes(raw)
        )

    def _refused(self, status: int, why: str) -> str:
        """The message for a refusal."""
        name = self.provider.variable
        advice = {
            401: f"Set the environment variable {name} to a key that is valid there.",
            403: f"Use a key that may use {self.model}, in the environment variable {name}.",
            404: f"Check the model's name, {self.model!r}, and the base URL.",
        }.get(status, "Change what was asked for, or ask another judge.")
        return f"The judge {self.model} was asked at {self.base_url}; {why.rstrip('.')}. {advice}"

    def _clean(self, text: str) -> str:
        """The first 200 characters of what somebody else wrote, in one line, without the key."""
        bare = redacted(text.replace(self._key, "(the key)") if len(self._key) > 7 else text)
        return " ".join(bare.split())[:200]


def _url(base: str, path: str) -> httpx2.URL:
    """The address to ask: the base's path, then the provider's, then the base's query. Raises `JudgeError`."""
    try:
        url = httpx2.URL(base)
        whole = url.copy_with(path=url.path.rstrip("/") + path, fragment=None)
    except (httpx2.InvalidURL, ValueError, TypeError):
        url = whole = httpx2.URL("")
    if url.scheme not in ("https", "http") or not url.host or (url.port or 1) > 65535:
        raise JudgeError(
            f"An API judge was asked for at {redacted(base)!r}, which is no address. Give one that begins with "
            "https:// or http://, and has a host."
        )
    return whole


def _client(headers: Mapping[str, str], timeout: float) -> httpx2.Client:
    """The client. Raises `JudgeError` for proxies and certificates, named by the environment, that cannot be."""
    try:
        return httpx2.Client(headers=dict(headers), timeout=timeout)
    except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:
        raise JudgeError(
            f"An API judge was asked for; its connection cannot be set up: {redacted(str(error))}. Check HTTP_PROXY, "
            "HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR in the environment."
        ) from error


def _unpacked(raw: bytes | bytearray) -> bytes:
    """What gzip or deflate packed. Raises `HTTPError` for anything else, and for what becomes too large."""
    try:
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
        content = unpacking.decompress(bytes(raw), MOST_BYTES + 1)
    except zlib.error as error:
        raise httpx2.DecodingError(f"the reply cannot be unpacked ({error})") from error
    if len(content) > MOST_BYTES:
        raise httpx2.DecodingError(f"the reply unpacks to more than {MOST_BYTES} bytes")
    return content


def _is_unknown_host(error: BaseException | None) -> bool:
    """Whether the host's name led nowhere, however deep that stands."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


def _question(sample: Sample, parts: Sequence[str]) -> Question | None:
    """The question about those parts of an answer that are no junk; None if all are, or there is no choice."""
    texts = [text for part in parts if not degenerate(text := strip_labels(part))]
    return question(sample, texts) if texts and len(sample.boxes) > 1 else None


def _alone(sample: Sample, parts: Sequence[str]) -> list[Verdict]:
    """The verdicts where nothing is asked: an image with a single object leaves no choice."""
    return [Verdict("unscored", reason=f"{len(sample.boxes)} region: there is no choice")] * len(parts)


def _together(parts: Sequence[str], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on all parts: `verdicts` on those that were asked about, in order."""
    asked = iter(verdicts)
    return [
        Verdict("degenerate", reason=junk) if (junk := degenerate(strip_labels(part))) else next(asked)
        for part in parts
    ]


def _key(provider: Provider) -> str:
    """The key in the environment. Raises `JudgeError` where there is none that could be one."""
    key = os.environ.get(provider.variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        found = "what it holds cannot be a key" if key else "it is not set"
        raise JudgeError(
            f"The judge api:{provider.name} needs a key in the environment variable {provider.variable}; {found}. Set "
            "it (a local server takes any word)."
        )
    return key


def from_spec(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> ApiJudge:
    """The judge `api:PROVIDER:MODEL`. options: keywords of `ApiJudge`, and `cache`, the file of the replies."""
    provider, _, model = rest.partition(":")
    if provider not in PROVIDERS or not model:
        raise JudgeError(
            f"Judge 'api:{rest}' is not known. Use api:PROVIDER:MODEL with a provider of {', '.join(PROVIDERS)}."
        )
    if "cache" in options:
        options["replies"] = Replies(options.pop("cache"))
    return ApiJudge(PROVIDERS[provider], model, **options)

"""How each provider is asked and how it replies: the bodies of requests and replies, without the network.

Neither is told a temperature: some models take none. Both are given the JSON schema of the reply.
"""

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from gazeheads.files import parse_json
from gazeheads.judging.question import SCHEMA_ABOUT, SCHEMA_NAME, SYSTEM, BadReply, Question

MOST_BRACES = 100  # places at which an object is looked for in a text
MOST_TOKENS = 4000  # of a reply: models that think first need room


@dataclass(frozen=True)
class Provider:
    """How to speak to one kind of server. variable: of the environment, that holds the key.

    ask: from the model, the question and what to add to it, the body of the request. reply: the object in the reply.
    """

    name: str
    base_url: str
    path: str
    variable: str
    headers: Callable[[str], dict[str, str]]
    ask: Callable[[str, Question, str], dict[str, Any]]
    reply: Callable[[Any], Any]


def _ask_anthropic(model: str, asked: Question, more: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": asked.picture}
    content = [{"type": "image", "source": source}, {"type": "text", "text": asked.text + more}]
    return {
        "model": model,
        "max_tokens": MOST_TOKENS,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": content}],
        "tools": [{"name": SCHEMA_NAME, "description": SCHEMA_ABOUT, "input_schema": asked.schema}],
        "tool_choice": {"type": "tool", "name": SCHEMA_NAME},
    }


def _reply_anthropic(body: Any) -> Any:
    used = [block for block in body["content"] if block["type"] == "tool_use"]
    if len(used) != 1:
        raise BadReply(f"it uses {len(used)} tools (it ended because: {body.get('stop_reason')})")
    return used[0]["input"]


def _ask_openai(model: str, asked: Question, more: str) -> dict[str, Any]:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{asked.picture}"}}
    content = [picture, {"type": "text", "text": asked.text + more}]
    schema = {"name": SCHEMA_NAME, "strict": True, "schema": asked.schema}
    return {
        "model": model,
        "max_completion_tokens": MOST_TOKENS,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}],
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


def _reply_openai(body: Any) -> Any:
    choice = body["choices"][0]
    message = choice["message"]
    if message.get("refusal"):
        raise BadReply(f"it refuses: {message['refusal']}")
    content = message.get("content")
    if isinstance(content, list):  # text parts
        content = "".join(part["text"] for part in content if part.get("type") in ("text", "output_text"))
    if not content:
        raise BadReply(f"it holds no text (it ended because: {choice.get('finish_reason')})")
    return _object_in(content)


def _object_in(text: str) -> Any:
    """The JSON object in a text: fenced, behind a model's thoughts, or among prose. Raises `BadReply`."""
    said = re.sub(r"<think(?:ing)?>.*?</think(?:ing)?>", "", text, flags=re.DOTALL)
    said = re.sub(r"^\s*```(?:json)?|```\s*$", "", said.rpartition("</think>")[2])
    try:
        return parse_json(said)
    except ValueError:
        for found in list(re.finditer(r"\{", said))[:MOST_BRACES]:
            try:
                value, _ = json.JSONDecoder().raw_decode(said, found.start())
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict) and "verdicts" in value:
                return value
    raise BadReply("it holds no JSON object with verdicts")


def plainer(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request for a server that knows neither structured output nor the newer name of the limit: said in words."""
    found = {k: v for k, v in body.items() if k not in ("response_format", "max_completion_tokens")}
    schema = json.dumps(body["response_format"]["json_schema"]["schema"])
    system, user = found["messages"]
    words = {
        "type": "text",
        "text": f"\n\nReply with one JSON object of this schema, and nothing else: {schema}",
    }
    user = {**user, "content": [*user["content"], words]}
    return {**found, "max_tokens": MOST_TOKENS, "messages": [system, user]}


PROVIDERS = {
    "anthropic": Provider(
        "anthropic",
        "https://api.anthropic.com",
        "/v1/messages",
        "ANTHROPIC_API_KEY",
        lambda key: {"x-api-key": key, "anthropic-version": "2023-06-01"},
        _ask_anthropic,
        _reply_anthropic,
    ),
    "openai": Provider(
        "openai",
        "https://api.openai.com/v1",
        "/chat/completions",
        "OPENAI_API_KEY",
        lambda key: {"authorization": f"Bearer {key}"},
        _ask_openai,
        _reply_openai,
    ),
}


# Status codes that may be gone the next time: timeout, too many requests, trouble of the server, overload.
AGAIN = (408, 429, 500, 502, 503, 504, 529)


@dataclass(frozen=True)
class Retry:
    """How to wait.

    tries: in all. base: seconds before the second try, doubled with each, up to `longest`, of which up to a half is
    left out by chance. patience: the longest Retry-After, in seconds, that is waited for.
    """

    tries: int = 6
    base: float = 1.0
    longest: float = 60.0
    patience: float = 600.0

    def pause(self, number: int) -> float:
        """Seconds after try `number`, counted from 0."""
        return min(self.longest, self.base * 2.0**number) * random.uniform(0.5, 1.0)


def asked_to_wait(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait; 0 where it does not."""
    told = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(told)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time())
    except (ValueError, OverflowError):
        return 0.0

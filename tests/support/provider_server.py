"""A real HTTP server that answers as the providers do, or misbehaves as it is told."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What to send. raw: bytes in place of JSON. close: hang up without a word. hang: seconds to wait before."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    close: bool = False
    hang: float = 0.0


@dataclass
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def content(self) -> list[dict[str, Any]]:
        """What the user says: picture and text."""
        found: list[dict[str, Any]] = self.body["messages"][-1]["content"]
        return found

    @property
    def text(self) -> str:
        """All text of the request but the schema."""
        return "\n".join(part["text"] for part in self.content if part["type"] == "text")

    @property
    def picture(self) -> str:
        """In base 64."""
        first = self.content[0]
        return str(first["source"]["data"] if "source" in first else first["image_url"]["url"].split(",")[1])

    @property
    def texts(self) -> list[str]:
        """The texts that are to be judged."""
        return [json.loads(found) for found in re.findall(r'^Text \d+: (".*")$', self.text, re.MULTILINE)]


@dataclass
class Served:
    """url: of the server. requests: all that came, in order. most: how many were there at a time."""

    url: str
    requests: list[Request] = field(default_factory=list)
    most: int = 0


def wrapped(reply: Any, path: str) -> dict[str, Any]:
    """A reply as the provider of this path packs it."""
    if path.endswith("/messages"):
        block = {"type": "tool_use", "id": "1", "name": "verdicts", "input": reply}
        return {"type": "message", "content": [block], "stop_reason": "tool_use"}
    return {"choices": [{"message": {"role": "assistant", "content": json.dumps(reply), "refusal": None}}]}


def honest(request: Request) -> Reply:
    """Chooses what each text says behind "about": "about 3", "about none"."""
    chosen = [re.search(r"about (\w+)", text) for text in request.texts]
    verdicts = [
        {"text": n, "choice": match[1] if match else "none", "confidence": 0.75}
        for n, match in enumerate(chosen, 1)
    ]
    return Reply(body=wrapped({"verdicts": verdicts}, request.path))


@contextmanager
def served(answer: Callable[[Request, int], Reply]) -> Iterator[Served]:
    """A server on a free port of this machine. answer: from a request and its number, from 0, what to send."""
    lock, inside = threading.Lock(), 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal inside
            length = int(self.headers["content-length"])
            request = Request(self.path, dict(self.headers.items()), json.loads(self.rfile.read(length)))
            with lock:
                inside += 1
                found.most = max(found.most, inside)
                number = len(found.requests)
                found.requests.append(request)
            reply = answer(request, number)
            if reply.hang:
                stop.wait(reply.hang)
            with lock:
                inside -= 1
            if reply.close:
                self.close_connection = True
                return
            content = json.dumps(reply.body).encode() if reply.raw is None else reply.raw
            try:
                self.send_response(reply.status)
                for name, value in {**reply.headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # the caller did not wait
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    stop = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Served(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()

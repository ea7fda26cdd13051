"""A `vllm serve` of the bundled model with the plugin, in a process of its own, and requests to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from gazeheads.model.bundled import HEADS, WEIGHTS

QUESTION = "What is happening in this comic?"
PATIENCE = 900  # seconds for the server to start, on a busy machine

# Prompts of some 120 tokens come in chunks; pages are small, so that prefixes are shared.
OPTIONS = (
    "--served-model-name doodle --dtype float32 --enforce-eager --max-model-len 1024 --max-num-batched-tokens 192 "
    "--max-num-seqs 32 --block-size 32 --enable-prompt-tokens-details --return-tokens-as-token-ids"
).split()


class Server:
    """Started when it is made; `stop` kills it and all its processes."""

    def __init__(self, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = log
        heads = json.dumps({"gaze": {"heads": {"default": str(HEADS)}}})
        command = [Path(sys.executable).with_name("vllm"), "serve", WEIGHTS, *OPTIONS]
        command += ["--host", "127.0.0.1", "--port", self.port, "--additional-config", heads]
        settings = {
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                list(map(str, command)),
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings},
                cwd=log.parent,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                    return
            except OSError:
                time.sleep(1)
        self.stop()
        raise RuntimeError("vllm serve did not start:\n" + self.log.read_text(errors="replace")[-4000:])

    def stop(self) -> None:
        """At once, without a goodbye."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def post(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and reply of a chat completion."""
        data = json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/v1/chat/completions"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def ask(self, images: list[str], gaze: Any = None, **more: Any) -> tuple[int, dict[str, Any]]:
        """Greedy, 15 tokens. gaze: an object, or the text that stands for one."""
        content = [{"type": "image_url", "image_url": {"url": url}} for url in images]
        messages = [{"role": "user", "content": [*content, {"type": "text", "text": QUESTION}]}]
        body = {
            "model": "doodle",
            "messages": messages,
            "max_tokens": 15,
            "temperature": 0,
            "logprobs": True,
            **more,
        }
        if gaze is not None:
            body["vllm_xargs"] = {"gaze": gaze if isinstance(gaze, str) else json.dumps(gaze)}
        return self.post(body)

    def ask_all(self, cases: list[dict[str, Any]], at_once: int = 32) -> list[tuple[int, dict[str, Any]]]:
        """The replies to many requests, so many at a time."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(lambda case: self.ask(case["images"], case["gaze"]), cases))


def text(reply: dict[str, Any]) -> str:
    """What was answered."""
    return str(reply["choices"][0]["message"]["content"])


def logprobs(reply: dict[str, Any]) -> list[float]:
    """The log-probability of each token."""
    return [token["logprob"] for token in reply["choices"][0]["logprobs"]["content"]]


def proof(reply: dict[str, Any]) -> dict[str, Any]:
    """What the gaze did."""
    (answer,) = reply["kv_transfer_params"]["gaze"]["answers"]
    return dict(answer)

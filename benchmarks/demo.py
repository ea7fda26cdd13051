"""How quick the demo is for one visitor, and whether it holds many: over a real socket, on the bundled model.

    python benchmarks/demo.py [--seconds 60] [--visitors 64]

One visitor: the time from Generate to the first word (picture and prompt known, as when the page is open; and anew),
tokens per second unpaced beside the unsteered twin and where that is known already, and for 30 moves in mid-answer how
many tokens came after the move was sent and before it was obeyed (two may be on their way). Many visitors, each with
his own picture and target, ask again and again for so many seconds: every answer must be the one that the same
picture and target had alone, none may be dropped, and memory must not grow. It fails if one of that is not so.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch
from machine import machine
from websockets.asyncio.client import ClientConnection, connect

import gazeheads as gh
from gazeheads.demo import serving
from gazeheads.demo.app import create_app
from gazeheads.demo.gallery import drawn
from gazeheads.demo.limits import Limits
from gazeheads.heads.heads import Heads
from gazeheads.model.bundled import HEADS

PROMPT = "Please describe what happens in each panel, in order."
ASK: dict[str, Any] = {"type": "say", "run": 1, "prompt": PROMPT, "tokens": 24, "keep_talking": True}


def panel(index: int, token: int = 0) -> dict[str, Any]:
    return {"token": token, "id": index, "target": {"kind": "panel", "index": index}}


async def heard(page: ClientConnection, kind: str, side: str | None = None) -> list[dict[str, Any]]:
    """All messages up to one of this kind."""
    found = []
    while True:
        found.append(json.loads(await page.recv()))
        if found[-1]["type"] in ("error", "busy"):
            raise RuntimeError(found[-1]["message"])
        if found[-1]["type"] == kind and side in (None, found[-1].get("side")):
            return found


async def opened(url: str, sample: str) -> ClientConnection:
    page = await connect(url, max_size=None, open_timeout=120)
    await page.send(json.dumps({"type": "show", "sample": sample}))
    await heard(page, "picture")
    return page


async def said(page: ClientConnection, ask: dict[str, Any]) -> str:
    """The steered answer; both sides are waited for."""
    await page.send(json.dumps(ask))
    text, ended = "", 0
    while ended < 2:
        message = json.loads(await page.recv())
        if message["type"] in ("error", "busy"):
            raise RuntimeError(message["message"])
        ended += message["type"] == "done"
        if message["type"] == "token" and message["side"] == "steered":
            text += message["text"]
    return text


async def one(url: str) -> None:
    """What a single visitor feels."""
    first: dict[str, list[float]] = {"anew": [], "known": []}
    for seed in range(10):
        page = await opened(url, f"strip-{seed}")
        for case in first:
            began = time.perf_counter()
            await page.send(json.dumps(ASK | {"stops": [panel(2)], "tokens": 4}))
            await heard(page, "token", "steered")
            first[case].append(time.perf_counter() - began)
            await heard(page, "done", "free" if case == "anew" else "steered")
            await asyncio.sleep(0.2)
        await page.close()
    for case, times in first.items():
        print(
            f"first word, picture and prompt {case}: median {statistics.median(times):.3f} s, max {max(times):.3f} s"
        )
    page = await opened(url, "strip-1")
    for case in ("beside the unsteered twin", "the unsteered answer known"):
        began = time.perf_counter()
        await said(page, ASK | {"stops": [panel(2)], "tokens": 100})
        print(f"tokens per second unpaced, {case}: {100 / (time.perf_counter() - began):.0f}")
    await moves(page, 30)
    await page.close()


async def moves(page: ClientConnection, n: int) -> None:
    """How many tokens pass between a move and the first one under it."""
    late: list[int] = []
    waits: list[float] = []
    chance = random.Random(0)
    while len(late) < n:
        await page.send(json.dumps(ASK | {"stops": [panel(0)], "tokens": 100, "pace": 20}))
        moved, at, passed, number = 0, 0.0, 0, 200
        while True:
            message = json.loads(await page.recv())
            if message["type"] == "done" and message["side"] == "steered":
                break
            if message["type"] != "token" or message["side"] != "steered":
                continue
            if moved and message["target"] == moved:
                late.append(passed)
                waits.append(time.perf_counter() - at)
                moved = 0
            elif moved:
                passed += 1
            if not moved and chance.random() < 0.2:
                number += 1
                moved, at, passed = number, time.perf_counter(), 0
                target = {"kind": "panel", "index": chance.randrange(6)}
                await page.send(json.dumps({"type": "look", "id": moved, "target": target}))
    print(
        f"{len(late)} moves at 20 tokens/s: obeyed by the next token {late.count(0)} times, tokens before it at most "
        f"{max(late)}; from the move to its token median {1000 * statistics.median(waits):.0f} ms"
    )
    if max(late) > 1:
        sys.exit("A move was obeyed later than by the token after the one that was on its way.")


def memory() -> float:
    """Resident megabytes of this process, which is the server, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def many(url: str, visitors: int, seconds: float, model: gh.GazeModel, heads: Heads) -> None:
    """All at once for so long, each answer against the one that it has alone."""
    alone = {}
    for number in range(visitors):
        shown = drawn(model, f"strip-{number % 16}")
        scene = model.encode(shown.picture, PROMPT, panels=shown.boxes)
        gaze = gh.Gaze(heads, scene.panel(number % 6), during="answer")
        alone[number] = model.generate(scene, gaze, max_new_tokens=12, min_new_tokens=12).text
    print(f"{len(set(alone.values()))} different answers of {visitors} visitors")
    answers, mixed, waits = [0] * visitors, 0, []
    sizes: list[float] = []
    began = 0.0
    ready = asyncio.Barrier(visitors + 1)  # all have had an answer: what is made once is made

    async def visitor(number: int) -> None:
        try:
            await visits(number)
        except BaseException:
            await ready.abort()  # nobody waits for one who will not come
            raise

    async def visits(number: int) -> None:
        nonlocal mixed, began
        page = await opened(url, f"strip-{number % 16}")
        mixed += await said(page, ASK | {"tokens": 12, "stops": [panel(number % 6)]}) != alone[number]
        await ready.wait()
        began = began or time.monotonic()
        while time.monotonic() < began + seconds:
            start = time.monotonic()
            text = await said(page, ASK | {"tokens": 12, "stops": [panel(number % 6)]})
            waits.append(time.monotonic() - start)
            answers[number] += 1
            mixed += text != alone[number]
        await page.close()

    async def weighting() -> None:
        nonlocal began
        await ready.wait()
        began = began or time.monotonic()
        while time.monotonic() < began + seconds:
            await asyncio.sleep(seconds / 12)
            sizes.append(memory())

    results = await asyncio.gather(
        weighting(), *(visitor(each) for each in range(visitors)), return_exceptions=True
    )
    dropped = [found for found in results if isinstance(found, BaseException)]
    half = len(sizes) // 2
    growth = statistics.median(sizes[half:]) - statistics.median(sizes[:half])
    print(
        f"{visitors} visitors for {time.monotonic() - began:.0f} s: {sum(answers)} answers ({min(answers)} to "
        f"{max(answers)} each), median {statistics.median(waits):.1f} s, {mixed} mixed up, {len(dropped)} dropped; "
        f"memory {sizes[0]:.0f} -> {sizes[-1]:.0f} MB, {growth:+.1f} MB from the first half to the second"
    )
    if dropped or mixed or growth > 20 or min(answers) == 0:
        sys.exit(f"Not as it must be. {dropped[:1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--visitors", type=int, default=64)
    args = parser.parse_args()
    model, found = gh.load(device="cpu"), Heads.load(HEADS)
    print(machine("cpu"))
    limits = Limits(visitors=max(1, args.visitors))
    app = create_app(model, found, limits)
    with serving.opened("127.0.0.1", 0, False) as door:
        threading.Thread(target=serving.serve, args=(app, door, limits), daemon=True).start()
        url = f"ws://127.0.0.1:{door.getsockname()[1]}/v1/session"
        with torch.no_grad():
            asyncio.run(one(url))
            if args.visitors:
                asyncio.run(many(url, args.visitors, args.seconds, model, found.selected))


if __name__ == "__main__":
    main()

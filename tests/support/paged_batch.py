"""A batch of requests as a paged engine holds them, random, and what its attention should come to, in plain loops."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import reference
import torch
from torch import Tensor

from gazeheads.gaze.gaze import Gaze
from gazeheads.regions.grid import Box, ImageGrid, View
from gazeheads.regions.mix import parts
from gazeheads.serve.lane import Lane
from gazeheads.serve.steps import Layer, Run, Running, Step

N_HEADS, N_SHARED, DIM, PAGE = 4, 2, 8, 4
SCALE = DIM**-0.5


def grid(before: int = 2, rows: int = 2, cols: int = 3, after: int = 3, images: int = 1) -> ImageGrid:
    """A prompt: some text, each image followed by a token of text, more text."""
    per = rows * cols
    positions = np.concatenate([before + image * (per + 1) + np.arange(per) for image in range(images)])
    views = [View(image, "whole", rows, cols, Box(0, 0, 10 * cols, 10 * rows)) for image in range(images)]
    sizes = [(10 * cols, 10 * rows)] * images
    return ImageGrid.from_views(before + images * (per + 1) + after, positions, views, sizes)


@dataclass
class Request:
    """One request of the batch: its gaze, how many of its tokens had run before, and how many run now."""

    gaze: Gaze | None
    before: int
    n: int
    query: Tensor
    key: Tensor
    value: Tensor


def request(gaze: Gaze | None, before: int, n: int, seed: int) -> Request:
    """With random queries (n, head, dim), keys and values (before + n, shared head, dim)."""
    rng = torch.Generator().manual_seed(seed)
    shape = before + n, N_SHARED, DIM
    query = torch.randn((n, N_HEADS, DIM), generator=rng)
    key, value = (torch.randn(shape, generator=rng) * scale for scale in (2, 1))
    return Request(gaze, before, n, query, key, value)


@dataclass
class Batch:
    """Requests in pages, shuffled; unused slots hold NaN, so that whoever reads them is found out."""

    requests: list[Request]

    def __post_init__(self) -> None:
        counts = [-(-(r.before + r.n) // PAGE) for r in self.requests]
        order = torch.randperm(sum(counts) + 3, generator=torch.Generator().manual_seed(5)).tolist()
        self.keys = torch.full((sum(counts) + 3, PAGE, N_SHARED, DIM), torch.nan)
        self.values = self.keys.clone()
        self.pages, self.starts, start = [], [], 0
        for r, count in zip(self.requests, counts, strict=True):
            pages, order = order[:count], order[count:]
            for at in range(r.before + r.n):
                self.keys[pages[at // PAGE], at % PAGE] = r.key[at]
                self.values[pages[at // PAGE], at % PAGE] = r.value[at]
            self.pages.append(torch.tensor(pages))
            self.starts.append(start)
            start += r.n
        self.query = torch.cat([r.query for r in self.requests])
        self.output = torch.randn((start, N_HEADS, DIM), generator=torch.Generator().manual_seed(6))
        self.running: list[Running | None] = [
            None if r.gaze is None else Running(Lane.of(r.gaze, trace=True), self.query.device)
            for r in self.requests
        ]

    def steer(self, layer: int, **more: Any) -> Tensor:
        """The output after one layer was steered."""
        runs = [
            Run(running, start, r.n, r.before, pages)
            for running, start, r, pages in zip(
                self.running, self.starts, self.requests, self.pages, strict=True
            )
            if running is not None
        ]
        step, output = Step(runs, PAGE), self.output.clone()
        step.steer(Layer(layer, self.query, self.keys, self.values, output, SCALE, **more))
        step.close()
        return output


def pushed(
    gaze: Gaze, head: int, position: int, first_key: int, logits: np.ndarray, layer: int
) -> np.ndarray | None:
    """The pattern of one row over the keys from `first_key` on after its push, or None where it is to be kept."""
    token = position - (gaze.grid.n_prompt - 1)
    first = {"all": -(10**6), "answer": 0, "decode": 1}[gaze.during]
    stop = gaze.schedule.stop(max(token, 0))
    weights = {h.head: a for h, a in zip(gaze.heads, gaze.weights, strict=True) if h.layer == layer}
    if stop is None or token < first or not weights.get(head):
        return None
    how = gaze.push
    names = "inside", "outside", "text", "generated"
    nats = dict(zip(names, how.numbers or (0.0,) * 4, strict=True))
    shares, patterns = [], []
    for region, share in parts(stop):
        aim = reference.target(region, how.mode, **nats)
        seen = {key - first_key: w for key, w in aim.weights.items() if key >= first_key}
        aim = replace(aim, weights=seen, n_prompt=aim.n_prompt - first_key)
        pattern = reference.blended(aim, weights[head], logits)
        if pattern is not None:
            shares.append(share)
            patterns.append(pattern)
    return None if not shares else np.average(patterns, axis=0, weights=shares)


def expected(batch: Batch, layer: int, window: int | None = None, cap: float | None = None) -> Tensor:
    """The output that `steer` should give, in float64, row by row."""
    output = batch.output.clone()
    for r, start in zip(batch.requests, batch.starts, strict=True):
        if r.gaze is None:
            continue
        for at in range(r.n):
            position = r.before + at
            first = 0 if window is None else max(0, position - window + 1)
            for head in range(N_HEADS):
                shared = head // (N_HEADS // N_SHARED)
                key, value = (each[: position + 1, shared].double().numpy() for each in (r.key, r.value))
                logits = key @ r.query[at, head].double().numpy() * SCALE
                logits = logits if cap is None else cap * np.tanh(logits / cap)
                new = pushed(r.gaze, head, position, first, logits[first:], layer)
                if new is not None:
                    output[start + at, head] = torch.tensor(new @ value[first:], dtype=torch.float32)
    return output

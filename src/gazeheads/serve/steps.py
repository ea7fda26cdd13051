"""Steering of paged batches: lanes, their query rows in one forward pass, and the overwriting of heads' output.

An engine with a paged cache runs the rows of many requests as one flat list of tokens. After the stock kernel has run,
`Step.steer` overwrites the output of the steered heads of the steered rows, and of no other:

    logits -> pattern -> pushed pattern (`gazeheads.attention.formulas`) -> times values -> output

Axes: lane (a request with a gaze), pair (one of its steered heads), query, key. Keys are counted by their place in the
text; `pages` say where each lies. All in float32, on the device of the engine. Runs of one query (tokens being
generated) are computed together, longer ones (prompts, or chunks of them) one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gazeheads.attention.formulas import FORMULAS, GENERATED, IMAGE, TEXT, biased, mixed
from gazeheads.serve.lane import Ints, Lane

CHUNK = 2**24  # numbers computed at a time: 64 MiB in float32


class Running:
    """A lane while its request runs: its tables on the device, and what came of its rows."""

    def __init__(self, lane: Lane, device: torch.device) -> None:
        self.lane = lane
        columns = lane.n_prompt + 1  # the last one is that of all generated tokens
        coverage = np.zeros((len(lane.coverage) + 1, columns), dtype=np.float32)  # the last row looks nowhere
        kinds = np.full(columns, TEXT)
        if lane.coverage:
            coverage[:-1, list(lane.positions)] = lane.coverage
        kinds[list(lane.positions)], kinds[-1] = IMAGE, GENERATED
        self.most_parts = max(map(len, lane.stops), default=1) or 1
        parts = [[*stop, *[(-1, 0.0)] * (self.most_parts - len(stop))] for stop in (*lane.stops, ())]
        self.part_rows = np.array([[row for row, _ in stop] for stop in parts])
        self.part_shares = np.array([[share for _, share in stop] for stop in parts], dtype=np.float32)
        self.coverage = torch.tensor(coverage, device=device)
        self.kinds = torch.tensor(kinds, device=device)
        self.image = torch.tensor(lane.positions, device=device)
        self._logs: list[tuple[Ints, Tensor, Tensor | None]] = []

    def log(self, positions: Ints, sums: Tensor, trace: Tensor | None) -> None:
        """Keep what was done to the rows at these positions.

        sums: (4, query), see `lane`. trace: (query, image token).
        """
        self._logs.append((positions, sums, trace))

    def told(self, n_tokens: int) -> dict[str, Any]:
        """Plain sums over heads: of the prompt's rows (4,), of each token (token, 4), and where it looked.

        A row that ran again (its request was set back, a draft was refused) counts once, as it ran last.
        """
        last = self.lane.n_prompt - 1
        rows = np.zeros((last + n_tokens, 4))
        looks = np.zeros((n_tokens, len(self.lane.positions)))
        for positions, sums, trace in self._logs:
            kept = positions < len(rows)
            rows[positions[kept]] = sums.cpu().numpy().T[kept]
            if trace is not None:
                answer = kept & (positions >= last)
                looks[positions[answer] - last] = trace.cpu().numpy()[answer]
        told = {"prompt": rows[:last].sum(0).tolist(), "tokens": rows[last:].tolist()}
        return {**told, "trace": looks.tolist()} if self.lane.trace else told


@dataclass(frozen=True, eq=False)
class Run:
    """The query rows of one request in a forward pass: `n` from flat token `start` on, after `before` earlier ones.

    pages: (page,) numbers of the pages that hold its keys, in order.
    """

    running: Running
    start: int
    n: int
    before: int
    pages: Tensor

    def part(self, first: int, last: int) -> "Run":
        """The rows first..last of it."""
        return Run(self.running, self.start + first, last - first, self.before + first, self.pages)


@dataclass(eq=False)
class Pairs:
    """Heads of a layer that share a push. lanes, heads: (pair,). strengths: the same, or None: 1."""

    mode: str
    writes: bool
    lanes: Tensor
    heads: Tensor
    strengths: Tensor | None


@dataclass(eq=False)
class View:
    """What lanes see; see `gazeheads.attention.plan.View`. hidden: (lane, query, key), or None."""

    hidden: Tensor | None
    addends: list[Tensor]
    weights: list[Tensor]
    shares: list[Tensor]
    target: Tensor
    write: Tensor
    blind: Tensor


@dataclass(eq=False)
class Group:
    """Runs of equally many queries, computed together."""

    runs: Sequence[Run]
    page_size: int
    views: dict[int | None, View] = field(default_factory=dict)

    def __post_init__(self) -> None:
        device = self.runs[0].pages.device
        self.n = self.runs[0].n
        self.positions = np.array([[run.before + query for query in range(self.n)] for run in self.runs])
        self.stop = np.stack(
            [run.running.lane.stop_of(at) for run, at in zip(self.runs, self.positions, strict=True)]
        )
        ends = [run.before + run.n for run in self.runs]
        starts = np.array([run.start for run in self.runs])
        self.tokens = torch.tensor(starts[:, None] + np.arange(self.n), device=device)
        self.n_keys = max(ends)
        keys = torch.arange(self.n_keys, device=device)
        # Beyond a shorter lane's end its last key stands in: what lies there may be no number, and is not seen.
        places = [keys.clamp(max=end - 1) for end in ends]
        self.pages = torch.stack(
            [run.pages[at // self.page_size] for run, at in zip(self.runs, places, strict=True)]
        ).long()
        self.slots = torch.stack(places) % self.page_size
        self.nats = torch.tensor([run.running.lane.nats for run in self.runs], device=device)
        self.biased = torch.tensor([run.running.lane.mode == "bias" for run in self.runs], device=device)
        columns = [keys.clamp(max=run.running.lane.n_prompt) for run in self.runs]
        self.kinds = torch.stack(
            [run.running.kinds[column] for run, column in zip(self.runs, columns, strict=True)]
        )[:, None]
        self._columns = columns
        self.sums = torch.zeros((4, len(self.runs), self.n), device=device)
        self.traces = [
            torch.zeros((self.n, len(run.running.lane.positions)), device=device)
            if run.running.lane.trace
            else None
            for run in self.runs
        ]

    def view(self, window: int | None) -> View:
        """What the lanes see in layers with this sliding window (None: everything before)."""
        if window not in self.views:
            self.views[window] = self._view(self._hidden(window))
        return self.views[window]

    def _hidden(self, window: int | None) -> Tensor | None:
        if self.n == 1 and len(self.runs) == 1 and window is None:
            return None
        device = self.tokens.device
        query, key = (
            torch.tensor(self.positions, device=device)[..., None],
            torch.arange(self.n_keys, device=device),
        )
        unseen = key > query
        if window is not None:
            unseen = unseen | (key <= query - window)
        return torch.zeros(unseen.shape, device=device).masked_fill(unseen, -torch.inf)

    def _view(self, hidden: Tensor | None) -> View:
        device = self.tokens.device
        most = max(run.running.most_parts for run in self.runs)
        # Usually all queries look at one stop; then one row of targets serves them all.
        stop = self.stop[:, :1] if (self.stop == self.stop[:, :1]).all() else self.stop
        coverage, shares = [], []
        for part in range(most):
            tables, given = [], []
            for run, stops, columns in zip(self.runs, stop, self._columns, strict=True):
                here = run.running
                n = part if part < here.most_parts else None
                rows = np.full(stops.shape, -1) if n is None else here.part_rows[stops, n]
                tables.append(
                    here.coverage[torch.tensor(rows, device=device) % len(here.coverage)][:, columns]
                )
                given.append(np.zeros(stops.shape, np.float32) if n is None else here.part_shares[stops, n])
            coverage.append(torch.stack(tables))
            shares.append(torch.tensor(np.stack(given), device=device))
        aimed = reduce(torch.maximum, coverage) > 0
        weights = [w if hidden is None else w * (hidden > -torch.inf) for w in coverage]
        shares = [share * (w > 0).any(-1) for w, share in zip(weights, shares, strict=True)]
        seen = reduce(torch.add, shares)
        addends = [w.log() if hidden is None else w.log() + hidden for w in weights]
        if self.biased.any():
            raised = [biased(self.nats, w, self.kinds, hidden) for w in weights]
            addends = [
                torch.where(self.biased[:, None, None], r, a) for r, a in zip(raised, addends, strict=True)
            ]
        due = torch.tensor(self.stop >= 0, device=device)
        return View(
            hidden,
            addends,
            weights,
            [share / seen for share in shares],
            aimed.float(),
            due & (seen > 0),
            due & (seen == 0),
        )

    def pairs(self, layer: int, first_head: int, n_heads: int) -> list[Pairs]:
        """The steered heads of a layer among `n_heads` from `first_head` on, by push."""
        groups: dict[tuple[str, bool, bool], list[tuple[int, int, float]]] = {}
        for at, run in enumerate(self.runs):
            lane = run.running.lane
            for where, head, strength in lane.heads:
                if where == layer and first_head <= head < first_head + n_heads:
                    key = lane.mode, lane.writes and strength != 0, strength != 1
                    groups.setdefault(key, []).append((at, head - first_head, strength))
        device = self.tokens.device
        found = []
        for (mode, writes, weighted), pairs in groups.items():
            lanes, heads, strengths = zip(*pairs, strict=True)
            lines = torch.tensor([lanes, heads], device=device)
            how = torch.tensor(strengths, device=device) if weighted else None
            found.append(Pairs(mode, writes, lines[0], lines[1], how))
        return found

    def close(self) -> None:
        """Tell every lane what was done to its rows."""
        for at, run in enumerate(self.runs):
            run.running.log(self.positions[at], self.sums[:, at], self.traces[at])


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer's attention in a forward pass.

    query, output: (flat token, head, dim). keys, values: (page, slot, head, dim).

    first_head: number of the first head here, where a model's heads are spread over devices. window: how many keys a
    query sees, itself included; None: all. cap: bound of the logits in models that have one.
    """

    number: int
    query: Tensor
    keys: Tensor
    values: Tensor
    output: Tensor
    scale: float
    first_head: int = 0
    window: int | None = None
    cap: float | None = None


class Step:
    """The steered rows of one forward pass. page_size: slots of a page."""

    def __init__(self, runs: Sequence[Run], page_size: int) -> None:
        due = [part for run in runs for part in _due(run)]
        single = [run for run in due if run.n == 1]
        self.groups = [Group(single, page_size)] if single else []
        self.groups += [Group([run], page_size) for run in due if run.n > 1]

    def steer(self, layer: Layer) -> None:
        """Overwrite the output of this layer's steered heads in steered rows."""
        for group in self.groups:
            for pairs in group.pairs(layer.number, layer.first_head, layer.query.shape[1]):
                _steer(group, group.view(layer.window), pairs, layer)

    def close(self) -> None:
        """After the last layer: tell the lanes what was done."""
        for group in self.groups:
            group.close()


def _due(run: Run) -> list[Run]:
    """The part of a run from its first row that is steered or traced to its last, in pieces that can be held."""
    lane = run.running.lane
    positions = np.arange(run.before, run.before + run.n)
    wanted = lane.stop_of(positions) >= 0
    if lane.trace:
        wanted |= positions >= lane.n_prompt - 1
    places = np.flatnonzero(wanted)
    if not len(places):
        return []
    first, last = int(places[0]), int(places[-1]) + 1
    heads = max(1, len(lane.heads))
    size = max(1, CHUNK // ((run.before + run.n) * heads))
    return [run.part(at, min(at + size, last)) for at in range(first, last, size)]


def logits(layer: Layer, group: Group, lanes: Tensor, heads: Tensor) -> Tensor:
    """(pair, query, key) float32 logits, nothing hidden."""
    query = layer.query[group.tokens[lanes], heads[:, None]].float() * layer.scale
    scores = torch.bmm(query, _paged(layer.keys, layer, group, lanes, heads).transpose(1, 2))
    return scores if layer.cap is None else layer.cap * torch.tanh(scores / layer.cap)


def _paged(store: Tensor, layer: Layer, group: Group, lanes: Tensor, heads: Tensor) -> Tensor:
    """(pair, key, dim) float32 keys or values; several heads may share them."""
    shared = heads // (layer.query.shape[1] // store.shape[2])
    return store[group.pages[lanes], group.slots[lanes], shared[:, None]].float()


def _steer(group: Group, view: View, pairs: Pairs, layer: Layer) -> None:
    lanes, heads = pairs.lanes, pairs.heads
    scores = logits(layer, group, lanes, heads)
    pattern = final = (scores if view.hidden is None else scores + view.hidden[lanes]).softmax(-1)
    write, tokens = view.write[lanes], group.tokens[lanes]
    if pairs.writes:
        final = torch.where(write[..., None], _pushed(group, view, pairs, scores, pattern), pattern)
        looked = torch.bmm(final, _paged(layer.values, layer, group, lanes, heads)).to(layer.output.dtype)
        kept = layer.output[tokens, heads[:, None]]
        layer.output[tokens, heads[:, None]] = torch.where(write[..., None], looked, kept)
    target = view.target[lanes]
    mass = torch.stack([(pattern * target).sum(-1), (final * target).sum(-1)]).where(write, 0.0)
    group.sums.index_add_(1, lanes, torch.cat([mass, torch.stack([write, view.blind[lanes]]).float()]))
    for at, trace in enumerate(group.traces):
        if trace is not None:
            image = group.runs[at].running.image
            seen = image < group.n_keys  # of a prompt that has run only in part
            of_lane = (final * (lanes == at)[:, None, None]).sum(0)
            trace[:, seen] += of_lane[:, image[seen]]


def _pushed(group: Group, view: View, pairs: Pairs, scores: Tensor, pattern: Tensor) -> Tensor:
    """(pair, query, key) the pattern of pairs after the push, as strong as their heads' weights say."""
    lanes, strengths = pairs.lanes, pairs.strengths
    addends = [addend[lanes] for addend in view.addends]
    weights = [w[lanes] for w in view.weights]
    if pairs.mode == "bias" and strengths is not None:
        hidden = None if view.hidden is None else view.hidden[lanes]
        nats = group.nats[lanes] * strengths[:, None]
        addends = [biased(nats, w, group.kinds[lanes], hidden) for w in weights]
    image = group.kinds[lanes] == IMAGE
    patterns = [
        FORMULAS[pairs.mode].pattern(scores, pattern, addend, w, image)
        for addend, w in zip(addends, weights, strict=True)
    ]
    final = mixed(patterns, [share[lanes] for share in view.shares])
    if pairs.mode == "bias" or strengths is None:
        return final
    return torch.lerp(pattern, final, strengths[:, None, None])

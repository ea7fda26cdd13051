"""Recording: what heads look at, read off while the model runs, without `output_attentions`.

Only the rows that produce tokens are computed, and of each only the image tokens are kept: memory grows with
tokens x image tokens, never with tokens x tokens. The pattern of a steered head is the one that was multiplied with
the values: the steering probe hands it over.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gazeheads.attention.call import Call, ForwardPass
from gazeheads.attention.image_keys import Slots
from gazeheads.checks import shown
from gazeheads.errors import RecordError, SeamError
from gazeheads.gaze.record import Record
from gazeheads.gaze.trace import GazeTrace, Patterns
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads, belong
from gazeheads.regions.grid import ImageGrid

Recorded = Record | Heads


@dataclass(frozen=True, eq=False)
class _Places:
    """What is recorded in one layer, and where it is, while `of`, the keys of all image tokens, stays the same.

    rows, heads, lines: (pair,). slots: (pair, image token) keys, 0 where none is held. held: (pair, image token)
    1 where one is. shares: the same times the pair's share of its line.
    """

    of: Tensor
    rows: Tensor
    heads: Tensor
    lines: Tensor
    slots: Tensor
    held: Tensor
    shares: Tensor


class Recorder:
    """A probe that records. `records[row]`: what to record of that row of the batch, or None; `grids[row]`: its scene.

    A *line* is what is kept of one row: one head, or the mean of several. Raises `WrongModel` if a head is not one of
    the model's.
    """

    def __init__(
        self, grids: Sequence[ImageGrid], records: Sequence[Record | None], n_layers: int, n_heads: int
    ) -> None:
        self.grids, self.records = grids, records
        self.overwrites = frozenset[Head]()
        self.fired = False
        self._lines: list[list[int]] = []  # of each row
        self._layers: list[set[int]] = []  # of each line
        # Of each layer: row, head, line, share of the line.
        found: dict[int, list[tuple[int, int, int, float]]] = defaultdict(list)
        for row, record in enumerate(records):
            mine: list[int] = []
            self._lines.append(mine)
            if record is None:
                continue
            belong(record.heads, record.shape, n_layers, n_heads, "recorded")
            for number, head in enumerate(record.heads):
                if record.keep == "heads" or number == 0:
                    mine.append(len(self._layers))
                    self._layers.append(set())
                self._layers[mine[-1]].add(head.layer)
                share = 1.0 if record.keep == "heads" else 1 / len(record.heads)
                found[head.layer].append((row, head.head, mine[-1], share))
        self._by_layer = dict(found)
        self.layers = frozenset(found)
        self._by_values = np.array([r is not None and r.weighting != "raw" for r in records])
        self._with_lengths = any(r is not None and r.value_norms for r in records)
        self._some_by_values = bool(self._by_values.any())
        self._by_shares = np.array([r is not None and r.weighting == "value-norm-share" for r in records])
        self._last_prompt = np.array([grid.n_prompt - 1 for grid in grids], dtype=np.int64)
        self._columns = max((len(grid) for grid in grids), default=0)
        self._called: set[int] = set()
        self._moment: ForwardPass | None = None
        self._start = 0  # of the running pass: the first query that produces a token
        self._slots = Slots(grids)
        self._places: dict[int, _Places] = {}  # of each layer
        self._waiting: list[tuple[_Places, Tensor, Tensor]] = []  # patterns (pair, query, key), their weights
        self._join: tuple[tuple[_Places, ...], Tensor, Tensor] = (), torch.empty(0), torch.empty(0)
        self._kept: list[Tensor] = []  # of each pass: (line, query, image token)
        self._tokens: list[npt.NDArray[np.int64]] = []  # of each pass: (row, query)
        self._lengths: Tensor | None = None  # (line, image token) of value vectors
        self._measured: set[int] = set()  # layers whose lengths are known

    def attend(self, call: Call) -> None:
        """Keep what the heads of this layer look at."""
        if self._moment is not call.forward_pass:
            self._begin(call.forward_pass)
        self._called.add(call.layer)
        if self._start == call.n_queries:
            return
        places = self._places_of(call)
        rows, heads, lines = places.rows, places.heads, places.lines
        scores = call.scores(rows, heads, self._start, call.n_queries)
        hidden = call.hidden(rows, self._start, call.n_queries)
        pattern = (scores if hidden is None else scores + hidden).softmax(-1)
        pattern = call.final(pattern, rows, heads, self._start)
        if self._with_lengths and call.layer not in self._measured:  # they do not change while tokens follow
            assert self._lengths is not None
            self._measured.add(call.layer)
            self._lengths[lines] = places.held * call.value_norms(rows, heads).gather(1, places.slots)
        weights = places.shares
        if self._some_by_values:
            norms = call.value_norms(rows, heads)
            by_values = rows.new_tensor(self._by_values)[rows] > 0
            weights = torch.where(by_values[:, None], weights * norms.gather(1, places.slots), weights)
            if self._by_shares.any():
                by_shares = rows.new_tensor(self._by_shares)[rows] > 0
                pattern = torch.where(
                    by_shares[:, None, None], pattern / (pattern @ norms[..., None]), pattern
                )
        self._waiting.append((places, pattern, weights))
        if pattern.shape[1] > 1 or call.layer == max(self.layers):
            self._settle()  # rows of several queries are much: they do not wait for the other layers

    def _settle(self) -> None:
        """Keep the image tokens of what waits: of all layers at once, as far as they hold as many keys."""
        waiting, self._waiting = self._waiting, []
        for n_keys in {pattern.shape[2] for _, pattern, _ in waiting}:
            places, patterns, weights = zip(
                *(each for each in waiting if each[1].shape[2] == n_keys), strict=True
            )
            lines, slots = self._joined(places)
            pattern = torch.cat(patterns)
            found = pattern.gather(2, slots[:, None].expand(-1, pattern.shape[1], -1))
            self._kept[-1].index_add_(0, lines, found * torch.cat(weights)[:, None])

    def _joined(self, places: tuple["_Places", ...]) -> tuple[Tensor, Tensor]:
        """Lines (pair,) and slots (pair, image token) of several layers."""
        if self._join[0] != places:
            self._join = (
                places,
                torch.cat([each.lines for each in places]),
                torch.cat([each.slots for each in places]),
            )
        return self._join[1:]

    def _begin(self, forward_pass: ForwardPass) -> None:
        """Another forward pass: find the queries that produce tokens."""
        if forward_pass.n_rows != len(self.grids):
            raise SeamError(
                f"The model runs {forward_pass.n_rows} rows, {len(self.grids)} are recorded. Beams cannot be recorded: "
                "their rows change places. Give a record for each row."
            )
        self._settle()
        self._moment = forward_pass
        self._slots.begin(forward_pass)
        tokens = np.where(forward_pass.queries >= 0, forward_pass.queries - self._last_prompt[:, None], -1)
        produces = (tokens >= 0).any(0)
        self._start = int(produces.argmax()) if produces.any() else forward_pass.n_queries
        if produces.any():
            kept = len(self._layers), forward_pass.n_queries - self._start, self._columns
            self._kept.append(torch.zeros(kept, device=forward_pass.positions.device))
            self._tokens.append(tokens[:, self._start :])
        if self._with_lengths and self._lengths is None:
            self._lengths = torch.zeros(
                len(self._layers), self._columns, device=forward_pass.positions.device
            )

    def _places_of(self, call: Call) -> "_Places":
        """What this layer is asked for, and where its keys hold it."""
        slots = self._slots.of(call.n_keys, call.forward_pass)
        known = self._places.get(call.layer)
        if known is None or known.of is not slots:
            parts = self._by_layer[call.layer]
            rows, heads, lines = slots.new_tensor([part[:3] for part in parts]).unbind(1)
            mine = slots[rows]
            held = (mine >= 0).float()
            share = held.new_tensor([part[3] for part in parts])
            known = self._places[call.layer] = _Places(
                slots, rows, heads, lines, mine.clamp(min=0), held, held * share[:, None]
            )
        return known

    def newest(self) -> Patterns:
        """(line, image token) float32: the newest token's row, for a batch of one."""
        self._settle()
        newest: Patterns = self._kept[-1][:, -1, : len(self.grids[0])].cpu().numpy()
        return newest

    def patterns(self, lengths: Sequence[int]) -> list[Patterns]:
        """Of each row (line, token, image token) float32, over its first `lengths[row]` tokens.

        NaN in lines of layers without attention. Raises `SeamError` if a token was not seen being produced.
        """
        self._settle()
        kept = torch.cat(self._kept, 1).cpu().numpy() if self._kept else np.zeros((len(self._layers), 0, 0))
        tokens = np.concatenate(self._tokens, 1) if self._tokens else np.zeros((len(self.grids), 0))
        for line, layers in enumerate(self._layers):
            if layers - self._called:
                kept[line] = np.nan
        found = []
        for row, (grid, length) in enumerate(zip(self.grids, lengths, strict=True)):
            mine = (tokens[row] >= 0) & (tokens[row] < length)
            if self._lines[row] and not np.array_equal(tokens[row][mine], np.arange(length)):
                raise SeamError(
                    f"Tokens 0 to {length - 1} were to be recorded, seen were {tokens[row][mine].tolist()}. Run the "
                    "whole prompt and every token inside the block."
                )
            found.append(kept[self._lines[row]][:, mine, : len(grid)].astype(np.float32))
        return found

    def traces(self, token_texts: Sequence[Sequence[str]]) -> list[GazeTrace | None]:
        """The trace of each row; None where nothing was to be recorded. `token_texts[row]`: what its tokens wrote."""
        missing = self.layers - self._called
        if missing:
            raise SeamError(
                f"Heads of layers {sorted(missing)} were to be recorded, which have no attention. Leave them out."
            )
        looks = self.patterns([len(row) for row in token_texts])
        rows = zip(self.records, self.grids, looks, token_texts, strict=True)
        return [
            None
            if record is None
            else GazeTrace(
                look, grid, record.heads, record.keep, record.weighting, tuple(piece), self._lengths_of(row)
            )
            for row, (record, grid, look, piece) in enumerate(rows)
        ]

    def _lengths_of(self, row: int) -> Patterns | None:
        """(line, image token) of one row, if they were asked for."""
        record = self.records[row]
        if record is None or not record.value_norms or self._lengths is None:
            return None
        found: Patterns = self._lengths[self._lines[row], : len(self.grids[row])].cpu().numpy()
        return found


def records_for(record: Any, n_scenes: int) -> list[Record | None]:
    """One entry for each scene: of one for all, or of a list. Heads alone are recorded as `Record(heads)`."""
    alike = record is None or isinstance(record, Record | Heads)
    listed = list(record) if isinstance(record, list | tuple) else []
    given: list[Any] = [record] * n_scenes if alike else listed
    if len(given) != n_scenes or not all(each is None or isinstance(each, Record | Heads) for each in given):
        raise RecordError(
            f"record={shown(record)} was given with {n_scenes} scenes. Give heads, a Record, or a list with one "
            "of these or None for each scene."
        )
    return [Record(each) if isinstance(each, Heads) else each for each in given]

"""One attention call as probes see it: rows, heads, keys and queries by their place in the text.

A key's index says nothing about its place: padding stands in front, a sliding layer has dropped old keys, a
static cache has an unused tail, a prefix was computed before. `ForwardPass` knows the place of every cache slot.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Float32, Int, Shaped
from torch import Tensor, nn

from gazeheads.arrays import Ints
from gazeheads.attention.supported import capped
from gazeheads.errors import SeamError
from gazeheads.heads.head import Head

Pair = Int[Tensor, " pair"]  # a row, or a head, of each pair


@dataclass(eq=False)
class ForwardPass:
    """One forward pass. positions: (row, slot) place of each cache slot in its row's text, -1 for padding."""

    positions: Int[Tensor, "row slot"]
    n_queries: int
    layers_seen: set[int] = field(default_factory=set)
    _keys: dict[int, Tensor] = field(default_factory=dict)
    _host: Ints | None = None

    @classmethod
    def of(
        cls, mask: Shaped[Tensor, "row slots"] | None, total: int, n_queries: int, n_rows: int, device: Any
    ) -> "ForwardPass":
        """The pass whose last `n_queries` of `total` slots are its own. mask: (row, slot) which are not padding."""
        if mask is None:
            return cls(torch.arange(total, device=device).expand(n_rows, -1), n_queries)
        if mask.shape[1] < total:
            raise SeamError(
                f"The attention mask covers {mask.shape[1]} tokens, the cache and the input hold {total}. "
                "Pass the mask of the whole text, cached part included."
            )
        seen = mask[:, :total].long()
        return cls((seen.cumsum(-1) - 1).masked_fill(seen == 0, -1), n_queries)

    @property
    def n_rows(self) -> int:
        """Rows of the batch, after beams and the like have multiplied it."""
        return self.positions.shape[0]

    @property
    def queries(self) -> Int[Ints, "row query"]:
        """(row, query) absolute positions of the queries, on the host."""
        return self.host[:, self.host.shape[1] - self.n_queries :]

    @property
    def host(self) -> Int[Ints, "row slot"]:
        """`positions`, on the host. The one synchronisation of a forward pass."""
        if self._host is None:
            self._host = self.positions.cpu().numpy()
        return self._host

    def keys(self, n_keys: int) -> Int[Tensor, "row key"]:
        """(row, key) absolute positions of the keys of a layer that holds `n_keys` of them.

        A sliding layer holds the newest slots only; a static cache has an unused tail, which reads -1.
        """
        if n_keys not in self._keys:
            total = self.positions.shape[1]
            held = self.positions[:, max(0, total - n_keys) :]
            self._keys[n_keys] = nn.functional.pad(held, (0, n_keys - held.shape[1]), value=-1)
        return self._keys[n_keys]


@dataclass(eq=False)
class Call:
    """One attention call of one layer, as probes see it.

    key, value: several heads may share them. output: to be overwritten in place. steered_patterns: of rows that produce
    tokens. mask: boolean (True = seen) or additive, or None. cap: bound of the logits in models that have one.
    """

    layer: int
    forward_pass: ForwardPass
    query: Float[Tensor, "row head query dim"]
    key: Float[Tensor, "row shared key dim"]
    value: Float[Tensor, "row shared key value_dim"]
    mask: Shaped[Tensor, "#row #head #query keys"] | None
    scaling: float
    output: Float[Tensor, "row query head value_dim"]
    causal: bool  # without a mask: query i sees the keys up to i
    cap: float | None = None
    recorded: bool = False  # a probe after the steering wants to know its patterns
    steered_patterns: list["SteeredPattern"] = field(default_factory=list)

    @property
    def n_keys(self) -> int:
        """Keys held by the layer, the unused tail of a static cache included."""
        return self.key.shape[2]

    @property
    def n_queries(self) -> int:
        """Query rows of this call."""
        return self.query.shape[2]

    def scores(self, rows: Pair, heads: Pair, start: int, stop: int) -> Float32[Tensor, "pair query key"]:
        """The float32 logits of queries start..stop of (row, head) pairs, nothing hidden yet."""
        if stop - start == 1 and self.key.is_cpu:
            logits = self._one_by_one(rows, heads, start)
        else:
            query = self.query[rows, heads, start:stop].float() * self.scaling
            logits = torch.bmm(query, self._of_pairs(self.key, rows, heads).transpose(1, 2))
        return capped(logits, self.cap)

    def _one_by_one(self, rows: Pair, heads: Pair, at: int) -> Float32[Tensor, "pair 1 key"]:
        """The logits of one query. Keys are read where they lie: copying them would take longer."""
        logits = torch.empty(len(rows), 1, self.n_keys)
        queries = [row.unbind() for row in (self.query[:, :, at].float() * self.scaling).unbind()]
        keys, sharing = [row.unbind() for row in self.key.unbind()], self.query.shape[1] // self.key.shape[1]
        exact = self.key.dtype == torch.float32
        for row, head, line in zip(
            rows.tolist(), heads.tolist(), logits.view(len(rows), -1).unbind(), strict=True
        ):
            key = keys[row][head // sharing]
            torch.mv(key if exact else key.float(), queries[row][head], out=line)
        return logits

    def values(self, rows: Pair, heads: Pair) -> Float32[Tensor, "pair key dim"]:
        """The values, in float32."""
        return self._of_pairs(self.value, rows, heads)

    def value_norms(self, rows: Pair, heads: Pair) -> Float32[Tensor, "pair key"]:
        """Lengths of the value vectors; heads that share values share them."""
        norms: Tensor = self.value.float().norm(dim=-1)
        return norms[rows, heads // (self.query.shape[1] // norms.shape[1])]

    def final(
        self, pattern: Float32[Tensor, "pair query key"], rows: Pair, heads: Pair, start: int
    ) -> Float32[Tensor, "pair query key"]:
        """`pattern` of the queries from `start` on, as it is where it was steered."""
        if not self.steered_patterns:
            return pattern
        # Pairs that are steered but not asked for write into a line that is dropped; no look at the device is needed.
        pair_of = rows.new_full(self.query.shape[:2], len(rows))
        pair_of[rows, heads] = torch.arange(len(rows), device=rows.device)
        result = torch.cat([pattern, torch.zeros_like(pattern[:1])])
        for final in self.steered_patterns:
            begin = max(start, final.start)
            pairs = pair_of[final.rows, final.heads]
            here = slice(begin - start, final.start + final.pattern.shape[1] - start)
            there = slice(begin - final.start, None)
            write = final.write[:, there, None]
            result[pairs, here] = torch.where(write, final.pattern[:, there], result[pairs, here])
        return result[:-1]

    def hidden(
        self, rows: Int[Tensor, " rows"], start: int, stop: int
    ) -> Float32[Tensor, "rows query key"] | None:
        """What to add to the scores of queries start..stop; -inf: not seen. None: all is seen."""
        if self.mask is None and (not self.causal or self.n_queries == 1):
            return None
        slots = torch.arange(start, stop, device=rows.device)[None]
        if self.mask is None:
            later = torch.arange(self.n_keys, device=rows.device) > slots[..., None]
            hidden = torch.zeros_like(later, dtype=torch.float32).masked_fill(later, -torch.inf)
            return hidden.expand(len(rows), -1, -1)
        if self.mask.shape[1] != 1:
            raise SeamError(
                f"An attention mask of shape {tuple(self.mask.shape)} differs from head to head. Such masks "
                "are not supported: pass the 2-D attention mask."
            )
        row = torch.zeros_like(rows) if self.mask.shape[0] == 1 else rows
        mask = self.mask[row[:, None], 0, torch.zeros_like(slots) if self.mask.shape[2] == 1 else slots]
        if mask.dtype == torch.bool:
            return torch.zeros_like(mask, dtype=torch.float32).masked_fill(~mask, -torch.inf)
        lowest = torch.finfo(mask.dtype).min / 2  # additive masks hide by the lowest number, or by -inf
        return mask.float().masked_fill(mask <= lowest, -torch.inf)

    def _of_pairs(
        self, shared: Float[Tensor, "row shared key dim"], rows: Pair, heads: Pair
    ) -> Float32[Tensor, "pair key dim"]:
        """Keys or values of (row, head) pairs; several heads may share them."""
        return shared[rows, heads // (self.query.shape[1] // shared.shape[1])].float()


@dataclass(eq=False)
class SteeredPattern:
    """Steered patterns, as they were multiplied with the values, of the queries from `start` on.

    write: whether it was used; where not, the row kept its own.
    """

    rows: Int[Tensor, " pair"]
    heads: Int[Tensor, " pair"]
    start: int
    pattern: Float32[Tensor, "pair query key"]
    write: Bool[Tensor, "pair query"]


@runtime_checkable
class Probe(Protocol):
    """What can be attached: it names the layers it is called in and the heads it overwrites.

    `fired` is set once it was called.
    """

    layers: frozenset[int]
    overwrites: frozenset[Head]
    fired: bool

    def attend(self, call: Call) -> None:
        """Read this call, or overwrite parts of `call.output`."""
        ...

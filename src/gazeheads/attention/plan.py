"""Which queries of a forward pass are steered, towards what, and what they see.

Decided once for a pass (`Plan`) and once for the layers that share an attention mask (`Sight`), for all lanes of the
batch together. A *lane* is one gaze on one row of a batch, a *pair* one head of one lane.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Shaped
from torch import Tensor

from gazeheads.arrays import Floats, Ints
from gazeheads.attention.call import Call, ForwardPass
from gazeheads.attention.effect_log import Log
from gazeheads.attention.formulas import FORMULAS
from gazeheads.attention.targets import Targets
from gazeheads.errors import GazeError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import PUSHES


@dataclass(eq=False)
class Pairs:
    """Steered heads of one layer that share a push mode. strengths: the weights of the heads; None: all 1.

    `writes` is False for a bias of zero and for heads of weight zero: their rows stay unsteered, bit for bit.
    """

    mode: str
    writes: bool
    lanes: Int[Tensor, " pair"]
    rows: Int[Tensor, " pair"]
    heads: Int[Tensor, " pair"]
    strengths: Float32[Tensor, " pair"] | None = None

    def split(self, size: int) -> Iterator["Pairs"]:
        """Groups of at most `size` pairs."""
        if len(self.rows) <= size:
            yield self
            return
        for start in range(0, len(self.rows), size):
            part = slice(start, start + size)
            strengths = None if self.strengths is None else self.strengths[part]
            yield Pairs(
                self.mode, self.writes, self.lanes[part], self.rows[part], self.heads[part], strengths
            )


def pairs_of(gazes: Sequence[Gaze], rows: Int[Ints, " lane"], layer: int, like: Tensor) -> list[Pairs]:
    """The pairs of one layer, by push.

    rows: (lane,) the row of the running batch that each lane steers; lanes of one gaze lie side by side. like: an
    integer tensor where the model runs.
    """
    groups: dict[tuple[str, bool, bool], list[tuple[int, int, int]]] = defaultdict(list)
    strengths: dict[tuple[str, bool, bool], list[float]] = defaultdict(list)
    for lane, row in enumerate(rows.tolist()):
        gaze = gazes[lane * len(gazes) // len(rows)]
        for head, strength in zip(gaze.heads, gaze.weights, strict=True):
            if head.layer == layer:
                writes = not gaze.push.is_nothing and strength != 0
                key = gaze.push.mode, writes, strength != 1
                groups[key].append((lane, row, head.head))
                strengths[key].append(strength)
    found = []
    for key, pairs in groups.items():
        mode, writes, weighted = key
        how_strong = like.new_tensor(strengths[key], dtype=torch.float32) if weighted else None
        at, row, heads = like.new_tensor(pairs).T
        found.append(Pairs(mode, writes, at, row, heads, how_strong))
    return found


@dataclass(eq=False)
class Plan:
    """What steering does in one forward pass: made once, used by every layer.

    rows: of the running batch. active: which queries are steered. stop: towards which target. log: what came of it.
    produced: the first query that produces a token in some lane. first: the first that is steered in some lane.
    """

    rows: Int[Tensor, " lane"]
    active: Bool[Tensor, "lane query"]
    stop: Int[Tensor, " lane #query"]
    log: Log
    produced: int
    first: int
    sights: dict[tuple[int, int, int], "Sight"] = field(default_factory=dict)


@dataclass(eq=False)
class Sight:
    """What the lanes see in the layers that share one attention mask, for some of the queries.

    hidden: (lane, query, key) to add to the scores, or None. Of each part of the targets: levels, by push, what that
    and `hidden` add, and weights, coverage of what is seen, both (lane, 1 or query, key); shares (lane, query), of the
    parts that are seen. kinds: (lane, 1, key) of tokens. target: (lane, 1 or query, key) 1 where some part covers a
    token. write, blind: (lane, query).
    """

    mask: Tensor | None
    hidden: Float32[Tensor, "lane query key"] | None
    levels: dict[str, list[Float32[Tensor, " lane #query key"]]]
    weights: list[Float32[Tensor, " lane #query key"]]
    shares: list[Float32[Tensor, "lane query"]]
    kinds: Int[Tensor, "lane 1 key"]
    target: Float32[Tensor, " lane #query key"]
    write: Bool[Tensor, "lane query"]
    blind: Bool[Tensor, "lane query"]


FIRST_TOKEN = {"all": -(2**62), "answer": 0, "decode": 1}  # the first token whose query row is steered


class Planner:
    """Plans for a batch of `n_rows` rows, of which `row_of[i]` has gaze i. strength: what softening left of each."""

    def __init__(self, gazes: Sequence[Gaze], row_of: Ints, n_rows: int) -> None:
        self.gazes, self.row_of, self.n_rows = gazes, row_of, n_rows
        self.targets = Targets(gazes)
        self.first_token = np.array([FIRST_TOKEN[gaze.during] for gaze in gazes], dtype=np.int64)
        self.strength = np.ones(len(gazes))
        self._last_prompt = np.array([gaze.grid.n_prompt - 1 for gaze in gazes], dtype=np.int64)
        self._modes = {gaze.push.mode for gaze in gazes}
        self._numbers = {mode: self._numbers_of(mode) for mode in self._modes}
        self._pairs: dict[tuple[int, int], list[Pairs]] = {}

    def plan(self, forward_pass: ForwardPass) -> Plan | None:
        """Decide for every lane and query whether it is steered, and towards which stop; None: nothing is."""
        copies = self.copies(forward_pass)
        if copies > 1 and self.targets.follow:
            raise GazeError(
                f"A live target or one that follows sentences was given, and each row came {copies} times (beams?). "
                "Such a target needs one answer for each row: use greedy decoding or sampling."
            )
        lanes = np.arange(len(self.gazes)).repeat(copies)
        rows = self._rows(copies)
        positions = forward_pass.queries[rows]
        tokens = positions - self._last_prompt[lanes, None]
        stop = self.targets.at(lanes, np.maximum(tokens, 0))
        active = (positions >= 0) & (tokens >= self.first_token[lanes, None]) & (stop >= 0)
        if not active.any():
            return None
        # Usually all steered queries of a lane look at one stop; then one row of targets serves them all.
        one = np.where(active, stop, -1).max(1, keepdims=True)
        stop = one if (np.where(active, stop, one) == one).all() else stop
        like = forward_pass.positions
        log = Log(tokens, like.new_zeros((2, *active.shape)).float(), like.new_zeros((2, *active.shape)))
        return Plan(
            like.new_tensor(rows),
            like.new_tensor(active) > 0,
            like.new_tensor(np.maximum(stop, 0)),
            log,
            produced=int((tokens < 0).all(0).sum()),
            first=int(active.any(0).argmax()),
        )

    def sight(self, plan: Plan, call: Call, start: int, stop: int) -> Sight:
        """What each lane sees.

        Kept for the other layers of the pass unless it is only a part of the queries.
        """
        key = id(call.mask), call.n_keys, start
        if key in plan.sights:
            return plan.sights[key]
        hidden = call.hidden(plan.rows, start, stop)
        which = plan.stop if plan.stop.shape[1] == 1 else plan.stop[:, start:stop]
        keys = call.forward_pass.keys(call.n_keys)[plan.rows]
        key_coverage = self.targets.key_coverage(which, keys, len(plan.rows) // len(self.gazes))
        aimed = reduce(torch.maximum, key_coverage.weights) > 0
        weights = [w if hidden is None else w * (hidden > -torch.inf) for w in key_coverage.weights]
        # A part that a query cannot see leaves its share to the others; a query that sees none is blind.
        shares = [share * (w > 0).any(-1) for w, share in zip(weights, key_coverage.shares, strict=True)]
        seen = reduce(torch.add, shares)
        active = plan.active[:, start:stop]
        levels = {
            mode: [
                FORMULAS[mode].level(self.numbers(plan, mode), w, key_coverage.kinds, hidden) for w in weights
            ]
            for mode in self._modes
        }
        sight = Sight(
            mask=call.mask,
            hidden=hidden,
            levels=levels,
            weights=weights,
            shares=[share / seen for share in shares],
            kinds=key_coverage.kinds,
            target=aimed.float(),
            write=active & (seen > 0),
            blind=active & (seen == 0),
        )
        if stop - start == call.n_queries - plan.first:
            plan.sights[key] = sight
        return sight

    def pairs(self, call: Call) -> list[Pairs]:
        """The pairs of this layer, by push."""
        copies = self.copies(call.forward_pass)
        key = call.layer, copies
        if key not in self._pairs:
            self._pairs[key] = pairs_of(
                self.gazes, self._rows(copies), call.layer, call.forward_pass.positions
            )
        return self._pairs[key]

    def each(self, plan: Plan, values: Shaped[np.ndarray, "gaze ..."]) -> Float32[Tensor, "lane ..."]:
        """What is given for each gaze, for each of its lanes."""
        each = np.asarray(values, dtype=np.float32).repeat(len(plan.rows) // len(self.gazes), axis=0)
        return plan.rows.new_tensor(each, dtype=torch.float32)

    def numbers(self, plan: Plan, mode: str) -> Float32[Tensor, "lane number"]:
        """Those of a push now, as softening left them; 0 in lanes that are pushed otherwise."""
        numbers = self._numbers[mode]
        return self.each(plan, numbers * self.strength[:, None] if PUSHES[mode].scales else numbers)

    def _numbers_of(self, mode: str) -> Float[Floats, "gaze number"]:
        """Those of a push, 0 for gazes with another push."""
        none = [0.0] * len(PUSHES[mode].numbers)
        return np.array([gaze.push.numbers if gaze.push.mode == mode else none for gaze in self.gazes])

    def copies(self, forward_pass: ForwardPass) -> int:
        """How many times the batch came multiplied."""
        copies, rest = divmod(forward_pass.n_rows, self.n_rows)
        if rest:
            raise GazeError(
                f"The model runs {forward_pass.n_rows} rows, but gazes were given for {self.n_rows}. Give one for "
                "each row (None: unsteered), or a single one."
            )
        return copies

    def _rows(self, copies: int) -> Int[Ints, " lane"]:
        """The row of the running batch that each lane steers; copies of a row lie side by side."""
        return (self.row_of[:, None] * copies + np.arange(copies)).ravel()

"""From gazes to attention: the probe that overwrites the output of steered heads.

Every row of a batch may have its own gaze: its own heads, region, push, schedule and scope. A *lane* is one
gaze on one row; a *pair* is one head of one lane. In each layer all pairs are gathered and computed together:

    logits -> pattern -> pushed pattern -> times values -> written over the head's SDPA output

Query rows that are not to be steered (another time; padding; a blind row) keep what SDPA gave. The attention
mass on the target before and after is summed on the way: the proof of effect.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gazeheads.calls import Call, Final, Moment
from gazeheads.effect import Effect, Log, effects
from gazeheads.errors import GazeError, NothingSteered
from gazeheads.gaze import Gaze, Mode
from gazeheads.heads import belong
from gazeheads.lanes import Pairs, Plan, View
from gazeheads.pushing import pushed
from gazeheads.regions import Region
from gazeheads.targets import Targets

CHUNK = 2**24  # numbers computed at a time: 64 MiB in float32
FIRST_TOKEN = {"all": -(2**62), "answer": 0, "decode": 1}  # the first token whose query row is steered

Ints = npt.NDArray[np.int64]


class Steering:
    """A probe that steers. `gazes[row]` is the gaze of that row of the batch, or None.

    A batch that comes multiplied (beams, several samples of each row) repeats each row's gaze. Raises
    `WrongModel` if a head is not one of the model's.
    """

    def __init__(self, gazes: Sequence[Gaze | None], n_layers: int, n_heads: int) -> None:
        self.n_rows = len(gazes)
        self.gazes = [gaze for gaze in gazes if gaze is not None]
        self.row_of = np.array([row for row, gaze in enumerate(gazes) if gaze is not None], dtype=np.int64)
        for gaze in self.gazes:
            belong(gaze.heads, n_layers, n_heads, "steered")
        self.overwrites = frozenset(head for gaze in self.gazes for head in gaze.members)
        self.layers = frozenset(head.layer for head in self.overwrites)
        self.fired = False
        self.targets = Targets(self.gazes)
        self._last_prompt = np.array([gaze.grid.n_prompt - 1 for gaze in self.gazes], dtype=np.int64)
        self._first_token = np.array([FIRST_TOKEN[gaze.during] for gaze in self.gazes], dtype=np.int64)
        self._pairs: dict[tuple[int, int], list[Pairs]] = {}
        self._plan: Plan | None = None
        self._logs: list[Log] = []

    def attend(self, call: Call) -> None:
        """Overwrite the output of this layer's steered heads."""
        if self._plan is None or self._plan.moment is not call.moment:
            self._plan = self._new_plan(call.moment)
        plan = self._plan
        if plan.active is None:
            return
        groups = self._pairs_of(call)
        most = max(1, CHUNK // (call.n_keys * call.key.shape[-1]))
        step = max(
            1, CHUNK // (call.n_keys * max(len(plan.active), min(most, max(len(g.rows) for g in groups))))
        )
        for start in range(0, call.n_queries, step):
            stop = min(start + step, call.n_queries)
            view = self._view(plan, call, start, stop)
            for group in groups:
                for pairs in group.split(most):
                    self._steer(call, plan, view, pairs, start, stop)

    def _steer(self, call: Call, plan: Plan, view: View, pairs: Pairs, start: int, stop: int) -> None:
        """Queries start..stop of one group of pairs."""
        assert plan.log is not None
        lanes, rows, heads = pairs.lanes, pairs.rows, pairs.heads
        write = view.write[lanes]
        scores = call.scores(rows, heads, start, stop)
        pattern = final = (scores if view.hidden is None else scores + view.hidden[lanes]).softmax(-1)
        if pairs.writes:
            final = pushed(pairs.mode, scores, pattern, lanes, view.addend, view.weights, view.image)
            looked = torch.bmm(final, call.values(rows, heads)).to(call.output)
            kept = call.output[rows, start:stop, heads]
            call.output[rows, start:stop, heads] = torch.where(write[..., None], looked, kept)
            if call.recorded and stop > plan.produced:
                begin = max(start, plan.produced)
                part = slice(begin - start, None)
                call.finals.append(Final(rows, heads, begin, final[:, part].clone(), write[:, part]))
        target = view.target[lanes]
        mass = torch.stack([_mass(pattern, target), _mass(final, target)]).where(write, 0.0)
        plan.log.mass[:, :, start:stop].index_add_(1, lanes, mass)
        rows_due = torch.stack([write, view.blind[lanes]]).long()
        plan.log.rows[:, :, start:stop].index_add_(1, lanes, rows_due)

    def _view(self, plan: Plan, call: Call, start: int, stop: int) -> View:
        """What each lane sees.

        Kept for the other layers of the pass unless it is only a part of the queries.
        """
        key = id(call.mask), call.n_keys, start
        if key in plan.views:
            return plan.views[key]
        assert plan.active is not None
        assert plan.rows is not None
        assert plan.stop is not None
        slots = torch.arange(start, stop, device=plan.rows.device)[None]
        hidden = call.hidden(plan.rows, slots)
        which = plan.stop if plan.stop.shape[1] == 1 else plan.stop[:, start:stop]
        keys = call.moment.keys(call.n_keys)[plan.rows]
        weights, addend, image = self.targets.spread(which, keys, len(plan.rows) // len(self.gazes))
        aimed = weights > 0
        sees = (aimed if hidden is None else aimed & (hidden > -torch.inf)).any(-1)
        active = plan.active[:, start:stop]
        view = View(
            mask=call.mask,
            hidden=hidden,
            addend=addend if hidden is None else addend + hidden,
            weights=weights if hidden is None else weights * (hidden > -torch.inf),
            target=aimed.float(),
            image=image,
            write=active & sees,
            blind=active & ~sees,
        )
        if stop - start == call.n_queries:
            plan.views[key] = view
        return view

    def _new_plan(self, moment: Moment) -> Plan:
        """Decide for every lane and query whether it is steered, and towards which stop."""
        copies = self._copies(moment)
        if copies > 1 and self.targets.follow:
            raise GazeError(
                f"A live target or one that follows sentences was given, and each row came {copies} times (beams?). "
                "Such a target needs one answer for each row: use greedy decoding or sampling."
            )
        lanes = np.arange(len(self.gazes)).repeat(copies)
        rows = self._rows(copies)
        positions = moment.queries[rows]
        tokens = positions - self._last_prompt[lanes, None]
        stop = self.targets.at(lanes, np.maximum(tokens, 0))
        active = (positions >= 0) & (tokens >= self._first_token[lanes, None]) & (stop >= 0)
        if not active.any():
            return Plan(moment)
        # Usually all steered queries of a lane look at one stop; then one row of targets serves them all.
        one = np.where(active, stop, -1).max(1, keepdims=True)
        stop = one if (np.where(active, stop, one) == one).all() else stop
        like = moment.positions
        log = Log(tokens, like.new_zeros((2, *active.shape)).float(), like.new_zeros((2, *active.shape)))
        self._logs.append(log)
        return Plan(
            moment,
            like.new_tensor(rows),
            like.new_tensor(active) > 0,
            like.new_tensor(np.maximum(stop, 0)),
            log,
            produced=int((tokens < 0).all(0).sum()),
        )

    def _copies(self, moment: Moment) -> int:
        """How many times the batch came multiplied."""
        copies, rest = divmod(moment.n_rows, self.n_rows)
        if rest:
            raise GazeError(
                f"The model runs {moment.n_rows} rows, but gazes were given for {self.n_rows}. Give one for "
                "each row (None: look freely), or a single one."
            )
        return copies

    def _rows(self, copies: int) -> Ints:
        """The row of the running batch that each lane steers; copies of a row lie side by side."""
        return (self.row_of[:, None] * copies + np.arange(copies)).ravel()

    def _pairs_of(self, call: Call) -> list[Pairs]:
        """The pairs of this layer, by push."""
        copies = self._copies(call.moment)
        key = call.layer, copies
        if key not in self._pairs:
            groups: dict[tuple[Mode, bool], list[tuple[int, int, int]]] = defaultdict(list)
            rows = self._rows(copies)
            for lane in range(len(rows)):
                gaze = self.gazes[lane // copies]
                for head in gaze.members:
                    if head.layer == call.layer:
                        group = gaze.how.mode, not gaze.how.is_nothing
                        groups[group].append((lane, int(rows[lane]), head.head))
            self._pairs[key] = [
                Pairs(mode, writes, *call.moment.positions.new_tensor(found).T)
                for (mode, writes), found in groups.items()
            ]
        return self._pairs[key]

    def effects(self, lengths: Sequence[int]) -> list[Effect | None]:
        """The proof of effect of each row, over its first `lengths[row]` generated tokens; None: no gaze.

        Only for a batch that did not come multiplied.
        """
        found: list[Effect | None] = [None] * self.n_rows
        wanted = [lengths[row] for row in self.row_of]
        for row, effect in zip(self.row_of, effects(self._logs, wanted), strict=True):
            found[row] = effect
        return found

    def wrote(self, row: int, text: str) -> None:
        """Tell the text of a row after each of its tokens: schedules that follow sentences need it."""
        for lane in np.flatnonzero(self.row_of == row).tolist():
            self.targets.wrote(lane, text)

    def target(self, row: int, token: int) -> Region | None:
        """Where the gaze of a row pointed when it produced a token; None: it looked freely."""
        for lane in np.flatnonzero(self.row_of == row).tolist():
            if token >= self._first_token[lane]:
                return self.targets.target(lane, token)
        return None

    def moved(self, token: int) -> tuple[float | None, float | None]:
        """Mass on the target before and after the push in the newest forward pass, for the only row."""
        newest = effects(self._logs[-1:], [token + 1]) if self._logs else []
        return (newest[0].before_by_token[token], newest[0].after_by_token[token]) if newest else (None, None)

    def must_have_steered(self) -> None:
        """Raise `NothingSteered` unless some attention row was steered."""
        if not any(log.rows[0].sum() for log in self._logs):
            blind = sum(int(log.rows[1].sum()) for log in self._logs)
            raise NothingSteered(
                f"The gaze steered nothing: {blind} attention rows were due, and none could see its target. "
                "Aim at another region, or run the model for longer."
            )


def _mass(pattern: Tensor, target: Tensor) -> Tensor:
    """(pair, query) share of each row on the target tokens."""
    if target.shape[1] == 1:
        return torch.bmm(pattern, target.transpose(1, 2))[..., 0]
    return (pattern * target).sum(-1)

"""From gazes to attention: the probe that overwrites the output of steered heads.

Every row of a batch may have its own gaze: its own heads, region, push, schedule and scope. A *lane* is one
gaze on one row; a *pair* is one head of one lane. In each layer all pairs are gathered and computed together:

    logits -> pattern -> pushed pattern -> times values -> written over the head's SDPA output

Query rows that are not to be steered (another time; padding; a blind row) keep what SDPA gave. The attention
mass on the target before and after is summed on the way: the proof of effect.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from gazeheads.attention.call import Call, ForwardPass, SteeredPattern
from gazeheads.attention.effect_log import Log, effects
from gazeheads.attention.formulas import FORMULAS, IMAGE, mixed
from gazeheads.attention.plan import Pairs, Plan, Planner, Sight
from gazeheads.errors import NothingSteered
from gazeheads.gaze.effect import Effect
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import PUSHES
from gazeheads.heads.heads import belong
from gazeheads.regions.mix import Target

Pattern = Float32[Tensor, "pair query key"]
CHUNK = 2**24  # numbers computed at a time: 64 MiB in float32


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
            belong(gaze.heads, gaze.shape, n_layers, n_heads, "steered")
        self.overwrites = frozenset(head for gaze in self.gazes for head in gaze.heads)
        self.layers = frozenset(head.layer for head in self.overwrites)
        self.fired = False
        self._planner = Planner(self.gazes, self.row_of, self.n_rows)
        self._pass: ForwardPass | None = None  # the one under way
        self._plan: Plan | None = None  # what is steered in it
        self._logs: list[Log] = []

    def attend(self, call: Call) -> None:
        """Overwrite the output of this layer's steered heads."""
        if self._pass is not call.forward_pass:
            self._pass, self._plan = call.forward_pass, self._planner.plan(call.forward_pass)
            self._logs += [] if self._plan is None else [self._plan.log]
        plan = self._plan
        if plan is None:
            return
        groups = self._planner.pairs(call)
        most = max(1, CHUNK // (call.n_keys * call.key.shape[-1]))
        step = max(
            1, CHUNK // (call.n_keys * max(len(plan.active), min(most, max(len(g.rows) for g in groups))))
        )
        for start in range(plan.first, call.n_queries, step):
            stop = min(start + step, call.n_queries)
            sight = self._planner.sight(plan, call, start, stop)
            for group in groups:
                for pairs in group.split(most):
                    self._steer(call, plan, sight, pairs, start, stop)

    def _steer(self, call: Call, plan: Plan, sight: Sight, pairs: Pairs, start: int, stop: int) -> None:
        """Queries start..stop of one group of pairs."""
        lanes, rows, heads = pairs.lanes, pairs.rows, pairs.heads
        write = sight.write[lanes]
        scores = call.scores(rows, heads, start, stop)
        pattern = final = (scores if sight.hidden is None else scores + sight.hidden[lanes]).softmax(-1)
        if pairs.writes:
            final, used = self._pushed(plan, sight, pairs, scores, pattern), write
            if not self._planner.strength.all():  # softened to nothing: unsteered, bit for bit
                used = write & (self._planner.each(plan, self._planner.strength)[lanes, None] != 0)
                final = final.where(used[..., None], pattern)
            looked = torch.bmm(final, call.values(rows, heads)).to(call.output)
            kept = call.output[rows, start:stop, heads]
            call.output[rows, start:stop, heads] = torch.where(used[..., None], looked, kept)
            if call.recorded and stop > plan.produced:
                begin = max(start, plan.produced)
                part = slice(begin - start, None)
                call.steered_patterns.append(
                    SteeredPattern(rows, heads, begin, final[:, part].clone(), used[:, part])
                )
        target = sight.target[lanes]
        mass = torch.stack([_mass(pattern, target), _mass(final, target)]).where(write, 0.0)
        plan.log.mass[:, :, start:stop].index_add_(1, lanes, mass)
        rows_due = torch.stack([write, sight.blind[lanes]]).long()
        plan.log.rows[:, :, start:stop].index_add_(1, lanes, rows_due)

    def _pushed(self, plan: Plan, sight: Sight, pairs: Pairs, scores: Pattern, pattern: Pattern) -> Pattern:
        """The pattern of pairs after the push, as strong as their heads' weights say."""
        lanes, strengths = pairs.lanes, pairs.strengths
        formula, scales = FORMULAS[pairs.mode], PUSHES[pairs.mode].scales
        levels = [level[lanes] for level in sight.levels[pairs.mode]]
        weights = [w[lanes] for w in sight.weights]
        if scales and strengths is not None:
            numbers = self._planner.numbers(plan, pairs.mode)[lanes] * strengths[:, None]
            hidden = None if sight.hidden is None else sight.hidden[lanes]
            levels = [formula.level(numbers, w, sight.kinds[lanes], hidden) for w in weights]
        image = sight.kinds[lanes] == IMAGE
        steered = [
            formula.pattern(scores, pattern, level, w, image)
            for level, w in zip(levels, weights, strict=True)
        ]
        final = mixed(steered, [share[lanes] for share in sight.shares])
        if scales or (strengths is None and (self._planner.strength == 1).all()):
            return final
        strength = self._planner.each(plan, self._planner.strength)[lanes] * (
            1 if strengths is None else strengths
        )
        return torch.lerp(pattern, final, strength[:, None, None])

    def effects(self, lengths: Sequence[int]) -> list[Effect | None]:
        """The proof of effect of each row, over its first `lengths[row]` generated tokens; None: no gaze.

        Of a row that came multiplied (beams) over all its copies, those too that were given up.
        """
        found: list[Effect | None] = [None] * self.n_rows
        wanted = [lengths[row] for row in self.row_of]
        for row, effect in zip(self.row_of, effects(self._logs, wanted), strict=True):
            found[row] = effect
        return found

    @property
    def follow(self) -> bool:
        """Whether some target depends on what happens while the answer is made: on the text, or on someone."""
        return self._planner.targets.follow

    def steers(self, row: int) -> bool:
        """Whether a row has a gaze."""
        return bool((self.row_of == row).any())

    def wrote(self, row: int, text: str) -> None:
        """Tell the text of a row after each of its tokens: schedules that follow sentences need it."""
        for lane in np.flatnonzero(self.row_of == row).tolist():
            self._planner.targets.wrote(lane, text)

    def soften(self, row: int, strength: float) -> None:
        """From the next token on push a row's heads only so hard: 1 in full, 0 not at all."""
        self._planner.strength[self.row_of == row] = strength

    def target(self, row: int, token: int) -> Target | None:
        """Where the gaze of a row pointed when it produced a token; None: it was unsteered."""
        for lane in np.flatnonzero(self.row_of == row).tolist():
            if token >= self._planner.first_token[lane]:
                return self._planner.targets.target(lane, token)
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


def _mass(pattern: Pattern, target: Float32[Tensor, " pair #query key"]) -> Float32[Tensor, "pair query"]:
    """The share of each row on the target tokens."""
    if target.shape[1] == 1:
        return torch.bmm(pattern, target.transpose(1, 2))[..., 0]
    return (pattern * target).sum(-1)

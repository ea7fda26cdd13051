"""Listening to an answer while it is made: for targets that follow the text, and for answers that run in circles.

A loop is what `judging.base` calls one: any 1- to 4-gram more than three times in a row. `on_loop` says what then
happens to the answer: "ignore" nothing (`answer.degenerate` tells), "stop" ends it with the token that closed the
loop, "soften" pushes its heads less from the next token on: half as hard, after another loop a quarter, after a
third not at all. The attention of the prompt's rows stays as it was pushed. Rows that are pushed not at all are left
alone, bit for bit, as heads of weight 0 are; like these they count as steered in the proof of effect, with the same
mass before and after.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from gazeheads.attention.steering import Steering
from gazeheads.checks import shown
from gazeheads.errors import UsageError
from gazeheads.text import Detokenizer, loop, strip_labels

OnLoop = Literal["ignore", "stop", "soften"]

SOFTER = (0.5, 0.25, 0.0)


class Listener:
    """Hears what every row says, token by token. softened: of each row, from which token on how hard it was pushed."""

    def __init__(self, steering: Steering, decode: Callable[[list[int]], str], on_loop: OnLoop) -> None:
        if not isinstance(on_loop, str) or on_loop not in ("ignore", "stop", "soften"):
            raise UsageError(f"on_loop={shown(on_loop)} is unknown. Use ignore, stop or soften.")
        if on_loop == "soften" and not steering.gazes:
            raise UsageError(
                'on_loop="soften" was given without a gaze: there is no push to soften. Use "stop".'
            )
        self.on_loop, self._steering = on_loop, steering
        self.softened: list[list[tuple[int, float]]] = [[] for _ in range(steering.n_rows)]
        listens = on_loop != "ignore" or steering.follow
        self._detokenizers = [Detokenizer(decode) for _ in range(steering.n_rows)] if listens else []
        self._said = [""] * steering.n_rows
        self._since = [0] * steering.n_rows  # where the text begins in which a loop is looked for
        self._heard = 0

    def hear(self, step: Sequence[int]) -> list[int]:
        """Take in one token of every row; which rows are to end now."""
        self._heard += 1
        stop = []
        for row, (detokenizer, token) in enumerate(zip(self._detokenizers, step, strict=False)):
            self._said[row] += detokenizer.add(token)
            self._steering.wrote(row, self._said[row])
            if self.on_loop != "ignore" and loop(strip_labels(self._said[row][self._since[row] :])):
                stop += [row] if self.on_loop == "stop" else []
                if self.on_loop == "soften" and self._steering.steers(row):
                    self._soften(row)
        return stop

    def _soften(self, row: int) -> None:
        done = self.softened[row]
        if len(done) < len(SOFTER):
            done.append((self._heard, SOFTER[len(done)]))
            self._steering.soften(row, done[-1][1])
            self._since[row] = len(self._said[row])

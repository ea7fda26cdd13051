"""One answer, made step by step; where it looks may be moved between any two steps, by anyone.

Every step reads the target anew: what a visitor asked for last, or what a stop of his plan says. A stop takes effect
at its token, a move at the next token, whichever comes later wins. The step that finds out that nobody listens any
more is not taken.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from gazeheads import Gaze, GazeHeadsError, Live, Record, Token
from gazeheads.demo.aims import SwitchableHeads, gaze, region
from gazeheads.demo.gallery import Shown
from gazeheads.demo.limits import Limits
from gazeheads.demo.shelf import Shelf
from gazeheads.demo.wire import Ask, AtBox, AtMask, AtPanel, AtSpot

Emit = Callable[[dict[str, Any]], None]
Aim = AtPanel | AtBox | AtSpot | AtMask | None

LOOKS = 10_000  # looks are sent as whole numbers: this is all attention of a row


class Preparation:
    """Runs a prompt about an image, so that the next answer begins at once."""

    due = 0.0

    def __init__(self, shelf: Shelf, shown: Shown, prompt: str, emit: Emit) -> None:
        self.shelf, self.shown, self.prompt, self.emit = shelf, shown, prompt, emit

    def step(self) -> bool:
        """All of it."""
        try:
            prefill = self.shelf.prefill(self.shown, self.prompt)
        except GazeHeadsError as error:
            self.emit({"type": "error", "where": "prompt", "message": str(error)})
        except Exception as error:
            self.emit({"type": "error", "where": "prompt", "message": surprised(error)})
            raise
        else:
            self.emit({"type": "ready", "prompt": self.prompt, "views": views(prefill.scene)})
        return False


class Speech:
    """One answer. side: "steered", or "free", which looks where it wants to.

    emit: gets each message, from the thread of `turns`. pace: tokens a second, or None.
    """

    def __init__(
        self,
        shelf: Shelf,
        selected: SwitchableHeads,
        limits: Limits,
        shown: Shown,
        ask: Ask,
        run: int,
        emit: Emit,
        side: str = "steered",
        pace: float | None = None,
    ) -> None:
        self.shelf, self.selected, self.limits, self.shown, self.ask = shelf, selected, limits, shown, ask
        self.side, self.pace, self.stopped = side, pace, False
        self._due = 0.0
        self._about = {"run": run, "side": side}
        self._emit = emit
        self._stops = sorted(ask.stops, key=lambda stop: stop.token) if side == "steered" else []
        self._moves: deque[tuple[int, Aim]] = deque()  # not obeyed yet; others add to it
        self._aimed: int | None = None  # id of the target in force
        self._tokens: Iterator[Token] | None = None
        self._live: Live | None = None
        self._said: list[dict[str, Any]] = []
        self._masses: list[tuple[float, float]] = []
        self._began = time.monotonic()

    @property
    def due(self) -> float:
        """When the next token need be made; at once where it will not be, however slow the pace was."""
        return 0.0 if self.stopped else self._due

    @due.setter
    def due(self, when: float) -> None:
        self._due = when

    def look(self, number: int, target: Aim) -> None:
        """From the next token on look there. From any thread."""
        self._moves.append((number, target))

    def stop(self) -> None:
        """No more tokens. From any thread."""
        self.stopped = True

    def step(self) -> bool:
        """One token; whether there may be another."""
        try:
            if self.stopped:
                return self._done("stopped")
            if time.monotonic() - self._began > self.limits.seconds:
                return self._done("time")
            if self._tokens is None and not self._begin():
                return False
            return self._speak()
        except GazeHeadsError as error:
            self._emit({"type": "error", "where": "say", "message": str(error), **self._about})
        except Exception as error:
            self._emit({"type": "error", "where": "say", "message": surprised(error), **self._about})
            self._done("error")
            raise
        return self._done("error")

    # ---------------------------------------------------------------------------------------------- the steps

    def _begin(self) -> bool:
        """Start the stream; False where the answer was known."""
        ask = self.ask
        prefill = self.shelf.prefill(self.shown, ask.prompt)
        self.scene = prefill.scene
        self._emit({"type": "begun", "views": views(self.scene), **self._about})
        watched = self.selected.watched(ask)
        self._key = self.shown.key, ask.prompt, ask.tokens, ask.keep_talking, ask.k, ask.watch
        known = self.shelf.free.get(self._key) if self.side == "free" else None
        if known is not None:
            for message in known:
                self._emit(message | self._about)
            return False
        aim: Gaze | None = None
        if self.side == "steered":
            # A live target begins somewhere; where it looks first is set before the first token.
            self._live = Live(self.scene.box(0, 0, *self.scene.grid.sizes[0]))
            self._live.look(None)
            aim = gaze(self.selected.pushed(ask), self._live, ask)
        least: dict[str, Any] = {"min_new_tokens": ask.tokens} if ask.keep_talking else {}
        self._tokens = self.shelf.model.stream(
            self.scene, aim, record=Record(watched), max_new_tokens=ask.tokens, prefill=prefill, **least
        )
        return True

    def _speak(self) -> bool:
        if self._live is not None:
            self._aim(self._live, len(self._said))
        assert self._tokens is not None
        token = next(self._tokens, None)
        if token is None:
            return self._done("end" if len(self._said) < self.ask.tokens else "length")
        if token.before is not None and token.after is not None:
            self._masses.append((token.before, token.after))
        assert token.look is not None
        message = {
            "type": "token",
            "index": token.index,
            "text": token.text,
            "seconds": round(time.monotonic() - self._began, 4),
            "target": self._aimed,
            "before": None if token.before is None else round(token.before, 4),
            "after": None if token.after is None else round(token.after, 4),
            "look": (token.look[0] * LOOKS).round().astype(int).tolist(),
        }
        self._said.append(message)
        self._emit(message | self._about)
        now = time.monotonic()
        self.due = now if self.pace is None else max(now, self._due) + 1 / self.pace
        return True

    def _aim(self, live: Live, index: int) -> None:
        """Set the target for token `index`: of the stops and the moves that are new the newest."""
        wanted = None
        while self._stops and self._stops[0].token <= index:
            stop = self._stops.pop(0)
            wanted = stop.id, stop.target
        while self._moves:  # a deque: another thread may add one meanwhile
            wanted = self._moves.popleft()
        if wanted is None:
            return
        try:
            target = None if wanted[1] is None else region(self.scene, wanted[1])
            live.look(target)
        except GazeHeadsError as error:  # the old target stays
            self._emit(
                {"type": "error", "where": "target", "message": str(error), "id": wanted[0], **self._about}
            )
            return
        self._aimed = None if target is None else wanted[0]

    def _done(self, why: str) -> bool:
        """Say how it ended."""
        mean = [sum(column) / len(self._masses) for column in zip(*self._masses, strict=True)] or [None, None]
        message = {
            "type": "done",
            "why": why,
            "steered": len(self._masses),
            "before": mean[0],
            "after": mean[1],
            "seconds": round(time.monotonic() - self._began, 4),
        }
        if self.side == "free" and why in ("end", "length"):
            numbers = sum(len(said["look"]) for said in self._said)
            self.shelf.free.put(self._key, [*self._said, message], numbers)
        self._tokens = None
        self._emit(message | self._about)
        return False


def surprised(error: Exception) -> str:
    """What a visitor is told of an error that is ours; its text, which may hold what is none of his, stays here."""
    return f"{type(error).__name__} in the model: the answer ended here. Try again, or another image."


def views(scene: Any) -> list[list[float]]:
    """The grids that cells lie on: rows, columns, and left, top, right, bottom as shares of the image."""
    width, height = scene.grid.sizes[0]
    return [
        [
            view.rows,
            view.cols,
            *(x / edge for x, edge in zip(view.box.corners, (width, height) * 2, strict=True)),
        ]
        for view in scene.grid.views
    ]

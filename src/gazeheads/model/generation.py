"""What the model said, and the proof that it was steered while saying it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from gazeheads.files import write_whole
from gazeheads.gaze.effect import Effect
from gazeheads.gaze.trace import GazeTrace
from gazeheads.plain import plain
from gazeheads.regions.mix import Target
from gazeheads.text import Word, degenerate, strip_labels, words
from gazeheads.version import __version__

SCHEMA = 1
Finish = Literal["eos", "length", "stop", "loop"]


@dataclass(frozen=True)
class Segment:
    """The tokens `start <= token < stop` of an answer, produced while the gaze pointed at `target` (None: unsteered).

    text: what they wrote; a character of several tokens belongs to the segment of its last one.
    """

    target: Target | None
    start: int
    stop: int
    text: str

    def to_json(self) -> dict[str, Any]:
        """Plain values; the target by its name."""
        return {
            "target": None if self.target is None else str(self.target),
            "start": self.start,
            "stop": self.stop,
            "text": self.text,
        }


def segments(targets: Sequence[Target | None], token_texts: Sequence[str]) -> tuple[Segment, ...]:
    """Runs of tokens with one target. targets, token_texts: where the gaze pointed, and what each token wrote."""
    starts = [n for n, target in enumerate(targets) if n == 0 or target is not targets[n - 1]]
    return tuple(
        Segment(targets[start], start, stop, "".join(token_texts[start:stop]))
        for start, stop in pairwise([*starts, len(targets)])
    )


@dataclass(frozen=True)
class Generation:
    """One answer.

    token_ids: all tokens produced, the end token included. finish: "eos"; "length" where the budget ran out; "stop"
    where a stop string or another criterion held; "loop" where on_loop="stop" ended it. effect: what the gaze did, or
    None for an answer without one. trace: where the recorded heads looked, or None; it has its own `save`. settings:
    how it was made. token_texts: for each token the characters that it completes (see `words`). segments: the runs of
    tokens that were produced under one target. softened: where on_loop="soften" lowered the push, (from which token
    on, how hard: 1 would be in full).
    """

    text: str
    token_ids: tuple[int, ...] = field(repr=False)
    finish: Finish
    effect: Effect | None = None
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    trace: GazeTrace | None = field(default=None, repr=False)
    token_texts: tuple[str, ...] = field(default=(), repr=False)
    segments: tuple[Segment, ...] = field(default=(), repr=False)
    softened: tuple[tuple[int, float], ...] = ()

    def __str__(self) -> str:
        return self.text

    @property
    def words(self) -> tuple[Word, ...]:
        """The words and the tokens that wrote each."""
        return words(self.token_texts)

    @property
    def degenerate(self) -> str:
        """Why the text is degenerate in any language (a loop, or no word), or "" if it is not: `text.degenerate`.

        "Panel k:" does not count. Whether the words make sense only a judge can tell.
        """
        return degenerate(strip_labels(self.text))

    def to_json(self) -> dict[str, Any]:
        """Plain values, for one line of JSONL; the trace is left out."""
        return {
            "schema": SCHEMA,
            "version": __version__,
            "text": self.text,
            "token_ids": plain(self.token_ids),
            "finish": self.finish,
            "effect": plain(self.effect),
            "settings": dict(self.settings),
            "words": [[word.text, word.start, word.stop] for word in self.words],
            "segments": plain(self.segments),
            "degenerate": self.degenerate,
            "softened": plain(self.softened),
        }

    def save(self, path: str | Path) -> Path:
        """Write `to_json` as a JSON file, whole or not at all; the trace has its own. Raises `Unwritable`."""
        return write_whole(Path(path), json.dumps(self.to_json(), ensure_ascii=False, indent=1).encode())

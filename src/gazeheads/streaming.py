"""An answer while it is made: an iterator of tokens, which can be stopped, and re-targeted, between any two.

The model is steered only while a token is computed. Between tokens it is as it was, so a stream that is dropped
leaves nothing behind, and others may use the model meanwhile.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from gazeheads.attention import attached
from gazeheads.decoding import collate, greedy, produce
from gazeheads.gaze import Gaze
from gazeheads.mixes import Target
from gazeheads.scenes import EncodedInput
from gazeheads.steering import Steering
from gazeheads.words import Speller


@dataclass(frozen=True)
class Token:
    """One token of a stream.

    text: the characters that it completes, "" within a character of several tokens; joined they are the answer.
    index: 0 for the first one. seconds: since the stream began. target: where the gaze pointed, None: looked freely.
    before, after: mass of the steered heads on the target in this token's row without and with the push; None where
    it was not steered.
    """

    id: int = field(repr=False)
    text: str
    index: int
    seconds: float
    target: Target | None = None
    before: float | None = None
    after: float | None = None

    def __str__(self) -> str:
        return self.text


def stream(model: Any, scene: EncodedInput, gaze: Gaze | None, max_new_tokens: int) -> Iterator[Token]:
    """The greedy answer of `model` (a `GazeModel`), token by token; the end token is the last one."""
    began = time.monotonic()
    steering = Steering([gaze], model.n_layers, model.n_heads)
    speller = Speller(partial(model.processor.tokenizer.decode, skip_special_tokens=True))
    said = ""
    with torch.no_grad():
        batch = collate(model.hf, model.family, [scene], model.pad)
    steps = produce(model.hf, batch, max_new_tokens, model.stop, model.pad, greedy)
    for index in range(max_new_tokens):
        with torch.no_grad(), attached(model.hf, *([steering] if steering.layers else [])):
            step = next(steps, None)
        if step is None:
            return
        token = int(step)
        text = speller.add(token)
        if token in model.stop or index == max_new_tokens - 1:
            text += speller.rest()
        said += text
        steering.wrote(0, said)
        before, after = steering.moved(index)
        yield Token(token, text, index, time.monotonic() - began, steering.target(0, index), before, after)

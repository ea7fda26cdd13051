"""An answer while it is made: an iterator of tokens, which can be stopped, and re-targeted, between any two.

The model is steered only while a token is computed. Between tokens it is as it was, so a stream that is dropped
leaves nothing behind, and others may use the model meanwhile.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.gaze.trace import Patterns
from gazeheads.model.backbone import Backbone
from gazeheads.model.decoding import collate, produce
from gazeheads.model.loops import Listener
from gazeheads.model.prefill import Prefill
from gazeheads.model.sampling import Sampler, SamplingSettings
from gazeheads.model.scene import Scene
from gazeheads.regions.mix import Target
from gazeheads.text import Detokenizer


@dataclass(frozen=True)
class Token:
    """One token of a stream.

    text: the characters that it completes, "" within a character of several tokens; joined they are the answer.
    index: 0 for the first one. seconds: since the stream began. target: where the gaze pointed, None: unsteered.
    before, after: attention mass of the steered heads on the target in this token's row without and with the push;
    None where it was not steered. strength: how hard its heads were pushed, below 1 where on_loop="soften" lowered it.
    look: with `record`, where the recorded heads looked in this token's row, as a row of `GazeTrace.attention`: (head,
    image token), or (1, image token) for their mean.
    """

    id: int = field(repr=False)
    text: str
    index: int
    seconds: float
    target: Target | None = None
    before: float | None = None
    after: float | None = None
    strength: float = 1.0
    look: Patterns | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.text


def stream(
    model: Backbone,
    scene: Scene,
    steering: Steering,
    recorder: Recorder,
    listener: Listener,
    how: SamplingSettings,
    prefill: Prefill | None = None,
) -> Iterator[Token]:
    """The answer of `model`, token by token; the end token is the last one.

    Raises `UsageError` for settings that cannot be meant, at once; nothing is run before the first token is asked for.
    """
    prompt = scene.tensors["input_ids"], scene.tensors["attention_mask"]
    sampler = Sampler(model.hf, model.processor.tokenizer, how, *prompt)

    def tokens() -> Iterator[Token]:
        began = time.monotonic()
        budget = how.config.max_new_tokens
        detokenizer = Detokenizer(model.decode)
        with torch.no_grad():
            batch = prefill.batch if prefill else collate(model.hf, model.family, [scene], model.pad)
        steps = produce(model.hf, batch, budget, sampler, prefill.cache() if prefill else None)
        probes = [probe for probe in (steering, recorder) if probe.layers]
        for index in range(budget):
            strength = listener.softened[0][-1][1] if listener.softened[0] else 1.0
            with torch.no_grad(), attached(model.hf, *probes):
                step = next(steps, None)
            if step is None:
                return
            token = int(step)
            for row in listener.hear([token]):
                sampler.give_up(row)
            text = detokenizer.add(token)
            if token in sampler.ends or index == budget - 1 or sampler.finished[0]:
                text += detokenizer.rest()
            before, after = steering.moved(index)
            seconds, target = time.monotonic() - began, steering.target(0, index)
            look = recorder.newest() if recorder.layers else None
            yield Token(token, text, index, seconds, target, before, after, strength, look)

    return tokens()

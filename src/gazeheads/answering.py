"""From scenes and gazes to answers: one batch, steered, with its proof."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from gazeheads.attention import attached
from gazeheads.decoding import collate, greedy, produce
from gazeheads.errors import NothingSteered
from gazeheads.gaze import Gaze
from gazeheads.generation import Generation, segments
from gazeheads.live import Live
from gazeheads.mixes import parts
from gazeheads.recording import Recorder
from gazeheads.regions import same_scene
from gazeheads.scenes import EncodedInput
from gazeheads.steering import Steering
from gazeheads.trace import Record
from gazeheads.words import Speller, spell


def answer(
    model: Any,
    scenes: Sequence[EncodedInput],
    gazes: Sequence[Gaze | None],
    records: Sequence[Record | None],
    max_new_tokens: int,
) -> list[Generation]:
    """The greedy answers of `model` (a `GazeModel`) to one batch of scenes, each with its own gaze and record."""
    for scene, gaze in zip(scenes, gazes, strict=True):
        if gaze is not None:
            fits(scene, gaze)
    steering = Steering(gazes, model.n_layers, model.n_heads)
    recorder = Recorder([scene.grid for scene in scenes], records, model.n_layers, model.n_heads)
    decode = partial(model.processor.tokenizer.decode, skip_special_tokens=True)
    spellers = [Speller(decode) for _ in scenes] if steering.follow else []
    said = [""] * len(scenes)
    batch = collate(model.hf, model.family, scenes, model.pad)
    steps = []
    with attached(model.hf, *(probe for probe in (steering, recorder) if probe.layers)):
        for step in produce(model.hf, batch, max_new_tokens, model.stop, model.pad, greedy):
            steps.append(step)
            for row, (speller, token) in enumerate(zip(spellers, step.tolist(), strict=False)):
                said[row] += speller.add(token)
                steering.wrote(row, said[row])
    rows = torch.stack(steps, dim=1).tolist()
    ends = [next((n for n, token in enumerate(row, 1) if token in model.stop), None) for row in rows]
    tokens = [row[:end] for row, end in zip(rows, ends, strict=True)]
    texts = model.processor.tokenizer.batch_decode(tokens, skip_special_tokens=True)
    effects = steering.effects([len(row) for row in tokens])
    pieces = [spell(row, decode) for row in tokens]
    traces = recorder.traces(pieces) if recorder.layers else [None] * len(tokens)
    answers = [
        Generation(
            text=text,
            token_ids=tuple(row),
            finish="length" if end is None else "eos",
            effect=effect,
            settings={"model": model.name, "max_new_tokens": max_new_tokens, "decoding": "greedy"},
            trace=trace,
            pieces=piece,
            segments=segments([steering.target(number, token) for token in range(len(row))], piece),
        )
        for number, (text, row, end, effect, trace, piece) in enumerate(
            zip(texts, tokens, ends, effects, traces, pieces, strict=True)
        )
    ]
    for made, gaze in zip(answers, gazes, strict=True):
        _must_steer(made, gaze)
    return answers


def fits(scene: EncodedInput, gaze: Gaze) -> None:
    """Raise `ForeignRegion` unless the gaze was made for this scene."""
    at = gaze.at
    if isinstance(at, Live):
        targets = [target for target in (at.target, at.first) if target is not None]
    else:
        targets = list(gaze.schedule.targets)
    same_scene(scene.grid, [region for target in targets for region, _ in parts(target)])


def _must_steer(answer: Generation, gaze: Gaze | None) -> None:
    """Raise `NothingSteered` where a gaze could have steered and did not."""
    if gaze is None or answer.effect is None or answer.effect.rows_steered:
        return
    if answer.effect.rows_blind:
        why = f"{answer.effect.rows_blind} attention rows were due and none could see the target"
    elif answer.finish == "eos":
        return  # the answer ended before the first token that was due; its effect says that no row was steered
    else:
        why = f'during="{gaze.during}" and the schedule had no row due within {len(answer.token_ids)} tokens'
    raise NothingSteered(f"The gaze steered nothing: {why}. Aim at another region, or steer for longer.")

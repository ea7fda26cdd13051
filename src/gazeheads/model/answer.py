"""From scenes and gazes to answers: one batch, steered, with its proof."""

from collections.abc import Sequence
from dataclasses import replace
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.errors import NothingSteered, UsageError
from gazeheads.gaze.effect import Effect
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.record import Record
from gazeheads.model.backbone import Backbone
from gazeheads.model.beams import beam_search
from gazeheads.model.decoding import Batch, collate, produce
from gazeheads.model.generation import Finish, Generation, segments
from gazeheads.model.loops import Listener, OnLoop
from gazeheads.model.prefill import forked
from gazeheads.model.sampling import Sampler, SamplingSettings
from gazeheads.model.scene import Scene
from gazeheads.text import spell


def answer(
    model: Backbone,
    scenes: Sequence[Scene],
    gazes: Sequence[Gaze | None],
    records: Sequence[Record | None],
    how: SamplingSettings,
    on_loop: OnLoop,
    first_row: int | None = None,
) -> list[Generation]:
    """The answers of `model` to one batch of scenes, each with its own gaze and record.

    first_row: the number that the first of them has for the caller; None: there is but one.
    """
    steering = Steering(gazes, model.n_layers, model.n_heads)
    recorder = Recorder([scene.grid for scene in scenes], records, model.n_layers, model.n_heads)
    if how.config.num_beams > 1 and recorder.layers:
        raise UsageError(
            f"record= was given with {how.config.num_beams} beams, whose rows change places. Record without beams."
        )
    listener = Listener(steering, model.decode, on_loop)
    cache = None if how.searches else forked(model, scenes, gazes)
    batch = collate(model.hf, model.family, scenes, model.pad, with_images=cache is None)
    with attached(model.hf, *(probe for probe in (steering, recorder) if probe.layers)):
        if how.searches:
            tokens, finishes, first = beam_search(model, batch, how, listener)
        else:
            tokens, finishes, first = cached_steps(model, batch, how, listener, cache)
    effects = _moved(steering.effects([len(row) for row in tokens]), scenes, first)
    token_texts = [spell(row, model.decode) for row in tokens]
    traces = recorder.traces(token_texts) if recorder.layers else [None] * len(tokens)
    answers = [
        Generation(
            text=model.decode(tokens[row]),
            token_ids=tuple(tokens[row]),
            finish=finishes[row],
            effect=effects[row],
            settings=_settings(model, scenes[row], gazes[row], records[row], how) | {"on_loop": on_loop},
            trace=traces[row],
            token_texts=token_texts[row],
            segments=segments(
                [steering.target(row, token) for token in range(len(tokens[row]))], token_texts[row]
            ),
            softened=tuple(listener.softened[row]),
        )
        for row in range(len(scenes))
    ]
    for row, (made, gaze) in enumerate(zip(answers, gazes, strict=True)):
        of = "" if first_row is None else f" of row {first_row + row} ({shorten(scenes[row].prompt, 60)!r})"
        _must_steer(made, gaze, of)
    return answers


Rows = tuple[list[list[int]], list[Finish], Tensor | None]


def cached_steps(
    model: Backbone,
    batch: Batch,
    how: SamplingSettings,
    listener: Listener,
    cache: DynamicCache | None = None,
) -> Rows:
    """The tokens of each row, its end token included, why it ended, and the logits of token 0: by our loop.

    cache: as for `produce`.
    """
    prompt = batch.rows["input_ids"], batch.rows["attention_mask"]
    sampler = Sampler(model.hf, model.processor.tokenizer, how, *prompt)
    steps = []
    for step in produce(model.hf, batch, how.config.max_new_tokens, sampler, cache):
        steps.append(step)
        for row in listener.hear(step.tolist()):
            sampler.give_up(row)
    rows = torch.stack(steps, dim=1).tolist()
    ends = [found or (len(steps), "length") for found in sampler.finished]
    tokens = [row[:n] for row, (n, _) in zip(rows, ends, strict=True)]
    return tokens, [why for _, why in ends], sampler.first


def _moved(
    effects: Sequence[Effect | None], scenes: Sequence[Scene], first: Tensor | None
) -> list[Effect | None]:
    """The effects, with what they did to token 0 where the same scene was answered unsteered beside them."""
    free = {(s.image_key, s.prompt): row for row, s in enumerate(scenes) if effects[row] is None}
    found = list(effects)
    for row, (effect, scene) in enumerate(zip(effects, scenes, strict=True)):
        twin = free.get((scene.image_key, scene.prompt))
        if effect is not None and twin is not None and first is not None:
            found[row] = replace(effect, logits_moved=float((first[row] - first[twin]).abs().max()))
    return found


def _settings(
    model: Backbone, scene: Scene, gaze: Gaze | None, record: Record | None, how: SamplingSettings
) -> dict[str, Any]:
    """How an answer was made, in plain values."""
    return {
        "model": model.name,
        "revision": model.revision,
        "dtype": str(model.hf.dtype).removeprefix("torch."),
        "prompt": scene.prompt,
        "pictures": [list(size) for size in scene.grid.sizes],
        "max_new_tokens": how.config.max_new_tokens,
        **how.settings(),
        "gaze": None if gaze is None else gaze.to_json(),
        "record": None if record is None else record.to_json(),
    }


def _must_steer(answer: Generation, gaze: Gaze | None, row: str) -> None:
    """Raise `NothingSteered` where a gaze steered no attention row. row: which answer it is, for the message."""
    if gaze is None or answer.effect is None or answer.effect.rows_steered:
        return
    said = len(answer.token_ids)
    if answer.effect.rows_blind:
        why = f"{answer.effect.rows_blind} attention rows were due and none could see the target"
        advice = "Aim at another region, or steer for longer."
    elif answer.finish != "length":
        why = f"the answer ended after {said} tokens, before the first that was due"
        advice = (
            f"Ask for a longer answer, as with min_new_tokens={said + 1}, or steer from token 0 on: "
            'during="answer", and a schedule that starts there.'
        )
    else:
        why = f'during="{gaze.during}" and the schedule had no row due within {said} tokens'
        advice = "Aim at another region, or steer for longer."
    raise NothingSteered(f"The gaze{row} steered nothing: {why}. {advice}")

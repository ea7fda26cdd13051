"""A batch that mixes everything, run on any model of `zoo`, held against `independent_steering`."""

from collections.abc import Sequence
from typing import Any

import independent_steering
import torch
import zoo
from torch import Tensor
from transformers import DynamicCache, StaticCache

from gazeheads import Gaze, Head, Push, Scene, Schedule
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering

TOKENS = 6
STEERED = [Head(0, 0), Head(0, 3), Head(1, 1), Head(1, 2), Head(2, 0), Head(2, 3)]
TEXT_MODELS = ["gemma3", "paligemma", "qwen3_vl", "qwen3_vl_moe"]

Row = tuple[Scene, Gaze | None]


def mixed() -> list[Row]:
    """Prompts longer than the window, every push, scope and kind of schedule, and a row that looks freely."""
    scenes = [
        zoo.prompt(length, start, cols, seed)
        for seed, (length, start, cols) in enumerate(
            [(20, 3, 4), (14, 5, 2), (17, 8, 4), (22, 6, 6), (12, 2, 4), (18, 4, 6)]
        )
    ]
    left, right = zip(*(scene.panels for scene in scenes), strict=True)
    gazes = [
        Gaze(STEERED, scenes[0].box(3, 2, 22, 13)),  # cuts through cells: fractional coverage
        Gaze(STEERED[1:], Schedule.every(2, [left[1], right[1]], repeat=True), "uniform"),
        Gaze(STEERED[:-1], Schedule.at({0: right[2], 3: left[2]}), "reweigh", "answer"),
        Gaze(STEERED, Schedule.at({1: right[3], 4: None}), Push.bias(2.5, -1.5, 0.5, -0.75), "decode"),
        None,
        Gaze(STEERED[2:4], Schedule.at({0: left[5], 2: right[5]}), "focus", "answer"),
    ]
    return list(zip(scenes, gazes, strict=True))


@torch.no_grad()
def generated(hf: Any, rows: list[Row], **settings: Any) -> tuple[list[list[int]], Tensor]:
    """Tokens (row, token), and the logits that produced them (row, token, vocabulary), by transformers' own loop."""
    scenes, gazes = zip(*rows, strict=True)
    inputs = zoo.inputs(hf, scenes)
    probe = Steering(gazes, zoo.LAYERS, zoo.HEADS)
    with attached(hf, probe):
        out = hf.generate(
            **inputs,
            max_new_tokens=TOKENS,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
            **settings,
        )
    return out.sequences[:, inputs["input_ids"].shape[1] :].tolist(), torch.stack(out.logits, 1)


def agree(
    hf: Any,
    rows: list[Row],
    answers: list[list[int]],
    logits: Tensor,
    both_ways: bool = True,
    greedy: bool = True,
) -> None:
    """Each row against the independent implementation, alone; and each gaze does something."""
    for (scene, gaze), answer, found in zip(rows, answers, logits, strict=True):
        expected = independent_steering.logits(hf, scene, gaze, answer, both_ways)
        torch.testing.assert_close(found, expected, atol=3e-5, rtol=0)
        if greedy:
            assert answer == expected.argmax(-1).tolist()
        if gaze is not None:
            free = independent_steering.logits(hf, scene, None, answer, both_ways)
            assert (found - free).abs().max() > 1e-2


@torch.no_grad()
def by_hand(
    hf: Any, gazes: Sequence[Gaze | None], cache: Any, inputs: dict[str, Tensor], token_texts: Sequence[int]
) -> tuple[list[list[int]], Tensor]:
    """Tokens and logits by a loop of our own: the prompt in pieces of these lengths, then token by token.

    The attention mask tells what the cache holds already: it is longer than the ids by that much.
    """
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    held, kept = mask.shape[1] - ids.shape[1], []
    with attached(hf, Steering(gazes, zoo.LAYERS, zoo.HEADS)):
        for count in [*token_texts, *[1] * (TOKENS - 1)]:
            if not ids.shape[1]:
                ids = kept[-1].argmax(-1)[:, None]
                mask = torch.cat([mask, torch.ones_like(ids)], 1)
            held += count
            places = (mask[:, :held].cumsum(-1) - 1).clamp(min=0)[:, held - count :]
            if hf.config.model_type.startswith("qwen"):
                places = places.expand(3, -1, -1)
            more = {
                name: x[:, :count] for name, x in inputs.items() if name == "token_type_ids" and held == count
            }
            out = hf(
                input_ids=ids[:, :count],
                attention_mask=mask[:, :held],
                position_ids=places + (hf.config.model_type == "paligemma"),
                past_key_values=cache,
                **more,
            )
            ids = ids[:, count:]
            kept += [] if ids.shape[1] else [out.logits[:, -1]]
    logits = torch.stack(kept, 1)
    return logits.argmax(-1).tolist(), logits


def empty(hf: Any, static: bool) -> Any:
    config = hf.config.get_text_config()
    return StaticCache(config=config, max_cache_len=40) if static else DynamicCache(config=config)

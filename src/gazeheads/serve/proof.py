"""What stands in a reply beside an answer with a gaze: the proof of effect, and where the heads looked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gazeheads.gaze.effect import Effect
from gazeheads.gaze.gaze import Gaze
from gazeheads.serve.lane import AFTER, BEFORE, BLIND, STEERED
from gazeheads.serve.schema import GazeAsked


def proof(asked: GazeAsked, gaze: Gaze, length: int, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of one answer of `length` tokens. parts: sums over the heads that each process ran (`Running.told`).

    {"effect": as `Effect.to_json`, "trace": (token, image token) mean over the heads} as was asked for; or
    {"error": why nothing was steered}.
    """
    if not parts:
        return {"error": "No worker knows what the gaze did: it was not steered, or too long ago. Ask again."}
    prompt = np.sum([part["prompt"] for part in parts], axis=0)
    tokens = np.sum([np.reshape(part["tokens"], (length, 4)) for part in parts], axis=0)
    effect = effect_of(prompt, tokens)
    if not effect.rows_steered:
        return {
            "error": f"The gaze steered nothing: in {length} tokens {effect.rows_blind} attention rows were due, and "
            "none could see its target. Let it start earlier, or aim at another region."
        }
    told: dict[str, Any] = {"rows_steered": effect.rows_steered}
    if "effect" in asked.give:
        told = effect.to_json()
    if "trace" in asked.give:
        looks = np.sum([np.reshape(part["trace"], (length, len(gaze.grid))) for part in parts], axis=0)
        told["trace"] = (looks / len(gaze.heads)).tolist()
    return told


def effect_of(prompt: Any, tokens: Any) -> Effect:
    """The effect of (4,) sums over the rows of the prompt, and (token, 4) of those that produced tokens."""

    def mean(sums: Any, quantity: int) -> float | None:
        return float(sums[quantity] / sums[STEERED]) if sums[STEERED] else None

    answer = tokens.sum(0)
    return Effect(
        before=mean(answer, BEFORE),
        after=mean(answer, AFTER),
        before_by_token=tuple(mean(token, BEFORE) for token in tokens),
        after_by_token=tuple(mean(token, AFTER) for token in tokens),
        prompt_before=mean(prompt, BEFORE),
        prompt_after=mean(prompt, AFTER),
        rows_steered=int(prompt[STEERED] + answer[STEERED]),
        rows_blind=int(prompt[BLIND] + answer[BLIND]),
    )

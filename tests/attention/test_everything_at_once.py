"""Drawn at random, all at once, in batches, against the independent implementation, which runs each row alone.

Images and their number, prompts, shapes and their algebra, mixes, pushes, scopes, schedules, heads and their weights.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference
import tiny
import torch
from steered_runs import produced

from gazeheads import Gaze, GazeModel, Head, Mix, Push, Region, Scene, Schedule
from gazeheads.attention.steering import Steering
from gazeheads.errors import RegionError

TOKENS = 4
BATCHES = 8  # of three rows for each of the two models: 48 rows
Draw = np.random.Generator


def drawn_scene(model: GazeModel, draw: Draw) -> Scene:
    pictures = [
        tiny.noise(int(draw.integers(30, 260)), int(draw.integers(30, 130)), int(draw.integers(99)))
        for _ in range(draw.integers(1, 3))
    ]
    return model.encode(pictures, "What is it?"[: int(draw.integers(1, 11))])


def drawn_region(scene: Scene, draw: Draw) -> Region:
    image = int(draw.integers(len(scene.grid.sizes)))
    width, height = scene.grid.sizes[image]
    while True:  # what is drawn may be empty
        x, y = sorted(draw.uniform(0, width, 2)), sorted(draw.uniform(0, height, 2))
        more: Any = {
            "image": image,
            "min_tokens": 1,
            "coverage": ["area", "area", "centre"][draw.integers(3)],
        }
        try:
            box = scene.box(x[0], y[0], x[1], y[1], **more)
            disc = scene.point(x[0], y[1], draw.uniform(3, 60), **more)
            mask = scene.mask(draw.random((height, width)) < 0.4, **more)
            return [box, disc, mask, ~box, box | disc, mask - disc][draw.integers(6)].checked()
        except RegionError:
            continue


def drawn_target(scene: Scene, draw: Draw) -> Region | Mix:
    if draw.random() < 0.6:
        return drawn_region(scene, draw)
    regions = [drawn_region(scene, draw) for _ in range(draw.integers(1, 4))]
    return Mix(regions, draw.uniform(0.1, 3, len(regions)))


def drawn_gaze(model: GazeModel, scene: Scene, draw: Draw) -> Gaze:
    every = [Head(layer, head) for layer in range(model.n_layers) for head in range(model.n_heads)]
    heads = [every[i] for i in draw.permutation(len(every))[: draw.integers(1, 6)]]
    bias = [Push.bias(*draw.normal(0, 3, 4)), Push.bias(float(draw.normal(0, 60)), -50)]
    push = [Push.focus(), Push.uniform(), Push.reweigh(), *bias][draw.integers(5)]
    targets = [drawn_target(scene, draw) for _ in range(3)]
    starts = sorted({0, *draw.integers(1, TOKENS, 3).tolist()})[int(draw.integers(2)) :]
    at = [
        Schedule.fixed(targets[0]),
        Schedule.every(int(draw.integers(1, 4)), targets, repeat=bool(draw.integers(2))),
        Schedule.at({start: None if n == 2 else targets[n % 3] for n, start in enumerate(starts)}),
    ][draw.integers(3)]
    weights = None
    if draw.random() < 0.4:
        weights = (
            draw.uniform(-2, 2, len(heads))
            if push.mode == "bias"
            else draw.choice([0, 1, 0.3, 0.7], len(heads))
        )
    return Gaze(heads, at, push, ["all", "answer", "decode"][draw.integers(3)], weights)  # type: ignore[arg-type]


def meant(gaze: Gaze, n_prompt: int) -> reference.Rewrite:
    """What a gaze does to one query row, by the words of the definitions."""
    nats = dict(zip(("inside", "outside", "text", "generated"), gaze.push.numbers or (0.0,) * 4, strict=True))
    plan = gaze.schedule

    def rewrite(layer: int, head: int, position: int, logits: np.ndarray) -> np.ndarray | None:
        token = position - (n_prompt - 1)
        due = {"all": True, "answer": token >= 0, "decode": token >= 1}[gaze.during]
        if not due or (layer, head) not in gaze.heads:
            return None
        time = max(token, 0) % plan.period if plan.period else max(token, 0)
        stops = [stop for stop, start in zip(plan.stops, plan.starts, strict=True) if start <= time]
        if not stops or stops[-1] is None:
            return None
        weight = gaze.weights[gaze.heads.index(Head(layer, head))]
        at = stops[-1]
        shared = [(1.0, at)] if isinstance(at, Region) else list(zip(at.weights, at.regions, strict=True))
        aims = [(share, reference.target(region, gaze.push.mode, **nats)) for share, region in shared]
        if gaze.push.mode == "bias":  # its weight multiplies the nats
            scaled = {name: weight * value for name, value in nats.items()}
            return reference.Mixture([(share, replace(aim, **scaled)) for share, aim in aims]).push(logits)
        out = reference.Mixture(aims).push(logits)
        p = np.exp(logits - logits.max())
        return None if out is None else (1 - weight) * p / p.sum() + weight * out

    return rewrite


@pytest.mark.parametrize("shape", [(0, 3, 4, 2), (1, 2, 6, 1)])
def test_everything_at_once_equals_the_reference(shape: tuple[int, int, int, int]) -> None:
    model, draw = tiny.tiny_model(*shape), np.random.default_rng(shape)
    config = model.hf.config
    signs = {
        config.image_token_id,
        config.video_token_id,
        config.vision_start_token_id,
    }  # would be read as images
    compared = moved = 0
    for _ in range(BATCHES):
        scenes = [drawn_scene(model, draw) for _ in range(3)]
        gazes = [drawn_gaze(model, scene, draw) if draw.random() < 0.9 else None for scene in scenes]
        tokens, logits = produced(model, scenes, Steering(gazes, model.n_layers, model.n_heads), TOKENS)
        for scene, gaze, answer, found in zip(scenes, gazes, tokens, logits, strict=True):
            length = next((n for n, token in enumerate(answer, 1) if token in signs), TOKENS)
            with reference.eager(model.hf, None if gaze is None else meant(gaze, scene.n_prompt)):
                whole = reference.forward(model.hf, scene, answer[: length - 1])[scene.n_prompt - 1 :]
            torch.testing.assert_close(
                found[:length], whole, atol=1e-4, rtol=0, msg=lambda m, g=gaze: f"{m}\n{g}"
            )
            with reference.eager(model.hf):
                free = reference.forward(model.hf, scene, answer[: length - 1])[scene.n_prompt - 1 :]
            moved += int((free - whole).abs().max() > 1e-2)
            compared += length
    assert compared > 3 * BATCHES * (TOKENS - 1)
    assert moved > 2 * BATCHES

"""What users give by mistake: each of it raises a `GazeHeadsError` that says what was asked, found, and to be done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from gazeheads import Gaze, GazeModel, GazeTrace, Head, Heads, Live, Mix, Push, Record, Scene, Schedule
from gazeheads.errors import GazeError, GazeHeadsError, RecordError, RegionError, SceneError, UsageError

HEADS = [Head(0, 1), Head(1, 2)]
WRONG: dict[str, Any] = {
    "none": None,
    "text": "x",
    "whole": 5,
    "fraction": 2.5,
    "array": np.arange(3),
    "tensor": torch.ones(2, 2, 2),
    "object": object(),
    "texts": ["x"],
    "nones": [None],
    "bytes": b"x",
    "truth": True,
    "dict": {"x": 1},
}


@pytest.fixture(scope="module")
def model() -> GazeModel:
    return tiny.tiny_model()


@pytest.fixture(scope="module")
def scene(model: GazeModel) -> Scene:
    sample = tiny.strip(3)
    return model.encode(sample.image, "What?", panels=sample.boxes)


@pytest.fixture(scope="module")
def trace(model: GazeModel, scene: Scene) -> GazeTrace:
    found = model.generate(scene, record=Record(HEADS, "heads"), max_new_tokens=2).trace
    assert found is not None
    return found


Takes = Callable[[Scene, Any], object]
VALUES: dict[str, tuple[Takes, str]] = {  # how the value is used, and which of the wrong ones are right here
    "Gaze(heads)": (lambda s, x: Gaze(x, s.panel(0)), ""),
    "Gaze(at)": (lambda s, x: Gaze(HEADS, x), ""),
    "Gaze(push)": (lambda s, x: Gaze(HEADS, s.panel(0), x), ""),
    "Gaze(during)": (lambda s, x: Gaze(HEADS, s.panel(0), during=x), ""),
    "Gaze(weights)": (lambda s, x: Gaze(HEADS, s.panel(0), weights=x), "none"),
    "Push": (lambda s, x: Push(x), ""),
    "Push.bias": (lambda s, x: Push.bias(1, x), "whole fraction"),
    "Live": (lambda s, x: Live(x), ""),
    "Live.look": (lambda s, x: Live(s.panel(0)).look(x), "none"),
    "Schedule.fixed": (lambda s, x: Schedule.fixed(x), ""),
    "Schedule.every(tokens)": (lambda s, x: Schedule.every(x, s.panels), "whole"),
    "Schedule.every(regions)": (lambda s, x: Schedule.every(2, x), ""),
    "Schedule.every(region)": (lambda s, x: Schedule.every(2, [s.panel(0), x]), "none"),
    "Schedule.at": (lambda s, x: Schedule.at(x), ""),
    "Schedule.at(region)": (lambda s, x: Schedule.at({0: s.panel(0), 4: x}), "none"),
    "Schedule.on_sentence": (lambda s, x: Schedule.on_sentence(x), ""),
    "Schedule(starts)": (lambda s, x: Schedule((s.panel(0),), x), ""),
    "Schedule(period)": (lambda s, x: Schedule((s.panel(0),), (0,), x), "none whole"),
    "Schedule(unit)": (lambda s, x: Schedule((s.panel(0),), (0,), None, x), ""),
    "Mix": (lambda s, x: Mix(x), ""),
    "Mix(region)": (lambda s, x: Mix([s.panel(0), x]), ""),
    "Mix(weights)": (lambda s, x: Mix(s.panels, x), ""),
    "Mix(weight)": (lambda s, x: Mix(s.panels[:2], [1, x]), "whole fraction"),
    "box(x0)": (lambda s, x: s.box(x, 0, 64, 64), "whole fraction"),
    "box(y1)": (lambda s, x: s.box(0, 0, 64, x, min_tokens=1), "whole fraction"),
    "box(image)": (lambda s, x: s.box(0, 0, 64, 64, image=x), ""),
    "box(coverage)": (lambda s, x: s.box(0, 0, 64, 64, coverage=x), ""),
    "box(views)": (lambda s, x: s.box(0, 0, 64, 64, views=x), ""),
    "box(name)": (lambda s, x: s.box(0, 0, 64, 64, name=x), "text"),
    "box(min_tokens)": (lambda s, x: s.box(0, 0, 64, 64, min_tokens=x), "none whole"),
    "point(x)": (lambda s, x: s.point(x, 30, 20, min_tokens=1), "whole fraction"),
    "point(y)": (lambda s, x: s.point(30, x, 20, min_tokens=1), "whole fraction"),
    "point(radius)": (lambda s, x: s.point(30, 30, x, min_tokens=1), "whole fraction"),
    "point(image)": (lambda s, x: s.point(30, 30, 20, image=x), ""),
    "mask": (lambda s, x: s.mask(x), ""),
    "mask(image)": (lambda s, x: s.mask(np.ones((64, 192)), image=x), ""),
    "panel": (lambda s, x: s.panel(x), ""),
    "cells": (lambda s, x: s.cells(x), ""),
    "|": (lambda s, x: s.panel(0) | x, ""),
    "&": (lambda s, x: s.panel(0) & x, ""),
    "-": (lambda s, x: s.panel(0) - x, ""),
    "Record(heads)": (lambda s, x: Record(x), ""),
    "Record(keep)": (lambda s, x: Record(HEADS, x), ""),
    "Record(weigh)": (lambda s, x: Record(HEADS, "mean", x), ""),
}


def _parts(message: str) -> None:
    """What was found, and an advice: at least two sentences or clauses, and no traceback's words."""
    assert message.rstrip().endswith((".", "]", ")")), message
    assert len(message) > 40, message


@pytest.mark.parametrize("name", VALUES)
def test_a_value_of_a_wrong_type_is_refused(scene: Scene, name: str) -> None:
    take, right = VALUES[name]
    for kind, wrong in WRONG.items():
        if kind in right.split():
            take(scene, wrong)
            continue
        with pytest.raises(GazeHeadsError) as caught:
            take(scene, wrong)
        _parts(str(caught.value))


CALLS: dict[str, tuple[Callable[[GazeModel, Scene, Any], object], str]] = {
    "encode": (lambda m, s, x: m.encode(x, "What?"), ""),
    "encode(list)": (lambda m, s, x: m.encode([x], "What?"), ""),
    "encode(prompt)": (lambda m, s, x: m.encode(tiny.noise(), x), "text"),
    "encode(panels)": (lambda m, s, x: m.encode(tiny.noise(), "What?", panels=x), "none"),
    "encode(panel)": (lambda m, s, x: m.encode(tiny.noise(), "What?", panels=[x]), ""),
    "encode(names)": (lambda m, s, x: m.encode(tiny.noise(), "What?", panels=[s.boxes[0]], names=x), "texts"),
    "generate": (lambda m, s, x: m.generate(x), ""),
    "generate(list)": (lambda m, s, x: m.generate([x]), ""),
    "generate(gaze)": (lambda m, s, x: m.generate(s, x, max_new_tokens=1), "none"),
    "generate(gazes)": (lambda m, s, x: m.generate([s], [x], max_new_tokens=1), "none"),
    "generate(record)": (lambda m, s, x: m.generate(s, record=x, max_new_tokens=1), "none nones"),
    "generate(max_new_tokens)": (lambda m, s, x: m.generate(s, max_new_tokens=x), "whole"),
    "generate(batch_size)": (
        lambda m, s, x: m.generate([s], batch_size=x, max_new_tokens=1),
        "none whole",
    ),
    "generate(on_loop)": (lambda m, s, x: m.generate(s, on_loop=x, max_new_tokens=1), ""),
    "generate(num_beams)": (lambda m, s, x: m.generate(s, num_beams=x, max_new_tokens=1), "whole"),
    "generate(eos_token_id)": (
        lambda m, s, x: m.generate(s, eos_token_id=x, max_new_tokens=1),
        "none whole array",
    ),
    "generate(logits_processor)": (
        lambda m, s, x: m.generate(s, logits_processor=x, max_new_tokens=1),
        "none",
    ),
    "generate(stop_strings)": (
        lambda m, s, x: m.generate(s, stop_strings=x, max_new_tokens=1),
        "none text texts",
    ),
    "generate(max_time)": (
        lambda m, s, x: m.generate(s, max_time=x, max_new_tokens=1),
        "none whole fraction",
    ),
    "stream": (lambda m, s, x: m.stream(x), ""),
    "stream(gaze)": (lambda m, s, x: m.stream(s, x), "none"),
    "stream(max_new_tokens)": (lambda m, s, x: m.stream(s, max_new_tokens=x), "whole"),
    "attached": (lambda m, s, x: m.attached(x).__enter__(), ""),
    "attached(list)": (lambda m, s, x: m.attached([x]).__enter__(), ""),
    "last_row": (lambda m, s, x: m.last_row(x), ""),
    "last_row(batch_size)": (lambda m, s, x: m.last_row([s], x), "none whole"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_with_a_wrong_type_is_refused(model: GazeModel, scene: Scene, name: str) -> None:
    call, right = CALLS[name]
    for kind, wrong in WRONG.items():
        if kind in right.split():
            call(model, scene, wrong)
            continue
        with pytest.raises(GazeHeadsError) as caught:
            call(model, scene, wrong)
        _parts(str(caught.value))
    assert model.hf.config._attn_implementation != "gazeheads"


def test_a_trace_is_asked_for_what_it_has(trace: GazeTrace, scene: Scene) -> None:
    for wrong in WRONG.values():
        with pytest.raises(RecordError):
            trace.over(wrong)
        with pytest.raises(RecordError):
            trace.select(wrong)
    for name in ("none", "text", "fraction", "array", "tensor", "object", "texts", "bytes", "truth"):
        with pytest.raises(RecordError):
            trace.map(WRONG[name])
    with pytest.raises(RecordError, match=r"takes regions; found .*Mix.* or the regions of a mix"):
        trace.over([Mix(scene.panels)])  # type: ignore[list-item]
    with pytest.raises(
        RecordError, match=r"takes a list of regions; found a Region. Put what you mean into a list: \[...\]."
    ):
        trace.over(scene.panel(0))  # type: ignore[arg-type]
    assert np.array_equal(trace.map(np.int64(1)), trace.map(1))  # type: ignore[arg-type]
    assert trace.select((1, 2)).heads == (Head(1, 2),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "error", "wording"),
    [
        (
            lambda s: Gaze("L0H1", s.panel(0)),
            GazeError,
            "A gaze takes a set of heads, or a list of them; found 'L0H1'. Put what you mean into a list",
        ),
        (
            lambda s: Gaze(["L0H1"], s.panel(0)),
            GazeError,
            r"found 'L0H1' among them. Give a set, as heads.top\(k\), or a list of Head\(layer, head\).",
        ),
        (lambda s: Gaze([(1.5, 0)], s.panel(0)), GazeError, "A head of A gaze is a whole number; found 1.5"),
        (
            lambda s: Gaze(HEADS, s.panel(0), None),
            GazeError,
            "push=None is no Push. Use one of focus, uniform",
        ),
        (
            lambda s: Schedule.every(2.5, s.panels),
            GazeError,
            "how many tokens a stop lasts is a whole number; found 2.5. Give an int",
        ),
        (
            lambda s: Schedule(s.panels[:1], (0,), None, "word"),
            GazeError,
            "unit='word' of a schedule is unknown. Use token or sentence",
        ),
        (
            lambda s: Schedule.fixed("dog"),
            GazeError,
            "is a Region, a Mix or None; found 'dog'. Make one with",
        ),
        (lambda s: Live(None), GazeError, "begins at a Region or a Mix; found None. Give Live"),
        (lambda s: s.box("x", 0, 5, 5), RegionError, "x0 of a box is a number; found 'x'. Give an int"),
        (
            lambda s: s.box(0, 0, 64, 64, min_tokens=2.5),
            RegionError,
            "min_tokens= is a whole number; found 2.5",
        ),
        (
            lambda s: s.box(0, 0, 64, 64, image="x"),
            RegionError,
            "image of a region, is a whole number; found",
        ),
        (lambda s: s.point(3, 3, None), RegionError, "radius= of a point is a number; found None"),
        (lambda s: s.mask("x"), RegionError, r"A mask is an array \(row, col\) of .*; found 'x'. Give a 2-D"),
        (lambda s: s.panel(1.0), RegionError, "a name or a number: its number is a whole number; found 1.0"),
        (lambda s: s.panel(0) | 5, RegionError, "joined with a region of the same scene; found 5. Make one"),
        (
            lambda s: s.cells(5),
            RegionError,
            "Image 5 was asked for; this scene has 1. Images count from 0",
        ),
    ],
)
def test_the_message_says_what_to_do(scene: Scene, make: Any, error: Any, wording: str) -> None:
    with pytest.raises(error, match=wording):
        make(scene)


def test_what_cannot_be_encoded_is_refused_with_an_advice(model: GazeModel) -> None:
    picture: Any = tiny.noise()
    for pictures, prompt, panels, wording in (
        ("a/photo.png", "x", None, r"found 'a/photo.png', a path. Open it: PIL.Image.open\('a/photo.png'\)"),
        (Path("a.png"), "x", None, r"a path. Open it: PIL.Image.open\('a.png'\)"),
        (np.zeros((9, 9, 3)), "x", None, r"found ndarray. .* images with PIL.Image.fromarray\(array\)"),
        ([], "x", None, "found an empty list. Open files"),
        (picture, None, None, "A prompt is text; found None. Ask something"),
        (picture, "x", 5, "panels= takes a list of boxes; found 5. Put what you mean into a list"),
        (
            picture,
            "x",
            [(0, 0, 9, 9)],
            r"panels= takes boxes; found tuple. Give Box\(left, top, right, bottom\)",
        ),
    ):
        with pytest.raises(SceneError, match=wording):
            model.encode(pictures, prompt, panels=panels)  # type: ignore[arg-type]


def test_numbers_of_numpy_and_torch_make_the_same_regions(scene: Scene) -> None:
    plain = scene.box(3, 4, 70, 60, min_tokens=2)
    zero, two = np.int64(0), np.int64(2)
    corners: Any = np.float32(3), torch.tensor(4), np.array(70), np.int16(60)
    found = scene.box(*corners, image=zero, min_tokens=two)  # type: ignore[arg-type]
    assert found == plain
    assert [type(value) for value in (found.image, found.min_tokens)] == [int, int]
    half = torch.arange(192).expand(64, -1) < 96
    assert scene.mask(half) == scene.mask(half.numpy())  # type: ignore[arg-type]
    assert scene.panel(np.int64(1)) == scene.panel(1)  # type: ignore[arg-type]


def test_a_stream_refuses_settings_before_its_first_token(model: GazeModel, scene: Scene) -> None:
    with pytest.raises(UsageError, match="transformers says: .*penalty"):
        model.stream(scene, repetition_penalty=-1.0)


def test_arrays_are_taken_for_what_they_hold_and_are_saved(
    model: GazeModel, scene: Scene, tmp_path: Path
) -> None:
    plain = Gaze(HEADS, Schedule.at({0: scene.panel(0), 2: scene.panel(1)}), Push.bias(2), weights=[1, 0.5])
    stops = {np.int64(0): scene.panel(0), np.int64(2): scene.panel(1)}
    weights = torch.tensor([1, 0.5])
    for heads in (np.array([[0, 1], [1, 2]]), torch.tensor([[0, 1], [1, 2]]), (head for head in HEADS)):
        gaze = Gaze(heads, Schedule.at(stops), Push.bias(np.float32(2)), weights=weights)  # type: ignore[arg-type]
        assert gaze == Gaze(tuple(HEADS), *(plain.at, plain.push), weights=plain.weights)
    answer = model.generate(
        scene,
        gaze,
        record=Record(np.array([[2, 3]])),  # type: ignore[arg-type]
        max_new_tokens=np.int64(3),  # type: ignore[call-overload]
        repetition_penalty=np.float64(1.1),
        suppress_tokens=list(np.arange(3)),
    )
    answer.save(tmp_path / "answer.json")
    saved = json.loads((tmp_path / "answer.json").read_text())["settings"]
    assert saved["gaze"] == plain.to_json()
    assert saved["suppress_tokens"] == [0, 1, 2]
    assert saved["max_new_tokens"] == 3
    assert saved["record"]["heads"] == [[2, 3]]


def test_weights_of_a_mix_may_be_as_large_as_numbers_go(scene: Scene) -> None:
    assert Mix(scene.panels[:2], [1e308, 1e308]).shares == (0.5, 0.5)


def test_a_set_of_heads_keeps_the_shape_of_its_model(scene: Scene) -> None:
    heads = Heads.of(["L0H1"], "m", 3, 4)
    gaze = Gaze(heads, scene.panel(0))
    assert gaze.heads == heads.heads and gaze.shape == heads.shape

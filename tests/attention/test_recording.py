"""Recording: the last prompt row and every generated token, against eager attention."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import reference
import tiny
import torch
from steered_runs import HEADS, PUSHES, produced

from gazeheads.attention.call import Call
from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.errors import RecordError, SeamError, WrongModel
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.record import Record
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.model.last_row import last_rows
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene

PROMPTS = ((2, "Who?"), (3, "What is going on here?"), (1, "Where are they? Answer briefly."))


def test_the_last_row_equals_eager_attention(model: GazeModel) -> None:
    """A left-padded batch against transformers' own `output_attentions`, one row at a time."""
    scenes = [model.encode(tiny.strip(panels, seed=panels).image, prompt) for panels, prompt in PROMPTS]
    captured = model.last_row(scenes)
    for scene, patterns in zip(scenes, captured, strict=True):
        model.hf.set_attn_implementation("eager")
        with torch.no_grad():
            every = model.hf(**scene.tensors, output_attentions=True).attentions
        model.hf.set_attn_implementation("sdpa")
        eager = torch.stack([layer[0, :, -1] for layer in every])[:, :, torch.tensor(scene.grid.positions)]
        assert patterns.shape == (3, 4, len(scene.grid))
        assert patterns.dtype.name == "float32"
        assert eager.max() > 0.2  # the heads do look somewhere
        torch.testing.assert_close(torch.tensor(patterns), eager, atol=1e-5, rtol=0)


def test_the_last_row_equals_an_attention_written_in_the_test(model: GazeModel) -> None:
    scene = model.encode(tiny.strip(3, seed=5).image, "What is it?")
    keep: dict[int, torch.Tensor] = {}
    with reference.eager(model.hf, keep=keep):
        reference.forward(model.hf, scene)
    (patterns,) = model.last_row([scene])
    for layer, kept in keep.items():
        expected = kept[0, :, -1][:, torch.tensor(scene.grid.positions)]
        torch.testing.assert_close(torch.tensor(patterns[layer]), expected, atol=1e-5, rtol=0)


def test_batches_of_any_size_capture_the_same(model: GazeModel) -> None:
    scenes = [model.encode(tiny.strip(panels, seed=panels).image, prompt) for panels, prompt in PROMPTS]
    whole, single = model.last_row(scenes), model.last_row(scenes, batch_size=1)
    for one, other in zip(whole, single, strict=True):
        torch.testing.assert_close(torch.tensor(one), torch.tensor(other), atol=1e-5, rtol=0)
    assert model.last_row([]) == []


def looked(
    model: GazeModel, scene: Scene, tokens: Sequence[int], rewrite: reference.Rewrite | None = None
) -> torch.Tensor:
    """(layer, head, token, image token) by eager attention, in one pass over the prompt and the answer."""
    keep: dict[int, torch.Tensor] = {}
    with reference.eager(model.hf, rewrite, keep):
        reference.forward(model.hf, scene, tokens[:-1])
    whole = torch.stack([keep[layer][0] for layer in sorted(keep)])
    return whole[:, :, scene.n_prompt - 1 :, torch.tensor(scene.grid.positions)]


def encoded(model: GazeModel, panels: int = 3, prompt: str = "What is it?") -> Scene:
    sample = tiny.strip(panels, seed=panels)
    return model.encode(sample.image, prompt, panels=sample.boxes)


def close(found: Any, expected: torch.Tensor, atol: float = 2e-5) -> None:
    torch.testing.assert_close(torch.tensor(found), expected, atol=atol, rtol=0)


RECORDED = [Head(2, 1), Head(0, 3), Head(0, 1), Head(1, 2)]


def test_a_trace_equals_eager_attention(model: GazeModel) -> None:
    """Row t is the one that produced token t; each head, and their mean."""
    scene = encoded(model)
    answer = model.generate(scene, record=Record(RECORDED, "heads"), max_new_tokens=5)
    expected = torch.stack([looked(model, scene, answer.token_ids)[head] for head in RECORDED])
    assert answer.trace is not None
    close(answer.trace.attention, expected)
    close(answer.trace.mean, expected.mean(0))
    mean = model.generate(scene, record=Record(RECORDED), max_new_tokens=5).trace
    assert mean is not None
    close(mean.attention, expected.mean(0)[None])
    close(mean.mean, expected.mean(0))
    assert mean.attention.dtype == np.float32
    assert answer == model.generate(scene, record=Record(RECORDED, "heads"), max_new_tokens=5)
    assert answer.token_ids == model.generate(scene, max_new_tokens=5).token_ids


@pytest.mark.parametrize("during", ["all", "answer", "decode"])
@pytest.mark.parametrize("name", PUSHES)
def test_a_steered_head_is_recorded_as_it_was_steered(model: GazeModel, name: str, during: Any) -> None:
    """Against the independent implementation: steered heads, and others that only read what became of it."""
    scene = encoded(model)
    region = scene.box(20, 10, 100, 60)
    push, formula = PUSHES[name]
    gaze = Gaze(HEADS, region, push, during)
    answer = model.generate(scene, gaze, record=Record(RECORDED, "heads"), max_new_tokens=5)
    aim = reference.target(region, **formula)
    rewrite = reference.steer(HEADS, lambda _: aim, scene.n_prompt, during)
    every = looked(model, scene, answer.token_ids, rewrite)
    assert answer.trace is not None
    for head, found in zip(RECORDED, answer.trace.attention, strict=True):
        close(found, every[head])
    assert set(RECORDED) & set(HEADS) and set(RECORDED) - set(HEADS)
    free = model.generate(scene, record=Record(RECORDED, "heads"), max_new_tokens=5)
    assert free.trace is not None
    assert np.abs(free.trace.attention[3, 1:2] - answer.trace.attention[3, 1:2]).max() > 1e-3


def test_a_blind_row_is_recorded_as_it_looked(model: GazeModel) -> None:
    """A schedule that lets go leaves rows of the same head unsteered; they are recorded as they are."""
    scene = encoded(model)
    schedule = Schedule.at({1: scene.panel(0), 3: None})
    answer = model.generate(
        scene, Gaze([Head(1, 2)], schedule), record=Record([Head(1, 2)]), max_new_tokens=5
    )
    aims = {1: scene.panel(0), 2: scene.panel(0)}

    def aim(token: int) -> reference.Target | None:
        return reference.target(aims[token], "focus") if token in aims else None

    rewrite = reference.steer([(1, 2)], aim, scene.n_prompt, "answer")
    assert answer.trace is not None
    close(answer.trace.mean, looked(model, scene, answer.token_ids, rewrite)[1, 2])
    assert answer.trace.over([scene.panel(0)])[1:3] == pytest.approx(1, abs=1e-6)


def test_weighing_by_values(model: GazeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention times the length of the value vector that the head shares with its group."""
    scene = encoded(model)
    lengths: dict[int, torch.Tensor] = {}
    inner = Recorder.attend

    def spy(self: Recorder, call: Call) -> None:
        if call.layer not in lengths:  # the pass over the prompt
            groups = call.query.shape[1] // call.value.shape[1]
            value = call.value.repeat_interleave(groups, dim=1)[0]
            lengths[call.layer] = (value**2).sum(-1).sqrt()[:, torch.tensor(scene.grid.positions)]
        inner(self, call)

    monkeypatch.setattr(Recorder, "attend", spy)
    raw = model.generate(scene, record=Record(RECORDED, "heads"), max_new_tokens=4).trace
    by_values = model.generate(scene, record=Record(RECORDED, "heads", "value-norm"), max_new_tokens=4).trace
    assert raw is not None
    assert by_values is not None
    for place, head in enumerate(RECORDED):
        close(by_values.attention[place], torch.tensor(raw.attention[place]) * lengths[head.layer][head.head])
    assert not torch.allclose(lengths[0][0], lengths[0][2])  # another group, other values


def test_shares_are_of_all_that_the_row_takes_in(model: GazeModel) -> None:
    """Of values that are all equally long they are the raw attention; in one pass beside the other ways."""
    scene = encoded(model)
    by_values, shares = (rows[0] for rows in last_rows(model, [scene], ["value-norm", "value-norm-share"]))
    keep: dict[int, torch.Tensor] = {}
    values: dict[int, torch.Tensor] = {}
    for number, layer in enumerate(model.hf.model.language_model.layers):
        layer.self_attn.v_proj.register_forward_hook(lambda _, __, out, n=number: values.update({n: out[0]}))
    with reference.eager(model.hf, keep=keep):
        reference.forward(model.hf, scene)
    for layer, pattern in keep.items():
        for head in range(4):
            lengths = values[layer].view(-1, 2, 16)[:, head // 2].norm(dim=-1)
            total = float((pattern[0, head, -1] * lengths).sum())
            close(shares[layer, head], torch.tensor(by_values[layer, head]) / total)
    assert shares.sum(-1).max() < 1
    assert abs(shares - model.last_row([scene])[0]).max() > 0.01
    (again,) = model.last_row([scene], weighting="value-norm-share")
    close(again, torch.tensor(shares))


def test_a_batch_is_recorded_row_by_row_as_alone(model: GazeModel) -> None:
    """Left-padded, each row with its own heads, way of keeping, gaze and length; one not recorded at all."""
    scenes = [
        encoded(model, 2, "Who?"),
        encoded(model, 3, "What is going on here?"),
        encoded(model, 1),
        encoded(model),
    ]
    gazes = [
        Gaze(HEADS, scenes[0].panel(1)),
        None,
        None,
        Gaze(HEADS[:2], scenes[3].panel(0), "reweigh", "decode"),
    ]
    records = [
        Record(RECORDED, "heads", "value-norm-share"),
        Record(RECORDED[1:], weighting="value-norm"),
        None,
        Record([Head(2, 0)]),
    ]
    ended = GazeModel(model.hf, model.processor, "tiny")
    free = model.generate(scenes[1], max_new_tokens=6)
    ended.stop = [free.token_ids[2]]
    many = ended.generate(scenes, gazes, record=records, max_new_tokens=6)
    assert len({len(answer.token_ids) for answer in many}) > 1
    for row, answer in enumerate(many):
        single = ended.generate(scenes[row], gazes[row], record=records[row], max_new_tokens=6)
        assert (answer.trace is None) == (records[row] is None)
        assert answer.token_ids == single.token_ids
        if answer.trace is not None and single.trace is not None:
            assert answer.trace.attention.shape[1:] == (len(answer.token_ids), len(scenes[row].grid))
            close(answer.trace.attention, torch.tensor(single.trace.attention), atol=1e-5)


@torch.no_grad()
def test_memory_grows_with_image_tokens_not_with_the_prompt(model: GazeModel) -> None:
    """What a recorder holds, counted: one number for each token and image token, whatever the prompt's length."""
    sizes = []
    for words in (1, 200):
        scene = encoded(model, prompt="What? " * words)
        recorder = Recorder([scene.grid], [Record(RECORDED)], 3, 4)
        produced(model, [scene], recorder, 7)
        held = [x for x in vars(recorder).values() if isinstance(x, list)]
        sizes.append(sum(x.numel() for part in held for x in part if isinstance(x, torch.Tensor)))
    assert sizes == [7 * 12, 7 * 12]


@torch.no_grad()
def test_only_rows_that_produce_tokens_are_computed(
    model: GazeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = encoded(model)
    asked = []
    inner = Call.scores
    monkeypatch.setattr(
        Call,
        "scores",
        lambda self, r, h, start, stop: (asked.append(stop - start), inner(self, r, h, start, stop))[1],
    )
    model.generate(scene, record=Record(RECORDED), max_new_tokens=3)
    assert asked == [1] * 9


def test_what_cannot_be_recorded(model: GazeModel) -> None:
    scene = encoded(model)
    with pytest.raises(
        WrongModel, match=r"were to be recorded \(head L3H0\); this one has 3 layers x 4 heads"
    ):
        model.generate(scene, record=Record([Head(3, 0)]), max_new_tokens=1)
    with pytest.raises(RecordError, match="was given with 2 scenes. Give heads, a Record, or a list"):
        model.generate([scene, scene], record=[Record(RECORDED)], max_new_tokens=1)
    with pytest.raises(RecordError, match="was given with 1 scenes"):
        model.generate(scene, record="L0H0", max_new_tokens=1)  # type: ignore[call-overload]
    recorder = Recorder([scene.grid], [Record(RECORDED)], 3, 4)
    with (
        torch.no_grad(),
        pytest.raises(SeamError, match="runs 3 rows, 1 are recorded. Beams cannot be recorded"),
        attached(model.hf, recorder),
    ):
        model.hf.generate(**scene.tensors, max_new_tokens=2, num_beams=3, do_sample=False)
    part = Recorder([scene.grid], [Record(RECORDED)], 3, 4)
    produced(model, [scene], part, 2)
    with pytest.raises(SeamError, match=r"Tokens 0 to 2 were to be recorded, seen were \[0, 1\]"):
        part.patterns([3])

"""Capture: the last prompt row, against eager attention."""

import pytest
import torch

import reference
import tiny
from gazeheads.heads import Head
from gazeheads.model import GazeModel


@pytest.fixture(scope="module")
def model() -> GazeModel:
    return tiny.tiny_model()


PROMPTS = ((2, "Who?"), (3, "What is going on here?"), (1, "Where are they? Answer briefly."))


def test_the_last_row_equals_eager_attention(model: GazeModel) -> None:
    """A left-padded batch against transformers' own `output_attentions`, one row at a time."""
    scenes = [model.encode(tiny.strip(panels, seed=panels).picture, prompt) for panels, prompt in PROMPTS]
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
    scene = model.encode(tiny.strip(3, seed=5).picture, "What is it?")
    keep: dict[int, torch.Tensor] = {}
    with reference.eager(model.hf, keep=keep):
        reference.forward(model.hf, scene)
    (patterns,) = model.last_row([scene])
    for layer, kept in keep.items():
        expected = kept[0, :, -1][:, torch.tensor(scene.grid.positions)]
        torch.testing.assert_close(torch.tensor(patterns[layer]), expected, atol=1e-5, rtol=0)


def test_batches_of_any_size_capture_the_same(model: GazeModel) -> None:
    scenes = [model.encode(tiny.strip(panels, seed=panels).picture, prompt) for panels, prompt in PROMPTS]
    whole, single = model.last_row(scenes), model.last_row(scenes, batch_size=1)
    for one, other in zip(whole, single, strict=True):
        torch.testing.assert_close(torch.tensor(one), torch.tensor(other), atol=1e-5, rtol=0)
    assert model.last_row([]) == []


def test_the_rows_of_an_answer_equal_eager_attention(model: GazeModel) -> None:
    """Row t is the one that produced token t, in one pass over prompt and answer."""
    scene = model.encode(tiny.strip(3, seed=5).picture, "What is it?")
    answer = model.generate(scene, max_new_tokens=5)
    keep: dict[int, torch.Tensor] = {}
    with reference.eager(model.hf, keep=keep):
        reference.forward(model.hf, scene, answer.token_ids[:-1])
    heads = [Head(2, 1), Head(0, 3), Head(2, 0)]
    found = model.answer_rows(scene, answer, heads)
    assert found.shape == (3, 5, len(scene.grid))
    for head, rows in zip(heads, found, strict=True):
        expected = keep[head.layer][0, head.head, scene.n_prompt - 1 :][:, torch.tensor(scene.grid.positions)]
        torch.testing.assert_close(torch.tensor(rows), expected, atol=1e-5, rtol=0)

"""The causal score: against eager attention head by head, and on models where one head does all."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference
import tiny
import torch

from gazeheads.discovery.causal import answers, causal
from gazeheads.errors import UsageError
from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel
from gazeheads.sample import Sample

ASK = "What?"


def captioned(panels: int = 2, seed: int = 0, **more: Any) -> Sample:
    bare = tiny.strip(panels, seed=seed)
    captions = tuple((text, "or so") for text in ("a cat sat", "it ran", "no")[:panels])
    return Sample(bare.id, "strip", bare.image, bare.boxes, bare.names, captions, **more)


def likely(model: GazeModel, sample: Sample, panel: int, head: Head | None) -> float:
    """The log-probability of a panel's caption, eagerly, with one head looking at the panel."""
    scene = model.encode(sample.image, ASK, panels=sample.boxes)
    tokens = model.processor.tokenizer(sample.captions[panel][0])["input_ids"]
    aim = reference.target(scene.panel(panel), "focus")
    rewrite = reference.steer([head], lambda _: aim, scene.n_prompt) if head else None
    with reference.eager(model.hf, rewrite):
        logits = reference.forward(model.hf, scene, tokens[:-1])[scene.n_prompt - 1 :]
    said = logits.double().log_softmax(-1)
    return float(sum(said[place, token] for place, token in enumerate(tokens)))


def test_the_score_is_the_change_of_the_captions_log_probability(model: GazeModel) -> None:
    samples = [captioned(1, seed=1), captioned(2, seed=2)]
    found = causal(model, samples, prompt=ASK, batch_size=7)
    assert found.shape == (3, 4)
    heads = (None, Head(0, 1), Head(2, 0))
    first, second, third = (
        np.array([likely(model, sample, k, head) for head in heads])
        for sample, k in ((samples[0], 0), (samples[1], 0), (samples[1], 1))
    )
    mean = (first + (second + third) / 2) / 2
    assert [found[0, 1], found[2, 0]] == pytest.approx((mean[1:] - mean[0]).tolist(), abs=2e-4)
    assert np.ptp(found) > 0.01  # heads do differ


@pytest.fixture
def one_speaks() -> GazeModel:
    """A model in which the output of one head alone is used."""
    model = tiny.tiny_model()
    with torch.no_grad():
        for number, layer in enumerate(model.hf.model.language_model.layers):
            for head in range(4):
                if (number, head) != (1, 2):
                    layer.self_attn.o_proj.weight[:, 16 * head : 16 * (head + 1)] = 0
    return model


def test_the_head_that_alone_is_heard_has_all_of_the_effect(one_speaks: GazeModel) -> None:
    sample, done = captioned(), list[int]()
    found = causal(one_speaks, [sample], prompt=ASK, progress=done.append, batch_size=20)
    assert abs(found[1, 2]) > 1e-3
    rest = np.delete(found.ravel(), 1 * 4 + 2)
    np.testing.assert_allclose(rest, 0, atol=1e-5)
    assert sum(done) == answers(one_speaks, [sample]) == 2 * 13


def test_a_group_shares_its_effect_evenly_and_rounds_tell_its_heads_apart(one_speaks: GazeModel) -> None:
    alone = causal(one_speaks, [captioned()], prompt=ASK)[1, 2]
    grouped = causal(one_speaks, [captioned()], prompt=ASK, group=5, seed=1)
    mine = np.abs(grouped) > 1e-4
    assert mine[1, 2] and mine.sum() == 2, "of 12 heads: groups of 5, of 5 and, with this seed its own, of 2"
    np.testing.assert_allclose(grouped[mine], alone / mine.sum(), atol=1e-4)
    np.testing.assert_allclose(grouped[~mine], 0, atol=1e-4)
    rounds = causal(one_speaks, [captioned()], prompt=ASK, group=4, rounds=3, seed=0)
    assert np.unravel_index(np.abs(rounds).argmax(), rounds.shape) == (1, 2)
    assert np.sort(np.abs(rounds).ravel())[-2] < abs(rounds[1, 2]) - 1e-4
    assert rounds[1, 2] == pytest.approx(alone / 4, abs=1e-4)
    assert answers(one_speaks, [captioned()], group=5, rounds=2) == 2 * 7


def test_layers_without_attention_have_no_score(model: GazeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = model.last_row

    def last_row(scenes: Any) -> Any:
        (patterns,) = inner(scenes)
        patterns[1] = np.nan
        return [patterns]

    monkeypatch.setattr(model, "last_row", last_row)
    found = causal(model, [captioned()], prompt=ASK)
    assert np.isnan(found[1]).all() and np.isfinite(found[[0, 2]]).all()


@pytest.mark.parametrize(
    ("samples", "more", "message"),
    [
        ([], {}, "without samples. Give at least one dev sample"),
        ([replace(captioned(), captions=())], {}, "'strip-0' has no captions"),
        ([captioned(source={"split": "test"})], {}, "of a test split, which reports and never chooses"),
        ([captioned()], {"group": 13}, "groups of 13 and 1 rounds were asked for, of 12 heads"),
        ([captioned()], {"rounds": 2}, "one round for single heads"),
        ([captioned()], {"group": 0}, "group= is a whole number from 1 on"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    model: GazeModel, samples: list[Sample], more: dict[str, int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        causal(model, samples, prompt=ASK, **more)  # type: ignore[arg-type]


def test_dev_samples_are_taken(model: GazeModel) -> None:
    assert np.isfinite(causal(model, [captioned(source={"split": "dev"})], prompt=ASK, group=12)).all()

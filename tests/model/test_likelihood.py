"""Teacher-forced scoring: against the answer's own loop, an independent one, and every family's."""

import numpy as np
import pytest
import reference
import tiny
import torch
from families_shared import EVERY, IGNORED, scene_of
from steered_runs import HEADS, steered
from torch import Tensor
from zoo_families import zoo

from gazeheads import Gaze, Live, Push, Scene, Schedule
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.doctor.conformance import heads_of, left_half
from gazeheads.errors import ForeignScene, GazeError, NothingSteered, UsageError
from gazeheads.model.decoding import collate, produce
from gazeheads.model.likelihood import LogProbs, answer_logprobs, answer_tokens
from gazeheads.model.model import GazeModel

pytestmark = IGNORED
TOKENS = (72, 105, 32, 116, 104, 101, 114, 101)


class Forced:
    """Chooses the tokens that it is given, and keeps their log-probabilities."""

    def __init__(self, tokens: tuple[int, ...]) -> None:
        self.tokens, self.kept = tokens, []

    def choose(self, logits: Tensor, running: Tensor) -> Tensor:
        token = self.tokens[len(self.kept)]
        self.kept.append(float(logits[0].log_softmax(-1)[token]))
        return torch.tensor([token])

    def ended(self, token: Tensor) -> Tensor:
        return token < 0


@torch.no_grad()
def one_by_one(model: GazeModel, scene: Scene, tokens: tuple[int, ...], gaze: Gaze | None) -> LogProbs:
    """The same by the loop that answers: one row, token after token over the cache."""
    steering = Steering([gaze], model.n_layers, model.n_heads)
    forced = Forced(tokens)
    with attached(model.hf, *([steering] if gaze else [])):
        list(produce(model.hf, collate(model.hf, model.family, [scene], 0), len(tokens), forced))
    return np.array(forced.kept)


@EVERY
def test_answers_of_every_family_score_as_if_said_token_by_token(name: str) -> None:
    model, one, two = zoo(name), scene_of(name), scene_of(name, prompt="Who is that there?")
    scenes, answers = [one, two, one, two], [TOKENS[:5], TOKENS[:1], TOKENS, TOKENS[2:5]]
    heads = heads_of(model)
    gazes = [
        None,
        Gaze(heads, left_half(two)),
        Gaze(heads, left_half(one), during="decode"),
        Gaze(heads, left_half(two), "uniform", "answer"),
    ]
    found = answer_logprobs(model, scenes, answers, gazes)
    for got, scene, answer, gaze in zip(found, scenes, answers, gazes, strict=True):
        assert got.dtype == np.float64
        assert got == pytest.approx(one_by_one(model, scene, answer, gaze), abs=2e-5)
    assert found[2][0] == pytest.approx(
        answer_logprobs(model, [one], [TOKENS])[0][0], abs=2e-5
    )  # decode: not token 0
    assert np.abs(found[2][1:] - answer_logprobs(model, [one], [TOKENS])[0][1:]).max() > 1e-4


@pytest.mark.parametrize("during", ["all", "answer", "decode"])
@pytest.mark.parametrize("mode", ["focus", "uniform", "reweigh"])
def test_a_schedule_scores_as_an_independent_model_says(
    model: GazeModel, scene: Scene, mode: str, during: str
) -> None:
    """Eager, in one piece, without a cache; the target moves at token 3."""
    left, right = scene.panel(0), scene.panel(2)
    gaze = Gaze(HEADS, Schedule.at({0: left, 3: right}), Push(mode), during)  # type: ignore[arg-type]
    aims = [reference.target(left, mode), reference.target(right, mode)]
    rewrite = reference.steer(HEADS, lambda token: aims[token >= 3], scene.n_prompt, during)
    with reference.eager(model.hf, rewrite):
        logits = reference.forward(model.hf, scene, TOKENS)
    said = logits[scene.n_prompt - 1 : -1].log_softmax(-1)
    wanted = said[range(len(TOKENS)), list(TOKENS)].numpy()
    found = answer_logprobs(model, [scene], [TOKENS], gaze)[0]
    assert found == pytest.approx(wanted, abs=2e-5)
    assert np.abs(found - answer_logprobs(model, [scene], [TOKENS])[0]).max() > 1e-3


@pytest.mark.parametrize("gazed", [False, True])
def test_what_the_model_says_by_itself_has_the_likelihood_of_its_own_logits(
    model: GazeModel, scene: Scene, gazed: bool
) -> None:
    gaze = Gaze(HEADS, scene.panel(1)) if gazed else None
    tokens, logits = steered(model, scene, gaze)
    assert list(model.generate(scene, gaze, max_new_tokens=len(tokens)).token_ids) == tokens
    wanted = logits.log_softmax(-1).amax(-1).numpy()  # greedy: the likeliest at every place
    assert answer_logprobs(model, [scene], [tokens], gaze)[0] == pytest.approx(wanted, abs=2e-5)


def test_batches_of_any_size_and_blocks_around_them_score_alike(model: GazeModel, scene: Scene) -> None:
    other = model.encode(tiny.noise(128, 64, seed=9), "And who else is in it?")
    scenes, answers = [scene, other, scene], ["a cat", "two dogs and a cat", TOKENS]
    gaze = Gaze(HEADS, scene.panel(1))
    gazes = [gaze, None, None]
    whole = answer_logprobs(model, scenes, answers, gazes)
    for size in (1, 2):
        for one, again in zip(whole, answer_logprobs(model, scenes, answers, gazes, size), strict=True):
            assert one == pytest.approx(again, abs=2e-5)
    with model.attached(gaze):
        within = answer_logprobs(model, [scene], ["a cat"])[0]
    assert within == pytest.approx(whole[0], abs=2e-5)
    assert model.decode(answer_tokens(model, "a cat")) == "a cat"
    assert answer_logprobs(model, [], []) == []


def test_what_cannot_be_scored_is_said(model: GazeModel, scene: Scene) -> None:
    panel = scene.panel(0)
    with pytest.raises(UsageError, match="Answer '' has no token"):
        answer_logprobs(model, [scene], [""])
    with pytest.raises(UsageError, match="2 scenes were given with 1 answers"):
        answer_logprobs(model, [scene] * 2, ["a"])
    with pytest.raises(UsageError, match="list of answers"):
        answer_logprobs(model, [scene], "a")
    with pytest.raises(UsageError, match="batch_size= is a whole number from 1 on; found 0"):
        answer_logprobs(model, [scene], ["a"], batch_size=0)
    with pytest.raises(GazeError, match="needs one that is being made"):
        answer_logprobs(model, [scene], ["a"], Gaze(HEADS, Live(panel), during="answer"))
    with pytest.raises(NothingSteered, match="row 1 steered nothing: of an answer of 1 tokens"):
        answer_logprobs(
            model, [scene] * 2, ["a", TOKENS[:1]], [None, Gaze(HEADS, panel, during="decode")], batch_size=1
        )
    with pytest.raises(ForeignScene):
        answer_logprobs(tiny.tiny_model(layers=2), [scene], ["a"])

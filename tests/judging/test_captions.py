"""The judge by captions: by rare words, and by the embeddings of an encoder in a folder."""

import random
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from gazeheads.drawing import grammar
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import doodles
from gazeheads.errors import JudgeError
from gazeheads.judging.captions import CaptionsJudge, RareWords, corpus_of
from gazeheads.judging.kinds import judge_of
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample

CAPTIONS = (
    ("A dog runs after a ball in the park.",),
    ("Two men play chess in the park.", "Chess is played by two old men."),
    ("A cat sleeps on the warm stove of a kitchen.",),
)


def sample(captions: tuple[tuple[str, ...], ...] = CAPTIONS) -> Sample:
    n = max(1, len(captions))
    boxes = tuple(Box(10 * k, 0, 10 * k + 10, 10) for k in range(n))
    return Sample("made", "strip", Image.new("RGB", (10 * n, 10)), boxes, tuple("abc"[:n]), captions)


JUDGE = CaptionsJudge()


def region(answer: str) -> int | str:
    found = JUDGE.judge(sample(), answer)
    return found.kind if found.region is None else found.region


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("A dog runs after a ball in the park.", 0),
        ("The dog, after a ball it runs!", 0),
        ("Panel 1: two men play chess.", 1),
        ("Old men: chess is played.", 1),
        ("A cat sleeps on the stove.", 2),
        ("In the park.", "none"),  # two say so
        ("A.", "none"),
        ("A horse jumps over a fence.", "none"),
        ("A dog runs after a ball in the park. Two men play chess in the park.", "none"),
        ("dog", "none"),
        ("", "degenerate"),
        ("Panel 3:", "degenerate"),
        ("a cat sleeps, a cat sleeps, a cat sleeps, a cat sleeps", "degenerate"),
    ],
)
def test_the_caption_whose_own_words_are_said_wins(answer: str, wanted: int | str) -> None:
    assert region(answer) == wanted


def test_words_weigh_what_they_tell_apart() -> None:
    regions = [[set("the dog runs".split())], [set("the cat runs".split())], [set("the cat waits".split())]]
    weights = RareWords().weights(regions)
    assert weights["the"] == 0
    assert weights["dog"] == weights["waits"] == pytest.approx(np.log(3))
    assert weights["runs"] == weights["cat"] == pytest.approx(np.log(1.5))
    common = RareWords(["dog"] * 9 + ["waits"])
    assert common.weights(regions)["dog"] == pytest.approx(np.log(3) * np.log(11 / 10) / np.log(11))
    assert common.weights(regions)["cat"] == pytest.approx(np.log(1.5))
    scores = RareWords().scores(
        sample((("the dog runs",), ("the cat runs",), ("the cat waits",))), "dog waits"
    )
    w, v = np.log(3), np.log(1.5)
    assert scores == pytest.approx([w / np.sqrt(2 * w * (w + v)), 0, w / np.sqrt(2 * w * (w + v))])


def test_the_margin_is_how_far_the_best_is_ahead() -> None:
    found = JUDGE.judge(sample(), CAPTIONS[2][0])
    scores = np.sort(RareWords().scores(sample(), CAPTIONS[2][0]))
    assert scores[-1] == pytest.approx(1)
    assert found.margin == pytest.approx(scores[-1] - scores[-2])
    assert CaptionsJudge(margin=1.0).judge(sample(), "Old men in the park with a dog").kind == "none"


DEV = doodles(12, seed=5, split="dev")
DEV_JUDGE = judge_of("captions", DEV)


def test_every_caption_of_doodles_is_matched() -> None:
    for strip in DEV:
        for place, wordings in enumerate(strip.captions):
            for caption in wordings:
                found = DEV_JUDGE.judge(strip, caption)
                assert (found.kind, found.region) == ("matched", place)
                assert DEV_JUDGE.judge(strip, f"Panel {6 - place}: {caption}") == found


@given(st.integers(0, len(DEV) - 1), st.permutations(range(6)), st.integers(0, 2**32))
def test_what_fits_no_panel_or_several_is_none(which: int, order: list[int], seed: int) -> None:
    strip, rng = DEV[which], random.Random(seed)
    one, two, three = (strip.slots[k] for k in order[:3])
    texts = [
        f"{one['action']} {grammar.a(two['object'])} {three['setting']}.",
        f"{strip.captions[order[0]][0]} {strip.captions[order[1]][0]}",
        " ".join(rng.choice(each) for each in strip.captions),
        " ".join(rng.sample("a an the is and in on at".split(), 5)),
    ]
    for text in texts:
        assert DEV_JUDGE.judge(strip, text).region is None


def test_samples_without_captions_and_thresholds_without_sense_are_refused() -> None:
    with pytest.raises(
        JudgeError, match="has 0 captions for 1 regions; the captions judge needs one for each"
    ):
        JUDGE.judge(sample(()), "a dog")
    with pytest.raises(JudgeError, match="has 2 captions for 3 regions"):
        JUDGE.judge(sample((("a dog",), (), ("a cat",))), "a dog")
    with pytest.raises(JudgeError, match="has 1 captions for 1 regions"):
        JUDGE.judge(sample((("a dog",),)), "a dog")
    for wrong in (0, 1.1, -1, float("nan")):
        with pytest.raises(JudgeError, match="scores lie between 0 and 1"):
            CaptionsJudge(threshold=wrong)
        with pytest.raises(JudgeError, match="scores lie between 0 and 1"):
            CaptionsJudge(margin=wrong)
    assert len(corpus_of([*scenes(1), sample()])) == len(scenes(1)[0].captions) + 3


# --------------------------------------------------------------------------------------------------------- embeddings


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT of random weights, with a tokenizer of bytes."""
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = tiny.byte_tokenizer()
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    tokenizer.save_pretrained(folder)
    shape = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48)
    config = BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=128, initializer_range=1.0, **shape
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


def test_embeddings_match_a_caption_with_itself_best(encoder: Path) -> None:
    judge = judge_of(f"captions:{encoder}", margin=0.001)
    assert isinstance(judge, CaptionsJudge)
    assert judge.threshold == 0.5
    for place, wordings in enumerate(CAPTIONS):
        for caption in wordings:
            found = judge.judge(sample(), f"Panel 3: {caption}")
            assert (found.region, found.reason) == (place, "match 1.00")
            assert judge.match.scores(sample(), caption)[place] == pytest.approx(1)
    assert judge.judge(sample(), "no no no no no").kind == "degenerate"


def test_an_embedding_is_the_mean_over_a_text_and_does_not_see_padding(encoder: Path) -> None:
    from gazeheads.judging.embedding import Embeddings

    match = Embeddings(encoder)
    texts = ["a dog", "two men play chess in the park", "x"]
    together = match.embed(texts)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)
    for text, vector in zip(texts, together, strict=True):
        assert match.embed([text])[0] == pytest.approx(vector, abs=1e-5)
        ids = torch.tensor([match._tokenizer(text)["input_ids"]])
        with torch.no_grad():
            mean = BertModel.from_pretrained(encoder)(ids).last_hidden_state[0].mean(0)
        assert vector == pytest.approx((mean / mean.norm()).numpy(), abs=1e-5)
    long = "a very long caption " * 40
    assert match.embed([long]).shape == (1, 32)  # cut off at the context


def test_folders_that_hold_no_encoder_are_named(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="there is no such folder. Download a text encoder"):
        judge_of(f"captions:{tmp_path / 'none'}")
    with pytest.raises(JudgeError, match="it cannot be read: .*config.json, model.safetensors"):
        judge_of(f"captions:{tmp_path}")

"""The bundled model: a normal HuggingFace folder, within its bounds, that does what its card says."""

import json

import pytest
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

import gazeheads as gh
from gazeheads import prompts
from gazeheads.drawing.strips import doodles
from gazeheads.heads.heads import Heads
from gazeheads.judging.rules import RulesJudge
from gazeheads.model.bundled import HEADS, WEIGHTS


@pytest.fixture(scope="module")
def model():
    return gh.load()


def test_it_loads_by_the_auto_classes_of_plain_transformers():
    hf, report = AutoModelForImageTextToText.from_pretrained(WEIGHTS, output_loading_info=True)
    assert type(hf).__name__ == "Qwen3VLForConditionalGeneration"
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    tokenizer, images = AutoTokenizer.from_pretrained(WEIGHTS), AutoImageProcessor.from_pretrained(WEIGHTS)
    assert tokenizer.decode(tokenizer.encode("Any text, även detta.")) == "Any text, även detta."
    assert images.patch_size * images.merge_size == 16


def test_it_is_large_enough_to_be_interesting_and_small_enough_to_ship():
    text = AutoConfig.from_pretrained(WEIGHTS).get_text_config()
    assert text.num_hidden_layers >= 8
    assert text.num_hidden_layers * text.num_attention_heads >= 96
    hf = AutoModelForImageTextToText.from_pretrained(WEIGHTS)
    assert sum(p.numel() for p in hf.parameters()) <= 8_000_000
    assert (WEIGHTS / "model.safetensors").stat().st_size <= 16_000_000
    assert json.loads((WEIGHTS / "config.json").read_text())["dtype"] in ("bfloat16", "float16")


def test_it_knows_the_panels_of_a_test_strip(model):
    """A smoke check of the card's table, far below its figures; the command beside the table measures it."""
    judge, hits = RulesJudge(), []
    samples = doodles(6, seed=900, split="test")
    scenes = [model.encode(s.image, prompts.panel_query(k + 1, 6)) for s in samples for k in range(6)]
    for i, answer in enumerate(model.generate(scenes, max_new_tokens=24)):
        hits.append(judge.judge(samples[i // 6], answer.text).region == i % 6)
    assert sum(hits) >= 0.75 * len(hits)


def test_its_heads_are_a_part_of_its_heads_and_redirect_it(model):
    heads = Heads.load(HEADS, model)
    assert len(heads) == heads.scores.size == model.n_layers * model.n_heads
    selected = heads.selected
    assert (
        heads.tuned and len(selected) == heads.tuned.k < len(heads) and selected == heads.top(len(selected))
    )
    judge, sample = RulesJudge(), doodles(1, seed=901, split="test")[0]
    scene = model.encode(sample.image, prompts.THIS_PANEL, panels=sample.boxes)
    gazes = [gh.Gaze(selected, at=panel) for panel in scene.panels]
    answers = model.generate([scene] * 6, gaze=gazes, max_new_tokens=24)
    assert sum(judge.judge(sample, a.text).region == i for i, a in enumerate(answers)) >= 4
    for answer in answers:
        assert answer.effect.after == pytest.approx(1) and answer.effect.before < 0.9

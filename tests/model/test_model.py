"""Encoding, generation one and many, loading, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from gazeheads.errors import (
    ForeignRegion,
    GazeError,
    ModelError,
    NothingSteered,
    RegionError,
    SceneError,
    UnknownFamily,
    UsageError,
    WrongModel,
)
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import Push
from gazeheads.gaze.record import Record
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads
from gazeheads.model.decoding import collate, produce
from gazeheads.model.generation import Generation
from gazeheads.model.loading import load
from gazeheads.model.model import GazeModel
from gazeheads.model.sampling import Sampler, choice
from gazeheads.regions.grid import Box

HEADS = [Head(0, 1), Head(1, 2), Head(2, 0)]


def encoded(model: GazeModel, panels: int = 3, prompt: str = "What is it?", seed: int = 0) -> Any:
    sample = tiny.strip(panels, seed=seed)
    return model.encode(sample.image, prompt, panels=sample.boxes)


# ------------------------------------------------------------------------------------------------------ encoding


def test_image_tokens_see_the_pixels_that_move_them(model: GazeModel) -> None:
    """The grid against the vision tower: a change inside a cell moves its own token most, for every cell."""
    hf = model.hf
    picture = tiny.noise(160, 96)
    scene = model.encode(picture, "What?")
    assert (scene.grid.views[0].rows, scene.grid.views[0].cols) == (3, 5)

    @torch.no_grad()
    def features(image: Image.Image) -> torch.Tensor:
        tensors = model.encode(image, "What?").tensors
        out = hf.model.get_image_features(
            tensors["pixel_values"], tensors["image_grid_thw"], return_dict=True
        )
        return torch.cat(list(out.pooler_output))

    plain = features(picture)
    for token, (x0, y0, x1, y1) in enumerate(scene.grid.rects):
        pixels = np.array(picture)
        pixels[int(y0) : int(y1), int(x0) : int(x1)] = 255 - pixels[int(y0) : int(y1), int(x0) : int(x1)]
        moved = (features(Image.fromarray(pixels)) - plain).norm(dim=1)
        assert int(moved.argmax()) == token


def test_positions_point_at_image_tokens(model: GazeModel) -> None:
    scene = encoded(model)
    ids = scene.tensors["input_ids"][0]
    assert (ids[torch.tensor(scene.grid.positions)] == model.hf.config.image_token_id).all()
    assert (ids == model.hf.config.image_token_id).sum() == len(scene.grid)
    assert scene.n_prompt == len(ids)
    assert model.processor.tokenizer.decode(ids[-40:]).endswith(
        "What is it?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_several_pictures_have_their_own_regions(model: GazeModel) -> None:
    scene = model.encode([tiny.noise(64, 32, 1), tiny.noise(96, 64, 2)], "Which?")
    assert scene.grid.images.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert scene.box(0, 0, 32, 32, image=1).weights.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    answer = model.generate(scene, Gaze(HEADS, scene.box(0, 0, 32, 32, image=1)), max_new_tokens=3)
    assert answer.effect is not None
    assert answer.effect.after == pytest.approx(1, abs=1e-6)


def test_regions_of_a_scene(model: GazeModel) -> None:
    scene = encoded(model)
    assert [panel.name for panel in scene.panels] == ["panel 1", "panel 2", "panel 3"]
    assert scene.panel(1).weights.tolist() == [0, 0, 1, 1, 0, 0] * 2
    assert scene.mask(np.ones((2, 6))).weights.sum() == pytest.approx(12)
    assert scene.point(96, 32, 30).weights.argmax() in (2, 3, 8, 9)
    assert [cell.weights.argmax() for cell in scene.cells()] == list(range(12))
    with pytest.raises(RegionError, match=r"Panel 3 \(from 0\) was asked for; this scene has 3 panels"):
        scene.panel(3)
    with pytest.raises(RegionError, match="has 0 panels. Give the panels' boxes"):
        model.encode(tiny.noise(), "What?").panel(0)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_pictures_of_any_mode(model: GazeModel, mode: str) -> None:
    assert len(model.encode(tiny.noise(64, 64).convert(mode), "What?").grid) == 4


def test_inputs_that_cannot_be_used(model: GazeModel) -> None:
    with pytest.raises(SceneError, match="The prompt is empty"):
        model.encode(tiny.noise(), "  ")
    with pytest.raises(SceneError, match=r"takes a PIL image, or a list of them; found str"):
        model.encode(["dog.png"], "What?")  # type: ignore[list-item]
    with pytest.raises(SceneError, match=r"found an empty list"):
        model.encode([], "What?")
    with pytest.raises(SceneError, match="refuses an image of 20000 x 10 px.*more usual proportions"):
        model.encode(Image.new("RGB", (20000, 10)), "What?")
    with pytest.raises(SceneError, match="Found total 2 .* no image placeholders in the prompt"):
        model.encode(tiny.noise(64, 64), "What is <|image_pad|>?")


def test_a_picture_of_one_pixel_is_a_picture(model: GazeModel) -> None:
    scene = model.encode(Image.new("RGB", (1, 1)), "What?")
    assert scene.box(0, 0, 1, 1).weights.sum() == pytest.approx(len(scene.grid))


# ---------------------------------------------------------------------------------------------------- generation


def test_the_loop_gives_what_transformers_gives(model: GazeModel) -> None:
    """Alone and in a left-padded batch, with different images; and an end token ends a row."""
    scenes = [
        encoded(model, panels, prompt, panels)
        for panels, prompt in ((2, "Who?"), (3, "What is going on?"), (1, "Why?"))
    ]
    answers = model.generate(scenes, max_new_tokens=12)
    for scene, answer in zip(scenes, answers, strict=True):
        out = model.hf.generate(**scene.tensors, max_new_tokens=12, do_sample=False)[0, scene.n_prompt :]
        assert list(answer.token_ids) == out.tolist()
        assert answer == model.generate(scene, max_new_tokens=12)
        assert answer.effect is None
        assert answer.finish == ("eos" if out[-1] == model.processor.tokenizer.eos_token_id else "length")


def test_a_row_ends_at_its_end_token_and_the_others_go_on(model: GazeModel) -> None:
    scenes = [encoded(model, panels, seed=panels) for panels in (2, 3)]
    free = model.generate(scenes, max_new_tokens=8)
    end = next(t for t in free[0].token_ids if t not in free[1].token_ids)
    ended = GazeModel(model.hf, model.processor, "tiny")
    ended.stop = [end]
    answers = ended.generate(scenes, max_new_tokens=8)
    stop = free[0].token_ids.index(end) + 1
    assert answers[0].token_ids == free[0].token_ids[:stop]
    assert answers[0].finish == "eos"
    assert answers[1].token_ids == free[1].token_ids
    assert answers[1].finish == "length"
    batch = collate(model.hf, model.family, scenes, 0)
    with torch.no_grad():
        prompt = batch.rows["input_ids"], batch.rows["attention_mask"]
        sampler = Sampler(model.hf, model.processor.tokenizer, choice({}, [end], 501, 8, 2), *prompt)
        steps = torch.stack(list(produce(model.hf, batch, 8, sampler)), 1)
    assert steps[0].tolist() == [*answers[0].token_ids, *[501] * (8 - stop)]


def test_many_with_their_own_gazes_equal_one_by_one(model: GazeModel) -> None:
    scenes = [
        encoded(model, panels, prompt, panels)
        for panels, prompt in ((2, "Who?"), (3, "What is going on?"), (3, "Why?"))
    ]
    gazes = [
        Gaze(HEADS, scenes[0].panel(1), "reweigh"),
        None,
        Gaze(HEADS[:1], Schedule.every(2, scenes[2].panels), Push.bias(4, -4), "answer"),
    ]
    singles = [model.generate(s, g, max_new_tokens=6) for s, g in zip(scenes, gazes, strict=True)]
    for size in (None, 1, 2, 3):
        many = model.generate(scenes, gazes, max_new_tokens=6, batch_size=size)
        for one, other in zip(singles, many, strict=True):
            assert one.token_ids == other.token_ids
            assert one.text == other.text
            assert (one.effect is None) == (other.effect is None)
            if one.effect and other.effect:
                assert one.effect.before_by_token == pytest.approx(other.effect.before_by_token, abs=1e-5)
    assert model.generate([], []) == []


def test_a_picture_is_encoded_once_for_the_rows_that_share_it(
    model: GazeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, other = encoded(model), encoded(model, seed=1)
    asked = model.encode(tiny.strip(3).image, "And why?")  # the same image under another prompt
    sizes = []
    inner = model.hf.model.get_image_features
    monkeypatch.setattr(
        model.hf.model,
        "get_image_features",
        lambda pixels, *a, **k: (sizes.append(len(pixels)), inner(pixels, *a, **k))[1],
    )
    rows = [scene, other, scene, asked]
    answers = model.generate(rows, max_new_tokens=4)
    assert sizes == [2 * len(scene.tensors["pixel_values"])]
    assert [a.token_ids for a in answers] == [model.generate(row, max_new_tokens=4).token_ids for row in rows]


def test_generation_saves_as_json(model: GazeModel, tmp_path: Path) -> None:
    scene = encoded(model)
    gaze = Gaze(HEADS, Schedule.at({0: scene.panel(1), 2: None}), Push.bias(3, -1), "decode", [1, -2, 0.5])
    answer = model.generate(scene, gaze, record=Record(HEADS[:1]), max_new_tokens=4, no_repeat_ngram_size=2)
    assert answer.save(tmp_path / "answer.json") == tmp_path / "answer.json"
    data = json.loads((tmp_path / "answer.json").read_text())
    assert data == json.loads(json.dumps(answer.to_json()))
    assert data["text"] == answer.text == str(answer)
    assert data["token_ids"] == list(answer.token_ids)
    assert data["finish"] == "length"
    assert data["effect"]["before_by_token"][0] is None
    assert data["effect"]["after"] > data["effect"]["before"]
    assert data["schema"] == 1
    tokens = [[int(i), 1.0] for i in scene.panel(1).weights.nonzero()[0]]
    assert data["settings"] == {
        "model": "tiny",
        "revision": "",
        "dtype": "float32",
        "prompt": scene.prompt,
        "pictures": [list(scene.grid.sizes[0])],
        "max_new_tokens": 4,
        "decoding": "greedy",
        "no_repeat_ngram_size": 2,
        "on_loop": "ignore",
        "record": {"heads": [list(HEADS[0])], "keep": "mean", "weighting": "raw"},
        "gaze": {
            "heads": [list(head) for head in HEADS],
            "weights": [1.0, -2.0, 0.5],
            "push": "bias(3, -1, text=0, generated=0)",
            "during": "decode",
            "at": {
                "stops": [{"name": "panel 2", "parts": [{"share": 1.0, "image": 0, "tokens": tokens}]}, None],
                "starts": [0, 2],
                "period": None,
                "unit": "token",
            },
        },
    }


def test_the_implementation_is_restored_after_a_failure(model: GazeModel) -> None:
    scene = encoded(model)
    with pytest.raises(GazeError):
        model.generate([scene, scene], [Gaze(HEADS, scene.panel(0))], max_new_tokens=2)
    with pytest.raises(
        NothingSteered, match=r'during="decode" and the schedule had no row due within 1 tokens'
    ):
        model.generate(scene, Gaze(HEADS, scene.panel(0), during="decode"), max_new_tokens=1)
    assert model.hf.config.text_config._attn_implementation == "sdpa"


@pytest.mark.parametrize("static", [{}, {"cache_implementation": "static", "disable_compile": True}])
def test_an_answer_that_ends_before_its_gaze_begins_raises(model: GazeModel, static: dict[str, Any]) -> None:
    scene = encoded(model)
    first, second = model.generate(scene, max_new_tokens=2).token_ids
    assert first != second
    decode = Gaze(HEADS, scene.panel(0), during="decode")
    later = Gaze(HEADS, Schedule.at({3: scene.panel(0)}))
    for gaze, end, said in ((decode, first, 1), (later, second, 2)):
        wording = (
            f"The gaze steered nothing: the answer ended after {said} tokens, before the first that was due. Ask for "
            f'a longer answer, as with min_new_tokens={said + 1}, or steer from token 0 on: during="answer", and a'
        )
        with pytest.raises(NothingSteered, match=wording):
            model.generate(scene, gaze, eos_token_id=end, max_new_tokens=5, **static)
        longer = model.generate(scene, gaze, eos_token_id=end, min_new_tokens=4, max_new_tokens=5, **static)
        assert longer.effect is not None and longer.effect.rows_steered
    weightless = Gaze(HEADS, scene.panel(0), during="answer", weights=[0.0] * len(HEADS))
    assert model.generate(scene, weightless, eos_token_id=first, **static).token_ids == (first,)


def test_a_batch_names_the_row_in_which_nothing_was_steered(model: GazeModel) -> None:
    scene = encoded(model)
    asked = model.encode(tiny.strip(3, seed=3).image, "What " + "a very long question " * 5)
    end = model.generate(asked, max_new_tokens=1).token_ids[0]
    gazes = [None, None, Gaze(HEADS, asked.box(0, 0, 64, 64), during="decode")]
    for size in (None, 1, 2):
        with pytest.raises(
            NothingSteered,
            match=r"The gaze of row 2 \('What a very .* \[...\]'\) steered nothing: the answer ended after 1 tokens",
        ):
            model.generate([scene, scene, asked], gazes, eos_token_id=end, max_new_tokens=4, batch_size=size)


def test_an_interrupt_inside_generate_restores(model: GazeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    scene = encoded(model)
    monkeypatch.setattr("gazeheads.attention.steering.mixed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.generate(scene, Gaze(HEADS, scene.panel(0)), max_new_tokens=3)
    assert model.hf.config.text_config._attn_implementation == "sdpa"
    monkeypatch.undo()
    assert model.generate(scene, Gaze(HEADS, scene.panel(0)), max_new_tokens=3).effect is not None


def test_gazes_that_do_not_fit_are_refused(model: GazeModel) -> None:
    scene, other = encoded(model), encoded(model, 2)
    gaze = Gaze(HEADS, scene.panel(0))
    with pytest.raises(ForeignRegion, match="panel 1 belongs to another scene"):
        model.generate(other, gaze)
    with pytest.raises(ForeignRegion):
        model.generate([scene, other], gaze)
    with pytest.raises(GazeError, match="2 scenes were given with 1 gazes. Give one for each"):
        model.generate([scene, scene], [gaze])
    with pytest.raises(GazeError, match="One scene was given with several gazes"):
        model.generate(scene, [gaze])  # type: ignore[call-overload]
    with pytest.raises(WrongModel, match="another model"):
        model.generate(scene, Gaze(Heads.of(["L0H0"], "big", 36, 32), scene.panel(0)))
    with pytest.raises(UsageError, match="max_new_tokens=0"):
        model.generate(scene, max_new_tokens=0)
    with pytest.raises(UsageError, match="batch_size= is a whole number from 1 on; found 0"):
        model.generate([scene], batch_size=0)


# ------------------------------------------------------------------------------------------------------- loading


def test_a_saved_checkpoint_loads(model: GazeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model.hf.save_pretrained(tmp_path)
    model.processor.save_pretrained(tmp_path)
    loaded = load(tmp_path, device="cpu")
    assert (loaded.n_layers, loaded.n_heads) == (3, 4)
    assert loaded.hf.dtype == torch.float32
    scene = encoded(model)
    again = encoded(loaded)
    assert again.grid == scene.grid
    assert (
        loaded.generate(again, max_new_tokens=6).token_ids
        == model.generate(scene, max_new_tokens=6).token_ids
    )
    assert load(tmp_path, device="cpu", dtype="bfloat16").hf.dtype == torch.bfloat16
    assert not loaded.is_bundled
    monkeypatch.setattr("gazeheads.model.loading.WEIGHTS", tmp_path)
    bundled = load(device="cpu")
    assert (bundled.is_bundled, bundled.name) == (True, "gazeheads/doodle-vl")
    monkeypatch.setattr("gazeheads.model.loading.WEIGHTS", tmp_path / "none")
    with pytest.raises(ModelError, match="this installation is incomplete. Install it again"):
        load(device="cpu")


def test_checkpoints_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UnknownFamily, match=r"Model type 'llama' is not known.*Known: .*qwen3_vl"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded.*Give a folder with a checkpoint"):
        load(tmp_path / "nothing")


def test_strips_are_drawn_to_fit(model: GazeModel) -> None:
    class Drawn:
        def resized(self, height: int, cell: int) -> tuple[int, int]:
            return height, cell

    assert model.resized(Drawn()) == (160, 32)  # type: ignore[arg-type, comparison-overlap]
    roomy = GazeModel(model.hf, tiny.qwen_processor(longest=2**24), "tiny")
    assert roomy.resized(Drawn()) == (256, 32)  # type: ignore[arg-type, comparison-overlap]
    assert Box(0, 0, 1, 1).area == 1


# ---------------------------------------------------------------------------------------------- words and segments


def test_an_answer_knows_its_words_and_its_segments(model: GazeModel) -> None:
    scene = encoded(model)
    answer = model.generate(
        scene,
        Gaze(HEADS, Schedule.every(3, scene.panels[:2], repeat=True), during="decode"),
        max_new_tokens=8,
    )
    assert "".join(answer.token_texts) == answer.text
    assert len(answer.token_texts) == len(answer.token_ids)
    a, b, _ = scene.panels
    assert [(s.target, s.start, s.stop) for s in answer.segments] == [
        (None, 0, 1),
        (a, 1, 3),
        (b, 3, 6),
        (a, 6, 8),
    ]
    assert "".join(segment.text for segment in answer.segments) == answer.text
    data = json.loads(json.dumps(answer.to_json()))
    assert [s["target"] for s in data["segments"]] == [None, "panel 1", "panel 2", "panel 1"]
    spelled = Generation("a dog", (1, 2, 3), "eos", token_texts=("a", " do", "g"))
    assert spelled.to_json()["words"] == [["a", 0, 1], ["dog", 1, 3]]
    free = model.generate(scene, max_new_tokens=4)
    assert [(s.target, s.start, s.stop) for s in free.segments] == [(None, 0, 4)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A dog digs in the garden.", ""),
        ("digs, digs, digs, digs", "'digs' more than 3 times in a row"),
        ("Panel 1: Panel 2: Panel 3: Panel 4: a dog", ""),
        ("Panel 1:", "no word"),
    ],
)
def test_a_loop_is_flagged(text: str, why: str) -> None:
    answer = Generation(text, (), "eos")
    assert answer.degenerate == answer.to_json()["degenerate"] == why


def test_a_batch_with_the_unsteered_answer_tells_what_the_push_did_to_the_first_token(
    model: GazeModel,
) -> None:
    scene, other = encoded(model), encoded(model, prompt="Why?")
    gaze = Gaze(HEADS, scene.panel(1))
    weak = Gaze(HEADS, scene.panel(1), weights=[0.1] * 3)
    late = Gaze(HEADS, scene.panel(1), during="decode")
    alone = Gaze(HEADS, other.panel(1))
    answers = model.generate(
        [scene, scene, scene, scene, other], [gaze, None, weak, late, alone], max_new_tokens=3
    )
    moved = [answer.effect.logits_moved if answer.effect else None for answer in answers]
    assert moved[1] is None and moved[4] is None
    assert moved[0] > moved[2] > 1e-3  # type: ignore[operator]
    assert moved[3] == pytest.approx(0, abs=1e-5)  # token 0 is its own
    free = answers[1].token_ids
    assert free == model.generate(scene, max_new_tokens=3).token_ids

"""What reaches the model of an image, its several views, and images and prompts that cannot be used."""

import ast
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import transformers
from families_shared import EVERY, IGNORED, STRIP, scene_of
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing
from zoo_families import ZOO, zoo

from gazeheads.doctor.conformance import full_layers, heads_of
from gazeheads.doctor.receptive_fields import ramps, receptive_field_errors
from gazeheads.drawing.strips import doodles
from gazeheads.errors import ModelError, RegionError, SceneError, SeamError, UnknownFamily
from gazeheads.families import FAMILIES, family
from gazeheads.families.cohere2_vision import arrangement
from gazeheads.families.llava_next import canvas
from gazeheads.gaze.gaze import Gaze
from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel
from gazeheads.regions.grid import ImageGrid
from gazeheads.regions.region import Region

pytestmark = IGNORED


# ----------------------------------------------------------------------------------------- what reaches the model


def test_llava_gets_the_whole_picture_squashed_and_says_so() -> None:
    scene = scene_of("llava")
    assert scene.settings == {"do_center_crop": False, "size": {"height": 56, "width": 56}}
    assert scene.seen[0].share == 1
    assert scene.seen[0].how.startswith(
        "whole: 4 x 4 cells of 42 x 14 px (processor called with do_center_crop=False"
    )


@pytest.mark.parametrize(("size", "share"), [((1536, 256), "17%"), ((200, 300), "67%")])
def test_a_crop_that_loses_the_picture_is_an_error_that_names_the_fix(
    size: tuple[int, int], share: str
) -> None:
    model = zoo("llava")
    crop = {"do_center_crop": True, "size": {"shortest_edge": 56}}
    with pytest.raises(
        SceneError, match=f"Only {share} of image 0 reaches the model: .* Leave out do_center_crop, or"
    ):
        model.encode(tiny.noise(*size), "What?", **crop)
    square = model.encode(tiny.noise(64, 64), "What?", **crop)
    assert square.seen[0].share == 1


@pytest.mark.parametrize("size", [(168, 56), (56, 168), (331, 57), (61, 83)])
def test_the_part_that_a_crop_leaves_is_known(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gazeheads.model.encoding.LEAST_SHARE", 0.0)
    crop = {"do_center_crop": True, "size": {"shortest_edge": 56}}
    scene = zoo("llava").encode(ramps(size), "What?", **crop)
    assert scene.seen[0].share == pytest.approx(min(size) / max(size), abs=0.02)
    assert receptive_field_errors(zoo("llava"), scene, range(16)).max() < 0.1


def test_ovis2_tiles_a_strip_along_its_length() -> None:
    grid = zoo("ovis2").encode(ramps((336, 56)), "What?").grid
    tiles = [view.box.corners for view in grid.views if view.kind == "tile"]
    assert tiles == [(56 * k, 0, 56 * (k + 1), 56) for k in range(6)]
    scene = zoo("ovis2").encode(ramps((336, 56)), "What?", use_covering_area_grid=True)
    across = {view.box.width for view in scene.grid.views}
    assert across == {336}  # its own rule takes rows for columns; what its tokens see is known all the same
    assert receptive_field_errors(zoo("ovis2"), scene, range(len(scene.grid))).max() < 0.3


@pytest.mark.parametrize("name", ["internvl", "aya_vision", "ovis2", "cohere2_vision"])
def test_strips_are_drawn_with_one_panel_on_each_tile(name: str) -> None:
    (sample,) = doodles(1, seed=0)
    sample = zoo(name).resized(sample)
    scene = zoo(name).encode(sample.image, "What?", panels=sample.boxes)
    tiles = [number for number, view in enumerate(scene.grid.views) if view.kind == "tile"]
    assert len(tiles) == len(sample.boxes) == 6
    for tile, box in zip(tiles, sample.boxes, strict=True):
        seen = Region.box(scene.grid, box, views="detail").weights
        assert set(scene.grid.view_of[seen > 0]) == {tile}


def test_pan_and_scan_is_asked_for() -> None:
    picture = tiny.noise(800, 300)
    assert len(zoo("gemma3").encode(picture, "What?").grid.views) == 1
    views = zoo("gemma3").encode(picture, "What?", do_pan_and_scan=True).grid.views
    assert [view.kind for view in views] == ["thumbnail", "tile", "tile", "tile"]
    assert views[-1].box.corners == (534, 0, 800, 300)


@settings(deadline=None, max_examples=60)
@given(st.integers(20, 600), st.integers(20, 600))
def test_every_cell_of_a_canvas_sees_some_of_the_picture(width: int, height: int) -> None:
    model = zoo("llava_next")
    if max(width, height) > 8 * min(width, height):  # a canvas is at most twelve cells long here
        with suppress(SceneError):
            canvas(0, (width, height), model.hf.config)
        return
    view = canvas(0, (width, height), model.hf.config)
    cells = view.rows * view.cols
    grid = ImageGrid.from_views(cells, np.arange(cells), [view], [(width, height)])
    assert grid.inside.all()
    assert ((grid.rects[:, 2:] - grid.rects[:, :2]) > 0).all()


def test_command_a_vision_is_tiled_as_its_own_processor_does_it() -> None:
    """That processor cannot be imported without torchvision, so its rule is taken from the source."""
    wanted = ("get_all_supported_aspect_ratios", "get_optimal_tiled_canvas")
    theirs = from_source("cohere2_vision/image_processing_cohere2_vision.py", *wanted)[
        "get_optimal_tiled_canvas"
    ]
    sizes = np.random.default_rng(0).integers(1, 7000, (300, 2)).tolist()
    for width, height in [*sizes, (1536, 256), (512, 512), (6000, 1000)]:
        assert arrangement((width, height), 512, 12) == tuple(theirs((height, width), (512, 512), 1, 12))


def test_pixtral_tokens_are_written_as_its_own_processor_writes_them() -> None:
    """That processor cannot be imported without torchvision either."""
    theirs = from_source("pixtral/processing_pixtral.py", "replace_image_token")["replace_image_token"]
    for name in ("pixtral", "mistral3"):
        processor = zoo(name).processor
        for size in ((28, 84), (84, 28), (56, 56)):
            inputs = {"image_sizes": [size]}
            assert processor.replace_image_token(inputs, 0) == theirs(processor, inputs, 0)
    ids = scene_of("pixtral").tensors["input_ids"][0].tolist()
    number = zoo("pixtral").processor.tokenizer.convert_tokens_to_ids
    start = ids.index(number("[IMG]"))
    assert ids[start + 12] == number("[IMG_BREAK]")
    assert ids.count(number("[IMG_BREAK]")) == 3
    assert ids.count(number("[IMG_END]")) == 1


def from_source(file: str, *names: str) -> dict[str, Any]:
    """Functions of a module of transformers that cannot be imported here, run from its source."""
    source = Path(transformers.__file__).parent / "models" / file
    parts = [node for node in ast.walk(ast.parse(source.read_text())) if getattr(node, "name", "") in names]
    assert len(parts) == len(names)
    space: dict[str, Any] = {"np": np, "lru_cache": lru_cache}
    exec(compile(ast.Module(parts, []), str(source), "exec"), space)  # type: ignore[arg-type]
    return space


# -------------------------------------------------------------------------------------------------- several views


def test_views_choose_between_tiles_and_thumbnail() -> None:
    scene = scene_of("internvl")  # three tiles of 2 x 2 cells, then a thumbnail of 2 x 2
    left = (0, 0, 84, 56)
    assert scene.box(*left).weights.tolist() == [1] * 4 + [1, 0] * 2 + [0] * 4 + [1, 0] * 2
    assert scene.box(*left, views="detail").weights.tolist() == [1] * 4 + [1, 0] * 2 + [0] * 8
    assert scene.box(*left, views="overview").weights.tolist() == [0] * 12 + [1, 0] * 2
    mask = np.zeros((56, 168), bool)
    mask[:, :84] = True
    assert (scene.mask(mask, views="overview").weights == scene.box(*left, views="overview").weights).all()
    assert scene.point(42, 28, 28, views="overview").weights[:12].sum() == 0
    grown = scene.box(0, 0, 4, 4, views="overview", min_tokens=2)
    assert grown.weights[:12].sum() == 0
    assert grown.weights.sum() >= 2


def test_views_that_cannot_be_meant() -> None:
    scene = scene_of("internvl")
    with pytest.raises(RegionError, match='Views "\'?tiles|Views \'tiles\' are unknown. Use "all", "detail"'):
        scene.box(0, 0, 84, 56, views="tiles")  # type: ignore[arg-type]
    with pytest.raises(
        RegionError, match='One region takes the "detail" views, the other the "all" ones. Use the same'
    ):
        scene.box(0, 0, 84, 56, views="detail") | scene.box(84, 0, 168, 56)
    with pytest.raises(RegionError, match="min_tokens=9 was asked for image 0, which has 4 image tokens"):
        scene.box(0, 0, 84, 56, views="overview", min_tokens=9)


def test_padding_belongs_to_no_region() -> None:
    """Of several images OneVision pads each to a square: the first row of cells sees padding only."""
    scene = scene_of("llava_onevision", *ramps(STRIP, (112, 112)))
    whole = scene.box(0, 0, *STRIP).weights
    assert whole[:16].reshape(4, 4).tolist() == [[0] * 4, [1] * 4, [1] * 4, [0] * 4]
    assert scene.grid.inside[:16].sum() == 8
    assert len(scene.cells()) == 8
    grown = scene.box(0, 0, 10, 10, min_tokens=8)
    assert grown.weights[:16].reshape(4, 4).sum(1).tolist() == [0, 4, 4, 0]
    with pytest.raises(RegionError, match="min_tokens=9 was asked for image 0, which has 8 image tokens"):
        scene.box(0, 0, 10, 10, min_tokens=9)
    assert (~scene.box(0, 0, 84, 56)).weights[:4].sum() == 0


# ------------------------------------------------------------------------------------------------------- bad input


def test_a_picture_that_becomes_no_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo("llava")
    monkeypatch.setattr(type(model.processor), "replace_image_token", lambda *_, **__: "")
    with pytest.raises(SceneError, match="an image of 168 x 56 px became no image token at all"):
        model.encode(tiny.noise(*STRIP), "What?")


@EVERY
def test_image_placeholders_in_the_question_are_refused(name: str) -> None:
    model = zoo(name)
    token = model.processor.tokenizer.convert_ids_to_tokens(model.hf.config.image_token_id)
    with pytest.raises((SceneError, ModelError), match="placeholders|do not fit|The processor"):
        scene_of(name, prompt=f"What is {token}?")


def test_settings_that_no_processor_knows_are_refused() -> None:
    with pytest.raises(
        SceneError, match="do_pan_and_scam: Gemma3ImageProcessorPil has no such.*, do_pan_and_scan, "
    ):
        zoo("gemma3").encode(tiny.noise(*STRIP), "What?", do_pan_and_scam=True)


def test_a_processor_without_a_chat_template_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo("llava").processor, "chat_template", None)
    with pytest.raises(
        SceneError, match="LlavaProcessor without a chat template. Set processor.chat_template"
    ):
        scene_of("llava")


def test_a_first_token_that_the_template_writes_is_not_written_twice() -> None:
    processor = ZOO["gemma3"].processor()
    bos = processor.tokenizer.bos_token_id
    processor.tokenizer._tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", bos)]
    )
    model = GazeModel(zoo("gemma3").hf, processor, "tiny")
    ids = model.encode(tiny.noise(*STRIP), "What?").tensors["input_ids"][0].tolist()
    assert ids.count(bos) == 1
    assert ids[0] == bos
    processor.chat_template = processor.chat_template.removeprefix("<bos>")
    ids = model.encode(tiny.noise(*STRIP), "What?").tensors["input_ids"][0].tolist()
    assert ids.count(bos) == 1


def test_attention_that_goes_another_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that takes the setting and ignores it: no probe is ever called."""
    model, scene = zoo("llava"), scene_of("llava")
    for layer in model.hf.get_decoder().layers:
        monkeypatch.setattr(layer.self_attn, "forward", lambda hidden_states, **_: (hidden_states, None))
    with pytest.raises(SeamError, match="saw no attention"):
        model.generate(scene, Gaze(heads_of(model), scene.box(0, 0, 84, 56)), max_new_tokens=2)


def test_heads_of_layers_without_attention_cannot_be_steered() -> None:
    model, scene = zoo("qwen3_5"), scene_of("qwen3_5")
    assert full_layers(model) == [1, 3]
    with pytest.raises(
        SeamError, match=r"layer 0 of this model has no attention. Leave it out: layers \[1, 3\]"
    ):
        model.generate(scene, Gaze([Head(0, 1)], scene.box(0, 0, 84, 56)), max_new_tokens=2)


def test_every_family_of_the_table_exists() -> None:
    assert {(model, tower) for model, tower in FAMILIES} == {
        (zoo(name).hf.config.model_type, zoo(name).hf.config.vision_config.model_type) for name in ZOO
    }
    with pytest.raises(
        UnknownFamily, match="Model type 'strange' is not known: .*docs/families.md.*Known: aya_vision, "
    ):
        family(type("Config", (), {"model_type": "strange", "vision_config": object()})())

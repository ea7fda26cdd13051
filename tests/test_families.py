"""Every family of models through one path: the same laws for each, on tiny random models and real processors.

What is measured is in `conformance.py`, the models are in `zoo_families.py`. The fast tests look at a sample of image
tokens and two picture shapes; behind the mark `slow` all tokens of six shapes are looked at.
"""

import ast
import logging
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tokenizers.processors import TemplateProcessing

import tiny
from conformance import (
    SHAPES,
    batch_error,
    colours,
    decoder_inputs,
    embeddings,
    full_layers,
    heads_of,
    prefix_error,
    ramps,
    sight_errors,
    token_sight,
)
from gazeheads.attention import attached
from gazeheads.data.doodles import doodles
from gazeheads.discovery import discover
from gazeheads.errors import BadInput, ModelError, ProbeNeverFired, RegionError, UnknownFamily
from gazeheads.families import FAMILIES, family, image_positions
from gazeheads.families.cohere2_vision import arrangement
from gazeheads.families.llava_next import canvas
from gazeheads.gaze import Gaze
from gazeheads.grid import Box, ImageGrid
from gazeheads.heads import Head
from gazeheads.model import GazeModel
from gazeheads.regions import Region
from gazeheads.scenes import EncodedInput
from gazeheads.steering import Steering
from zoo_families import ZOO, zoo

logging.getLogger("transformers").setLevel(logging.ERROR)

# PaliGemma's processor asks numpy for a copy in an old way; rotary embeddings and caches of others warn too
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

EVERY = pytest.mark.parametrize("name", ZOO)
STRIP = (168, 56)
NO_PREFIX = {"paligemma"}  # all of the prompt sees all of it


def scene_of(name: str, *pictures: Image.Image, prompt: str = "What is it?") -> EncodedInput:
    return zoo(name).encode(pictures or tiny.noise(*STRIP), prompt, **ZOO[name].settings)


def spread(n: int, most: int) -> list[int]:
    """At most so many of n tokens, over all of them."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, most))})


# --------------------------------------------------------------------------------------- which pixels a token sees


@EVERY
def test_image_tokens_look_where_they_are_said_to(name: str) -> None:
    for size in SHAPES[:2]:
        scene = scene_of(name, *ramps(size))
        assert sight_errors(zoo(name), scene, spread(len(scene.grid), 12)).max() < 0.3


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("size", SHAPES)
def test_every_image_token_looks_where_it_is_said_to(name: str, size: tuple[int, int]) -> None:
    scene = scene_of(name, *ramps(size))
    assert sight_errors(zoo(name), scene, range(len(scene.grid))).max() < 0.3


@EVERY
def test_tokens_of_two_pictures_look_at_their_own(name: str) -> None:
    scene = scene_of(name, *ramps(STRIP, (84, 112)))
    assert set(scene.grid.images) == {0, 1}
    assert sight_errors(zoo(name), scene, spread(len(scene.grid), 12)).max() < 0.35


@EVERY
def test_tokens_that_are_no_cells_see_no_pixel(name: str) -> None:
    """Newlines, breaks, indicators and text; and all tokens with pixels are cells."""
    scene, model = scene_of(name, *ramps(STRIP)), zoo(name)
    rest = sorted(set(range(scene.n_prompt)) - set(scene.grid.positions.tolist()))
    assert token_sight(model, scene, rest) == [None] * len(rest)
    ids = image_positions(scene.tensors["input_ids"].cpu(), model.hf.config.image_token_id)
    newlines = set(ids.tolist()) - set(scene.grid.positions.tolist())
    rows = sum(view.rows for view in scene.grid.views if view.kind == "tile")
    assert len(newlines) == (rows if name in ("llava_next", "llava_onevision") else 0)


@EVERY
def test_a_lit_box_changes_the_tokens_that_are_said_to_see_it(name: str) -> None:
    model, size = zoo(name), (168, 112)
    box = Box(20, 15, 110, 85)
    dark = Image.new("RGB", size, (60, 60, 60))
    lit = dark.copy()
    lit.paste((230, 120, 40), tuple(map(int, box.corners)))
    before, after = (scene_of(name, picture) for picture in (dark, lit))
    assert before.grid == after.grid
    with torch.no_grad():
        moved = (embeddings(model, after.tensors) - embeddings(model, before.tensors)).norm(dim=-1)
    changed = (moved > 1e-4).numpy()
    rects = before.grid.rects
    cells = rects[:, 2:] - rects[:, :2]
    margin = cells * (
        1.0 if name == "llava_onevision" else 0.3
    )  # resampling spreads pixels; OneVision's, features
    low, high = np.array(box.corners[:2]), np.array(box.corners[2:])
    touch = ((rects[:, :2] < high + margin) & (rects[:, 2:] > low - margin)).all(1)
    surely = ((rects[:, :2] < high - margin / 2) & (rects[:, 2:] > low + margin / 2)).all(1)
    at = before.grid.positions
    assert surely.any()
    assert changed[at][surely].all()
    assert not changed[at][~touch].any()
    assert not changed[np.setdiff1d(np.arange(before.n_prompt), at)].any()
    weights = Region.box(before.grid, box).weights
    assert (weights[surely] > 0).all()
    assert (weights[~touch] == 0).all()


@EVERY
@pytest.mark.parametrize("size", [STRIP, (57, 331)])
def test_regions_that_tile_the_picture_partition_the_tokens_of_each_view(
    name: str, size: tuple[int, int]
) -> None:
    scene = scene_of(name, tiny.noise(*size))
    width, height = size
    x, y = 0.37 * width, 0.6 * height
    boxes = [Box(0, 0, x, height), Box(x, 0, width, y), Box(x, y, width, height)]
    total = sum(Region.box(scene.grid, box).weights for box in boxes)
    sees = scene.grid.inside.astype(float)  # all but padding
    assert total == pytest.approx(sees)
    kinds = [view.kind for view in scene.grid.views]
    assert kinds == ["whole"] or {"tile", "thumbnail"} == set(kinds)
    tile = np.array([kind != "thumbnail" for kind in kinds])[scene.grid.view_of]
    whole = [scene.box(0, 0, *size, views=views).weights for views in ("detail", "overview", "all")]
    assert whole[0] == pytest.approx(sees * tile)
    over = np.array([kind != "tile" for kind in kinds])[scene.grid.view_of]
    assert whole[1] == pytest.approx(sees * over)
    assert whole[2] == pytest.approx(sees)
    for cell, token in zip(scene.cells(), np.flatnonzero(scene.grid.inside), strict=True):
        assert cell.weights[token] == pytest.approx(1)
        assert cell.weights.sum() == pytest.approx(1)


@EVERY
@pytest.mark.parametrize("size", [(1536, 256), (90, 200)])
def test_what_is_said_to_reach_the_model_does(name: str, size: tuple[int, int]) -> None:
    """The ramp through the processor: its colours end where the picture ends."""
    scene = scene_of(name, *ramps(size))
    assert scene.seen[0].share > 0.99
    red, green, blue = colours(scene.tensors["pixel_values"])
    for colour in (red[blue > 0.9], green[blue > 0.9]):
        assert colour.min() < 0.1
        assert colour.max() > 0.9


@EVERY
def test_pictures_of_unusual_shape_are_pictures_or_refused(name: str) -> None:
    for size in ((1, 1), (5, 400), (3, 400), (1000, 2)):
        scene = None
        with suppress(BadInput):  # any other error fails
            scene = scene_of(name, Image.new("RGB", size, (9, 99, 199)))
        if scene is None:
            assert max(size) > 100
            continue
        assert scene.grid.inside.any()
        assert np.isfinite(scene.box(0, 0, *size, min_tokens=1).weights).all()


# ------------------------------------------------------------------------------------------- attention and steering


@EVERY
def test_an_idle_seam_changes_no_bit_and_leaves_nothing_behind(name: str) -> None:
    model, scene = zoo(name), scene_of(name)
    with torch.no_grad():
        plain = model.hf(**scene.tensors).logits
        with attached(model.hf):
            idle = model.hf(**scene.tensors).logits
        answer = model.generate(scene, Gaze(heads_of(model), scene.box(0, 0, 84, 56)), max_new_tokens=2)
        after = model.hf(**scene.tensors).logits
    assert answer.effect is not None
    assert torch.equal(plain, idle)
    assert torch.equal(plain, after)
    parts = [getattr(model.hf.config, part) for part in model.hf.config.sub_configs]
    assert {part._attn_implementation for part in parts if hasattr(part, "_attn_implementation")} == {"sdpa"}


@EVERY
def test_positions_are_those_that_the_model_gives_itself(name: str) -> None:
    model, scene = zoo(name), scene_of(name, tiny.noise(*STRIP), tiny.noise(84, 112))
    own = decoder_inputs(model, scene.tensors).get("position_ids")
    if own is None:
        own = torch.arange(scene.n_prompt)[None]
    assert torch.equal(own.expand(scene.positions.shape) if own.ndim == 2 else own[-3:], scene.positions)


@EVERY
def test_answers_are_those_of_transformers(name: str) -> None:
    model, scene = zoo(name), scene_of(name, prompt="Who?")
    out = model.hf.generate(**scene.tensors, max_new_tokens=5, do_sample=False)
    assert list(model.generate(scene, max_new_tokens=5).token_ids) == out[0, scene.n_prompt :].tolist()


@EVERY
def test_steered_heads_look_at_the_target_and_nowhere_else(name: str) -> None:
    model, scene = zoo(name), scene_of(name)
    for region in (scene.box(0, 0, 84, 56), scene.box(100, 0, 168, 56, views="detail")):
        answer = model.generate(scene, Gaze(heads_of(model), region, during="answer"), max_new_tokens=4)
        effect = answer.effect
        assert effect is not None
        assert effect.rows_steered
        assert effect.before is not None
        assert effect.after == pytest.approx(1, abs=1e-5)
        assert effect.before < 0.95


@EVERY
def test_steering_differs_only_through_the_steered_heads(name: str) -> None:
    """With the output weights of the steered heads at zero, steering changes nothing."""
    model, scene = zoo(name), scene_of(name)
    layer, head = full_layers(model)[-1], 1
    attention = model.hf.get_decoder().layers[layer].self_attn
    steering = Steering([Gaze([Head(layer, head)], scene.box(0, 0, 84, 56))], model.n_layers, model.n_heads)
    size = attention.o_proj.weight.shape[1] // model.n_heads
    mine = slice(head * size, (head + 1) * size)
    with torch.no_grad():
        free = model.hf(**scene.tensors).logits
        with attached(model.hf, steering):
            steered = model.hf(**scene.tensors).logits
        kept = attention.o_proj.weight.detach().clone()
        attention.o_proj.weight[:, mine] = 0
        try:
            free_without = model.hf(**scene.tensors).logits
            with attached(model.hf, steering):
                steered_without = model.hf(**scene.tensors).logits
        finally:
            attention.o_proj.weight.copy_(kept)
    assert (free - steered).abs().max() > 1e-4
    assert torch.equal(free_without, steered_without)


@EVERY
def test_rows_of_a_batch_are_what_they_are_alone(name: str) -> None:
    """Different pictures and prompts, padding on the left, two rows of one picture, each with its own gaze."""
    model = zoo(name)
    strip, other = tiny.noise(*STRIP, seed=1), tiny.noise(84, 112, seed=2)
    scenes = [
        scene_of(name, strip, prompt="Who?"),
        scene_of(name, other, prompt="What is going on here?"),
        scene_of(name, strip, prompt="And why?"),
    ]
    gazes = [
        Gaze(heads_of(model), scenes[0].box(0, 0, 84, 56)),
        None,
        Gaze(heads_of(model)[:1], scenes[2].box(84, 0, 168, 56)),
    ]
    assert batch_error(model, scenes, gazes) < 1e-5
    answers = model.generate(scenes, gazes, max_new_tokens=3)
    for answer, scene, gaze in zip(answers, scenes, gazes, strict=True):
        single_answer = model.generate(scene, gaze, max_new_tokens=3)
        assert answer.token_ids == single_answer.token_ids
        if gaze is not None:
            assert answer.effect is not None
            assert single_answer.effect is not None
            assert answer.effect.before == pytest.approx(single_answer.effect.before, abs=1e-5)


@EVERY
def test_a_static_cache_gives_the_same_answer(name: str) -> None:
    model, scene = zoo(name), scene_of(name)
    gaze = Gaze(heads_of(model), scene.box(0, 0, 84, 56))
    ours = model.generate(scene, gaze, max_new_tokens=4)
    static = model.generate(
        scene, gaze, max_new_tokens=4, cache_implementation="static", disable_compile=True
    )
    assert static.token_ids == ours.token_ids
    assert static.effect is not None
    assert ours.effect is not None
    assert static.effect.before == pytest.approx(ours.effect.before, abs=1e-5)


@EVERY
def test_heads_are_found_in_every_layer_that_has_attention(name: str) -> None:
    model = zoo(name)
    strips = [tiny.strip(3, cell=28, seed=seed) for seed in (1, 2)]
    heads = discover(model, strips, batch_size=4)
    layers = [n for n, layer in enumerate(model.hf.get_decoder().layers) if hasattr(layer, "self_attn")]
    assert {head.layer for head in heads} == set(layers)
    assert len(heads) == len(layers) * model.n_heads
    scores = np.array([heads.score(head) for head in heads])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert len(set(scores)) > 1


@EVERY
def test_a_prefix_with_the_picture_can_be_shared(name: str) -> None:
    """What two prompts have in common once, the rest of each after it, steered: as if run whole."""
    model = zoo(name)
    scenes = [scene_of(name, prompt=prompt) for prompt in ("Who is it?", "Who was this?")]
    assert (prefix_error(model, scenes) < 1e-5) == (name not in NO_PREFIX)


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
        BadInput, match=f"Only {share} of picture 0 reaches the model: .* Leave out do_center_crop, or"
    ):
        model.encode(tiny.noise(*size), "What?", **crop)
    square = model.encode(tiny.noise(64, 64), "What?", **crop)
    assert square.seen[0].share == 1


@pytest.mark.parametrize("size", [(168, 56), (56, 168), (331, 57), (61, 83)])
def test_the_part_that_a_crop_leaves_is_known(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gazeheads.encoding.LEAST_SHARE", 0.0)
    crop = {"do_center_crop": True, "size": {"shortest_edge": 56}}
    scene = zoo("llava").encode(ramps(size), "What?", **crop)
    assert scene.seen[0].share == pytest.approx(min(size) / max(size), abs=0.02)
    assert sight_errors(zoo("llava"), scene, range(16)).max() < 0.1


def test_ovis2_tiles_a_strip_along_its_length() -> None:
    grid = zoo("ovis2").encode(ramps((336, 56)), "What?").grid
    tiles = [view.box.corners for view in grid.views if view.kind == "tile"]
    assert tiles == [(56 * k, 0, 56 * (k + 1), 56) for k in range(6)]
    scene = zoo("ovis2").encode(ramps((336, 56)), "What?", use_covering_area_grid=True)
    across = {view.box.width for view in scene.grid.views}
    assert across == {336}  # its own rule takes rows for columns; what its tokens see is known all the same
    assert sight_errors(zoo("ovis2"), scene, range(len(scene.grid))).max() < 0.3


@pytest.mark.parametrize("name", ["internvl", "aya_vision", "ovis2", "cohere2_vision"])
def test_strips_are_drawn_with_one_panel_on_each_tile(name: str) -> None:
    (sample,) = doodles(1, seed=0)
    sample = zoo(name).fit(sample)
    scene = zoo(name).encode(sample.picture, "What?", panels=sample.boxes)
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
        with suppress(BadInput):
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
    with pytest.raises(RegionError, match="min_tokens=9 was asked for picture 0, which has 4 image tokens"):
        scene.box(0, 0, 84, 56, views="overview", min_tokens=9)


def test_padding_belongs_to_no_region() -> None:
    """Of several pictures OneVision pads each to a square: the first row of cells sees padding only."""
    scene = scene_of("llava_onevision", *ramps(STRIP, (112, 112)))
    whole = scene.box(0, 0, *STRIP).weights
    assert whole[:16].reshape(4, 4).tolist() == [[0] * 4, [1] * 4, [1] * 4, [0] * 4]
    assert scene.grid.inside[:16].sum() == 8
    assert len(scene.cells()) == 8
    grown = scene.box(0, 0, 10, 10, min_tokens=8)
    assert grown.weights[:16].reshape(4, 4).sum(1).tolist() == [0, 4, 4, 0]
    with pytest.raises(RegionError, match="min_tokens=9 was asked for picture 0, which has 8 image tokens"):
        scene.box(0, 0, 10, 10, min_tokens=9)
    assert (~scene.box(0, 0, 84, 56)).weights[:4].sum() == 0


# ------------------------------------------------------------------------------------------------------- bad input


def test_a_picture_that_becomes_no_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo("llava")
    monkeypatch.setattr(type(model.processor), "replace_image_token", lambda *_, **__: "")
    with pytest.raises(BadInput, match="a picture of 168 x 56 px became no image token at all"):
        model.encode(tiny.noise(*STRIP), "What?")


@EVERY
def test_image_placeholders_in_the_question_are_refused(name: str) -> None:
    model = zoo(name)
    token = model.processor.tokenizer.convert_ids_to_tokens(model.hf.config.image_token_id)
    with pytest.raises((BadInput, ModelError), match="placeholders|do not fit|The processor"):
        scene_of(name, prompt=f"What is {token}?")


def test_a_processor_without_a_chat_template_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo("llava").processor, "chat_template", None)
    with pytest.raises(BadInput, match="LlavaProcessor without a chat template. Set processor.chat_template"):
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
    with pytest.raises(ProbeNeverFired, match="saw no attention"):
        model.generate(scene, Gaze(heads_of(model), scene.box(0, 0, 84, 56)), max_new_tokens=2)


def test_heads_of_layers_without_attention_cannot_be_steered() -> None:
    model, scene = zoo("qwen3_5"), scene_of("qwen3_5")
    assert full_layers(model) == [1, 3]
    with pytest.raises(ProbeNeverFired, match=r"layers \[0\] saw no attention: .*or these layers have none"):
        model.generate(scene, Gaze([Head(0, 1)], scene.box(0, 0, 84, 56)), max_new_tokens=2)


def test_every_family_of_the_table_exists() -> None:
    assert {(model, tower) for model, tower in FAMILIES} == {
        (zoo(name).hf.config.model_type, zoo(name).hf.config.vision_config.model_type) for name in ZOO
    } | {("llava", "siglip_vision_model")}
    with pytest.raises(
        UnknownFamily, match="Model type 'strange' is not known: .*docs/families.md.*Known: aya_vision, "
    ):
        family(type("Config", (), {"model_type": "strange", "vision_config": object()})())

"""The image grid of a prompt from what vLLM tells of it: equal to the one that our own processor's scene has."""

from types import SimpleNamespace

import numpy as np
import paged_batch as paged
import pytest
import torch

from gazeheads.errors import GazeError, UnknownFamily
from gazeheads.serve.vllm.scenes import Shapes, grid_of, must_be_known

QWEN = SimpleNamespace(
    model_type="qwen3_vl",
    vision_config=SimpleNamespace(patch_size=5, spatial_merge_size=2, model_type="qwen3_vl_vision"),
)
LLAVA = SimpleNamespace(
    model_type="llava",
    vision_config=SimpleNamespace(patch_size=14, image_size=28, model_type="clip_vision_model"),
    text_config=SimpleNamespace(model_type="llama"),
)


def feature(offset, length, rows=0, cols=0, name="a", is_embed=None, held=False, modality="image"):
    thw = SimpleNamespace(data=torch.tensor([1, 2 * rows, 2 * cols]))
    place = SimpleNamespace(offset=offset, length=length, is_embed=is_embed)
    data = None if held else {"image_grid_thw": thw}
    return SimpleNamespace(modality=modality, mm_hash=name, mm_position=place, data=data)


def test_images_of_qwen_are_grids_of_rows_and_columns():
    ours = paged.grid(images=2)  # 2 x 3 cells each, from tokens 2 and 9 on
    first, second = feature(2, 6, 2, 3, "a"), feature(8, 7, 2, 3, "b", torch.tensor([False] + [True] * 6))
    shapes = Shapes()
    shapes.note([first, second], 2)
    assert grid_of(QWEN, ours.n_prompt, [first, second], ((30, 20), (30, 20)), shapes) == ours
    assert (
        grid_of(QWEN, ours.n_prompt, [first, second], (), shapes) == ours
    )  # cells of 2 x 5 px: sizes follow
    held = [feature(2, 6, name="a", held=True), feature(9, 6, name="b", held=True)]
    assert grid_of(QWEN, ours.n_prompt, held, (), shapes) == ours
    with pytest.raises(GazeError, match="--mm-processor-cache-gb 0"):
        grid_of(QWEN, 20, [feature(2, 6, name="c", held=True)], (), shapes)


def test_images_of_llava_are_squares():
    grid = grid_of(LLAVA, 10, [feature(1, 4)], ((64, 32),), Shapes())
    assert grid.positions.tolist() == [1, 2, 3, 4]
    assert np.array_equal(grid.rects, [[0, 0, 32, 16], [32, 0, 64, 16], [0, 16, 32, 32], [32, 16, 64, 32]])
    with pytest.raises(GazeError, match="a square was expected"):
        grid_of(LLAVA, 10, [feature(1, 5)], (), Shapes())


def test_llava_must_not_cut_images():
    with pytest.raises(
        GazeError, match='--mm-processor-kwargs \'{"do_center_crop": false, "size": {"height": 28'
    ):
        must_be_known(LLAVA, None)
    must_be_known(LLAVA, {"do_center_crop": False, "size": {"height": 28, "width": 28}})
    must_be_known(QWEN, None)


def test_what_cannot_be_placed_is_refused():
    with pytest.raises(UnknownFamily, match="'gemma3' cannot be steered in vLLM"):
        must_be_known(SimpleNamespace(model_type="gemma3"), None)
    with pytest.raises(UnknownFamily, match="text model of type 'gpt_oss'"):
        must_be_known(
            SimpleNamespace(model_type="llava", text_config=SimpleNamespace(model_type="gpt_oss")), None
        )
    with pytest.raises(GazeError, match="this request has video"):
        grid_of(QWEN, 10, [feature(1, 4, 2, 2), feature(6, 2, 1, 2, modality="video")], (), Shapes())
    with pytest.raises(GazeError, match="this request has none"):
        grid_of(QWEN, 10, [], (), Shapes())
    shapes = Shapes()
    shapes.note([feature(1, 4, 2, 2)], 2)
    with pytest.raises(GazeError, match="sizes of 2 images; the request holds 1"):
        grid_of(QWEN, 10, [feature(1, 4, 2, 2)], ((3, 3), (3, 3)), shapes)

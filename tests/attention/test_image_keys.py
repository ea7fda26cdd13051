"""Which key holds which image token: found once for a prompt, anew for another one."""

from typing import Any

import tiny
import torch

from gazeheads.attention.call import ForwardPass
from gazeheads.attention.image_keys import Slots
from gazeheads.model.model import GazeModel
from gazeheads.regions.grid import ImageGrid


def passes(slots: Slots, mask: list[list[int]], total: int, n_queries: int, held: int | None = None) -> Any:
    """What a layer that holds `held` keys says of the pass whose last `n_queries` of `total` slots are its own."""
    rows = torch.tensor(mask)
    forward_pass = ForwardPass.of(rows, int(total), int(n_queries), len(rows), "cpu")
    slots.begin(forward_pass)
    return slots.of(int(held or total), forward_pass)


def grids(model: GazeModel) -> list[ImageGrid]:
    return [model.encode(tiny.strip(panels, seed=1).image, "Who?").grid for panels in (1, 2)]


def test_keys_of_image_tokens_are_found_behind_padding_and_kept_while_tokens_follow(model: GazeModel) -> None:
    short, long = grids(model)
    slots = Slots([short, long])
    pad = long.n_prompt - short.n_prompt
    mask = [[0] * pad + [1] * (short.n_prompt + 2), [1] * (long.n_prompt + 2)]
    found = passes(slots, mask, long.n_prompt, long.n_prompt)
    assert found[0, : len(short)].tolist() == [place + pad for place in short.positions]
    assert (found[0, len(short) :] == -1).all()
    assert found[1, : len(long)].tolist() == list(long.positions)
    assert passes(slots, mask, long.n_prompt + 1, 1) is found
    assert passes(slots, mask, long.n_prompt + 2, 1) is found


def test_another_prompt_is_another_matter(model: GazeModel) -> None:
    (grid, _) = grids(model)
    slots, n = Slots([grid]), grid.n_prompt
    first = passes(slots, [[1] * n], n, n)
    padded = passes(slots, [[0, 0, 0] + [1] * n], n + 3, n + 3)
    assert (padded - first == 3).all()
    assert (passes(slots, [[1] * n], n, n) == first).all()


def test_a_part_of_a_prompt_is_not_taken_for_the_whole(model: GazeModel) -> None:
    """A prompt that comes in two passes: what the first does not hold is not there yet."""
    (grid, _) = grids(model)
    slots, n = Slots([grid]), grid.n_prompt
    half = grid.positions[len(grid) // 2]
    assert (passes(slots, [[1] * n], half, half)[0] == -1).sum() == len(grid) - len(grid) // 2
    assert passes(slots, [[1] * n], n, n - half)[0].tolist() == list(grid.positions)


def test_a_sliding_window_drops_the_first_ones(model: GazeModel) -> None:
    (grid, _) = grids(model)
    slots, n = Slots([grid]), grid.n_prompt
    whole = passes(slots, [[1] * (n + 1)], n, n)
    held = n + 1 - (grid.positions[0] + 1)  # the first image token has left
    found = passes(slots, [[1] * (n + 1)], n + 1, 1, held)
    assert found[0, 0] == -1
    assert (found[0, 1:] == whole[0, 1:] - (grid.positions[0] + 1)).all()
    assert passes(slots, [[1] * (n + 1)], n + 1, 1) is whole

"""The shapes in the types of the engine are checked while `make test-shapes` runs."""

import pytest
import torch
from jaxtyping import TypeCheckError

from gazeheads.attention.effect_log import Log
from gazeheads.attention.formulas import on_target

pytestmark = pytest.mark.shapes


def test_a_function_that_is_given_another_shape_is_stopped() -> None:
    weights, kinds = torch.ones(2, 1, 5), torch.zeros(2, 1, 5, dtype=torch.long)
    assert on_target(torch.zeros(2, 0), weights, kinds, None).shape == (2, 1, 5)
    with pytest.raises(TypeCheckError):
        on_target(torch.zeros(2, 0), weights, kinds[..., :4], None)
    with pytest.raises(TypeCheckError):
        on_target(torch.zeros(2, 0), weights[0], kinds, None)


def test_a_value_that_is_made_of_other_shapes_is_stopped() -> None:
    tokens = torch.arange(6).reshape(2, 3).numpy()
    with pytest.raises(TypeCheckError):
        Log(tokens, torch.zeros(2, 2, 4), torch.zeros(2, 2, 3, dtype=torch.long))

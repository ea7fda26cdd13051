"""`plain`: what every `to_json` is made of."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from gazeheads.heads.head import Head
from gazeheads.plain import plain


@dataclass
class Told:
    name: str

    def to_json(self) -> dict[str, str]:
        return {"called": self.name}


@dataclass
class Value:
    numbers: np.ndarray = field(default_factory=lambda: np.array([[1.0, np.nan], [np.inf, 2.5]]))
    inner: tuple[Told, ...] = (Told("a"),)
    by_head: dict[Head, int] = field(default_factory=lambda: {Head(1, 2): 3})


def test_a_value_is_what_its_fields_are() -> None:
    assert plain(Value()) == {
        "numbers": [[1.0, None], [None, 2.5]],
        "inner": [{"called": "a"}],
        "by_head": {"L1H2": 3},
    }


def test_numbers_and_arrays_of_numpy_and_torch_are_plain_ones() -> None:
    values = plain([np.float32(0.5), np.int64(3), np.bool_(True), torch.tensor([1, 2]), torch.tensor(7)])
    assert values == [0.5, 3, True, [1, 2], 7] and type(values[2]) is bool
    assert json.loads(json.dumps(values)) == values


def test_what_json_does_not_know_is_its_text() -> None:
    assert plain([Path("a/b"), torch.float16, None, Head(0, 1)]) == ["a/b", "torch.float16", None, [0, 1]]

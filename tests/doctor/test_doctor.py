"""The doctor: every family of the zoo fits, and what is broken on purpose is found."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from families_shared import IGNORED
from torch import Tensor
from zoo_families import ZOO, zoo

from gazeheads.attention.steering import Steering
from gazeheads.cli import main
from gazeheads.doctor import doctor
from gazeheads.doctor.doctor import examine, to_json
from gazeheads.model.model import GazeModel
from gazeheads.regions.grid import Box, View


@pytest.fixture(autouse=True)
def few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient through the vision tower for each token: tests/families looks at all of them."""
    monkeypatch.setattr(doctor, "TOKENS", 6)


NAMES = ["text model", "image", "grid", "idle", "push", "batch", "prefix", "discovery"]


QUICK = (
    "qwen3_vl",
    "gemma3",
    "paligemma",
)  # the others behind `slow`: their parts are tested in tests/families


@IGNORED
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ZOO)]
)
def test_every_family_fits(name: str) -> None:
    checks = list(examine(zoo(name)))
    assert [check.name for check in checks] == NAMES
    assert [check for check in checks if check.state == "FAIL"] == []
    prefix = checks[NAMES.index("prefix")].found
    assert ("must not be shared" in prefix) == (name == "paligemma")


def failed(model: GazeModel) -> list[str]:
    return [check.name for check in examine(model) if check.state == "FAIL"]


def test_a_picture_that_is_cut_is_found() -> None:
    model = zoo("qwen3_vl")
    broken = GazeModel(model.hf, model.processor, "broken")

    def halved(made: Any) -> list[View]:
        views = model.family.views(made)
        return [
            replace(view, box=Box(view.box.x0, view.box.y0, view.box.x1, view.box.y1 / 2)) for view in views
        ]

    broken.family = replace(model.family, views=halved)
    found = {check.name: check for check in examine(broken)}
    assert found["image"].state == "FAIL"
    assert "Only 50% of image 0 reaches the model" in found["image"].found


def test_a_grid_of_other_proportions_is_found() -> None:
    model = zoo("qwen3_vl")
    broken = GazeModel(model.hf, model.processor, "broken")

    def turned(made: Any) -> list[View]:
        return [replace(view, rows=view.cols, cols=view.rows) for view in model.family.views(made)]

    broken.family = replace(model.family, views=turned)
    assert failed(broken) == ["grid"]


def test_a_push_that_does_not_arrive_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Steering, "_pushed", lambda self, plan, sight, pairs, scores, pattern: pattern)
    assert failed(zoo("qwen3_vl")) == ["push"]


def test_rows_that_are_not_what_they_are_alone_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = doctor.batch_error

    def off(*arguments: Any) -> float:
        return inner(*arguments) + 1e-3

    monkeypatch.setattr(doctor, "batch_error", off)
    assert failed(zoo("qwen3_vl")) == ["batch"]


def test_a_seam_that_leaves_something_behind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from gazeheads.attention import seam as attention

    monkeypatch.setattr(attention, "_close_if_unused", lambda session: None)
    model = zoo("qwen3_vl")
    config = model.hf.get_decoder().config
    try:
        assert "idle" in failed(model)
    finally:
        attention._BY_CONFIG.clear()
        attention._BY_MODULE.clear()
        config._attn_implementation = "sdpa"


def test_a_check_that_cannot_be_made_is_a_failure_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(model: GazeModel, *_: Any) -> Tensor:
        raise RuntimeError("out of memory\nmore")

    monkeypatch.setattr(doctor, "receptive_field_errors", breaks)
    (grid,) = [check for check in examine(zoo("qwen3_vl")) if check.name == "grid"]
    assert (grid.state, grid.found) == ("FAIL", "RuntimeError: out of memory")


def test_half_precision_is_judged_by_its_rounding() -> None:
    model = zoo("qwen3_vl")
    model.hf.to(torch.bfloat16)
    try:
        assert failed(model) == []
    finally:
        model.hf.to(torch.float32)


def test_the_command_says_whether_the_bundled_model_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "ok    grid" in said and said.endswith("This model fits.\n")
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fits"] is True
    assert [check["name"] for check in found["checks"]] == NAMES
    monkeypatch.setattr(doctor, "OUTSIDE", 0.0)
    assert main(["doctor"]) == 1
    assert "FAIL  grid" in capsys.readouterr().out
    assert to_json(zoo("qwen3_vl"), [])["fits"] is True

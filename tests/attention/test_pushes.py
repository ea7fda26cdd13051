"""The laws that every push obeys, in every dtype."""

from dataclasses import replace
from functools import partial

import pytest
import tiny
import torch
from steered_runs import HEADS, PUSHES, TOKENS, steered
from torch import Tensor

from gazeheads.attention.call import Call
from gazeheads.attention.formulas import FORMULAS, IMAGE, TEXT, Formula, biased, on_target
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.errors import GazeError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import PUSHES as PUSH_KINDS
from gazeheads.gaze.push import Number, Push, PushKind, push_forms
from gazeheads.gaze.record import Record
from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene


class Patterns:
    """The steered patterns, read from inside: what the formulas returned, and for which logits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        for name, formula in FORMULAS.items():
            monkeypatch.setitem(FORMULAS, name, replace(formula, pattern=partial(self.spy, formula)))

    def spy(
        self, formula: Formula, scores: Tensor, pattern: Tensor, level: Tensor, weights: Tensor, image: Tensor
    ) -> Tensor:
        final = formula.pattern(scores, pattern, level, weights, image)
        w, inside = weights.expand_as(final), image.expand_as(final)
        sees = (w > 0).any(-1)
        self.seen.append((final[sees], pattern[sees], w[sees], inside[sees]))
        return final


def test_a_new_push_is_two_entries(model: GazeModel, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    sharpen = PushKind(
        "sharpen", "sees the target only, sharply", "p' ~ w e^(c s)", (Number("c", "how sharply"),)
    )

    def level(numbers: Tensor, weights: Tensor, kinds: Tensor, hidden: Tensor | None) -> Tensor:
        return on_target(numbers, weights, kinds, hidden) * numbers[:, :1, None] ** 0

    def pattern(scores: Tensor, pattern: Tensor, level: Tensor, weights: Tensor, image: Tensor) -> Tensor:
        return (2.0 * scores + level).softmax(-1)

    with pytest.raises(GazeError, match="Push 'sharpen' is unknown"):
        Push.of("sharpen", 2)
    monkeypatch.setitem(PUSH_KINDS, "sharpen", sharpen)
    monkeypatch.setitem(FORMULAS, "sharpen", Formula(level, pattern))
    push = Push.parse("sharpen(2)")
    assert push == Push.of("sharpen", 2) == Push.of("sharpen", c=2.0) and str(push) == "sharpen(2)"
    assert not push.is_nothing and push_forms().endswith("or sharpen(c)")
    plain, sharp = (
        model.generate(
            scene, Gaze(HEADS, scene.panel(1), how), max_new_tokens=3, record=Record(HEADS, "heads")
        )
        for how in (Push.focus(), push)
    )
    assert plain.effect is not None and sharp.effect is not None and sharp.effect.after == pytest.approx(1)
    assert plain.trace is not None and sharp.trace is not None
    first = [trace.attention[:, 0] for trace in (plain.trace, sharp.trace)]
    assert (first[1].max(-1) > first[0].max(-1)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", PUSHES)
def test_laws_of_the_pattern_in_every_dtype(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, dtype: torch.dtype
) -> None:
    model = tiny.tiny_model()
    model.hf.to(dtype)
    patterns = Patterns(monkeypatch)
    region = scene.box(20, 10, 100, 60)
    steered(model, scene, Gaze(HEADS, region, PUSHES[name][0]))
    assert len(patterns.seen) == 3 * TOKENS
    for final, plain, weights, image in patterns.seen:
        assert final.dtype == torch.float32
        torch.testing.assert_close(final.sum(-1), torch.ones(len(final)), atol=1e-5, rtol=0)
        inside = weights > 0
        if name in ("focus", "uniform"):
            assert (final * inside).sum(-1).min() > 1 - 1e-6
            assert final[~inside].max() == 0
        if name == "focus":  # relative weights kept, times coverage
            ratio = torch.where(inside & (plain > 1e-6), final / (plain * weights), torch.nan)
            spread = ratio.nan_to_num(-1).max(-1).values / ratio.nan_to_num(torch.inf).min(-1).values
            torch.testing.assert_close(spread, torch.ones_like(spread), atol=1e-3, rtol=0)
        if name == "uniform":  # causal rows may see a part of the target only
            seen = (final > 0) * weights
            torch.testing.assert_close(final, seen / seen.sum(-1, keepdim=True), atol=1e-6, rtol=0)
        if name == "reweigh":
            torch.testing.assert_close((final * image).sum(-1), (plain * image).sum(-1), atol=1e-5, rtol=0)
            assert torch.equal(final[~image], plain[~image])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_bias_of_zero_changes_nothing_bit_for_bit(scene: Scene, dtype: torch.dtype) -> None:
    model = tiny.tiny_model()
    model.hf.to(dtype)
    _, free = steered(model, scene, None)
    _, logits = steered(model, scene, Gaze(HEADS, scene.panel(1), Push.bias(0)))
    assert torch.equal(free, logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_bias_tends_to_focus(scene: Scene, dtype: torch.dtype) -> None:
    """Suppressing other image tokens, text and generated ones without end is what focus means."""
    model = tiny.tiny_model()
    model.hf.to(dtype)
    region = scene.panel(1)
    _, focus = steered(model, scene, Gaze(HEADS, region))
    apart = []
    for nats in (2.0, 8.0, 32.0, 100.0):
        push = Push.bias(nats, -nats, text=-nats, generated=-nats)
        _, logits = steered(model, scene, Gaze(HEADS, region, push))
        apart.append(float((logits - focus).abs().max()))
    assert apart[0] > apart[1] > apart[2]
    assert apart[-1] < 1e-4


@pytest.mark.parametrize("nats", [1e4, 1e6])
@pytest.mark.parametrize("others", [-1.0, 0.0])
def test_a_large_bias_keeps_logits_and_coverage(
    model: GazeModel, scene: Scene, nats: float, others: float
) -> None:
    """Where the paper's recipe rounds them away: the region cuts through cells, and heads have weights or not."""
    region = scene.box(10, 7, 90, 50)
    _, focus = steered(model, scene, Gaze(HEADS, region))
    for weights in (None, [1.0, 0.5, 1.0, 0.5]):
        push = Push.bias(nats, others * nats, others * nats, others * nats)
        _, logits = steered(model, scene, Gaze(HEADS, region, push, weights=weights))
        torch.testing.assert_close(logits, focus, atol=1e-5, rtol=0)


def test_nats_that_no_token_has_do_not_round_the_others(model: GazeModel, scene: Scene) -> None:
    """No token is generated yet when token 0 is produced, and the whole image has no outside."""
    whole = scene.box(0, 0, 192, 64)
    _, fair = steered(model, scene, Gaze(HEADS, whole, Push.bias(1.3)), 1)
    _, large = steered(model, scene, Gaze(HEADS, whole, Push.bias(1.3, outside=1e6, generated=1e6)), 1)
    torch.testing.assert_close(large, fair, atol=1e-6, rtol=0)


def test_nats_of_keys_that_are_not_seen_do_not_round_the_others() -> None:
    """The last key, outside, is hidden from the first query; the other two differ by the bias and by coverage."""
    nats, weights = torch.tensor([[1.3, 1e6, 0.1, 0.0]]), torch.tensor([[[0.0, 1.0, 0.0]]])
    kinds = torch.tensor([[[TEXT, IMAGE, IMAGE]]])
    hidden = torch.tensor([[[0.0, 0.0, -torch.inf], [0.0, 0.0, 0.0]]])
    found = biased(nats, weights, kinds, hidden)
    expected = torch.tensor([[[-1.2, 0.0, -torch.inf], [0.1 - 1e6, 1.3 - 1e6, 0.0]]])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


def test_focus_on_everything_but_text_equals_suppressed_text(model: GazeModel, scene: Scene) -> None:
    whole = scene.box(0, 0, 192, 64)
    _, focus = steered(model, scene, Gaze(HEADS, whole))
    _, biased = steered(model, scene, Gaze(HEADS, whole, Push.bias(0, 0, text=-200, generated=-200)))
    torch.testing.assert_close(focus, biased, atol=1e-5, rtol=0)


def test_reweigh_to_the_whole_picture_changes_nothing(model: GazeModel, scene: Scene) -> None:
    _, free = steered(model, scene, None)
    _, logits = steered(model, scene, Gaze(HEADS, scene.box(0, 0, 192, 64), "reweigh"))
    torch.testing.assert_close(free, logits, atol=1e-5, rtol=0)


class Outputs:
    """A probe that keeps every layer's attention output, after the probes before it."""

    def __init__(self, n_layers: int) -> None:
        self.layers = frozenset(range(n_layers))
        self.overwrites = frozenset[Head]()
        self.fired = False
        self.kept: dict[int, Tensor] = {}

    def attend(self, call: Call) -> None:
        self.kept[call.layer] = call.output.clone()


@torch.no_grad()
def test_heads_and_layers_not_steered_are_untouched(model: GazeModel, scene: Scene) -> None:
    plain, changed = Outputs(3), Outputs(3)
    inputs = scene.tensors
    with attached(model.hf, plain):
        model.hf(**inputs)
    gaze = Gaze([Head(1, 2)], scene.panel(1))
    with attached(model.hf, Steering([gaze], 3, 4), changed):
        model.hf(**inputs)
    assert torch.equal(plain.kept[0], changed.kept[0])
    others = [0, 1, 3]
    assert torch.equal(plain.kept[1][:, :, others], changed.kept[1][:, :, others])
    first = int(min(scene.grid.positions[scene.panel(1).weights > 0]))
    assert torch.equal(plain.kept[1][:, :first, 2], changed.kept[1][:, :first, 2])  # blind rows keep theirs
    moved = (plain.kept[1][:, first:, 2] - changed.kept[1][:, first:, 2]).abs().amax(-1)
    assert moved.min() > 1e-4

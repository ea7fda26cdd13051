"""Several targets with shares, heads with weights, and the paper's recipe in two dtypes."""

from typing import Any

import numpy as np
import pytest
import reference
import tiny
import torch
from steered_runs import HEADS, PUSHES, TOKENS, produced, steered

from gazeheads.attention.steering import Steering
from gazeheads.errors import ForeignRegion, GazeError, RegionTooSmall
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.gaze.push import Push
from gazeheads.gaze.record import Record
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.regions.mix import Mix
from gazeheads.regions.region import Region

WEIGHTS = (1.0, 0.5, 0.25, 0.0)


@pytest.mark.parametrize("name", PUSHES)
def test_a_mix_equals_the_reference(model: GazeModel, scene: Scene, name: str) -> None:
    """Prompt rows between the two regions see one of them only."""
    push, formula = PUSHES[name]
    dog, ball = scene.box(20, 10, 100, 60), scene.box(140, 0, 192, 40)
    tokens, logits = steered(model, scene, Gaze(HEADS, Mix([dog, ball], [3, 1]), push))
    aims = [(0.75, reference.target(dog, **formula)), (0.25, reference.target(ball, **formula))]
    mixture = reference.Mixture(aims)

    def rewrite(layer: int, head: int, position: int, seen: np.ndarray) -> np.ndarray | None:
        return mixture.push(seen) if (layer, head) in HEADS else None

    expected, expected_logits = reference.generate(model.hf, scene, rewrite, TOKENS)
    assert tokens == expected
    torch.testing.assert_close(logits, expected_logits, atol=2e-5, rtol=0)
    _, union = steered(model, scene, Gaze(HEADS, dog | ball, push))
    assert (logits - union).abs().max() > 1e-3


@pytest.mark.parametrize("name", PUSHES)
def test_head_weights_equal_the_reference(model: GazeModel, scene: Scene, name: str) -> None:
    push, formula = PUSHES[name]
    weights = (1.0, -0.5, 2.0, 0.0) if name == "bias" else WEIGHTS
    region = scene.box(20, 10, 100, 60)
    tokens, logits = steered(model, scene, Gaze(HEADS, region, push, weights=weights))
    aim = reference.target(region, **formula)

    def rewrite(layer: int, head: int, position: int, seen: np.ndarray) -> np.ndarray | None:
        if (layer, head) not in HEADS:
            return None
        return reference.blended(aim, weights[HEADS.index(Head(layer, head))], seen)

    expected, expected_logits = reference.generate(model.hf, scene, rewrite, TOKENS)
    assert tokens == expected
    torch.testing.assert_close(logits, expected_logits, atol=2e-5, rtol=0)
    _, full = steered(model, scene, Gaze(HEADS, region, push))
    assert (logits - full).abs().max() > 1e-3


@pytest.mark.parametrize("name", PUSHES)
def test_weights_of_one_are_no_weights_and_weights_of_zero_no_push(
    model: GazeModel, scene: Scene, name: str
) -> None:
    push = PUSHES[name][0]
    _, plain = steered(model, scene, Gaze(HEADS, scene.panel(1), push))
    _, ones = steered(model, scene, Gaze(HEADS, scene.panel(1), push, weights=[1] * 4))
    _, free = steered(model, scene, None)
    _, zeros = steered(model, scene, Gaze(HEADS, scene.panel(1), push, weights=[0] * 4))
    assert torch.equal(plain, ones)
    assert torch.equal(free, zeros)
    some = Gaze(HEADS, scene.panel(1), push, weights=[1, 0, 1, 0])
    _, two = steered(model, scene, Gaze([HEADS[0], HEADS[2]], scene.panel(1), push))
    assert torch.equal(steered(model, scene, some)[1], two)


@pytest.mark.parametrize("name", PUSHES)
def test_a_mix_of_one_region_is_that_region(model: GazeModel, scene: Scene, name: str) -> None:
    push = PUSHES[name][0]
    _, alone = steered(model, scene, Gaze(HEADS, scene.panel(1), push))
    _, mix = steered(model, scene, Gaze(HEADS, Mix([scene.panel(1)], [7]), push))
    assert torch.equal(alone, mix)


@pytest.mark.parametrize("name", PUSHES)
def test_softening_is_a_weight_on_all_heads_of_a_row(model: GazeModel, scene: Scene, name: str) -> None:
    """A head that had a weight keeps its share of it."""
    push, weights = PUSHES[name][0], (1.0, 0.5, 0.25, 1.0)
    soft = Steering(
        [Gaze(HEADS, scene.panel(1), push, weights=weights), Gaze(HEADS, scene.panel(2), push)], 3, 4
    )
    soft.soften(0, 0.5)
    tokens, logits = produced(model, [scene, scene], soft)
    halves = tuple(weight / 2 for weight in weights)
    expected, half = steered(model, scene, Gaze(HEADS, scene.panel(1), push, weights=halves))
    assert tokens[0] == expected
    torch.testing.assert_close(logits[0], half, atol=1e-5, rtol=0)
    other, full = steered(model, scene, Gaze(HEADS, scene.panel(2), push))
    assert tokens[1] == other
    torch.testing.assert_close(logits[1], full, atol=1e-5, rtol=0)


def test_shares_not_sizes_decide_how_much_each_region_gets(model: GazeModel, scene: Scene) -> None:
    """A cell and two panels, half each: the heads' mass is halved, whatever they like."""
    cell, panels = scene.box(0, 0, 32, 32), scene.panel(1) | scene.panel(2)
    gaze = Gaze(HEADS, Mix([cell, panels]))
    answer = model.generate(scene, gaze, record=Record(HEADS, keep="heads"), max_new_tokens=3)
    assert answer.trace is not None
    np.testing.assert_allclose(answer.trace.over([cell, panels]), 0.5, atol=1e-6)
    assert answer.effect is not None
    assert answer.effect.after == pytest.approx(1, abs=1e-6)


def test_rows_of_a_batch_mix_as_they_do_alone(model: GazeModel, scene: Scene) -> None:
    gazes = [
        Gaze(HEADS, Mix([scene.panel(0), scene.panel(2)], [1, 2]), "uniform"),
        Gaze(HEADS, scene.panel(1), "reweigh", "answer", WEIGHTS),
        Gaze(HEADS[:3], scene.panel(1), Push.bias(2, -1), weights=[-1, 0.5, 3]),
        Gaze(
            HEADS, Schedule.every(2, [Mix([scene.panel(0), scene.panel(1), scene.panel(2)]), scene.panel(0)])
        ),
    ]
    tokens, logits = produced(model, [scene] * 4, Steering(gazes, 3, 4))
    for row, gaze in enumerate(gazes):
        alone, alone_logits = steered(model, scene, gaze)
        assert tokens[row] == alone
        torch.testing.assert_close(logits[row], alone_logits, atol=1e-5, rtol=0)


def test_a_live_target_moves_to_a_mix(model: GazeModel, scene: Scene) -> None:
    mix = Mix([scene.panel(0), scene.panel(2)], [1, 4], name="two things")
    gaze = Gaze(HEADS, Live(scene.panel(1)), during="answer")
    tokens = []
    for token in model.stream(scene, gaze, max_new_tokens=5):
        tokens.append(token.id)
        if token.index == 1:
            gaze.look(mix)
    schedule = Schedule.at({0: scene.panel(1), 2: mix})
    assert tokens == steered(model, scene, Gaze(HEADS, schedule, during="answer"), 5)[0][: len(tokens)]
    assert len(tokens) == 5


def test_regions_of_two_pictures_mix() -> None:
    model = tiny.tiny_model()
    scene = model.encode([tiny.noise(64, 64, 1), tiny.noise(96, 64, 2)], "Which?")
    one, two = scene.box(0, 0, 32, 64, image=0), scene.box(32, 0, 96, 64, image=1)
    gaze = Gaze(HEADS, Mix([one, two], [1, 3]))
    answer = model.generate(scene, gaze, record=Record(HEADS), max_new_tokens=2)
    assert answer.trace is not None
    np.testing.assert_allclose(answer.trace.over([one, two]), [[0.25, 0.75]] * 2, atol=1e-6)
    with pytest.raises(ForeignRegion, match="cannot be joined with one of image 1. Give both as a Mix"):
        one | two


def test_a_mix_is_a_value(scene: Scene) -> None:
    left, right = scene.box(0, 0, 64, 64, name="dog"), scene.box(64, 0, 128, 64, name="ball")
    mix = Mix([left, right], [3, 1])
    assert mix == Mix((left, right), (3.0, 1.0), name="both")
    assert str(mix) == "75% dog + 25% ball"
    assert str(Mix([left], name="it")) == "it"
    assert Mix([left, right]).shares == (0.5, 0.5)


@pytest.mark.parametrize(
    ("make", "wording"),
    [
        (lambda a, b: Mix([]), "needs one or more regions; found none"),
        (lambda a, b: Mix([a, "ball"]), "needs one or more regions; found Region, str"),
        (lambda a, b: Mix([a, b], [1]), "2 regions was given 1 weights. Give one for each"),
        (lambda a, b: Mix([a, b], [1, 0]), "finite numbers above 0; found \\(1.0, 0.0\\). Leave out"),
        (lambda a, b: Mix([a, b], [1, np.nan]), "finite numbers above 0"),
        (lambda a, b: Gaze(HEADS, a, weights=[1, 1]), "4 heads were given with 2 weights. Give one for each"),
        (
            lambda a, b: Gaze(HEADS, a, weights=[1, 1, 1, -0.5]),
            "weight -0.5 was given for focus, where .* is 0 to 1",
        ),
        (lambda a, b: Gaze(HEADS, a, weights=[1, 1, 1, 1.5]), "weight 1.5 was given for focus"),
        (
            lambda a, b: Gaze(HEADS, a, Push.bias(1), weights=[1, 1, 1, np.inf]),
            "where a weight is a finite number",
        ),
        (lambda a, b: Gaze(HEADS, a).look(b), "aimed at a Region, which does not move. To re-target"),
        (lambda a, b: Push.paper("float16"), "Push.paper\\('float16'\\): .* keeps others. Ask for uniform"),
    ],
)
def test_mixes_and_weights_that_mean_nothing_are_refused(scene: Scene, make: Any, wording: str) -> None:
    with pytest.raises(GazeError, match=wording):
        make(scene.panel(0), scene.panel(1))


def test_a_mix_belongs_to_one_scene_and_covers_something(model: GazeModel, scene: Scene) -> None:
    other = model.encode(tiny.noise(64, 64), "What is it?")
    with pytest.raises(ForeignRegion, match="another scene"):
        Mix([scene.panel(0), other.box(0, 0, 64, 64)])
    sliver = Region(scene.grid, scene.panel(0).shape) & scene.box(63, 0, 192, 64)
    with pytest.raises(RegionTooSmall, match="less than one"):
        Mix([scene.panel(0), sliver])

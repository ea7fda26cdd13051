"""Steering.

Every push, scope and schedule against an independent eager implementation, and the laws they obey.
"""

from typing import Any

import numpy as np
import pytest
import reference
import tiny
import torch
from steered_runs import HEADS, PUSHES, TOKENS, produced, steered

from gazeheads.attention import steering as steering_module
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.errors import GazeError, HeadSteeredTwice, NothingSteered, WrongModel
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import Push
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads
from gazeheads.model.decoding import collate
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene


@pytest.mark.parametrize("during", ["all", "answer", "decode"])
@pytest.mark.parametrize("name", PUSHES)
def test_every_push_equals_the_reference(model: GazeModel, scene: Scene, name: str, during: Any) -> None:
    push, formula = PUSHES[name]
    region = scene.box(20, 10, 100, 60)  # cuts through cells: fractional coverage
    tokens, logits = steered(model, scene, Gaze(HEADS, region, push, during))
    aim = reference.target(region, **formula)
    rewrite = reference.steer(HEADS, lambda _: aim, scene.n_prompt, during)
    expected, expected_logits = reference.generate(model.hf, scene, rewrite, TOKENS)
    assert tokens == expected
    torch.testing.assert_close(logits, expected_logits, atol=2e-5, rtol=0)
    _, free = steered(model, scene, None)
    assert (logits - free).abs().max() > 1e-2  # the push did something


@pytest.mark.parametrize("during", ["all", "answer", "decode"])
def test_schedules_switch_on_the_token(model: GazeModel, scene: Scene, during: Any) -> None:
    """The first token after a switch is produced under the new target."""
    schedule = Schedule.at({0: scene.panel(0), 2: scene.panel(2), 3: None, 5: scene.panel(1)})
    tokens, logits = steered(model, scene, Gaze(HEADS, schedule, during=during), 7)
    aims = {t: schedule.stop(t) for t in range(7)}

    def aim(token: int) -> reference.Target | None:
        return None if aims[token] is None else reference.target(aims[token], "focus")

    rewrite = reference.steer(HEADS, aim, scene.n_prompt, during)
    expected, expected_logits = reference.generate(model.hf, scene, rewrite, 7)
    assert tokens == expected
    torch.testing.assert_close(logits, expected_logits, atol=2e-5, rtol=0)


def test_a_switch_changes_nothing_before_it(model: GazeModel, scene: Scene) -> None:
    fixed, one = steered(model, scene, Gaze(HEADS, scene.panel(0)))
    tour, two = steered(model, scene, Gaze(HEADS, Schedule.every(3, [scene.panel(0), scene.panel(2)])))
    assert torch.equal(one[:3], two[:3])
    assert (one[3] - two[3]).abs().max() > 1e-3
    assert fixed[:3] == tour[:3]


# ------------------------------------------------------------------------------------------------------ batches


def mixed(model: GazeModel) -> tuple[list[Scene], list[Gaze | None]]:
    """Rows of all kinds.

    Images, prompts, heads, regions, pushes, schedules, scopes, and one that looks freely.
    """
    scenes = []
    for panels, prompt in (
        (2, "Who?"),
        (3, "What is going on here?"),
        (1, "Where?"),
        (3, "Why?"),
        (2, "And then what?"),
        (3, "Who?"),
    ):
        sample = tiny.strip(panels, seed=panels)
        scenes.append(model.encode(sample.image, prompt, panels=sample.boxes))
    gazes = [
        Gaze(HEADS, scenes[0].panel(1)),
        Gaze([Head(2, 3), Head(0, 0)], Schedule.every(2, scenes[1].panels), "uniform", "decode"),
        None,
        Gaze(HEADS[:2], scenes[3].box(20, 10, 100, 60), "reweigh", "answer"),
        Gaze(
            [Head(layer, head) for layer in range(3) for head in range(4)],
            scenes[4].panel(0),
            Push.bias(3, -1),
        ),
        Gaze(HEADS, scenes[5].panel(0), Push.bias(0)),
    ]
    return scenes, gazes


def test_every_row_of_a_batch_is_what_it_is_alone(model: GazeModel) -> None:
    scenes, gazes = mixed(model)
    probe = Steering(gazes, 3, 4)
    tokens, logits = produced(model, scenes, probe)
    effects = probe.effects([TOKENS] * len(scenes))
    for row, (scene, gaze) in enumerate(zip(scenes, gazes, strict=True)):
        single = None if gaze is None else Steering([gaze], 3, 4)
        alone, alone_logits = produced(model, [scene], single)
        assert tokens[row] == alone[0]
        torch.testing.assert_close(logits[row], alone_logits[0], atol=1e-5, rtol=0)
        if single is None:
            assert effects[row] is None
        else:
            (expected,) = single.effects([TOKENS])
            found = effects[row]
            assert found is not None
            assert expected is not None
            assert (found.rows_steered, found.rows_blind) == (expected.rows_steered, expected.rows_blind)
            assert found.after == pytest.approx(expected.after, abs=1e-5)
            assert found.before_by_token == pytest.approx(expected.before_by_token, abs=1e-5)


def test_small_chunks_give_the_same(model: GazeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes, gazes = mixed(model)
    probe = Steering(gazes, 3, 4)
    tokens, logits = produced(model, scenes, probe)
    monkeypatch.setattr(steering_module, "CHUNK", 3000)
    small = Steering(gazes, 3, 4)
    other, other_logits = produced(model, scenes, small)
    assert tokens == other
    torch.testing.assert_close(logits, other_logits, atol=1e-5, rtol=0)
    for one, two in zip(probe.effects([TOKENS] * 6), small.effects([TOKENS] * 6), strict=True):
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            assert one.rows_steered == two.rows_steered
            assert one.before == pytest.approx(two.before, abs=1e-5)


@pytest.mark.parametrize("static", [False, True])
def test_the_loop_of_transformers_is_steered_alike(model: GazeModel, scene: Scene, static: bool) -> None:
    gaze = Gaze(HEADS, Schedule.every(2, scene.panels), "focus")
    tokens, _ = steered(model, scene, gaze)
    more = {"cache_implementation": "static", "disable_compile": True} if static else {}
    with model.attached(gaze) as proof:
        out = model.hf.generate(
            **scene.tensors, max_new_tokens=TOKENS, do_sample=False, eos_token_id=None, **more
        )
    assert out[0, scene.n_prompt :].tolist() == tokens
    (effect,) = proof.effects([TOKENS])
    assert effect is not None
    assert effect.after == pytest.approx(1, abs=1e-6)


def test_beams_repeat_each_rows_gaze(model: GazeModel, scene: Scene) -> None:
    """Several samples of each row: every copy is steered as its row is."""
    gaze = Gaze(HEADS, scene.panel(1))
    tokens, _ = steered(model, scene, gaze)
    with model.attached(gaze):
        out = model.hf.generate(
            **scene.tensors,
            max_new_tokens=TOKENS,
            num_beams=3,
            num_return_sequences=3,
            do_sample=False,
            eos_token_id=None,
            output_scores=True,
            return_dict_in_generate=True,
        )
    best = max(out.sequences_scores.tolist())
    with torch.no_grad():
        scores = []
        aim = reference.target(scene.panel(1), "focus")
        for row in out.sequences[:, scene.n_prompt :].tolist():
            with reference.eager(model.hf, reference.steer(HEADS, lambda _: aim, scene.n_prompt)):
                logits = reference.forward(model.hf, scene, row)[scene.n_prompt - 1 : -1]
            scores.append(logits.log_softmax(-1)[torch.arange(TOKENS), torch.tensor(row)].sum().item())
    np.testing.assert_allclose([s / TOKENS for s in scores], out.sequences_scores.tolist(), atol=1e-4)
    assert best >= max(scores) / TOKENS - 1e-4
    assert len(tokens) == TOKENS


@torch.no_grad()
@pytest.mark.parametrize("push", ["focus", "reweigh"])
def test_a_multiplied_batch_repeats_each_rows_gaze(model: GazeModel, push: Any) -> None:
    """Two rows that came three times each, side by side, as transformers makes them for samples and beams."""
    scenes = []
    for panels in (1, 3):
        sample = tiny.strip(panels, seed=panels)
        scenes.append(model.encode(sample.image, "Why?", panels=sample.boxes))
    gazes = [Gaze(HEADS[:2], scenes[0].panel(0), push), Gaze(HEADS[1:], scenes[1].panel(1), push)]
    batch = collate(model.hf, model.family, [scene for scene in scenes for _ in range(3)], 0)

    def logits(probe: Steering) -> torch.Tensor:
        with attached(model.hf, probe):
            out: torch.Tensor = model.hf(
                **batch.rows, **batch.features, position_ids=batch.positions, use_cache=False
            ).logits[:, -1]
        return out

    few, many = logits(Steering(gazes, 3, 4)), logits(Steering([g for g in gazes for _ in range(3)], 3, 4))
    assert torch.equal(few, many)
    assert (few[0] - few[3]).abs().max() > 1e-2


# -------------------------------------------------------------------------------------------------------- proof


def test_the_proof_counts_rows_and_masses(model: GazeModel, scene: Scene) -> None:
    region = scene.panel(1)
    probe = Steering([Gaze(HEADS, region)], 3, 4)
    (tokens,), _ = produced(model, [scene], probe)
    (effect,) = probe.effects([TOKENS])
    assert effect is not None
    aim = reference.target(region, "focus")
    first = min(k for k, w in aim.weights.items() if w > 0)
    assert effect.rows_blind == first * len(HEADS)
    assert effect.share_steered == effect.rows_steered / (effect.rows_steered + first * len(HEADS)) < 1
    assert effect.rows_steered == (scene.n_prompt - first + TOKENS - 1) * len(HEADS)
    assert effect.after == pytest.approx(1, abs=1e-6)
    assert effect.prompt_after == pytest.approx(1, abs=1e-6)

    # "before": what the same queries would have looked at, with everything before them steered
    found: list[list[float]] = [[] for _ in range(TOKENS)]
    push = reference.steer(HEADS, lambda _: aim, scene.n_prompt)

    def rewrite(layer: int, head: int, position: int, logits: np.ndarray) -> np.ndarray | None:
        token = position - (scene.n_prompt - 1)
        if token >= 0 and (layer, head) in HEADS:
            p = np.exp(logits - logits.max())
            found[token].append(sum(p[k] for k in aim.weights if aim.weights[k] > 0) / p.sum())
        return push(layer, head, position, logits)

    with reference.eager(model.hf, rewrite):
        reference.forward(model.hf, scene, tokens[:-1])
    assert effect.before_by_token == pytest.approx([float(np.mean(f)) for f in found], abs=1e-5)
    assert effect.before == pytest.approx(float(np.mean(found)), abs=1e-5)


def test_the_proof_ends_with_the_answer(model: GazeModel, scene: Scene) -> None:
    probe = Steering([Gaze(HEADS, scene.panel(1), during="decode")], 3, 4)
    produced(model, [scene], probe)
    (effect,) = probe.effects([3])
    assert effect is not None
    assert effect.before_by_token[0] is None
    assert len(effect.before_by_token) == 3
    assert effect.rows_steered == 2 * len(HEADS)
    assert effect.prompt_before is None


def test_every_row_of_a_batch_is_proved_to_its_own_end(model: GazeModel, scene: Scene) -> None:
    gaze = Gaze(HEADS, scene.panel(1))
    probe = Steering([gaze, None, gaze], 3, 4)
    produced(model, [scene] * 3, probe)
    short, none, long = probe.effects([2, 4, 5])  # the first row ended three tokens before the last one
    assert none is None
    assert short is not None
    assert long is not None
    assert (len(short.before_by_token), len(long.before_by_token)) == (2, 5)
    assert long.rows_steered - short.rows_steered == 3 * len(HEADS)
    assert short.before_by_token == pytest.approx(long.before_by_token[:2], abs=1e-6)
    assert short.before == pytest.approx(np.mean(long.before_by_token[:2]), abs=1e-6)


# ------------------------------------------------------------------------------------------------------- faults


def test_heads_of_another_model_are_refused(scene: Scene) -> None:
    with pytest.raises(
        WrongModel, match=r"another model were to be steered \(head L3H0\); this one has 3 layers x 4 heads"
    ):
        Steering([Gaze([Head(3, 0)], scene.panel(0))], 3, 4)
    foreign = Heads.of(["L0H0"], "other", 8, 12)
    with pytest.raises(
        WrongModel, match=r"\(8 layers x 12 heads\); this one has 3 layers x 4 heads. Run `discover`"
    ):
        Steering([Gaze(foreign, scene.panel(0))], 3, 4)


def test_one_head_cannot_look_at_two_places(model: GazeModel, scene: Scene) -> None:
    with (
        pytest.raises(HeadSteeredTwice, match="Head L1H2 is steered by two gazes"),
        model.attached(Gaze(HEADS, scene.panel(0))),
        model.attached(Gaze([Head(1, 2)], scene.panel(1))),
    ):
        model.hf(**scene.tensors)
    with model.attached(Gaze(HEADS, scene.panel(0))), model.attached(Gaze([Head(1, 1)], scene.panel(1))):
        model.hf(**scene.tensors)


def test_a_batch_of_another_size_is_refused(model: GazeModel, scene: Scene) -> None:
    gaze = Gaze(HEADS, scene.panel(0))
    batch = collate(model.hf, model.family, [scene] * 3, 0)
    with (
        pytest.raises(GazeError, match="runs 3 rows, but gazes were given for 2"),
        model.attached([gaze, None]),
    ):
        model.hf(**batch.rows, **batch.features, position_ids=batch.positions)


def test_a_push_under_which_no_row_was_steered_raises(model: GazeModel, scene: Scene) -> None:
    with (
        pytest.raises(NothingSteered, match="0 attention rows were due"),
        model.attached(Gaze(HEADS, scene.panel(0), during="decode")),
    ):
        model.hf(**scene.tensors)


def test_rows_without_a_gaze_are_bit_equal(model: GazeModel, scene: Scene) -> None:
    _, free = produced(model, [scene, scene], None)
    _, logits = produced(model, [scene, scene], Steering([None, Gaze(HEADS, scene.panel(0))], 3, 4))
    assert torch.equal(free[0], logits[0])
    assert not torch.equal(free[1], logits[1])

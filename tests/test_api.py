"""The library as its users write it, on the bundled model: what each call gives, not just that it ends."""

from pathlib import Path

import numpy as np
import pytest

import gazeheads as gh
from gazeheads import prompts
from gazeheads.drawing.scenes import scenes
from gazeheads.errors import RegionError
from gazeheads.judging.rules import RulesJudge
from gazeheads.model.scene import Scene

ORDER = (3, 1, 0, 5, 4, 2)


@pytest.fixture(scope="module")
def model() -> gh.GazeModel:
    return gh.load()


@pytest.fixture(scope="module")
def heads(model: gh.GazeModel) -> gh.Heads:
    return gh.discover(model, gh.doodles(n=8, seed=3, split="dev"))


@pytest.fixture(scope="module")
def strip(model: gh.GazeModel) -> gh.Sample:
    return model.resized(gh.doodles(n=1, seed=4, split="dev")[0])


@pytest.fixture(scope="module")
def scene(model: gh.GazeModel, strip: gh.Sample) -> Scene:
    return model.encode(strip.image, prompts.THIS_PANEL, panels=strip.boxes)


def test_heads_are_found_kept_and_drawn_against(model: gh.GazeModel, heads: gh.Heads, tmp_path: Path) -> None:
    heads.save(tmp_path / "heads.json")
    assert gh.Heads.load(tmp_path / "heads.json") == heads
    selected = heads.top(0.09)  # of 96 heads
    assert len(selected) == 9
    assert list(selected) == list(heads.top(9))
    null = selected.controls(draws=20, seed=0, match="layers")
    assert len({frozenset(draw) for draw in null}) == 20
    layers = sorted(head.layer for head in selected)
    assert all(sorted(head.layer for head in draw) == layers and not {*draw} & {*selected} for draw in null)


def test_a_gaze_makes_the_model_describe_what_it_is_pointed_at(
    model: gh.GazeModel, heads: gh.Heads, strip: gh.Sample, scene: Scene
) -> None:
    judge = RulesJudge()
    assert judge.judge(strip, str(model.generate(scene))).region == 0  # its reading of "this panel"
    for k in (2, 5):
        answer = model.generate(scene, gaze=gh.Gaze(heads.top(23), at=scene.panel(k)))
        assert judge.judge(strip, str(answer)).region == k
        assert answer.effect is not None
        assert answer.effect.after == pytest.approx(1, abs=1e-6)


def test_a_box_on_a_photograph_is_a_target_like_any(model: gh.GazeModel, heads: gh.Heads) -> None:
    photo = scenes(n=1)[0]
    scene = model.encode(photo.image, "What is happening here?")
    dog = scene.box(66, 46, 98, 94)
    answer = model.generate(scene, gaze=gh.Gaze(heads.top(9), at=dog), record=heads.top(9), max_new_tokens=6)
    assert answer.trace is not None
    inside = answer.trace.mean[:, dog.weights > 0].sum(1)
    np.testing.assert_allclose(inside, 1, atol=1e-6)
    assert str(answer) != str(model.generate(scene, max_new_tokens=6))


def test_a_tour_tells_the_panels_in_its_own_order(
    model: gh.GazeModel, heads: gh.Heads, strip: gh.Sample
) -> None:
    scene = model.encode(strip.image, prompts.NARRATE_FREELY, panels=strip.boxes)
    panels = [scene.panel(k) for k in range(6)]
    selected = heads.top(23)
    tour = gh.Schedule.on_sentence([panels[k] for k in ORDER])
    story = model.generate(scene, gaze=gh.Gaze(selected, at=tour, during="answer"), record=selected)
    judge = RulesJudge()
    told = [judge.judge(strip, segment.text).region for segment in story.segments]
    assert told == list(ORDER)
    assert [segment.target for segment in story.segments] == [panels[k] for k in ORDER]
    assert story.trace is not None
    looked = story.trace.over(panels)
    assert looked.shape == (len(story.token_ids), 6)
    for k, segment in zip(ORDER, story.segments, strict=True):
        assert (looked[segment.start : segment.stop].argmax(1) == k).all()
    assert story.effect is not None
    assert story.effect.rows_steered == 23 * len(story.token_ids)
    by_token = gh.Schedule.every(9, [panels[k] for k in ORDER])
    assert [by_token.stop(t) for t in (0, 8, 9, 53, 99)] == [panels[k] for k in (3, 3, 1, 2, 2)]


def test_a_stream_is_pointed_elsewhere_while_it_speaks(
    model: gh.GazeModel, heads: gh.Heads, strip: gh.Sample
) -> None:
    scene = model.encode(strip.image, prompts.NARRATE_FREELY, panels=strip.boxes)
    live = gh.Gaze(heads.top(23), at=gh.Live(scene.panel(1)), during="answer")
    said = {"panel 2": "", "panel 5": ""}
    for token in model.stream(scene, gaze=live, max_new_tokens=20):
        said[str(token.target)] += token.text
        if token.text == ".":
            live.look(scene.panel(4))
    judge = RulesJudge()
    assert judge.judge(strip, said["panel 2"]).region == 1
    assert judge.judge(strip, said["panel 5"]).region == 4


def test_people_with_their_own_loop_attach_the_gaze(
    model: gh.GazeModel, heads: gh.Heads, scene: Scene
) -> None:
    gaze = gh.Gaze(heads.top(23), at=scene.panel(2))
    with model.attached(gaze) as proof:
        out = model.hf.generate(**scene.tensors, max_new_tokens=12, do_sample=False)
    answer = model.generate(scene, gaze, max_new_tokens=12)
    assert tuple(out[0, scene.n_prompt :].tolist()) == answer.token_ids
    assert proof.effects([len(answer.token_ids)])[0] == answer.effect


def test_panels_go_by_name_too(model: gh.GazeModel, strip: gh.Sample) -> None:
    names = ("start", "dog", "ball", "ball", "sea", "end")
    scene = model.encode(strip.image, "Who?", panels=strip.boxes, names=names)
    assert scene.panel("sea") == scene.panel(4)
    with pytest.raises(
        RegionError, match=r"Panel 'ball' was asked for; 2 of the 6 panels .*start, dog, ball"
    ):
        scene.panel("ball")
    with pytest.raises(RegionError, match=r"Panel 'cat' was asked for; none of the 6 panels.* Give a number"):
        scene.panel("cat")

"""Watching: one recorded generation, its regions, its sinks, its things."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import watched_by_hand
from PIL import Image

import gazeheads as gh
from gazeheads import Box, GazeModel, GazeTrace, Head, Heads, Record, Scene
from gazeheads.cli import main
from gazeheads.data.clip_files import frames_of
from gazeheads.drawing import grammar
from gazeheads.drawing.clips import moving_doodle
from gazeheads.errors import DataError, MissingPackage, NoSuchDraw, OutsideImage, RecordError, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.gaze.schedule import Schedule
from gazeheads.regions.mix import Mix
from gazeheads.watching import from_files as files
from gazeheads.watching.areas import areas
from gazeheads.watching.phrases import spans, things
from gazeheads.watching.sinks import border, sinks
from gazeheads.watching.watch import describe

TWO = ["L0H1", "L2H3"]


@pytest.fixture(scope="module")
def heads() -> Heads:
    return Heads.of(TWO, "tiny", 3, 4)


def test_one_generation_gives_both_sets_raw_and_weighed(model: GazeModel, scene: Scene, heads: Heads) -> None:
    watched = gh.watch(model, scene, heads, max_new_tokens=12)
    control = heads.controls(1, 0)[0]
    assert [each.trace.heads for each in watched.sets] == [tuple(heads), tuple(control)]
    for each, members in zip(watched.sets, (heads, control), strict=True):
        for weighting in ("raw", "value-norm"):
            alone = model.generate(scene, record=Record(members, weighting=weighting), max_new_tokens=12)  # type: ignore[arg-type]
            assert alone.trace is not None and alone.text == watched.answer.text
            np.testing.assert_allclose(each.attention(weighting), alone.trace.mean, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(watched.over(1, "raw").sum(1), 1, rtol=1e-5)  # the panels tile the strip


def test_a_gaze_shows_in_the_sets_that_it_steers(model: GazeModel, scene: Scene, heads: Heads) -> None:
    watched = gh.watch(model, scene, heads, Gaze(heads, scene.panel(2)), max_new_tokens=6)
    np.testing.assert_allclose(watched.over(0), [[0, 0, 1]] * len(watched.answer.token_texts), atol=1e-6)
    assert watched.over(1)[:, 2].max() < 0.9
    assert watched.steered.startswith("2 heads at panel 3; focus")


def test_what_cannot_be_watched_is_refused(
    model: GazeModel, scene: Scene, heads: Heads, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="Heads of tiny: none were given"):
        gh.watch(model, scene)
    with pytest.raises(RecordError, match=r"No head was given to watch\. Take heads\.top"):
        gh.watch(model, scene, replace(heads, heads=()))
    with pytest.raises(NoSuchDraw):
        gh.watch(model, scene, heads.all())
    with pytest.raises(UsageError, match="another shape. Give a drawing of the same image"):
        gh.watch(model, scene, heads, shown=[Image.new("RGB", (50, 50))])
    with pytest.raises(UsageError, match="0 images were given to show; the scene has 1"):
        gh.watch(model, replace(scene, images=()), heads)
    with pytest.raises(RecordError, match=r'The words "zebra" were asked for; the answer says'):
        gh.watch(model, scene, heads, describes=["zebra"], max_new_tokens=12)
    monkeypatch.setattr(model, "decode", lambda tokens: "." * len(tokens))
    with pytest.raises(
        UsageError, match=r"it answered '\.+', which holds no word, so there is nothing to watch"
    ):
        gh.watch(model, scene, heads, max_new_tokens=3)


def test_without_a_control_set_none_is_recorded(model: GazeModel, scene: Scene, heads: Heads) -> None:
    watched = gh.watch(model, scene, heads.all(), control=False, max_new_tokens=12)
    assert [each.name for each in watched.sets] == ["gaze heads"]
    assert len(watched.sets[0].trace.heads) == 12


def planted(scene: Scene, cell: int, mass: float, length: float) -> GazeTrace:
    """Even attention, but for one cell."""
    looks = np.full((1, 3, len(scene.grid)), 0.01, dtype=np.float32)
    lengths = np.ones((1, len(scene.grid)), dtype=np.float32)
    looks[..., cell], lengths[..., cell] = mass, length
    return GazeTrace(looks, scene.grid, (Head(0, 0),), "heads", "raw", ("a", " cat", "."), lengths)


@pytest.mark.parametrize(
    "mass, length, found",
    [(0.5, 0.1, [7]), (0.5, 1.0, []), (0.079, 0.01, []), (0.081, 0.01, [7]), (0.5, 0.6, [])],
)
def test_a_sink_gets_much_and_carries_little(
    scene: Scene, mass: float, length: float, found: list[int]
) -> None:
    """Median 0.01, so much is above 0.08. Of 0.5 at length 0.6: value share 0.73, more than half of 0.82."""
    assert np.flatnonzero(sinks(planted(scene, 7, mass, length))).tolist() == found


def test_sinks_can_be_left_out_of_the_shares(scene: Scene) -> None:
    watched = watched_by_hand.watched(scene, ("a", " cat", "."), planted(scene, 0, 0.5, 0.1))
    with_sink, without = watched.over(0, "raw"), watched.over(0, "raw", keep_sinks=False)
    np.testing.assert_allclose(with_sink[0], np.array([0.53, 0.04, 0.04]) / 0.61, rtol=1e-5)
    np.testing.assert_allclose(without[0], np.array([3, 4, 4]) / 11, rtol=1e-5)


def test_the_border_is_the_outer_ring_of_each_view(model: GazeModel) -> None:
    scene = model.encode([tiny.noise(160, 128), tiny.noise(96, 96)], "Hm?")
    expected = np.ones((4, 5), bool)
    expected[1:3, 1:4] = False
    assert border(scene.grid)[:20].reshape(4, 5).tolist() == expected.tolist()
    assert np.flatnonzero(~border(scene.grid)[20:]).tolist() == [4]


def test_regions_are_panels_boxes_pictures_or_a_coarse_grid(model: GazeModel, scene: Scene) -> None:
    assert areas(scene) == scene.panels
    plain = model.encode(tiny.noise(256, 192), "Hm?")
    coarse = areas(plain)
    assert [str(region) for region in coarse][:5] == [
        *(f"row 1, column {n}" for n in (1, 2, 3, 4)),
        "row 2, column 1",
    ]
    np.testing.assert_allclose(np.sum([region.weights for region in coarse], 0), 1)
    assert [str(region) for region in areas(model.encode(tiny.noise(192, 192), "Hm?"))][3:6] == [
        "left",
        "middle",
        "right",
    ]
    two = model.encode([tiny.noise(64, 64), tiny.noise(64, 64, 1)], "Hm?")
    assert [(str(region), region.image) for region in areas(two)] == [("image 1", 0), ("image 2", 1)]
    boxed = areas(two, [(1, Box(0, 0, 32, 32)), (0, Box(0, 0, 5, 5))])
    assert [str(region) for region in boxed] == ["box 1 of image 2", "box 2 of image 1 (grown to a cell)"]
    assert np.flatnonzero(boxed[0].weights).tolist() == [4] and boxed[1].grown
    with pytest.raises(UsageError, match="3 panels, and 1 boxes were given. Give one or the other"):
        areas(scene, [(0, Box(0, 0, 32, 32))])


def test_two_pictures_are_told_apart(model: GazeModel, heads: Heads) -> None:
    scene = model.encode([tiny.noise(96, 64), tiny.noise(96, 64, 1)], "Which of the two?")
    second = areas(scene)[1]
    watched = gh.watch(model, scene, heads, Gaze(heads, second), max_new_tokens=24)
    np.testing.assert_allclose(watched.over(), [[0, 1]] * len(watched.answer.token_texts), atol=1e-6)
    assert watched.html().count('alt="Image') == 2


@pytest.mark.parametrize(
    "text, found",
    [
        ("an apple, a purple frog, a hat.", "an apple|a purple frog|a hat"),
        ("A group of people is sitting at a wooden table with two glasses of water.",
         "A group of people|a wooden table|two glasses of water"),
        ("cat, red kite, lamp", "cat|red kite|lamp"),
        ("- dog\n- old bicycle", "dog|old bicycle"),
        ("The image of a cat that sleeps near the big red building.", "The image|a cat|the big red building"),
        ("Panel 1: holding a clock. This is it, and so on.", "a clock"),
        ("Running away.", ""),
        ("the", ""),
    ],
)  # fmt: skip
def test_things_by_the_rule(text: str, found: str) -> None:
    assert "|".join(str(thing) for thing in things([text])) == found


def test_things_of_doodles_are_their_nouns() -> None:
    for sample in gh.doodles(10, seed=3):
        for slots, captions in zip(sample.slots, sample.captions, strict=True):
            for caption in captions:
                said = [str(thing) for thing in things([caption])]
                place = " ".join(slots["setting"].split()[1:])
                who = [f"the {slots['colour']} {slots['character']}"] if slots["character"] in caption else []
                assert sorted(said) == sorted([grammar.a(slots["object"]), place, *who])


def test_a_thing_is_the_tokens_that_wrote_it() -> None:
    token_texts = ("a ca", "t near a ", "", "ki", "te.")
    assert [(str(t), t.start, t.stop) for t in things(token_texts)] == [("a cat", 0, 2), ("a kite", 1, 5)]
    assert [(str(t), t.start, t.stop) for t in spans(token_texts, ["Cat", "a", "kite"])] == [
        ("cat", 0, 2), ("a", 1, 2), ("kite", 2, 4 + 1),
    ]  # fmt: skip


def test_a_clip_as_gif_is_looked_at_frame_by_frame(model: GazeModel, heads: Heads, tmp_path: Path) -> None:
    """A push on the second frame lands there, and nowhere else."""
    frames = [Image.new("RGB", (64, 32), colour) for colour in ("#cc4444", "#44cc44", "#4444cc")]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:])
    found = files.SceneFiles([tmp_path / "clip.gif"], "What?").encode(model)
    assert len(found.scene.grid.sizes) == len(found.shown) == 3
    gaze = files.aimed(heads, areas(found.scene), [2])
    watched = gh.watch(model, found.scene, heads, gaze, max_new_tokens=4, min_new_tokens=4)
    assert [str(region) for region in watched.regions] == ["image 1", "image 2", "image 3"]
    np.testing.assert_allclose(watched.over(0, "raw"), [[0, 1, 0]] * 4, atol=1e-3)


def test_words_may_be_given_in_any_order() -> None:
    found = spans(("a cat near", " a kite."), ["kite", "a cat"])
    assert [(str(word), word.start) for word in found] == [("kite", 1), ("a cat", 0)]


@pytest.mark.parametrize("texts", [["kit"], ["kite", "Kite"], [" . "], [""]])
def test_words_that_map_to_no_token_are_refused(texts: list[str]) -> None:
    with pytest.raises(RecordError, match="Give words of the answer, each as often as it says them"):
        spans(("a cat near", " a kite."), texts)


def test_ways_to_find_things_that_are_not_there() -> None:
    with pytest.raises(UsageError, match="Objects by 'magic' were asked for"):
        things(["a cat"], "magic")
    with pytest.raises(MissingPackage, match="spaCy is not installed|cannot be loaded"):
        things(["a cat"], "spacy:no_such_model")


def test_a_moving_doodle_moves_and_its_boxes_with_it(tmp_path: Path) -> None:
    clip = moving_doodle(seed=2, frames=4)
    middles = [(box.x0 + box.x1) / 2 for box in clip.boxes]
    assert np.diff(middles).min() > 15
    still = np.asarray(clip.frames[0]).astype(int)
    for frame, box in zip(clip.frames[1:], clip.boxes[1:], strict=True):
        changed = np.abs(np.asarray(frame).astype(int) - still).max(-1) > 60
        both = np.zeros_like(changed)
        for x0, y0, x1, y1 in (box.corners, clip.boxes[0].corners):
            both[int(y0) - 2 : int(y1) + 2, int(x0) - 2 : int(x1) + 2] = True
        assert changed.any() and not (changed & ~both).any()
    path = clip.save(tmp_path / "clip.webp")
    read = frames_of(path)
    assert all(np.array_equal(a, b) for a, b in zip(read, clip.frames, strict=True))
    assert [np.array_equal(a, clip.frames[n]) for a, n in zip(frames_of(path, 2), (0, 3), strict=True)] == [
        True
    ] * 2
    with pytest.raises(DataError, match="5 frames were asked for; it has 4"):
        frames_of(path, 5)
    with pytest.raises(UsageError, match="Ask for two or more"):
        moving_doodle(frames=1)


def test_frames_are_pictures_and_boxes_find_theirs(model: GazeModel, tmp_path: Path) -> None:
    clip = moving_doodle(seed=1, frames=3, height=64, cell=32)
    boxes = tuple(enumerate(clip.boxes))
    found = files.SceneFiles([clip.save(tmp_path / "c.webp")], "Where?", boxes=boxes).encode(model)
    assert found.scene.grid.sizes == ((128, 64),) * 3
    regions = areas(found.scene, boxes)
    assert [region.image for region in regions] == [0, 1, 2]
    with pytest.raises(OutsideImage, match="box of image 4 was given; there are 3"):
        files.SceneFiles([tmp_path / "c.webp"], "Where?", boxes=((3, clip.boxes[0]),)).encode(model)


def test_a_gaze_by_number(scene: Scene, heads: Heads) -> None:
    assert files.aimed(heads, scene.panels, [3]) == Gaze(heads, scene.panel(2))
    tour = files.aimed(heads, scene.panels, [3, 1], every=4, push="uniform", during="decode")
    assert tour.schedule.targets == (scene.panel(2), scene.panel(0)) and str(tour.push) == "uniform"
    with pytest.raises(
        OutsideImage, match="Region 4 was to be looked at; there are 3: panel 1, panel 2, panel 3"
    ):
        files.aimed(heads, scene.panels, [4])
    with pytest.raises(UsageError, match="Give --every N tokens"):
        files.aimed(heads, scene.panels, [1, 2])


@pytest.mark.parametrize(
    "given, message",
    [
        (["none.png"], "there is no such file or folder"),
        (["p.png", "--panels", "0"], "argument --panels: '0' is not a whole number of at least 1"),
        (["p.png", "p.png", "--panels", "2"], "2 panels were asked for, of 2 images"),
        (["p.png", "."], "A folder of panels stands alone"),
        (["p.png", "--frames", "2"], "no file holds more than one image"),
        (["p.png", "--out", "page.txt"], "Name a file that ends in .html"),
        (["p.png", "--panel", "1/2", "--gaze", "2"], "both say where to look"),
        (["p.png", "--gaze", "2", "--every", "3"], "is the pace of several regions"),
        (["p.png", "--push", "uniform"], "--push uniform says how heads are steered; none are"),
        (["p.png", "--during", "decode"], "--during decode says how heads are steered; none are"),
        (["p.png", "--box", "0:1,2,3,4"], "for image P, counted from 1"),
        (["p.png", "--gaze", "left"], "names no regions"),
    ],
)
def test_commands_that_cannot_be_meant_end_before_a_model_is_loaded(
    given: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gazeheads.model.loading.load", None)
    tiny.noise().save("p.png")
    try:
        code: Any = main(["watch", *given, "--ask", "What?"])
    except SystemExit as left:
        code = left.code
    assert code == 2 and message in capsys.readouterr().err


def test_how_an_answer_was_steered_is_told_in_words(scene: Scene, heads: Heads) -> None:
    tour = Gaze(heads, Schedule.every(4, scene.panels[:2]), during="decode")
    assert describe(tour) == "2 heads at panel 1 from token 1, panel 2 from token 5; focus, during 'decode'"
    assert describe(Gaze(heads, scene.panel(2))) == "2 heads at panel 3; focus, during 'all'"
    assert "at a live target;" in describe(Gaze(heads, Live(scene.panel(0)), during="answer"))
    assert "at a mix of regions;" in describe(Gaze(heads, Mix(scene.panels[:2])))


def test_the_command_writes_page_and_figure(tmp_path: Path, capsys: Any) -> None:
    sample = gh.doodles(1, seed=9)[0]
    sample.image.save(tmp_path / "strip.png")
    path = tmp_path / "out" / "page.html"
    given = [
        "--ask",
        "What is happening in this panel of the comic strip?",
        "--panel",
        "2/6",
        "--png",
        "--json",
    ]
    assert main(["watch", str(tmp_path / "strip.png"), *given, "--out", str(path), "--no-control"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == [str(path), str(path.with_suffix(".png"))] and path.with_suffix(".png").exists()
    assert len(found["regions"]) == 6 and found["steered"]
    assert min(word["shares"][0][0][1] for word in found["words"]) > 0.7  # cells at the edge count in part
    assert f'data-w="0">{found["words"][0]["text"]}</button>' in path.read_text(encoding="utf-8")

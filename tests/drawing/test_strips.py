"""Doodles: deterministic, true to their ground truth, and split by combination."""

import hashlib
import json
import random

import numpy as np
import pytest
from PIL import Image

from gazeheads.drawing import grammar
from gazeheads.drawing.grammar import Panel
from gazeheads.drawing.scenes import draw_scene, scenes
from gazeheads.drawing.strips import LETTERS, DrawnComic, doodles, draw_comic
from gazeheads.errors import GazeHeadsError

STRIP_DIGEST = "3a57d879972d35c3ce7f32e9a70b9f2b071e638591d24684dac2b4959acb1782"
SCENE_DIGEST = "6ae327494b193c2eec8f961962fc2dda7978f09d245dbe9e3bf00a867c5d93a5"


def pixels(sample) -> str:
    return hashlib.sha256(np.asarray(sample.image).tobytes()).hexdigest()


def test_the_grammar_is_rich_enough():
    assert len(grammar.CHARACTERS) >= 8 and len(grammar.COLOURS) >= 8 and len(grammar.SETTINGS) >= 16
    assert len(grammar.OBJECTS) >= 24 and len(grammar.ACTIONS) >= 8
    first_words = {action.split()[0] for action in grammar.ACTIONS}
    assert len(first_words) == len(grammar.ACTIONS), "the first word of an answer must name the panel"


def test_same_seed_same_pixels_on_any_machine():
    """The digest is fixed: another one means that every published figure was measured on other pictures."""
    strip, scene = doodles(1, seed=7, split="test")[0], scenes(1, seed=7, split="test")[0]
    assert pixels(strip) == STRIP_DIGEST
    assert pixels(scene) == SCENE_DIGEST


def test_samples_do_not_depend_on_how_many_are_asked_for():
    assert pixels(doodles(3, seed=1)[2]) == pixels(doodles(1, seed=1, start=2)[0])
    assert pixels(doodles(1, seed=1)[0]) != pixels(doodles(1, seed=2)[0])


@pytest.mark.parametrize("split", ["dev", "test"])
def test_no_combination_of_dev_or_test_is_ever_drawn_in_training(split):
    drawn = {"train": (set(), set()), split: (set(), set())}
    for part, (pairs, triples) in drawn.items():
        for i in range(400):
            for p in draw_comic(random.Random(f"{part}{i}"), part).panels:
                pairs.add((p.object, p.setting))
                triples.add((p.character, p.object, p.action))
            scene = draw_scene(random.Random(f"{part}{i}"), part)
            pairs.update((t.name, scene.setting) for t in scene.objects if t.colour is None)
    assert len(drawn[split][0]) > 30 and len(drawn[split][1]) > 100
    assert not drawn["train"][0] & drawn[split][0]
    assert not drawn["train"][1] & drawn[split][1]


def test_every_combination_belongs_to_exactly_one_split_and_training_has_most():
    pairs = [grammar.pair_split(o, s) for o in grammar.OBJECTS for s in grammar.SETTINGS]
    assert pairs.count("test") == pairs.count("dev") == len(pairs) // 8
    triples = [
        grammar.triple_split(c, o, a)
        for c in grammar.CHARACTERS
        for o in grammar.OBJECTS
        for a in grammar.ACTIONS
    ]
    assert triples.count("test") == triples.count("dev") == len(triples) // 8


@pytest.mark.parametrize("panels", range(1, 9))
def test_strips_of_one_to_eight_panels(panels):
    sample = doodles(1, seed=panels, split="test", panels=panels)[0]
    assert len(sample.boxes) == len(sample.captions) == len(sample.slots) == panels
    for slot in ("action", "object", "setting"):
        assert len({s[slot] for s in sample.slots}) == panels, f"{slot} must differ in every panel"
    for slot in ("character", "colour"):
        assert len({s[slot] for s in sample.slots}) == 1, "one protagonist per strip"


@pytest.mark.parametrize("height, cell", [(48, 16), (256, 32), (64, 16), (252, 28)])
def test_panel_edges_fall_on_the_token_grid_and_gaps_are_white(height, cell):
    for sample in doodles(4, seed=3):
        sample = sample.resized(height, cell)
        array = np.asarray(sample.image)
        assert array.shape[0] == height and array.shape[1] % cell == 0
        widths = set()
        for box, after in zip(sample.boxes, [*sample.boxes[1:], None], strict=True):
            assert box.x0 % cell == 0
            widths.add(box.x1 - box.x0)
            edge = int(after.x0 if after else array.shape[1])
            assert (array[:, int(box.x1) : edge] == 255).all(), "the gap after a panel is white"
            inside = array[:, int(box.x0) : int(box.x1)]
            assert (inside[:, -1] != 255).any() or "snow" in str(sample.slots)
            assert len(np.unique(inside.reshape(-1, 3), axis=0)) > 20
    assert len(widths) > 1 or height < 256, "panel widths vary"


@pytest.mark.parametrize("panels, columns", [(4, 2), (6, 3), (6, 2)])
def test_grids_read_row_by_row(panels, columns):
    sample = doodles(1, panels=panels, columns=columns)[0]
    assert sample.kind == "grid"
    order = [(b.y0, b.x0) for b in sample.boxes]
    assert order == sorted(order) and len({y for y, _ in order}) == panels // columns


def test_a_panel_shows_its_slots_and_only_its_box_changes():
    """Changing one panel's object changes pixels inside that panel's box and nowhere else."""
    comic = draw_comic(random.Random("x"), "train")
    for slot, other in (
        ("object", "kite"),
        ("setting", "on the moon"),
        ("action", "lifting"),
        ("colour", "green"),
    ):
        panels = list(comic.panels)
        if getattr(panels[2], slot) == other:
            continue
        panels[2] = Panel(**{**panels[2].__dict__, slot: other})
        changed = DrawnComic(tuple(panels), comic.widths, comic.jitters, comic.columns)
        (before, boxes), (after, _) = comic.render(48, 16), changed.render(48, 16)
        differs = (np.asarray(before) != np.asarray(after)).any(-1)
        assert differs.any(), slot
        box = boxes[2]
        differs[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = False
        assert not differs.any(), slot


def test_letters_are_drawn_in_the_panels():
    plain, labelled = doodles(1, seed=4)[0], doodles(1, seed=4, labels=LETTERS)[0]
    assert len(set(labelled.letters)) == 6 and not plain.letters
    for box in labelled.boxes:
        corner = np.asarray(labelled.image)[4:14, int(box.x0) + 4 : int(box.x0) + 13]
        assert corner.max() > 240 and corner.min() < 120, "dark ink on a white label"


def test_scene_boxes_and_masks_are_exact():
    """Each box is the tight box of its mask, and the mask's pixels are those that the object changes."""
    for i in range(12):
        scene = draw_scene(random.Random(f"s{i}"), "test")
        sample = scene.sample("s", {})
        assert 2 <= len(sample.boxes) <= 6
        whole = np.asarray(sample.image).astype(int)
        for j, (box, mask) in enumerate(zip(sample.boxes, sample.masks, strict=True)):
            rows, cols = np.nonzero(mask)
            assert (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1) == (
                box.x0,
                box.y0,
                box.x1,
                box.y1,
            )
            if len(scene.objects) == 1:
                continue
            rest = type(scene)(scene.setting, scene.objects[:j] + scene.objects[j + 1 :], scene.width)
            without = np.asarray(rest.sample("s", {}).image).astype(int)
            changed = np.abs(whole - without).sum(-1) > 0
            assert (changed & mask).sum() > 0.9 * mask.sum()
            ys, xs = np.nonzero(changed)
            assert (
                xs.min() >= box.x0 - 1
                and xs.max() <= box.x1
                and ys.min() >= box.y0 - 1
                and ys.max() <= box.y1
            )


def test_scene_sizes_have_one_largest_object():
    sizes = []
    for i in range(400):
        scene = draw_scene(random.Random(f"z{i}"), "train")
        order = [("small", "medium", "large").index(t.size) for t in scene.objects]
        assert 2 <= len(order) <= 6
        assert order.count(max(order)) == 1, "the main object must be beyond doubt"
        sizes += order
    assert set(sizes) == {0, 1, 2}


def test_ground_truth_is_json():
    for sample in (*doodles(1, labels=LETTERS), *scenes(1)):
        data = json.loads(json.dumps(sample.to_json()))
        assert data["boxes"] and data["captions"] and data["source"]["seed"] == 0
        assert data["order"] == list(range(len(sample.boxes)))
        for mask, packed in zip(sample.masks, data["masks"], strict=True):
            values = [i % 2 for i, n in enumerate(packed["counts"]) for _ in range(n)]
            assert np.array_equal(np.reshape(values, packed["size"], order="F"), mask)


def test_pictures_are_rgb_at_any_size():
    for sample in (*doodles(1), *scenes(1)):
        for height, cell in ((48, 16), (256, 32)):
            picture = sample.resized(height, cell).image
            assert isinstance(picture, Image.Image) and picture.mode == "RGB"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n": 0}, "0 samples were asked for"),
        ({"n": 1, "split": "validation"}, "Split 'validation': there is no such split"),
        ({"n": 1, "panels": 9}, "Strips of 9 panels: doodles have 1 to 8"),
        ({"n": 1, "columns": 4}, "6 panels in 4 columns"),
        ({"n": 1, "labels": "ABC"}, "Labels 'ABC' for 6 panels"),
    ],
)
def test_bad_requests_say_what_to_do(arguments, message):
    with pytest.raises(GazeHeadsError, match=message):
        doodles(**arguments)

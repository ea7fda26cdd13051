"""The harder world: words repeat as asked, splits share no caption, boxes are where panels are."""

import random
from itertools import pairwise

import numpy as np
import pytest

from gazeheads.drawing import sheets
from gazeheads.drawing.grammar import SPLITS, Panel
from gazeheads.drawing.looks import PLAIN, draw_look
from gazeheads.drawing.stories import SHARES, captions_of, invent, owner_of
from gazeheads.drawing.views import MOST_THINGS, views
from gazeheads.drawing.world import BLANK, strips
from gazeheads.errors import GazeHeadsError


def panels_of(story: tuple[Panel | None, ...]) -> list[Panel]:
    return [panel for panel in story if panel is not None]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("share", SHARES)
def test_a_story_shares_what_it_should_and_belongs_to_its_split(split: str, share: str) -> None:
    for seed in range(6):
        panels = panels_of(invent(random.Random(seed), split, 8, share))  # type: ignore[arg-type]
        assert len(set(panels)) == 8 and {owner_of(panel) for panel in panels} == {split}
        assert len({(panel.colour, panel.character) for panel in panels}) == 1
        for slot in ("action", "object", "setting"):
            words = {getattr(panel, slot) for panel in panels}
            if share == "nothing":
                assert len(words) == 8
            elif share == slot:
                assert len(words) == 1
            elif share == "mixed":
                assert len(words) <= (3 if split == "train" else 5)


def test_characters_may_change_and_panels_may_be_empty() -> None:
    story = invent(random.Random(1), "train", 8, "nothing", one_protagonist=False, empty=0.4)
    assert len({panel.character for panel in panels_of(story)}) > 1 and None in story


def test_more_than_ten_thousand_test_captions_are_possible() -> None:
    assert captions_of("test") > 10_000 and captions_of("dev") > 10_000


def test_what_cannot_be_drawn_is_told() -> None:
    with pytest.raises(GazeHeadsError, match="9 panels"):
        invent(random.Random(0), "dev", 9)
    with pytest.raises(GazeHeadsError, match="share 'mood'"):
        invent(random.Random(0), "dev", 2, "mood")  # type: ignore[arg-type]
    with pytest.raises(GazeHeadsError, match="some would be under"):
        sheets.lay(random.Random(0), (8,), (100, 48))


@pytest.mark.parametrize("layout", sheets.LAYOUTS)
def test_panels_lie_apart_on_their_sheet_in_reading_order(layout: str) -> None:
    for sample in strips(4, 3, "train", panels=4, layout=layout, share=None):  # type: ignore[arg-type]
        width, height = sample.size
        assert width % 16 == height % 16 == 0
        boxes = sample.boxes
        assert all(0 <= b.x0 < b.x1 <= width and 0 <= b.y0 < b.y1 <= height for b in boxes)
        assert all(a.x1 < b.x0 or a.y1 < b.y0 for a, b in pairwise(boxes))


def test_strips_are_the_same_every_time_and_each_alone() -> None:
    first, again = strips(3, 5, "dev", share=None), strips(1, 5, "dev", share=None, start=2)
    assert first[2].content == again[0].content and first[0].content != first[1].content
    assert first[2].captions == again[0].captions


def test_empty_panels_are_said_to_be_empty() -> None:
    samples = strips(6, 2, "train", empty=0.4, plain=True)
    blank = [(s, i) for s in samples for i, slots in enumerate(s.slots) if not slots]
    assert blank
    for sample, i in blank:
        assert sample.captions[i] == (BLANK,)
        box = sample.boxes[i]
        inside = np.asarray(sample.image)[
            int(box.y0) + 3 : int(box.y1) - 3, int(box.x0) + 3 : int(box.x1) - 3
        ]
        assert inside.std(axis=(0, 1)).max() == 0


def test_looks_keep_what_is_drawn() -> None:
    picture = strips(1, 0, "dev", plain=True)[0].image
    assert PLAIN.apply(picture).tobytes() == picture.tobytes()
    changed = [draw_look(random.Random(seed)).apply(picture) for seed in range(8)]
    assert {look.size for look in changed} == {picture.size} and len({look.tobytes() for look in changed}) > 3


def test_scenes_tell_what_lies_where() -> None:
    found = views(40, 1, "dev")
    counts = [0 if s.names == ("nothing",) else len(s.boxes) for s in found]
    assert 0 in counts and max(counts) > 3 and max(counts) <= MOST_THINGS
    assert found[7].content == views(1, 1, "dev", start=7)[0].content
    for sample in found:
        width, height = sample.size
        for name, box, mask, slots in zip(
            sample.names, sample.boxes, sample.masks, sample.slots, strict=True
        ):
            if name == "nothing":
                continue
            inked = np.argwhere(mask)
            assert (inked.min(0) == (box.y0, box.x0)).all() and (
                inked.max(0) == (box.y1 - 1, box.x1 - 1)
            ).all()
            assert slots["object"] == name and slots["place"].split()[0] in ("at", "on", "in")
            if (box.x0 + box.x1) / 2 < 0.28 * width and (box.y0 + box.y1) / 2 < 0.28 * height:
                assert slots["place"] == "at the top left"

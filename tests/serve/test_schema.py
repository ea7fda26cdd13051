"""What a request may say about a gaze, and what is refused: whatever is not meant, with its place in the message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeheads.errors import GazeError
from gazeheads.gaze.push import Push
from gazeheads.heads.head import Head
from gazeheads.serve.schema import HeadsAsked, MixAsked, RegionAsked, ScheduleAsked, read

BOX = {"box": [0, 0, 0.5, 1]}
LEAST = {"schema": 1, "heads": "default", "at": BOX}

shares = st.floats(0, 1, allow_nan=False)
boxes = st.tuples(shares, shares, shares, shares)
options = st.fixed_dictionaries(
    {},
    optional={
        "image": st.integers(0, 3),
        "coverage": st.sampled_from(["area", "centre"]),
        "min_tokens": st.integers(1, 9),
        "views": st.sampled_from(["all", "detail", "overview"]),
        "except": st.booleans(),
    },
)
places = st.one_of(
    st.fixed_dictionaries({"box": boxes.map(list)}),
    st.fixed_dictionaries({"panel": st.integers(0, 8)}),
    st.fixed_dictionaries(
        {"mask": st.lists(st.lists(shares, min_size=3, max_size=3), min_size=1, max_size=3)}
    ),
)
regions = st.builds(lambda place, more: {**place, **more}, places, options)
mixes = st.fixed_dictionaries({"mix": st.lists(regions, min_size=1, max_size=3)})
targets = st.one_of(regions, mixes)
schedules = st.fixed_dictionaries(
    {
        "stops": st.lists(st.one_of(st.none(), targets), max_size=3),
        "starts": st.lists(st.integers(0, 99), max_size=3),
    },
    optional={
        "period": st.one_of(st.none(), st.integers(1, 99)),
        "unit": st.sampled_from(["token", "sentence"]),
    },
)
gazes = st.fixed_dictionaries(
    {
        "schema": st.just(1),
        "heads": st.one_of(st.text(), st.just(["L4H4", "L0H11"]), st.just({"file": "a", "top": 3})),
        "at": st.one_of(targets, schedules),
    },
    optional={
        "push": st.sampled_from(
            ["focus", "uniform", "reweigh", "bias(3)", "bias(0, -10, text=-10, generated=2)"]
        ),
        "during": st.sampled_from(["all", "answer", "decode"]),
        "weights": st.one_of(st.none(), st.lists(st.floats(-5, 5), max_size=3)),
        "panels": st.lists(boxes.map(list), max_size=3),
        "give": st.lists(st.sampled_from(["effect", "trace"]), max_size=2),
    },
)


def test_the_least_request():
    asked = read(LEAST)
    assert (asked.heads, asked.at) == (HeadsAsked("default"), RegionAsked(box=(0, 0, 0.5, 1)))
    assert (asked.push, asked.during, asked.give) == (Push.focus(), "all", ("effect",))


def test_everything_that_can_be_asked():
    asked = read(
        json.dumps(
            {
                "schema": 1,
                "heads": ["L4H4", "L5H2"],
                "at": {
                    "stops": [None, {"mix": [BOX, {"panel": 1, "image": 1, "except": True}]}],
                    "starts": [0, 5],
                },
                "push": "bias(3, -1)",
                "during": "decode",
                "weights": [1, -0.5],
                "panels": [[0, 0, 10, 10], [10, 0, 20, 10]],
                "units": "pixels",
                "sizes": [[20, 10], [30, 10]],
                "give": ["effect", "trace"],
            }
        )
    )
    assert asked.heads.listed == (Head(4, 4), Head(5, 2)) and asked.push == Push.bias(3, -1)
    assert isinstance(asked.at, ScheduleAsked) and asked.at.stops[0] is None
    assert isinstance(asked.at.stops[1], MixAsked) and asked.at.stops[1].regions[1].inverted
    assert read(asked.to_json()) == asked


@given(gazes)
def test_what_is_read_is_written_and_read_again(data):
    asked = read(data)
    assert read(json.dumps(asked.to_json())) == asked


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 2}, "of schema 2; this server knows schema 1"),
        ({"schema": True}, '"schema" of the gaze is a whole number'),
        ({"colour": 1}, "has no 'colour'. It takes schema, heads, at, push"),
        ({"at": {**BOX, "colour": 1}}, "\"at\" of the gaze has no 'colour'"),
        ({"at": {}}, "names no place"),
        ({"at": {"box": None}}, "has box null"),
        ({"at": {"box": [0, 0, 1]}}, '"box" of "at" of the gaze has 3 numbers; a box has four'),
        ({"at": {"box": [0, 0, 1, "1"]}}, 'entry 3 of "box" of "at" of the gaze is a finite number'),
        ({"at": {**BOX, "panel": 1}}, "names box and panel"),
        ({"at": {"mask": [[1, 0], [1]]}}, "rows of one length"),
        ({"at": {"mask": []}}, "rows of one length"),
        ({"at": {"stops": [BOX]}}, 'needs "starts"'),
        ({"at": {"mix": BOX}}, "is a list"),
        ({"at": None}, "is an object"),
        ({"push": "shove"}, "\"push\" of the gaze: Push 'shove' cannot be read"),
        ({"push": "bias"}, "cannot be read"),
        ({"push": 3}, "is text"),
        ({"heads": ["4.4"]}, 'entry 0 of "heads" of the gaze'),
        ({"heads": {"top": 3}}, 'needs "file"'),
        ({"heads": 4}, "is a list"),
        ({"during": "later"}, "is one of all, answer, decode"),
        ({"give": ["money"]}, "is one of effect, trace"),
        ({"weights": "all"}, "is a list"),
        ({"weights": [1] * 5000}, "5000 entries; the limit is 4096"),
        ({"at": {"mask": [[1] * 4096] * 17}}, "17 x 4096 values; the limit is 65536"),
        ({"at": {"stops": [{"mix": [BOX, BOX]}] * 600, "starts": []}}, "1200 regions; the limit is 1024"),
        ({"units": "pixels"}, 'Pixels need "sizes"'),
        ({"sizes": [[3, 4]]}, 'Pixels need "sizes"'),
        ({"units": "pixels", "sizes": [[3, 0]]}, "width and height in pixels"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(change, says):
    with pytest.raises(GazeError) as error:
        read({**LEAST, **change})
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100000, "is not JSON"),
        ("3", "is an object; found 3"),
        ('{"schema": 1, "schema": 1}', "twice in one object"),
        ('{"schema": 1, "heads": "a", "at": {"box": [0, 0, NaN, 1]}}', "NaN, which is no number of JSON"),
        ('{"schema": 1, "heads": "a", "at": {"box": [0, 0, 1e999, 1]}}', "finite number"),
        ('{"schema": ' + "1" * 5000 + "}", "The gaze"),
        ('{"a": "' + "x" * 2**20 + '"}', "the limit is 1048576"),
    ],
    ids=range(9),
)
def test_text_that_is_no_request_is_refused(text, says):
    with pytest.raises(GazeError, match=says):
        read(text)


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    gazes,
    st.sampled_from(["schema", "heads", "at", "push", "during", "weights", "panels", "sizes", "give"]),
    plain,
)
def test_anything_in_the_place_of_anything_is_read_or_refused(data, name, value):
    refused = ""
    try:
        asked = read({**data, name: value})
    except GazeError as error:
        refused = str(error)
    assert len(refused) > 20 or read(asked.to_json()) == asked

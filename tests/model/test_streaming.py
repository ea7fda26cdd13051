"""Streams, and targets that move while the model speaks."""

import threading
from typing import Any

import numpy as np
import pytest
import reference
import tiny
import torch
from steered_runs import HEADS, produced

from gazeheads.attention.steering import Steering
from gazeheads.errors import ForeignRegion, GazeError, WrongModel
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.gaze.record import Record
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.regions.region import Region
from gazeheads.text import sentences


def encoded(model: GazeModel, panels: int = 3) -> Scene:
    sample = tiny.strip(panels, seed=panels)
    return model.encode(sample.image, "What is it?", panels=sample.boxes)


def idle(model: GazeModel) -> bool:
    return bool(model.hf.config.text_config._attn_implementation == "sdpa")


def expected(model: GazeModel, scene: Scene, aims: list[Region | None], during: str) -> list[int]:
    """The tokens under these targets, one for each token, by the independent implementation."""

    def aim(token: int) -> reference.Target | None:
        region = aims[token]
        return None if region is None else reference.target(region, "focus")

    rewrite = reference.steer(HEADS, aim, scene.n_prompt, during)
    return reference.generate(model.hf, scene, rewrite, len(aims))[0]


def test_a_stream_is_what_generate_gives(model: GazeModel) -> None:
    scene = encoded(model)
    for gaze in (None, Gaze(HEADS, Schedule.every(2, scene.panels), during="decode")):
        answer = model.generate(scene, gaze, max_new_tokens=8)
        tokens = list(model.stream(scene, gaze, max_new_tokens=8))
        assert tuple(token.id for token in tokens) == answer.token_ids
        assert "".join(token.text for token in tokens) == answer.text
        assert [token.index for token in tokens] == list(range(8))
        assert np.diff([0, *(token.seconds for token in tokens)]).min() > 0
        if gaze is None or answer.effect is None:
            assert {(token.target, token.before, token.after) for token in tokens} == {(None, None, None)}
        else:
            assert [token.target for token in tokens] == [None] + [gaze.schedule.stop(t) for t in range(1, 8)]
            assert [token.before for token in tokens] == pytest.approx(answer.effect.before_by_token)
            assert [token.after for token in tokens] == pytest.approx(answer.effect.after_by_token)


def test_a_stream_ends_with_the_end_token(model: GazeModel) -> None:
    scene = encoded(model)
    free = model.generate(scene, max_new_tokens=6)
    ended = GazeModel(model.hf, model.processor, "tiny")
    ended.stop = [free.token_ids[3]]
    assert [token.id for token in ended.stream(scene)] == list(
        free.token_ids[: free.token_ids.index(ended.stop[0]) + 1]
    )


def test_between_tokens_the_model_is_idle(model: GazeModel) -> None:
    """Two streams and a plain answer, interleaved; then both are dropped."""
    scene, other = encoded(model), encoded(model, 2)
    gazes = Gaze(HEADS, scene.panel(1)), Gaze(HEADS, other.panel(0))
    whole = [
        model.generate(s, g, max_new_tokens=4).token_ids for s, g in zip((scene, other), gazes, strict=True)
    ]
    free = model.generate(scene, max_new_tokens=3)
    one, two = model.stream(scene, gazes[0]), model.stream(other, gazes[1])
    found: list[list[int]] = [[], []]
    for _ in range(4):
        found[0].append(next(one).id)
        assert idle(model)
        found[1].append(next(two).id)
        assert model.generate(scene, max_new_tokens=3) == free
    assert [tuple(ids) for ids in found] == whole
    one.close()  # type: ignore[attr-defined]
    del two
    assert idle(model)
    assert list(one) == []


def test_two_streams_keep_their_targets_choices_and_records_apart(model: GazeModel) -> None:
    """The same heads, one scene twice; each is moved while the other one waits."""
    scene = encoded(model)

    def begun(n: int) -> tuple[Live, Any]:
        live = Live(scene.panel(n))
        more: dict[str, Any] = [
            {"do_sample": True, "generator": torch.Generator().manual_seed(3), "repetition_penalty": 1.3},
            {"no_repeat_ngram_size": 1, "record": Record(HEADS, "heads")},
        ][n]
        return live, model.stream(scene, Gaze(HEADS, live, during="answer"), max_new_tokens=6, **more)

    def step(live: Live, tokens: Any, n: int, index: int) -> Any:
        token = next(tokens)
        if index == 1 + n:
            live.look(scene.panel(2))
        return token

    alone = [[step(*stream, n, index) for index in range(6)] for n in range(2) for stream in [begun(n)]]
    streams = [begun(0), begun(1)]
    together: list[list[Any]] = [[], []]
    for n in (0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0):
        together[n].append(step(*streams[n], n, len(together[n])))
    for one, other in zip(alone, together, strict=True):
        facts = [[(t.id, t.target, t.before, t.after) for t in tokens] for tokens in (one, other)]
        assert facts[0] == facts[1]
    assert all(np.array_equal(a.look, b.look) for a, b in zip(alone[1], together[1], strict=True))
    assert [token.id for token in alone[0]] != [token.id for token in alone[1]]
    assert [token.target == scene.panel(2) for token in together[1]] == [False] * 3 + [True] * 3


def test_a_live_target_holds_from_the_very_next_token(model: GazeModel) -> None:
    scene = encoded(model)
    first, second = scene.panel(0), scene.panel(2)
    for during in ("answer", "decode"):
        live = Live(first)
        tokens = []
        for token in model.stream(scene, Gaze(HEADS, live, during=during), max_new_tokens=7):  # type: ignore[arg-type]
            tokens.append(token)
            if token.index == 2:
                live.look(second)
            if token.index == 4:
                live.look(None)
            if token.index == 5:
                live.look(first)
        aims = [first] * 3 + [second] * 2 + [None, first]
        assert [token.id for token in tokens] == expected(model, scene, aims, during)
        due = aims if during == "answer" else [None, *aims[1:]]
        assert [token.target for token in tokens] == due
        assert [token.after for token in tokens] == [
            None if aim is None else pytest.approx(1, abs=1e-6) for aim in due
        ]


def test_a_live_target_is_moved_from_another_thread(model: GazeModel) -> None:
    scene = encoded(model)
    live = Live(scene.panel(0))
    asked, moved = threading.Event(), threading.Event()

    def mover() -> None:
        asked.wait(20)
        live.look(scene.panel(2))
        moved.set()

    thread = threading.Thread(target=mover)
    thread.start()
    targets = []
    for token in model.stream(scene, Gaze(HEADS, live, during="answer"), max_new_tokens=5):
        targets.append(token.target)
        if token.index == 1:
            asked.set()
            assert moved.wait(20)
    thread.join()
    assert targets == [scene.panel(0)] * 2 + [scene.panel(2)] * 3


def test_generate_takes_a_live_target_too(model: GazeModel) -> None:
    scene = encoded(model)
    still = model.generate(scene, Gaze(HEADS, scene.panel(1), during="answer"), max_new_tokens=5)
    live = model.generate([scene] * 2, Gaze(HEADS, Live(scene.panel(1)), during="answer"), max_new_tokens=5)
    assert [answer.token_ids for answer in live] == [still.token_ids] * 2


@pytest.mark.parametrize("repeat", [False, True])
def test_on_sentence_switches_when_the_text_ends_a_sentence(
    model: GazeModel, monkeypatch: pytest.MonkeyPatch, repeat: bool
) -> None:
    """The random model writes no sentences, so its tokenizer is made to read some: every third token is a full stop."""
    scene = encoded(model)
    seen: list[int] = []

    def decode(token_ids: Any, **_: Any) -> Any:
        if token_ids and isinstance(token_ids[0], list):
            return [decode(row) for row in token_ids]
        return "".join(". " if token in stops else "a" for token in token_ids)

    stops: set[int] = set()
    monkeypatch.setattr(model.processor.tokenizer, "decode", decode)
    schedule = Schedule.on_sentence([scene.panel(0), None, scene.panel(2)], repeat)
    assert schedule.unit == "sentence"
    free = model.generate(scene, Gaze(HEADS, scene.panel(0), during="answer"), max_new_tokens=8)
    stops |= {free.token_ids[1]}
    tokens = list(model.stream(scene, Gaze(HEADS, schedule, during="answer"), max_new_tokens=8))
    ended, aims = 0, []
    for token in tokens:  # what was written before decides
        index = ended % 3 if repeat else min(ended, 2)
        aims.append(schedule.stops[index])
        ended += token.id in stops and not (seen and seen[-1] in stops)
        seen.append(token.id)
    assert [token.target for token in tokens] == aims
    assert len(set(map(str, aims))) > 1
    assert seen == expected(model, scene, aims, "answer")
    for cache in ({}, {"cache_implementation": "static", "disable_compile": True}):
        many = model.generate(
            [scene, scene], [None, Gaze(HEADS, schedule, during="answer")], max_new_tokens=8, **cache
        )
        assert list(many[1].token_ids) == seen


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("A dog digs", 0),
        ("A dog digs.", 1),
        ("A dog digs. A", 1),
        ('He says "no!" Then', 1),
        ("Really?! Yes... And", 2),
        ("It costs 2.", 0),
        ("It costs 2.5", 0),
        ("There are 2. They", 1),
        ("gazeheads.py is", 0),
        ("犬が掘る。猫", 1),
    ],
)
def test_where_sentences_end(text: str, count: int) -> None:
    assert sentences(text) == count


def test_moving_targets_that_cannot_be_meant(model: GazeModel) -> None:
    scene, other = encoded(model), encoded(model, 2)
    live = Live(scene.panel(0))
    for at in (live, Schedule.on_sentence(scene.panels)):
        with pytest.raises(GazeError, match='given with during="all", which steers the prompt'):
            Gaze(HEADS, at)
    with pytest.raises(ForeignRegion, match="belongs to another scene"):
        live.look(other.panel(0))
    with pytest.raises(GazeError, match="looks at a Region, a Mix or None; found str"):
        live.look("dog")  # type: ignore[arg-type]
    assert live.target == scene.panel(0)
    gaze = Gaze(HEADS, live, during="answer")
    with pytest.raises(GazeError, match="has no schedule"):
        gaze.schedule  # noqa: B018
    with pytest.raises(ForeignRegion):
        model.stream(other, gaze)
    with pytest.raises(WrongModel):
        model.stream(scene, Gaze([Head(9, 0)], scene.panel(0)))
    with (
        pytest.raises(GazeError, match=r"each row came 3 times \(beams\?\)"),
        torch.no_grad(),
        model.attached(gaze),
    ):
        model.hf.generate(**scene.tensors, max_new_tokens=2, num_beams=3, do_sample=False)
    unread = Steering([Gaze(HEADS, Schedule.on_sentence(scene.panels), during="answer")], 3, 4)
    with pytest.raises(
        GazeError, match="needs the text to token 1, known is that of 0 tokens. Use model.generate"
    ):
        produced(model, [scene], unread)
    assert idle(model)


def test_a_stream_tells_where_heads_look_as_a_trace_does(model: GazeModel, scene: Scene) -> None:
    gaze = Gaze(HEADS[:2], scene.panel(1), "reweigh", "answer")
    for record in (Record(HEADS, keep="heads", weighting="value-norm"), Record(HEADS)):
        answer = model.generate(scene, gaze, record=record, max_new_tokens=5)
        assert answer.trace is not None
        looks = [token.look for token in model.stream(scene, gaze, record=record, max_new_tokens=5)]
        assert len(looks) == len(answer.token_ids)
        for t, look in enumerate(looks):
            np.testing.assert_allclose(look, answer.trace.attention[:, t], atol=1e-6)
    assert next(model.stream(scene, gaze)).look is None

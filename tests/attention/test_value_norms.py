"""Lengths of value vectors beside the raw attention: one recording, two ways to weigh it."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import zoo

from gazeheads import Gaze, GazeModel, GazeTrace, Head, Record, Scene
from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.errors import BadTrace, RecordError

HEADS = [Head(0, 1), Head(2, 3), Head(1, 0)]


def both(model: GazeModel, scene: Scene, gaze: Gaze | None = None) -> tuple[GazeTrace, GazeTrace]:
    """A raw trace with lengths, and one that was recorded weighed by values."""
    asked = Record(HEADS, "heads", value_norms=True), Record(HEADS, "heads", "value-norm")
    first, second = (model.generate(scene, gaze, record=each, max_new_tokens=5).trace for each in asked)
    assert first is not None and second is not None
    return first, second


@pytest.mark.parametrize("steered", [False, True])
def test_raw_attention_times_lengths_is_what_a_recording_by_values_gives(
    model: GazeModel, scene: Scene, steered: bool
) -> None:
    raw, values = both(model, scene, Gaze([Head(0, 1)], scene.panel(1)) if steered else None)
    assert raw.value_norms is not None and raw.value_norms.std() > 0.05
    np.testing.assert_allclose(raw.value_weighted.attention, values.attention, rtol=1e-4, atol=1e-7)
    assert (raw.value_weighted.weighting, raw.value_weighted.value_norms) == ("value-norm", None)


def test_every_row_of_a_padded_batch_has_its_own_lengths(model: GazeModel) -> None:
    scenes = [
        model.encode(tiny.strip(n, seed=n).image, prompt) for n, prompt in ((2, "Hm?"), (3, "What is it?"))
    ]
    records = [Record(HEADS, "heads", value_norms=True), Record(HEADS[:1])]
    together = model.generate(scenes, record=records, max_new_tokens=3)
    alone = model.generate(scenes[0], record=records[0], max_new_tokens=3)
    assert together[0].trace is not None and alone.trace is not None and together[1].trace is not None
    np.testing.assert_allclose(together[0].trace.value_norms, alone.trace.value_norms, atol=1e-5)
    assert together[1].trace.value_norms is None


def test_lengths_behind_a_sliding_window_are_those_of_the_prompt() -> None:
    hf, scene = zoo.build("gemma3"), zoo.prompt(30, 3)
    recorders = [
        Recorder([scene.grid], [Record(HEADS, "heads", **how)], zoo.LAYERS, zoo.HEADS)  # type: ignore[arg-type]
        for how in ({"value_norms": True}, {"weighting": "value-norm"})
    ]
    with attached(hf, *recorders):
        hf.generate(**zoo.inputs(hf, [scene]), max_new_tokens=4, do_sample=False)
    raw, values = (each.traces([["a"] * 4])[0] for each in recorders)
    assert raw is not None and values is not None
    np.testing.assert_allclose(raw.value_weighted.attention, values.attention, rtol=1e-4, atol=1e-7)


def test_a_part_of_a_trace_keeps_its_heads_lengths(model: GazeModel, scene: Scene, tmp_path: Path) -> None:
    raw, values = both(model, scene)
    part = raw.select([Head(1, 0), Head(0, 1)])
    np.testing.assert_allclose(part.value_weighted.attention, values.attention[[2, 0]], rtol=1e-4, atol=1e-7)
    again = GazeTrace.load(part.save(tmp_path / "trace.npz"))
    assert again == part and again != raw.select([Head(1, 0), Head(2, 3)])
    assert GazeTrace.load(values.save(tmp_path / "values.npz")).value_norms is None


def test_lengths_that_mean_nothing_are_refused(model: GazeModel, scene: Scene) -> None:
    with pytest.raises(RecordError, match='give keep="heads", weighting="raw"'):
        Record(HEADS, value_norms=True)
    raw, values = both(model, scene)
    with pytest.raises(RecordError, match="has no norms of value vectors"):
        values.value_weighted  # noqa: B018
    with pytest.raises(RecordError, match=r"Head L0H0 was asked for; this trace keeps L0H1, L2H3, L1H0"):
        raw.select([Head(0, 1), Head(0, 0)])
    assert raw.value_norms is not None
    with pytest.raises(BadTrace, match="Norms of shape"):
        GazeTrace(raw.attention, raw.grid, raw.heads, "heads", "raw", raw.token_texts, raw.value_norms[:2])

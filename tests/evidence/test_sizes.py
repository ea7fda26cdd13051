"""The paper's table 1: accuracy by size class, what grew, and what several things share."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_folders import write

from gazeheads.drawing.scenes import scenes
from gazeheads.evidence.page import report
from gazeheads.evidence.results import Results
from gazeheads.evidence.runs import Run
from gazeheads.evidence.sizes import by_size, size_of
from gazeheads.experiments.trial import Generated, Trial
from gazeheads.judging.base import Verdict
from gazeheads.sample import Sample

HIT, MISS = Verdict("matched", 1), Verdict("none")


@pytest.fixture(scope="module")
def scene() -> Sample:
    """A purple elephant (medium), a car (large), a blue penguin (medium), a hat (small)."""
    return scenes(1, 5, "dev")[0]


def judged(scene: Sample) -> list[Any]:
    """Gaze: right at the medium and the large ones. Of two control draws one is right at the hat."""
    found = []
    for condition, right in (("gaze", (0, 1, 2)), ("controls/0", (3,)), ("controls/1", ())):
        for target in range(4):
            trial = Trial("boxes", scene.id, condition, "?", 5, target, "area", target, shape="box")
            made = Generated(trial, "a car", 2, "eos", 0.1, 1.0, 3, grown=target == 3)
            verdict = Verdict("matched", target) if target in right else MISS
            if (condition, target) == ("gaze", 0):
                verdict = Verdict("matched", 2, also=(0,))
            found.append((made, [verdict]))
    plain = Generated(Trial("boxes", scene.id, "none", "?", 5, variant="area"), "a car", 2, "eos")
    return [(plain, [Verdict("matched", 1, also=(2,))]), *found]


@pytest.fixture
def results(tmp_path: Path, scene: Sample) -> Results:
    return Results(Run.load(write(tmp_path / "run", judged(scene))))


def test_the_table_has_a_line_for_each_size(results: Results, scene: Sample) -> None:
    table = by_size(results, {scene.id: scene}, "area")
    assert table is not None
    assert table.header[:2] == ["size", "objects"] and "gaze" in table.header[2]
    assert [row[:3] for row in table.rows] == [
        ["large", "1", "100.0"],
        ["medium", "2", "100.0"],
        ["small", "1", "0.0"],
        ["all", "4", "75.0"],
    ]
    assert [row[3] for row in table.rows] == [
        "0.0 (0.0 to 0.0)",
        "0.0 (0.0 to 0.0)",
        "50.0 (0.0 to 100.0)",
        "12.5 (0.0 to 25.0)",
    ]
    assert "1 of 4 regions cover less than a cell" in table.caption
    assert "2 of 13 answers name something of which there are several" in table.caption


def test_the_papers_figures_stand_beside_its_own_model(results: Results, scene: Sample) -> None:
    manifest = {**results.run.manifest, "model": {"name": "Qwen/Qwen3-VL-8B-Instruct"}}
    table = by_size(Results(replace(results.run, manifest=manifest)), {scene.id: scene}, "area")
    assert (
        table is not None
        and table.rows[2][-2:] == ["61.7", "18.6"]
        and table.rows[3][-2:] == ["76.5", "25.9"]
    )


def test_samples_without_sizes_have_no_such_table(results: Results, scene: Sample) -> None:
    bare = replace(scene, slots=tuple({"object": slots["object"]} for slots in scene.slots))
    assert by_size(results, {scene.id: bare}, "area") is None and by_size(results, {}, "area") is None
    assert size_of({scene.id: scene}) == {
        (scene.id, k): size for k, size in enumerate(("medium", "large", "medium", "small"))
    }


def test_what_the_unsteered_answer_names_among_others_has_not_moved(results: Results, scene: Sample) -> None:
    gaze = results.cells["area", "gaze"]
    assert gaze.accuracy.mean == 0.75 and gaze.moved is not None
    assert (gaze.moved.mean, gaze.moved.n) == (0.5, 2), "without the car, and the penguin of the same name"


def test_the_report_shows_things_by_size(results: Results, scene: Sample) -> None:
    page = report([results], samples={scene.id: scene})
    tables = [table for section in page.sections for table in section.tables]
    assert tables[0].header[:2] == ["size", "objects"]
    assert tables[1].header[0] == "cells by" and tables[1].rows[0][0] == "area"

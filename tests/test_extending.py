"""docs/extending.md runs; and a package of its own adds an experiment, a judge and a data source by entry points."""

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from gazeheads.attention.formulas import FORMULAS
from gazeheads.data.sources import SOURCES, samples_of
from gazeheads.errors import UsageError
from gazeheads.experiments.catalogue import EXPERIMENTS, experiment, facts_of
from gazeheads.experiments.conditions import CONDITIONS, conditions
from gazeheads.gaze.push import PUSHES
from gazeheads.heads.scores import SCORES
from gazeheads.judging.kinds import JUDGES, judge_of, listed

ROOT = Path(__file__).parents[1]
EXTENDING = ROOT / "docs" / "extending.md"
TABLES: tuple[dict[str, Any], ...] = (
    EXPERIMENTS.own, CONDITIONS, JUDGES.own, PUSHES, FORMULAS, SCORES, SOURCES.own,
)  # fmt: skip


def pages() -> Any:
    spec = spec_from_file_location("pages", ROOT / "docs" / "pages.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["pages"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def _tables_as_they_were() -> Iterator[None]:
    before = [dict(table) for table in TABLES]
    yield
    for table, kept in zip(TABLES, before, strict=True):
        table.clear()
        table.update(kept)


@pytest.mark.usefixtures("_tables_as_they_were")
def test_the_page_adds_one_of_each_and_all_work() -> None:
    sizes = [len(table) for table in TABLES]
    claims = pages().run(EXTENDING)
    assert [str(claim) for claim in claims if not claim.holds] == []
    assert len(claims) >= 9
    assert [len(table) - size for table, size in zip(TABLES, sizes, strict=True)] == [1] * len(TABLES)


MODULE = """
from dataclasses import dataclass

from PIL import Image

from gazeheads.data.source import DataSource
from gazeheads.experiments.redirect import Redirect
from gazeheads.experiments.trial import ExperimentFacts
from gazeheads.judging.base import Judge, Verdict
from gazeheads.judging.kinds import JudgeKind
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample

ECHO = Redirect("echo", "What is there?", 5, ExperimentFacts("An echo"))


class LengthJudge(Judge):
    def __init__(self, most):
        self.most = int(most)

    def judge(self, sample, answer):
        return Verdict("matched", min(len(answer), self.most))


def from_spec(rest, samples, options):
    return LengthJudge(rest)


LENGTH = JudgeKind("length", "any data, by the length of the answer", from_spec, "MOST")


def read(spec, seed, reports):
    image = Image.new("RGB", (64, 32))
    boxes = Box(0, 0, 32, 32), Box(32, 0, 64, 32)
    return [Sample(f"blank/{n}", "strip", image, boxes, ("one", "two")) for n in range(spec.number(spec.body, 1))]


BLANK = DataSource("blank:N", "N black strips of two panels", read)
"""
ENTRIES = """
[gazeheads.experiments]
echo = echo_package:ECHO

[gazeheads.judges]
length = echo_package:LENGTH

[gazeheads.data]
blank = echo_package:BLANK
"""


@pytest.fixture
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution on the path, as pip leaves one: a module, and what its metadata say."""
    info = tmp_path / "echo_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    (tmp_path / "echo_package.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("echo_package", None)


@pytest.mark.usefixtures("_package")
def test_another_package_adds_an_experiment_a_judge_and_a_data_source() -> None:
    assert list(EXPERIMENTS)[-1] == "echo" and facts_of("echo").title == "An echo"
    assert (
        listed().endswith("; length") and judge_of("length:1").judge_parts(None, ["", "long"])[1].region == 1
    )  # type: ignore[arg-type]
    samples = samples_of("blank:2")
    trials = [
        trial for sample in samples for trial in experiment("echo").trials(sample, conditions("gaze")[0])
    ]
    assert [(trial.sample, trial.pointed) for trial in trials] == [
        ("blank/0", 0), ("blank/0", 1), ("blank/1", 0), ("blank/1", 1)
    ]  # fmt: skip


def test_without_the_package_its_things_are_not_there() -> None:
    assert facts_of("echo").title == "echo", "a report on its runs can still be made"
    with pytest.raises(UsageError, match="Experiment 'echo': there is none"):
        experiment("echo")

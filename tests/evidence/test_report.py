"""The report on runs: what it says, in which order, and that it leaves nothing unsaid. The numbers: test_evidence."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from run_folders import JUNK, NONE, Judged, answer, matched, redirection, tour, write

from gazeheads.cli import main
from gazeheads.evidence import head_overlap as headsets
from gazeheads.evidence import labels as wording
from gazeheads.evidence import models, pictures, sweeps, tables
from gazeheads.evidence import tours as ways
from gazeheads.evidence.limits import limits, splits, warnings
from gazeheads.evidence.page import asked, commands, report, titles
from gazeheads.evidence.paper import figures_for
from gazeheads.evidence.results import Results
from gazeheads.evidence.runs import Run
from gazeheads.evidence.trajectories import trajectories
from gazeheads.heads.head import Provenance
from gazeheads.heads.heads import Heads
from gazeheads.pages.markdown import escaped, write_markdown
from gazeheads.pages.report import Report, Table

QWEN = "Qwen/Qwen3-VL-8B-Instruct"


def read(folder: Path) -> Results:
    return Results(Run.load(folder))


def column(table: Table, name: str) -> dict[str, str]:
    """Cells of a column by the first cell of their row."""
    place = list(table.header).index(name)
    return {row[0]: row[place] for row in table.rows}


def sweep(
    folder: Path, hits: dict[str, tuple[int, int]], experiment: str = "k-sweep", **manifest: object
) -> Results:
    """A sweep on two strips of two panels. hits: variant to the number of heads and of right answers, of four."""
    judged: list[Judged] = []
    for variant, (heads, right) in hits.items():
        cells = [(strip, target) for strip in "ab" for target in range(2)]
        for number, (strip, target) in enumerate(cells):
            made = answer(strip, "gaze", target, experiment=experiment, variant=variant, heads=heads)
            judged.append((made, [matched(target) if number < right else JUNK]))
    return read(write(folder, judged, **manifest))


def test_a_table_says_accuracy_with_its_company_and_the_paper_beside(tmp_path: Path) -> None:
    results = read(write(tmp_path / "run", redirection(), model=QWEN))
    table = tables.conditions(results)
    assert [row[0] for row in table.rows] == [
        "no steering",
        "gaze heads",
        "random-head controls, same layers (3 draws)",
    ]
    assert table.strong == [1]
    assert column(table, "about the target")["gaze heads"].startswith("80.0 [")
    assert (
        column(table, "about the target")["random-head controls, same layers (3 draws)"]
        == "33.3 (33.3 to 33.3)"
    )
    assert column(table, "degenerate") == {
        "no steering": "0.0",
        "gaze heads": "16.7",
        "random-head controls, same layers (3 draws)": "0.0",
    }
    assert column(table, "none")["no steering"] == "50.0"
    assert column(table, "unscored")["gaze heads"] == "16.7"
    assert column(table, "attention mass on the target")["gaze heads"] == "20 → 90"
    assert column(table, "paper") == {
        "no steering": "–",
        "gaze heads": "83.1",
        "random-head controls, same layers (3 draws)": "–",
    }
    other = read(write(tmp_path / "other", redirection()))
    assert "paper" not in tables.conditions(other).header, "only where the model is the same"


def test_control_pools_stand_beside_each_other(tmp_path: Path) -> None:
    table = tables.pools(read(write(tmp_path / "run", redirection(), model=QWEN)))
    assert table is not None
    assert table.rows[0][:6] == [
        "random-head controls, same layers",
        "3",
        "33.3 (33.3 to 33.3)",
        "0.0",
        "3 of 3",
        "0.25",
    ]
    assert column(table, "gaze heads better by")["random-head controls, same layers"].startswith("+40.0 [")
    assert "3 draws cannot show less than 0.25" in table.caption
    without = [each for each in redirection() if not each[0].trial.condition.startswith("controls")]
    results = read(write(tmp_path / "without", without))
    assert tables.pools(results) is None
    assert any("No random-head controls ran" in text for text in limits([results]))


def test_conditions_with_a_number_of_heads_have_a_table_of_their_own(tmp_path: Path) -> None:
    judged = redirection()
    judged += [(answer(strip, "gaze@2", 0, heads=2), [matched(0)]) for strip in "ab"]
    judged += [(answer(strip, "controls@2/0", 0, heads=2), [NONE]) for strip in "ab"]
    results = read(write(tmp_path / "run", judged))
    assert results.amounts == ["", "2"]
    assert [row[0] for row in tables.conditions(results, "2").rows] == [
        "no steering",
        "gaze heads, K = 2",
        "random-head controls, same layers, K = 2 (1 draw)",
    ]
    assert "gaze heads, K = 2" not in [row[0] for row in tables.conditions(results).rows]
    table = tables.differences(results, "2")
    assert table is not None
    assert (
        column(table, "better by")["random-head controls, same layers, K = 2 (1 draw)"]
        == "+100.0 [zero variance]"
    )
    pools = tables.pools(results)
    assert (
        pools is not None
        and column(pools, "gaze heads above")["random-head controls, same layers, K = 2"] == "1 of 1"
    )


def test_heads_that_point_elsewhere_say_where_to(tmp_path: Path) -> None:
    judged = [*redirection(), (answer("a", "wrong-region/0", 0, pointed=2), [matched(2)])]
    table = tables.pools(read(write(tmp_path / "run", judged)))
    assert table is not None
    assert column(table, "about the region pointed at") == {
        "random-head controls, same layers": "–",
        "gaze heads, pointed at another region": "100.0",
    }


def test_a_sweep_is_a_line_for_each_setting(tmp_path: Path) -> None:
    hits = {"bias 1": (4, 1), "focus": (4, 4)}
    results = sweep(tmp_path / "run", hits, "push-sweep", model=QWEN)
    table = sweeps.sweep(results)
    assert [row[0] for row in table.rows] == ["bias 1", "focus"]
    assert column(table, "gaze heads")["focus"] == "100.0 [zero variance]"
    assert column(table, "paper: gaze") == {"bias 1": "33.2", "focus": "–"}
    assert table.caption.startswith("The paper's table 4.")
    assert column(sweeps.statuses(results), "gaze heads") == {
        "bias 1": "75.0 / 0.0 / 0.0",
        "focus": "0.0 / 0.0 / 0.0",
    }


def test_models_are_compared_at_their_best_number_of_heads(tmp_path: Path) -> None:
    small = sweep(
        tmp_path / "s", {"K = 10%": (2, 2), "K = 20%": (4, 3), "K = 40%": (8, 1)}, model="s", heads={"of": 20}
    )
    large = sweep(tmp_path / "l", {"K = 2%": (23, 4), "K = 4%": (46, 4)}, model=QWEN, heads={"of": 1152})
    more = sweep(
        tmp_path / "m", {"K = 50%": (576, 2), "K = 80%": (921, 1)}, "collapse", model=QWEN, heads={"of": 1152}
    )
    table = models.table(models.peaks([large, more, small]))
    assert [row[0] for row in table.rows] == ["s", QWEN], "smaller models first"
    assert column(table, "best K") == {"s": "4 (20%)", QWEN: "23 (2%)"}, "of equals the fewest heads"
    assert column(table, "falls below half at") == {"s": "8", QWEN: "921"}
    assert column(table, "degenerate there") == {"s": "75.0", QWEN: "75.0"}
    assert column(table, "paper: gaze") == {"s": "–", QWEN: "83.1"}
    alone = models.table(models.peaks([large]))
    assert column(alone, "falls below half at") == {QWEN: "not up to 46"}


def test_tours_are_laid_out_as_the_papers_table_8(tmp_path: Path) -> None:
    judged: list[Judged] = [
        (tour("a", "gaze", [2, 0, 1], ["x", "x", "x"]), [matched(2), matched(0), matched(1)]),
        (tour("a", "all", [2, 0, 1], ["x", "x", "x"]), [JUNK, JUNK, JUNK]),
    ]
    results = read(write(tmp_path / "run", judged, model=QWEN))
    table = ways.blind(results, trajectories(results))
    assert column(table, "match the schedule") == {"gaze heads": "100.0", "all heads": "0.0"}
    assert column(table, "rho with schedule") == {"gaze heads": "1.00", "all heads": "–"}
    assert column(table, "rho with reading order")["gaze heads"] == "−0.50"
    assert column(table, "strips mostly degenerate") == {"gaze heads": "0 of 1", "all heads": "1 of 1"}
    assert column(table, "paper: degenerate") == {"gaze heads": "–", "all heads": "384 of 500"}
    assert column(ways.tour(results, trajectories(results)), "undefined") == {
        "gaze heads": "0 of 1",
        "all heads": "1 of 1",
    }


def heads(shape: tuple[int, int] = (4, 5)) -> Heads:
    rng, provenance = np.random.default_rng(0), Provenance("m", *shape, data="doodles:2:dev", samples=2)
    scores = np.arange(20.0).reshape(shape) / 20
    return Heads.ranked(
        scores, provenance, matrices=rng.random((*shape, 3, 3)), others={"image-heads": -scores}
    )


def test_head_sets_are_held_against_chance() -> None:
    assert headsets.sizes(heads()) == (1, 2)
    table = headsets.overlap(heads())
    assert table is not None
    assert table.rows == [["gaze heads and Image Heads", "0", "0.1", "1", "0.00", "0", "0.2", "1", "0.00"]]
    assert headsets.matrix(heads(), 12) == (["gaze", "image-heads"], [[12, 4], [4, 12]])


@pytest.mark.parametrize(
    ("name", "known"),
    [
        (QWEN, 100),
        ("models/Qwen3-VL-2B-Instruct", 10),
        ("Qwen/Qwen3-VL-8B-Thinking", None),
        ("Qwen/Qwen2.5-VL-7B-Instruct", None),
        ("OpenGVLab/InternVL3_5-8B-HF", 140),
        ("llava-hf/llava-1.5-7b-hf", 150),
        ("gazeheads/doodle-vl", None),
    ],
)
def test_the_papers_figures_belong_to_its_models(name: str, known: int | None) -> None:
    found = figures_for(name)
    assert (found.peak.k if found else None) == known


@pytest.mark.parametrize(
    ("on", "data", "said"),
    [
        (
            {"data": "doodles:16:dev", "seed": 2},
            {"source": "doodles:9:dev", "seed": 2},
            "the very images of this run",
        ),
        (
            {"data": "doodles:16", "seed": 3},
            {"source": "doodles:9:dev:panels=4", "seed": 2},
            "of another seed",
        ),
        ({"data": "doodles:16:dev", "seed": 2}, {"source": "doodles:9:test+scenes:3:dev", "seed": 2}, ""),
        ({"data": "comics:a", "seed": 2}, {"source": "comics:b", "seed": 2}, ""),
        (None, {"source": "doodles:9:dev", "seed": 2}, ""),
    ],
)
def test_a_run_on_what_the_heads_were_tuned_on_is_warned_about(
    tmp_path: Path, on: object, data: object, said: str
) -> None:
    results = read(write(tmp_path / "run", redirection(), heads={"k": 4, "tuned_on": on}, data=data))
    found = [text for text in warnings([results]) if "chosen" in text]
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_splits_of_sources() -> None:
    assert splits("doodles:3:test:panels=4+scenes:2") == {("doodles", "test"), ("scenes", "dev")}
    assert splits("comics:some/folder") == {("comics", "some/folder")}


def test_what_is_missing_is_said_first(tmp_path: Path) -> None:
    judged = redirection()
    judged[3] = (judged[3][0], [None])
    judged[4] = (answer("a", "gaze", 2, failed="nothing was steered"), [None])
    names = [*dict.fromkeys(g.trial.condition for g, _ in judged), "all"]
    folder = write(
        tmp_path / "run",
        judged,
        conditions=names,
        data={"source": "doodles:8:test", "samples": 8},
        shard=[2, 3],
    )
    results = read(folder)
    found = warnings([results])
    assert [re.sub(r"\s+", " ", text)[:44] for text in found] == [
        "run: 1 answers have no verdict yet and count",
        "run is unfinished: 2 of 3 images under none ",
        "run is shard 2 of 3: gazeheads merge makes o",
        "run: the model gave no answer to 1 of 26 tri",
        "run: 17% of the answers under 'gaze' are uns",
        "run: 1 verdicts are unscored: 1 because no r",
    ]
    page = report([results])
    assert page.sections[0].title == "Read this first" and list(page.sections[0].points) == found
    assert page.sections[-1].title == "Limits" and page.sections[-1].tone == "limits"
    assert "unjudged" in tables.conditions(results).header and "failed" in tables.conditions(results).header


def test_each_run_has_its_section_and_its_commands(tmp_path: Path) -> None:
    first = read(write(tmp_path / "one", redirection()))
    (tmp_path / "one" / "commands.txt").write_text("gazeheads run vqa --out one\n")
    second = read(write(tmp_path / "two", redirection(), model="other"))
    third = read(write(tmp_path / "three", redirection(), model="other"))
    told = "Redirection: what happens in this strip?"
    assert titles([first]) == [told]
    assert titles([first, second, third]) == [
        f"{told} (a-model)",
        f"{told} (other), two",
        f"{told} (other), three",
    ]
    assert commands(first) == [
        "gazeheads run vqa --out one",
        f"gazeheads judge {tmp_path / 'one'} --judge rules",
    ]
    assert commands(second)[0] == (
        "gazeheads run vqa --data doodles:2:test --seed 0 --conditions none,gaze,controls:3 "
        f"--out {tmp_path / 'two'}  # put together from the manifest"
    )
    assert asked(["gaze@8", "band@0.1/0", "band@0.1/1", "wrong-region/0"]) == [
        "gaze@8",
        "controls:2:band@0.1",
        "wrong-region:1",
    ]


def test_conditions_have_names_for_people() -> None:
    assert wording.condition("gaze@8") == "gaze heads, K = 8"
    assert wording.condition("controls@0.12/3") == "random-head controls, same layers, K = 12%, draw 4"
    assert wording.condition("something-new") == "something-new"
    assert wording.spread([0.1, 0.3]) == "20.0 (10.0 to 30.0)"


def test_figures_show_every_condition_and_every_draw(tmp_path: Path) -> None:
    results = read(write(tmp_path / "run", redirection()))
    (axes,) = pictures.bars(results).image.axes  # type: ignore[union-attr]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        row[0] for row in tables.conditions(results).rows
    ]
    drawn = pictures.positions(results)
    assert drawn is not None
    (axes,) = drawn.image.axes  # type: ignore[union-attr]
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines["gaze heads"] == [1, 1, 0]
    assert lines["mean of the random-head controls"] == pytest.approx([0.5, 1 / 3, 1 / 6])
    over_k = sweep(tmp_path / "k", {"K = 2%": (2, 1), "K = 4%": (4, 4)})
    (axes,) = pictures.k_curves(over_k).image.axes  # type: ignore[union-attr]
    assert list(axes.lines[0].get_xdata()) == [2, 4] and list(axes.lines[0].get_ydata()) == [0.25, 1]


def test_markdown_holds_the_same_and_its_figures_are_files(tmp_path: Path) -> None:
    page = report([read(write(tmp_path / "run", redirection()))], [heads()])
    text = write_markdown(page, tmp_path / "out").read_text(encoding="utf-8")
    figures = re.findall(r"\]\((figures/[^)]+\.svg)\)", text)
    assert len(figures) == len(set(figures)) == 5
    assert all((tmp_path / "out" / figure).read_bytes().startswith(b"<?xml") for figure in figures)
    for section in page.sections:
        assert f"## {escaped(section.title)}" in text
    assert "| **gaze heads** | **4** |" in text
    assert "```\ngazeheads run vqa" in text


def test_nothing_that_a_model_said_becomes_markup(tmp_path: Path) -> None:
    page = Report("a_b*c* <b> | [x](y)")
    page.section("S", tables=[Table(["a|b"], [["<script>"]])], points=["# no\nheading"])
    text = write_markdown(page, tmp_path).read_text(encoding="utf-8")
    assert text.startswith("# a\\_b\\*c\\* \\<b\\> \\| \\[x\\](y)\n")
    assert "| a\\|b |" in text and "| \\<script\\> |" in text and "- \\# no heading" in text


def test_the_command_writes_page_markdown_and_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "run", redirection())
    assert main(["report", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.html",
        "report.md",
        "results.json",
        "figures",
    }
    numbers = json.loads((tmp_path / "out" / "results.json").read_text())
    cells = {cell["condition"]: cell for cell in numbers["runs"][0]["cells"]}
    assert cells["gaze"]["accuracy"]["mean"] == 0.8 and numbers["warnings"]
    shown = capsys.readouterr().out
    assert shown.startswith(f"warning: {numbers['warnings'][0]}") and "report.html" in shown
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"gazeheads report {folder} --out {tmp_path / 'out'}" in page
    assert main(["report", str(folder), str(folder), "--out", str(tmp_path / "out")]) == 2
    assert "one of them twice" in capsys.readouterr().err
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "out")]) == 2

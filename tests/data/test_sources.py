"""Data sets by name: the grammar, what it refuses, and several sources in one."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from gazeheads.data.check import check
from gazeheads.data.source import DataSource, Reports, Spec
from gazeheads.data.sources import SOURCES, fingerprint, forms, listing, samples_of
from gazeheads.data.stored import whole
from gazeheads.drawing.strips import doodles
from gazeheads.errors import DataError, UsageError
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three comics of six panels, in a folder whose name has signs of the grammar in it."""
    root = tmp_path_factory.mktemp("a") / "1+1:b@d"
    for i in (1, 2, 3):
        (root / f"comic{i}").mkdir(parents=True)
        for k in range(1, 7):
            Image.new("RGB", (32, 32), (40 * k, 0, 0)).save(root / f"comic{i}" / f"p{k}.png")
    return root


def test_doodles_by_name() -> None:
    assert [s.source["split"] for s in samples_of("doodles:2")] == ["dev", "dev"]
    assert samples_of("doodles:1:test", seed=4)[0].source["seed"] == 4
    assert [s.id for s in samples_of("doodles:2:test:start=3")] == ["doodles/test/0/3", "doodles/test/0/4"]
    assert [s.id for s in samples_of("scenes:1:train:start=2", 7)] == ["scenes/train/7/2"]


def test_the_id_of_a_doodle_says_how_it_is_laid_out() -> None:
    names = [
        samples_of(f"doodles:1:test{options}")[0].id
        for options in (
            "",
            ":panels=6",
            ":grid=1x6",
            ":panels=4",
            ":grid=2x2",
            ":grid=2x3",
            ":panels=6:grid=3x2",
        )
    ]
    assert names[:3] == ["doodles/test/0/0"] * 3
    assert names[3:] == [f"doodles/test/0/0/{shape}" for shape in ("1x4", "2x2", "2x3", "3x2")]
    assert doodles(1, labels="ABCDEFGH")[0].id == "doodles/test/0/0/ABCDEFGH"
    (grid,) = samples_of("doodles:1:grid=2x3")
    assert grid.kind == "grid" and len(grid.boxes) == 6


def test_several_sources_in_one() -> None:
    found = samples_of("doodles:2:test:panels=3+doodles:1:test:panels=4+scenes:1:test", seed=2)
    assert [len(s.boxes) for s in found[:3]] == [3, 3, 4] and found[3].kind == "scene"
    assert [s.id for s in found[:2]] == [s.id for s in samples_of("doodles:2:test:panels=3", seed=2)]
    assert fingerprint(found[:2]) == fingerprint(samples_of("doodles:2:test:panels=3", seed=2))


def test_the_same_sample_twice_is_refused() -> None:
    with pytest.raises(UsageError, match=r"two samples are called 'doodles/dev/0/1'"):
        samples_of("doodles:2+doodles:2:start=1")


def test_comics_by_name(library: Path) -> None:
    assert [s.id for s in samples_of(f"comics:{library}")] == [f"comics/comic{i}" for i in (1, 2, 3)]
    assert [s.id for s in samples_of(f"comics:{library}:n=1:start=1")] == ["comics/comic2"]
    assert [s.id for s in samples_of(f"comics:{library}:layout=grid:n=1")] == ["comics/comic1/2x3"]
    assert [s.id for s in samples_of(f"comics:{library}:grid=3x2:n=1")] == ["comics/comic1/3x2"]
    both = samples_of(f"comics:{library}:layout=row+comics:{library}:layout=grid:grid=2x3+doodles:1")
    assert [s.kind for s in both] == ["strip"] * 3 + ["grid"] * 3 + ["strip"]


def test_raw_comics_and_a_picture_by_name(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    for k in range(8):
        Image.new("RGB", (8, 8), (20 * k, 0, 0)).save(tmp_path / "one" / f"0_{k}.jpg")
    (sample,) = samples_of(f"comics-raw:{tmp_path}:1", seed=3)
    assert sample.source["seed"] == 3 and len(sample.boxes) == 6
    (grid,) = samples_of(f"comics-raw:{tmp_path}:1:panels=4:layout=grid")
    assert grid.kind == "grid" and len(grid.boxes) == 4 and "/2x2" in grid.id
    with pytest.raises(DataError, match="from number 1 on"):
        samples_of(f"comics-raw:{tmp_path}:1:start=1")
    Image.new("RGB", (80, 20)).save(tmp_path / "page.png")
    (tmp_path / "page.json").write_text('[{"box": [0, 0, 40, 20]}]')
    assert [s.id for s in samples_of(f"strip:{tmp_path / 'page.png'}")] == ["strip/page"]


@pytest.mark.parametrize(
    "source, message",
    [
        ("", "there is no such source"),
        ("doodles", "nothing follows the colon"),
        ("doodles:", "nothing follows the colon"),
        ("doodle:3", "'doodle:3': there is no such source. Write one of doodles:N"),
        ("doodles:x", "'x' is not a whole number of at least 1"),
        ("doodles:0", "'0' is not a whole number of at least 1"),
        ("doodles:-3", "'-3' is not a whole number of at least 1"),
        ("doodles:²", "'²' is not a whole number of at least 1"),
        ("doodles:3:tset", "'tset' is not a split; use train, dev, test"),
        ("doodles:3:test:4", "'test:4' is not a split"),
        ("doodles:3:panel=4", "option 'panel' is unknown. Write doodles:N"),
        ("doodles:3:panels=4:panels=5", "option 'panels' is given twice"),
        ("doodles:3:panels=", "'' is not a whole number of at least 1"),
        ("doodles:3:panels=4:test", "'panels=4:test' is not a split"),
        ("doodles:3:grid=2", "grid=2 is not a grid"),
        ("doodles:3:grid=0x3", "'0' is not a whole number of at least 1"),
        ("doodles:3:grid=2x3:panels=4", "a grid of 2x3 has 6 panels"),
        ("doodles:3:start=-1", "'-1' is not a whole number of at least 0"),
        ("scenes:3:panels=4", "option 'panels' is unknown. Write scenes:N"),
        ("comics:", "nothing follows the colon"),
        ("comics:nowhere:layout=circle", "layout=circle is unknown"),
        ("comics:nowhere:layout=row:grid=2x3", "grid=2x3 is not a grid, or contradicts layout=row"),
        ("comics:nowhere:n=0", "'0' is not a whole number of at least 1"),
        ("comics-raw:nowhere", "the number of strips is missing"),
        ("comics-raw:nowhere:many", "'many' is not a whole number"),
        ("strip:nothing.png:layout=row", "option 'layout' is unknown. Write strip:IMAGE.png"),
        ("hub:a/b:0", "'a/b:0' cannot be read"),
        ("hub:a/b@x@y", "'a/b@x@y' cannot be read"),
        ("hub:a/b:test@main:dev", "cannot be read"),
        ("doodles:2+comics:", "'comics:': nothing follows the colon"),
        ("doodles:2+", "'2\\+' is not a whole number"),
    ],
)
def test_a_source_that_cannot_be_meant_says_why(source: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        samples_of(source)


@pytest.mark.parametrize(
    "source, message",
    [
        ("comics:nowhere", "Panel folder nowhere: there is no such folder"),
        ("comics-raw:nowhere:3", "Raw comics nowhere: there is no such folder"),
        ("strip:nothing.png", "Image nothing.png: there is no such file"),
        ("coco:nowhere", "instances_val2017.json: there is no such file"),
    ],
)
def test_files_that_are_not_there_are_faulty_data(source: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        samples_of(source)


def test_too_many_panels_for_the_doodles_are_refused() -> None:
    with pytest.raises(UsageError, match="Strips of 9 panels: doodles have 1 to 8"):
        samples_of("doodles:1:grid=3x3")


def test_every_source_says_what_it_is_and_naming_data_loads_no_hub() -> None:
    assert len(SOURCES) == 7 and forms() == [source.form for source in SOURCES.values()]
    assert all(source.about and source.form.startswith(f"{name}:") for name, source in SOURCES.items())
    code = "import sys, gazeheads.data.sources; sys.exit('datasets' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_package_adds_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(spec: Spec, seed: int, reports: Reports) -> list[Sample]:
        path = Path(spec.body)
        samples = []
        with reports.at(path):
            samples.append(Sample("tile/1", "photo", whole(reports.image(path)), (Box(0, 0, 4, 4),), ("it",)))
        return samples

    package = ModuleType("tiles")
    package.__dict__["SOURCE"] = DataSource("tile:FILE[:start=I]", "one image", read)
    monkeypatch.setitem(sys.modules, "tiles", package)
    info = tmp_path / "tiles-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiles\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gazeheads.data]\ntile = tiles:SOURCE\nbroken = nowhere:SOURCE\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    (sample, _) = samples_of(f"tile:{tmp_path / 'a.png'}+doodles:1")
    assert sample.size == (8, 8) and sample.image.getpixel((0, 0)) == (255, 0, 0)
    assert forms()[-2:] == ["broken:...", "tile:FILE[:start=I]"]
    assert listing().endswith("  tile:FILE[:start=I]\n      one image")
    with pytest.raises(UsageError, match="option 'stop' is unknown. Write tile:FILE"):
        samples_of("tile:a.png:stop=1")
    with pytest.raises(UsageError, match="'broken', which tiles registers as nowhere:SOURCE"):
        samples_of("broken:1")
    (problem,) = check(f"tile:{tmp_path / 'b.png'}").problems
    assert problem.place == str(tmp_path / "b.png") and problem.what.startswith("there is no such file")

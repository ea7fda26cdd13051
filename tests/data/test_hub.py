"""Comics of the hub: a data set of the same schema on disk, read by the real library; and a hub out of reach.

Where the hub itself would answer, its two calls are stood in for: which commit a revision is, and the data's place.
"""

import io
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gazeheads.data import hub
from gazeheads.data.check import check
from gazeheads.data.hub import HubName, hub_comics
from gazeheads.data.sources import fingerprint, samples_of
from gazeheads.errors import DataError, MissingPackage, UsageError

STORED = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def png(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(file, "PNG")
    return file.getvalue()


def written(
    folder: Path,
    split: str = "test",
    n: int = 3,
    panels: int = 6,
    change: Callable[[dict[str, Any]], object] | None = None,
) -> Path:
    """A data set in the schema of the paper's strips: `n` rows of a parquet file, as the hub keeps it."""
    columns: dict[str, Any] = {"comic_id": [f"c{i}" for i in range(n)]}
    features: dict[str, Any] = {"comic_id": {"dtype": "string", "_type": "Value"}}
    for k in range(1, panels + 1):
        columns[f"panel_{k}"] = [{"bytes": png((50 * i, 0, 30 * k)), "path": "x.png"} for i in range(n)]
        columns[f"caption_{k}"] = [f"panel {k} of comic {i}" for i in range(n)]
    if change:
        change(columns)
    table = {}
    for name, values in columns.items():
        picture = name.startswith("panel")
        table[name] = pa.array(values, type=STORED if picture else pa.string())
        features[name] = {"_type": "Image"} if picture else {"dtype": "string", "_type": "Value"}
    info = json.dumps({"info": {"features": {name: features[name] for name in table}}})
    (folder / "data").mkdir(parents=True, exist_ok=True)
    path = folder / "data" / f"{split}-00000-of-00001.parquet"
    pq.write_table(pa.table(table).replace_schema_metadata({"huggingface": info}), path)
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("hub") / "strips")


def test_rows_become_strips(copy: Path) -> None:
    found = samples_of(f"hub:{copy}")
    assert [s.id for s in found] == [f"hub/strips/c{i}" for i in range(3)]
    one = found[1]
    assert len(one.boxes) == 6 and one.kind == "strip"
    assert one.captions == tuple((f"panel {k} of comic 1",) for k in range(1, 7))
    middles = [one.image.getpixel((int((b.x0 + b.x1) / 2), 100)) for b in one.boxes]
    assert middles == [(50, 0, 30 * k) for k in range(1, 7)]
    assert one.source["split"] == "test" and one.source["index"] == 1 and one.source["revision"] is None
    assert one.resized(48, 16).image.size == (6 * 48, 48)


def test_part_of_the_rows_and_other_layouts(copy: Path) -> None:
    assert [s.id for s in samples_of(f"hub:{copy}:test:1:start=1")] == ["hub/strips/c1"]
    assert [s.id for s in samples_of(f"hub:{copy}:2:layout=grid")] == [
        "hub/strips/c0/2x3",
        "hub/strips/c1/2x3",
    ]
    with pytest.raises(
        DataError, match="split 'test': 3 strips from number 1 on were asked for, and there are 2"
    ):
        samples_of(f"hub:{copy}:3:start=1")


def test_a_copy_elsewhere_has_the_same_hash(copy: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "strips")
    assert fingerprint(samples_of(f"hub:{other}")) == fingerprint(samples_of(f"hub:{copy}"))
    report = check(f"hub:{copy}:2")
    assert report.samples == 2 and report.content == fingerprint(samples_of(f"hub:{copy}:2"))


def test_only_the_rows_that_are_asked_for_are_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    came: list[str] = []
    rows = datasets.IterableDataset.__iter__

    def counting(self: Any) -> Any:
        for row in rows(self):
            came.append(row["comic_id"])
            yield row

    monkeypatch.setattr(datasets.IterableDataset, "__iter__", counting)
    samples_of(f"hub:{copy}:1:start=1")
    assert came == ["c0", "c1"], "those before the first are passed over; nothing is fetched after the last"


def test_the_split_must_be_named_where_there_are_two(tmp_path: Path) -> None:
    folder = written(written(tmp_path / "strips", "train", 1, 4), "test", 2, 4)
    assert len(samples_of(f"hub:{folder}:test")) == 2 and len(samples_of(f"hub:{folder}:train")[0].boxes) == 4
    with pytest.raises(
        DataError, match=r"no split was named; it has train, test. Name one, as in hub:.*:train"
    ):
        samples_of(f"hub:{folder}")
    with pytest.raises(DataError, match="there is not a split 'dev'; it has train, test"):
        samples_of(f"hub:{folder}:dev")


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a column": (lambda c: c.pop("panel_3"), "column panel_3 is missing; it has comic_id, panel_1, "),
    "captions": (
        lambda c: [c.pop(f"caption_{k}") for k in range(1, 7)],
        "column caption_1, caption_2, .* is missing",
    ),
    "ids": (lambda c: c.pop("comic_id"), "column comic_id is missing"),
    "any panel": (lambda c: [c.pop(f"panel_{k}") for k in range(1, 7)], "column panel_1 is missing"),
    "an image": (lambda c: c["panel_2"].__setitem__(1, None), "Strip hub/strips/c1: panel_2 is empty"),
    "pixels": (
        lambda c: c["panel_2"].__setitem__(1, {"bytes": b"x", "path": None}),
        "Image hub/strips/c1/panel_2: this is not an image",
    ),
    "words": (lambda c: c["caption_4"].__setitem__(2, " "), "Captions hub/strips/c2: caption 4 is empty"),
    "a text": (
        lambda c: c["caption_4"].__setitem__(2, None),
        "Captions hub/strips/c2: caption 4 is neither a text nor a list of texts",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_of_the_schema_is_named(fault: str, tmp_path: Path) -> None:
    change, message = FAULTS[fault]
    folder = written(tmp_path / "strips", change=change)
    with pytest.raises(DataError, match=message):
        samples_of(f"hub:{folder}")


def test_a_check_goes_on_after_a_bad_row(tmp_path: Path) -> None:
    def change(columns: dict[str, Any]) -> None:
        columns["panel_2"][0] = None
        columns["caption_1"][1] = ""
        columns["panel_6"][2] = {"bytes": png((0, 0, 9))[:-20], "path": None}

    report = check(f"hub:{written(tmp_path / 'strips', n=4, change=change)}")
    assert [p.place for p in report.problems] == ["row 0", "row 1", "hub/strips/c2/panel_6"]
    assert report.samples == 1


def test_a_folder_without_data_and_a_folder_with_a_revision(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"it cannot be read \(EmptyDatasetError: .*or fetch a copy and give its folder"
    ):
        samples_of(f"hub:{tmp_path}")
    with pytest.raises(UsageError, match="a folder has no revision 'main'"):
        hub_comics(str(copy), revision="main")


@pytest.mark.parametrize(
    "text, parts",
    [
        ("baulab/openai-comic-strips", HubName("baulab/openai-comic-strips")),
        ("a/b:40", HubName("a/b", n=40)),
        ("a/b:test", HubName("a/b", "test")),
        ("a/b:test:40", HubName("a/b", "test", n=40)),
        ("a/b@v1.0", HubName("a/b", None, "v1.0")),
        ("a/b@refs/pr/3:40", HubName("a/b", None, "refs/pr/3", 40)),
        ("a/b:test@0f3c:40", HubName("a/b", "test", "0f3c", 40)),
        ("a/b@0f3c:test:40", HubName("a/b", "test", "0f3c", 40)),
        ("/data/my strips", HubName("/data/my strips")),
    ],
)
def test_the_name_of_a_data_set(text: str, parts: HubName) -> None:
    assert HubName.parse(text, UsageError) == parts


def test_without_the_library_the_command_that_installs_it_is_said(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        MissingPackage, match=r'`datasets`, which is not installed. Run: pip install "gazeheads\[hub\]"'
    ):
        samples_of(f"hub:{copy}")


def test_a_hub_out_of_reach_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    made = HfApi.__init__
    nobody = "http://127.0.0.1:9"  # no one listens at this port
    monkeypatch.setattr(HfApi, "__init__", lambda self: made(self, endpoint=nobody))
    before = time.monotonic()
    with pytest.raises(DataError) as error:
        samples_of("hub:baulab/openai-comic-strips@main:2")
    assert time.monotonic() - before < 5, "its own retries take minutes"
    told = str(error.value)
    said = r"Data set 'baulab/openai-comic-strips' at 'main': it cannot be read \((ConnectError|OfflineModeIsEnabled): "
    assert re.match(said, told)
    assert told.endswith("a copy on disk is named by its folder, hub:FOLDER.")


def test_the_commit_that_a_revision_stands_for_is_pinned(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    from huggingface_hub import HfApi

    asked: list[object] = []
    load = datasets.load_dataset

    def commit(self: HfApi, name: str, revision: str | None, timeout: float) -> object:
        asked.append((name, revision))
        return SimpleNamespace(sha="0f3c" * 10)

    def streamed(name: str, revision: str, streaming: bool) -> object:
        asked.append((name, revision, streaming))
        return load(str(copy), streaming=streaming)

    monkeypatch.setattr(HfApi, "dataset_info", commit)
    monkeypatch.setattr(datasets, "load_dataset", streamed)
    (sample,) = samples_of("hub:baulab/openai-comic-strips@v1:1")
    assert asked == [("baulab/openai-comic-strips", "v1"), ("baulab/openai-comic-strips", "0f3c" * 10, True)]
    assert sample.source["revision"] == "0f3c" * 10 and sample.id == "hub/baulab/openai-comic-strips/c0"


def test_a_stream_that_breaks_off_is_said(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def broken(self: object) -> object:
        yield {"comic_id": "c0"}
        raise ConnectionResetError("the other side hung up")

    monkeypatch.setattr(datasets.IterableDataset, "__iter__", broken)
    monkeypatch.setattr(hub, "_sample", lambda *args: args[0])
    with pytest.raises(
        DataError, match=r"it cannot be read \(ConnectionResetError: the other side hung up\). Check"
    ):
        samples_of(f"hub:{copy}")

"""One run, one folder: the same settings go on, others are refused, one writer at a time, shards become one."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gazeheads.errors import BadLedger, BadShards, DifferentRun, RunError, RunInUse, Unwritable
from gazeheads.files import write_whole
from gazeheads.runs.folder import RunFolder
from gazeheads.runs.manifest import differences
from gazeheads.runs.shards import merge

MANIFEST = {
    "schema": 1,
    "experiment": {"name": "vqa", "prompt": "What is happening?", "budget": 15},
    "conditions": ["none", "gaze", "controls/0", "controls/1"],
    "data": {"source": "doodles:3", "hash": "d0"},
    "heads": {"hash": "a1", "k": 23},
    "batch": 64,
    "seed": 0,
    "versions": {"gazeheads": "0.1.0", "torch": "2.9.0"},
    "shard": [1, 1],
}
LATER = {"gazeheads": "0.1.0", "torch": "2.10.0"}


def line(key: str, **more: Any) -> dict[str, Any]:
    return {"schema": 1, "key": key, **more}


def made(path: Path, *keys: str, judged: bool = False, **settings: Any) -> Path:
    """A run folder with a line for each key."""
    with RunFolder.begin(path, {**MANIFEST, **settings}) as run:
        run.generations.append(line(key, text=f"about {key}") for key in keys)
        if judged:
            run.verdicts.append(line(f"rules|{key}#0", generation=key) for key in keys)
    return path


def contents(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.iterdir() if each.name not in (".lock", ".writer")}


def test_a_run_that_was_stopped_goes_on_in_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run"
    with RunFolder.begin(path, MANIFEST) as run:
        assert (run.path, run.manifest, run.read_only) == (path, MANIFEST, False)
        assert len(run.generations) == len(run.verdicts) == 0
        run.generations.append([line("a")])
    assert json.loads((path / "manifest.json").read_text()) == MANIFEST
    with RunFolder.begin(str(path), {**MANIFEST, "conditions": tuple(MANIFEST["conditions"])}) as run:  # type: ignore[arg-type]
        assert list(run.generations.lines) == ["a"]
        run.generations.append([line("b")])
        run.verdicts.append([line("rules|a#0")])
    with RunFolder.open(path) as run:
        assert run.manifest == MANIFEST
        assert list(run.generations.lines) == ["a", "b"] and list(run.verdicts.lines) == ["rules|a#0"]
    assert sorted(contents(path)) == ["generations.jsonl", "manifest.json", "verdicts.jsonl"]


def test_other_settings_are_refused_one_by_one(tmp_path: Path) -> None:
    path = made(tmp_path / "run", "a")
    before = contents(path)
    asked: dict[str, Any] = json.loads(json.dumps(MANIFEST))
    asked["heads"]["k"] = 12
    asked["conditions"][2:] = ["all"]
    asked["push"] = {"name": "focus"}
    asked["batch"] = 64.0
    asked["versions"] = LATER
    del asked["seed"]
    with pytest.raises(DifferentRun) as caught:
        RunFolder.begin(path, asked)
    assert str(caught.value) == (
        f"Asked to go on with the run in {path}, whose settings are others: "
        'conditions: "controls/0", "controls/1" there, "all" asked; heads.k: 23 there, 12 asked; '
        'batch: 64 there, 64.0 asked; seed: 0 there, nothing asked; push: nothing there, {"name": "focus"} asked; '
        'versions.torch: "2.9.0" there, "2.10.0" asked. '
        "Name another folder, or ask for the same settings."
    )
    assert contents(path) == before
    made(path, "b")  # and the folder was let go of


@pytest.mark.parametrize(
    "one, other, said",
    [
        ([1, 2], [1, 3], "x: [1, 2] there, [1, 3] asked"),
        (["a", "b", "c"], ["c", "b", "a"], 'x: ["a", "b", "c"] there, ["c", "b", "a"] asked'),
        (["a", "b", "c"], ["a", "b"], 'x: "c" there, nothing more asked'),
        ({"y": {"z": None}}, {"y": {}}, "x.y.z: null there, nothing asked"),
        ({"y": 1}, 1, 'x: {"y": 1} there, 1 asked'),
        (True, 1, "x: true there, 1 asked"),
    ],
)
def test_differences_are_said_as_people_would(one: Any, other: Any, said: str) -> None:
    assert list(differences({"x": one, "same": [1]}, {"x": other, "same": [1]})) == [said]


def test_other_versions_take_part_only_when_told_to_and_are_kept(tmp_path: Path) -> None:
    path = made(tmp_path / "run", "a")
    later = {**MANIFEST, "versions": LATER}
    with pytest.raises(
        DifferentRun, match=r'versions\.torch: "2\.9\.0" there, "2\.10\.0" asked\..* --any-version\.$'
    ):
        RunFolder.begin(path, later)
    assert json.loads((path / "manifest.json").read_text()) == MANIFEST
    with RunFolder.begin(path, later, any_version=True) as run:
        assert run.manifest == {**MANIFEST, "other_versions": [LATER]}
    for known in (MANIFEST, later):  # both are in it by now
        with RunFolder.begin(path, known) as run:
            assert run.manifest == RunFolder.open(path, read_only=True).manifest
            assert run.manifest == {**MANIFEST, "other_versions": [LATER]}
    with pytest.raises(DifferentRun, match=r"seed: 0 there, 1 asked; versions"):
        RunFolder.begin(path, {**MANIFEST, "seed": 1, "versions": {}}, any_version=True)


def test_one_writer_at_a_time_and_any_number_of_readers(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with RunFolder.begin(path, MANIFEST) as run:
        run.generations.append([line("a")])
        for second in (lambda: RunFolder.begin(path, MANIFEST), lambda: RunFolder.open(path)):
            with pytest.raises(
                RunInUse, match=rf"run in {path}, which this process has open to write to\. Wait"
            ):
                second()
        reader = RunFolder.open(path, read_only=True)
        assert list(reader.generations.lines) == ["a"]
        with pytest.raises(Unwritable, match="opened for reading"):
            reader.verdicts.append([line("b")])
    with pytest.raises(Unwritable, match="or was closed"):
        run.generations.append([line("b")])
    with pytest.raises(Unwritable, match="or was closed"):
        run.verdicts.append([line("b")])
    run.close()
    RunFolder.open(path).close()


def test_a_reader_leaves_a_half_written_line_to_its_writer(tmp_path: Path) -> None:
    path = made(tmp_path / "run", "a")
    with (path / "generations.jsonl").open("ab") as file:
        file.write(b'{"key": "b", "te')
    before = contents(path)
    assert list(RunFolder.open(path, read_only=True).generations.lines) == ["a"]
    assert contents(path) == before
    with RunFolder.open(path) as run:
        assert run.generations.cut == 16
    assert contents(path) != before


def test_a_folder_is_let_go_with_the_last_ledger_that_could_write(tmp_path: Path) -> None:
    ledger = RunFolder.begin(tmp_path, MANIFEST).generations
    with pytest.raises(RunInUse):
        RunFolder.open(tmp_path)
    ledger.append([line("a")])
    del ledger
    RunFolder.open(tmp_path).close()


WRITER = """
import sys, time
from gazeheads.runs.folder import RunFolder
run = RunFolder.open(sys.argv[1])
run.generations.append([{"key": "theirs"}])
print("ready", flush=True)
time.sleep(60)
"""


def test_another_process_is_named_and_its_right_ends_with_it(tmp_path: Path) -> None:
    path = made(tmp_path / "run", "a")
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdout.readline() == b"ready\n"
        with pytest.raises(RunInUse, match=rf"which another process \({other.pid}\) has open to write to"):
            RunFolder.begin(path, MANIFEST)
        assert list(RunFolder.open(path, read_only=True).generations.lines) == ["a", "theirs"]
        other.send_signal(signal.SIGKILL)
    with RunFolder.begin(path, MANIFEST) as run:
        assert list(run.generations.lines) == ["a", "theirs"]


@pytest.mark.parametrize("begin", [lambda path: RunFolder.begin(path, MANIFEST), RunFolder.open])
def test_a_read_only_folder_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[[Path], RunFolder]
) -> None:
    """Rights do not stop root, so the system call is made to refuse."""
    path = made(tmp_path / "run", "a")
    before = contents(path)

    def refuse(*args: Any) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(
        Unwritable, match=rf"^Asked to write to the run folder {path}; [^\n]*: Read-only file system\."
    ):
        begin(path)
    assert list(RunFolder.open(path, read_only=True).generations.lines) == ["a"]
    assert contents(path) == before


def test_a_file_in_the_place_of_the_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    for place in ("taken", "taken/run"):
        with pytest.raises(
            Unwritable, match=rf"run folder .*{place}; the system says: [^\n]*name another folder\.$"
        ):
            RunFolder.begin(tmp_path / place, MANIFEST)
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_full_disk_at_the_start_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Unwritable, match="No space left on device"):
        RunFolder.begin(tmp_path / "run", MANIFEST)
    assert contents(tmp_path / "run") == {}
    monkeypatch.undo()
    made(tmp_path / "run", "a")


def test_the_disk_has_the_manifest_and_its_name_before_any_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, settled = os.fsync, list[int]()
    monkeypatch.setattr(os, "fsync", lambda file: (settled.append(os.fstat(file).st_ino), fsync(file))[1])
    RunFolder.begin(tmp_path, MANIFEST).close()
    assert settled == [(tmp_path / "manifest.json").stat().st_ino, tmp_path.stat().st_ino]


def test_a_process_killed_while_it_wrote_a_file_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "a")
    (tmp_path / ".hidden").write_text("of somebody else")
    before = contents(tmp_path)
    drafts: list[str] = []
    with monkeypatch.context() as watched:
        watched.setattr(Path, "replace", lambda self, target: drafts.append(self.name))
        write_whole(tmp_path / "commands.txt", "{")
    (tmp_path / drafts[0]).write_text("{")
    assert len(contents(tmp_path)) == len(before) + 1
    made(tmp_path, "b")
    assert sorted(contents(tmp_path)) == sorted(before)


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no manifest\.json\. Name the folder of a run\.$"):
        RunFolder.open(tmp_path)
    assert list(tmp_path.iterdir()) == []
    for text, message in (
        ("{", "cannot be read"),
        ("[]", "is no object of settings"),
        ("", "cannot be read"),
    ):
        (tmp_path / "manifest.json").write_text(text)
        for wanted in (RunFolder.open, lambda path: RunFolder.begin(path, MANIFEST)):
            with pytest.raises(RunError, match=rf"manifest\.json {message}.* Mend it\.$"):
                wanted(tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "verdicts.jsonl").write_text("")
    with pytest.raises(RunError, match=r"holds verdicts\.jsonl but no manifest\.json, so that nobody knows"):
        RunFolder.begin(tmp_path, MANIFEST)
    with pytest.raises(RunError, match="settings that JSON cannot say: .*PosixPath"):
        RunFolder.begin(tmp_path / "new", {"heads": Path("a")})
    assert not (tmp_path / "new").exists()


def test_a_broken_line_does_not_keep_the_folder_locked(tmp_path: Path) -> None:
    path = made(tmp_path / "run", "a", "b")
    (path / "generations.jsonl").write_text('{"key": "a"\n{"key": "b"}\n')
    with RunFolder.open(path) as run, pytest.raises(BadLedger, match=r"generations\.jsonl; line 1"):
        len(run.generations)
    RunFolder.open(path).close()


def shards(tmp_path: Path, n: int = 3, **settings: Any) -> list[Path]:
    return [
        made(
            tmp_path / f"shard-{i}", *(f"{k}" for k in range(i, 10, n)), judged=True, shard=[i, n], **settings
        )
        for i in range(1, n + 1)
    ]


def test_shards_become_one_run_in_their_order(tmp_path: Path) -> None:
    one, two, three = shards(tmp_path)
    keys = [*"147", *"258", *"369"]
    with merge([three, str(one), two], tmp_path / "whole") as run:
        assert run.manifest == {**MANIFEST, "merged_from": ["shard-1", "shard-2", "shard-3"]}
        assert list(run.generations) == [line(key, text=f"about {key}") for key in keys]
        assert list(run.verdicts.lines) == [f"rules|{key}#0" for key in keys]
    whole = b"".join((shard / "generations.jsonl").read_bytes() for shard in (one, two, three))
    assert (tmp_path / "whole" / "generations.jsonl").read_bytes() == whole
    with RunFolder.begin(tmp_path / "whole", MANIFEST) as run:  # what is missing can be added
        run.generations.append([line("10")])
        run.verdicts.append([line("captions|1#0")])
    before = contents(tmp_path / "whole")
    merge([one, two, three], tmp_path / "whole").close()
    assert contents(tmp_path / "whole") == before


def test_a_single_shard_and_shards_without_lines_are_merged_too(tmp_path: Path) -> None:
    with merge([made(tmp_path / "a", "x")], tmp_path / "one") as run:
        assert list(run.generations.lines) == ["x"] and len(run.verdicts) == 0
    empty = [made(tmp_path / f"{i}", shard=[i, 2]) for i in (1, 2)]
    (empty[0] / ".lock").unlink()  # a copy
    with merge(empty, tmp_path / "none") as run:
        assert len(run.generations) == 0
    assert sorted(contents(tmp_path / "none")) == ["manifest.json"]


def test_shards_that_are_not_one_run_are_refused(tmp_path: Path) -> None:
    one, two, three = shards(tmp_path)
    foreign = made(tmp_path / "foreign", "7", shard=[2, 4])
    out = tmp_path / "whole"
    for folders, message in (
        ([], "merge no folders"),
        (
            [one, three],
            r"merge 2 folders: shard 2/3 is missing\. Name the folders of 1/3 to 3/3, each once\.$",
        ),
        ([two], "shard 1/3 is missing, 3/3 is missing"),
        ([one, two, three, two], "shard 2/3 is there 2 times"),
        ([one, two, three, foreign], "shard 2/4 is none of 3 shards"),
        ([made(tmp_path / "odd", shard="1/3")], "manifest says shard '1/3'"),
        ([made(tmp_path / "odder", shard=[1, 2, 3])], r"manifest says shard \[1, 2, 3\]"),
        ([made(tmp_path / "zero", shard=[0, 1])], "shard 0/1 is none of 1 shards, 1/1 is missing"),
    ):
        with pytest.raises(BadShards, match=message):
            merge(folders, out)
    with pytest.raises(BadShards, match="which is one of the shards"):
        merge([one, two, three], tmp_path / "new" / ".." / "shard-2")
    with pytest.raises(RunError, match=r"there is no manifest\.json"):
        merge([one, two, tmp_path / "none"], out)
    seeded = made(tmp_path / "seeded", "3", shard=[3, 3], seed=1)
    with pytest.raises(
        DifferentRun, match=rf"seed: 0 in {one}, 1 in {seeded}\. Merge the shards of one run\.$"
    ):
        merge([one, two, seeded], out, any_version=True)
    again = made(tmp_path / "again", "3", "1", "4", shard=[3, 3])
    with pytest.raises(BadShards, match=rf"merge {again}: 2 of its lines are in .* the key '1'"):
        merge([one, two, again], out)
    with RunFolder.open(two), pytest.raises(RunInUse, match=rf"Asked to use the run in {two}"):
        merge([one, two, three], out)
    assert not out.exists()
    merge([one, two, three], out).close()


def test_shards_of_other_versions_are_merged_when_told_to(tmp_path: Path) -> None:
    one, two, _ = shards(tmp_path)
    three = made(tmp_path / "later", "3", shard=[3, 3], versions=LATER)
    with pytest.raises(DifferentRun, match=r"versions\.torch: .*or let them differ with --any-version\.$"):
        merge([one, two, three], tmp_path / "whole")
    for _ in range(2):
        with merge([one, two, three], tmp_path / "whole", any_version=True) as run:
            assert (run.manifest["versions"], run.manifest["other_versions"]) == (
                MANIFEST["versions"],
                [LATER],
            )


def test_a_merge_that_was_broken_off_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = shards(tmp_path)
    merge(folders, tmp_path / "whole").close()
    for stage in range(3):
        out, steps, replace = tmp_path / f"broken-{stage}", [0], Path.replace

        def killed(self: Path, target: Path) -> Path:
            if steps[0] == stage:  # noqa: B023
                raise KeyboardInterrupt
            steps[0] += 1  # noqa: B023
            return replace(self, target)  # noqa: B023

        monkeypatch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            merge(folders, out)
        monkeypatch.undo()
        assert "manifest.json" not in contents(out) and len(contents(out)) == stage
        merge(folders, out).close()
        assert contents(out) == contents(tmp_path / "whole")


def test_other_lines_or_another_run_in_the_place_of_the_merge_are_left_alone(tmp_path: Path) -> None:
    folders = shards(tmp_path)
    merge(folders, tmp_path / "whole").close()
    with RunFolder.open(folders[0]) as run:
        run.generations.append([line("new")])
    made(tmp_path / "other", "a", seed=1)
    (tmp_path / "orphan").mkdir()
    (tmp_path / "orphan" / "generations.jsonl").write_text('{"key": "a"}\n')
    for out, error, message in (
        (
            "whole",
            BadShards,
            r"1 lines of the shards are not in its generations\.jsonl, .* the key 'new'\. Merge into a new",
        ),
        ("other", DifferentRun, "seed: 1 there, 0 asked"),
        ("orphan", RunError, r"generations\.jsonl holds other lines, and no manifest\.json says of what"),
    ):
        before = contents(tmp_path / out)
        for _ in range(2):  # the second time to see that it was let go of
            with pytest.raises(error, match=message):
                merge(folders, tmp_path / out)
        assert contents(tmp_path / out) == before


def test_a_shard_that_is_not_done_is_not_merged(tmp_path: Path) -> None:
    one, two = shards(tmp_path, 2, trials=5)
    with pytest.raises(
        BadShards, match=r"1 are not done: .*shard-2 has 4 of 5 answers.*Run them to their end"
    ):
        merge([one, two], tmp_path / "whole")
    assert not (tmp_path / "whole").exists()
    with RunFolder.open(two) as run:
        run.generations.append([line("10")])
    with merge([one, two], tmp_path / "whole") as run:
        assert run.manifest["trials"] == len(run.generations) == 10

"""Files are there whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from gazeheads.errors import GazeHeadsError, Unwritable
from gazeheads.files import settle, write_whole


def test_writing_makes_the_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "new" / "folder" / "a.json"
    assert write_whole(str(place), "ä\n") == place
    assert place.read_bytes() == "ä\n".encode()
    write_whole(place, "other")
    assert place.read_text() == "other"
    assert list(place.parent.iterdir()) == [place]
    (tmp_path / "plain").write_text("")
    assert place.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("place", ["taken/a.json", "taken/deeper/a.json"])
def test_a_folder_that_is_a_file_is_one_clear_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(
        Unwritable, match=rf"^Asked to write .*/{place}; the system says: .*\. Name a file in [^\n]*$"
    ):
        write_whole(tmp_path / place, "text")
    assert (tmp_path / "taken").read_text() == "a file"
    assert issubclass(Unwritable, GazeHeadsError)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_keeps_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    place = write_whole(tmp_path / "a.json", "old")

    def fail(self: Path, target: Path) -> Path:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises((Unwritable, KeyboardInterrupt), match=r"No space left on device|^$"):
        write_whole(place, "new")
    assert list(tmp_path.iterdir()) == [place]
    assert place.read_text() == "old"


def test_the_disk_has_a_file_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a power cut could leave an empty file where a good one was."""
    place, done = tmp_path / "a.json", []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("flushed"), fsync(file))[1])
    monkeypatch.setattr(Path, "replace", lambda a, b: (done.append("moved"), replace(a, b))[1])
    write_whole(place, "text")
    assert done == ["flushed", "moved"]


def test_settling_says_what_the_disk_says_but_for_folders_that_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_whole(tmp_path / "a.json", "text")

    def refuse(number: int) -> None:
        def fail(file: int) -> None:
            raise OSError(number, "refused")

        monkeypatch.setattr(os, "fsync", fail)

    refuse(errno.EINVAL)
    settle(tmp_path)
    with pytest.raises(OSError, match="refused"):
        settle(place)
    refuse(errno.EIO)
    with pytest.raises(OSError, match="refused"):
        settle(tmp_path)

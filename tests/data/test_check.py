"""`gazeheads data check`: every fault of a folder, file by file, to the end."""

import json
from pathlib import Path

import pytest
from PIL import Image

from gazeheads import cli
from gazeheads.data.check import DataReport, check
from gazeheads.data.sources import fingerprint, samples_of
from gazeheads.errors import UsageError


def panels(folder: Path, n: int = 3) -> Path:
    folder.mkdir(parents=True)
    for k in range(1, n + 1):
        Image.new("RGB", (24, 24), (50 * k, 0, 0)).save(folder / f"p{k}.png")
    return folder


def found(report: DataReport, root: Path) -> dict[str, list[str]]:
    """What is wrong, by the place below `root`."""
    places: dict[str, list[str]] = {}
    for finding in report.problems:
        place = Path(finding.place)
        name = str(place.relative_to(root)) if place.is_relative_to(root) else finding.place
        places.setdefault(name, []).append(finding.what)
    return places


def test_every_fault_of_a_folder_is_told(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d", "e", "f", "good"):
        panels(tmp_path / name)
    (tmp_path / "a" / "p1.png").write_text("no image")
    whole = (tmp_path / "a" / "p2.png").read_bytes()
    (tmp_path / "a" / "p2.png").write_bytes(whole[:-30])
    (tmp_path / "b" / "p2.png").unlink()
    (tmp_path / "b" / "p3.jpg").write_bytes(whole)
    Image.new("RGB", (999, 2)).save(tmp_path / "c" / "p3.png")
    (tmp_path / "c" / "captions.txt").write_text("one\n\nthree\nfour")
    (tmp_path / "d" / "captions.txt").write_text("a\nb\nc")
    (tmp_path / "d" / "captions.json").write_text("[]")
    (tmp_path / "e" / "p0.png").write_bytes(whole)
    for k in (1, 2, 3):
        (tmp_path / "f" / f"p{k}.png").unlink()
    (tmp_path / "good" / "notes.txt").write_text("x")
    (tmp_path / "good" / "p4.tif").write_bytes(whole)
    (tmp_path / "list.csv").write_text("x")
    (tmp_path / ".DS_Store").write_text("x")
    report = check(f"comics:{tmp_path}")
    wrong = found(report, tmp_path)
    assert set(wrong) == {
        "a/p1.png",
        "a/p2.png",
        "b",
        "b/p3.png",
        "c/p3.png",
        "c/captions.txt",
        "d",
        "e/p0.png",
        "f",
    } | {"good/p4.tif"}
    assert wrong["a/p1.png"][0].startswith("this is not an image")
    assert "cannot be read to its end" in wrong["a/p2.png"][0]
    assert wrong["b"] == ["2 panels up to p3, but p2 is missing. Number them from 1 without gaps."]
    assert wrong["b/p3.png"] == ["panel 3 is there twice, p3.jpg and p3.png. Keep one."]
    assert "999 x 2 px is more than 200 times as long" in wrong["c/p3.png"][0]
    assert wrong["c/captions.txt"][0].startswith("4 captions for 3 panels; caption 2 is empty.")
    assert "both captions.txt and captions.json" in wrong["d"][0]
    assert "this is p0" in wrong["e/p0.png"][0]
    assert wrong["f"][0].startswith("it holds no panel")
    assert wrong["good/p4.tif"] == [
        "named like a panel, but this format is not read. Save it as p1.png, p2.png, ..."
    ]
    assert report.samples == 0 and not report.content
    notes = {Path(note.place).name for note in report.notes}
    assert notes == {"notes.txt", "list.csv"}


def test_strips_that_are_not_alike_are_noted(tmp_path: Path) -> None:
    panels(tmp_path / "a", 3)
    panels(tmp_path / "b", 2)
    (tmp_path / "b" / "captions.txt").write_text("one\ntwo")
    report = check(f"comics:{tmp_path}")
    assert report.samples == 2 and not report.problems
    assert [note.what for note in report.notes] == [
        "strips differ in length: 1 of 2 panels, 1 of 3 panels",
        "1 of 2 strips have captions",
    ]


def test_many_gaps_are_one_problem(tmp_path: Path) -> None:
    panels(tmp_path / "one", 1)
    (tmp_path / "one" / "p1.png").rename(tmp_path / "one" / "p99999999999999.png")
    (problem,) = check(f"comics:{tmp_path}").problems
    assert "but p1, p2, p3, p4, p5 and more are missing" in problem.what


def test_good_data_has_its_hash_and_number(tmp_path: Path) -> None:
    for name in ("one", "two"):
        panels(tmp_path / name)
        (tmp_path / name / "captions.json").write_text('["a", "b", "c"]')
    source = f"comics:{tmp_path}+doodles:2:test+scenes:1"
    opened: list[int] = []
    report = check(source, 5, opened.append)
    assert report.samples == 5 and not report.problems and not report.notes and sum(opened) == 9
    assert report.content == fingerprint(samples_of(source, 5))


def test_whole_strips_are_counted_beside_broken_ones(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        panels(tmp_path / name)
    (tmp_path / "two" / "p2.png").unlink()
    report = check(f"comics:{tmp_path}+doodles:1")
    assert report.samples == 3 and list(found(report, tmp_path)) == ["two"]


def test_options_that_do_not_fit_are_a_problem(tmp_path: Path) -> None:
    panels(tmp_path / "one", 5)
    report = check(f"comics:{tmp_path}:layout=grid")
    assert "5 panels cannot be divided into equal rows" in report.problems[0].what and report.samples == 0
    panels(tmp_path / "two" / "inner", 2)
    Image.new("RGB", (9, 9)).save(tmp_path / "two" / "p1.png")
    assert "it holds panels and the folder inner" in check(f"comics:{tmp_path / 'two'}").problems[0].what


def test_two_samples_of_one_id_are_a_problem(tmp_path: Path) -> None:
    panels(tmp_path / "here" / "one")
    panels(tmp_path / "there" / "one")
    report = check(f"comics:{tmp_path / 'here'}+comics:{tmp_path / 'there'}")
    assert [p.place for p in report.problems] == [
        "comics/one"
    ] and "2 samples have this id" in report.problems[0].what


def test_raw_comics_are_counted_and_what_is_drawn_is_opened(tmp_path: Path) -> None:
    for comic in ("a", "b"):
        (tmp_path / comic).mkdir()
        for k in range(6):
            Image.new("RGB", (8, 8)).save(tmp_path / comic / f"0_{k}.jpg")
    (tmp_path / "a" / "Thumbs.db").write_text("x")
    good = check(f"comics-raw:{tmp_path}:2")
    assert good.samples == 2 and not good.problems and good.content
    assert [Path(n.place).name for n in good.notes] == ["Thumbs.db", tmp_path.name]
    assert "there are 2 candidate pages in 2 comics" in good.notes[1].what
    assert "3 strips of 6 panels" in check(f"comics-raw:{tmp_path}:3").problems[0].what
    for name in ("a/0_2.jpg", "b/0_5.jpg"):
        (tmp_path / name).write_text("x")
    bad = check(f"comics-raw:{tmp_path}:2")
    assert set(found(bad, tmp_path)) == {"a/0_2.jpg", "b/0_5.jpg"} and bad.samples == 0
    (tmp_path / "a" / "00_2.jpg").write_text("x")
    assert "is there twice" in found(check(f"comics-raw:{tmp_path}:2"), tmp_path)["a"][0]


def test_an_annotated_picture_is_checked(tmp_path: Path) -> None:
    Image.effect_noise((80, 60), 90).save(tmp_path / "page.png")
    boxes = tmp_path / "page.json"
    boxes.write_text('[{"box": [0, 0, 40, 20]}]')
    assert check(f"strip:{tmp_path / 'page.png'}").samples == 1
    boxes.write_text('[{"box": [0, 0, 99, 20]}, {"box": [0, 0, 40, 99]}]')
    (problem,) = check(f"strip:{tmp_path / 'page.png'}").problems
    assert "box 1" in problem.what and "box 2" in problem.what
    boxes.write_text('[{"box": [0, 0, 40, 20]}]')
    picture = tmp_path / "page.png"
    picture.write_bytes(picture.read_bytes()[:2000])
    (problem,) = check(f"strip:{picture}").problems
    assert problem.place == str(picture) and "cannot be read to its end" in problem.what


@pytest.mark.parametrize(
    "source", ["comics:nowhere", "comics-raw:nowhere:1", "strip:nowhere.png", "coco:nowhere"]
)
def test_what_is_not_there_is_a_problem_and_the_rest_is_looked_at(source: str) -> None:
    report = check(f"{source}+doodles:1")
    (problem,) = report.problems
    assert "there is no such f" in problem.what and report.samples == 1


def test_a_source_that_cannot_be_meant_raises() -> None:
    with pytest.raises(UsageError, match="there is no such source"):
        check("doodle:1")


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = cli.main(arguments)
    return code, capsys.readouterr().out


def test_the_command_says_it_in_words_and_leaves_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = panels(tmp_path / "one")
    code, out = run(["data", "check", f"comics:{folder}"], capsys)
    assert code == 0 and "1 samples can be used, 0 problems, 0 notes" in out and "data hash " in out
    (folder / "p2.png").write_text("x")
    (folder / "x.txt").write_text("x")
    code, out = run(["data", "check", f"comics:{folder}"], capsys)
    lines = out.splitlines()
    assert code == 1 and lines[0].startswith(f"WRONG {folder / 'p2.png'}: this is not an image")
    assert lines[1] == f"note  {folder / 'x.txt'}: not a panel, so it is not read"
    assert lines[2:] == ["0 samples can be used, 1 problems, 1 notes"]
    assert cli.main(["data", "check", "comic:nowhere"]) == 2


def test_the_command_says_it_as_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(["data", "check", "doodles:2:test", "--seed", "3", "--json"], capsys)
    told = json.loads(out)
    assert code == 0 and told["fits"] and told["samples"] == 2
    assert told["content"] == fingerprint(samples_of("doodles:2:test", 3))
    (tmp_path / "p2.png").write_text("x")
    code, out = run(["data", "check", f"comics:{tmp_path}", "--json"], capsys)
    told = json.loads(out)
    assert code == 1 and not told["fits"] and len(told["problems"]) == 2 and not told["content"]
    assert set(told["problems"][0]) == {"place", "what"}

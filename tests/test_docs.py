"""The pages: their Python runs, top to bottom, and gives what they say; what they link to is there."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gazeheads.judging.rules import RulesJudge

ROOT = Path(__file__).parents[1]
CONCEPTS, README = ROOT / "docs" / "concepts.md", ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


pages = loaded(ROOT / "docs" / "pages.py")


def wrong(path: Path, names: dict[str, Any] | None = None) -> list[str]:
    """What a page says and should not."""
    return [str(claim) for claim in pages.run(path, names) if not claim.holds]


@pytest.mark.slow  # all of a long page: 10 s
def test_the_concepts_say_what_is_so() -> None:
    claims = pages.run(CONCEPTS)
    lies = [str(claim) for claim in claims if not claim.holds]
    assert not lies, "\n".join([*lies, "`python docs/concepts.py --values` renews what the page says."])
    assert sum(claim.printed for claim in claims) >= 10 and sum(not claim.printed for claim in claims) >= 20


def test_the_concepts_show_all_that_they_print() -> None:
    blocks = list(pages.blocks(CONCEPTS.read_text(encoding="utf-8")))
    assert len(blocks) > 15
    assert not [block.line for block in blocks if "print(" in block.code and block.output is None]


def test_the_readme_does_what_it_says() -> None:
    names: dict[str, Any] = {}
    assert not wrong(README, names)
    answer, strip = names["answer"], names["strip"]
    assert RulesJudge().judge(strip, answer.text).region == 3, "about the fourth panel"
    assert answer.effect.before < 0.5 and answer.effect.after == pytest.approx(1)
    assert answer.trace.over(names["scene"].panels).argmax(1).tolist() == [3] * len(answer.token_ids)


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("code", "right", "off"),
    [
        ("1 + 1", "2", "3"),
        ("2 / 3", "0.667", "0.666"),
        ("2 / 3", "0.67", "0.68"),
        ("2.0", "2.0", "2"),
        ("15.3", "15.3", "15"),
        ("15", "15", "15.0"),
        ("1.24e-05", "1.2e-05", "1.3e-05"),
        ("1e-05", "0.000", "0.001"),
        ("-0.25", "-0.25", "0.25"),
        ("'L4H11 looks'", "'L4H11 looks'", "'L4H12 looks'"),
        ("(1, 'a', 2 / 3)", "(1, 'a', 0.67)", "(1, 'b', 0.67)"),
        ("[1, 2]", "[1, 2]", "[1, 2, 3]"),
        ("np.float64(1 / 3)", "0.333", "0.334"),
        ("np.array([[0.1234, 1], [2, 3]])", "[[0.12 1.] [2. 3.]]", "[[0.13 1.] [2. 3.]]"),
        ("True", "True", "False"),
    ],
)
def test_a_value_that_is_wrong_is_found(tmp_path: Path, code: str, right: str, off: str) -> None:
    text = "words\n```python\nimport numpy as np\nVALUE\n```\n"
    assert not wrong(page(tmp_path, text.replace("VALUE", f"{code}  # -> {right}")))
    (lie,) = wrong(page(tmp_path, text.replace("VALUE", f"{code}  # -> {off}")))
    assert lie.startswith(f"line 4: the page says\n{off}\nfound was\n")


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ("the dog 0.25\nends", True),
        ("the   dog 0.25 ends", True),
        ("the dog 0.24\nends", True),  # it may have been rounded otherwise elsewhere
        ("the dog 0.23\nends", False),
        ("the cat 0.25\nends", False),
        ("the dog 0.25", False),
        ("the dog 0.25\nends\nhere", False),
        ("", False),
    ],
)
def test_what_is_printed_is_compared_whole(tmp_path: Path, said: str, holds: bool) -> None:
    code = 'dog = 1 / 4\nprint(f"the dog {dog:.2f}")\nprint("ends")\n'
    path = page(tmp_path, f"```python\n{code}```\n\n```text\n{said}\n```\n")
    assert (not wrong(path)) == holds


def test_counts_that_were_printed_are_exact(tmp_path: Path) -> None:
    assert wrong(page(tmp_path, "```python\nprint(23)\n```\n\n```text\n24\n```\n"))


def test_blocks_are_one_program_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        '```python\nx = 1\nopen("left", "w").close()\n```\n```\nnot run\n```\n```python\nx + 1  # -> 2\n```\n'
    )
    assert [claim.found for claim in pages.run(page(tmp_path, text))] == ["2"]
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


def test_the_block_that_fails_is_named(tmp_path: Path) -> None:
    path = page(tmp_path, "```python\nx = 1\n```\n\nand\n\n```python\nx\ny\n```\n")
    with pytest.raises(pages.PageError, match=r"page\.md, the block at line 8: NameError: name 'y'"):
        pages.run(path)


def test_a_value_that_nothing_gives_is_refused(tmp_path: Path) -> None:
    path = page(tmp_path, "```python\nfor x in range(3):\n    x  # -> 2\ny = 3  # -> 3\n```\n")
    with pytest.raises(pages.PageError, match=r"page\.md, line 3: a value is promised, but no expression"):
        pages.run(path)
    with pytest.raises(pages.PageError, match="A fence is not closed"):
        pages.run(page(tmp_path, "```python\n1\n"))


def test_values_are_renewed_in_place(tmp_path: Path) -> None:
    text = (
        "```python\nimport numpy as np\n2 / 3  # -> 0.12\n5  # -> 5\n'b', 1 / 3  # -> ('a', 1.234)\n"
        'np.array([1 / 3, 2])  # -> [0.1 2.0]\nprint("one\\ntwo")\n```\n\n```text\nzero\n```\n\n'
        '```python\n"last"  # -> "first"\n```\nand\n'
    )
    path = page(tmp_path, text)
    assert len(wrong(path)) == 5
    assert pages.renew(path) == 5
    assert path.read_text().splitlines()[2:] == [
        "2 / 3  # -> 0.67",
        "5  # -> 5",
        "'b', 1 / 3  # -> ('b', 0.333)",
        "np.array([1 / 3, 2])  # -> [0.3 2.0]",
        'print("one\\ntwo")',
        "```",
        "",
        "```text",
        "one",
        "two",
        "```",
        "",
        "```python",
        "\"last\"  # -> 'last'",
        "```",
        "and",
    ]
    assert not wrong(path) and pages.renew(path) == 0


def test_an_array_is_spelled_in_full() -> None:
    assert len(pages.spelled(np.arange(5000.0)).split()) == 5000
    assert pages.spelled(np.int64(3)) == "3"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_and_pictures_are_there(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).is_file()]
    assert not missing


def test_every_picture_is_shown_somewhere_and_small() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert len(pictures) >= 7
    assert not [picture.name for picture in pictures if f"images/{picture.name}" not in shown]
    assert all(picture.stat().st_size < 120_000 for picture in pictures if "concepts" in picture.name)


@pytest.mark.slow  # draws six images: 10 s
def test_the_pictures_of_the_concepts_can_be_drawn(tmp_path: Path) -> None:
    drawing = [sys.executable, str(ROOT / "docs" / "concepts.py"), str(tmp_path)]
    subprocess.run(drawing, check=True, capture_output=True)
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {path.name for path in (ROOT / "docs" / "images").glob("concepts-*.png")}

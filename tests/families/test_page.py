"""docs/families.md says what is measured."""

import runpy
from pathlib import Path

import pytest
from families_shared import IGNORED
from zoo_families import ZOO

pytestmark = IGNORED
PAGE = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "families.py"))


def test_every_family_is_on_the_page() -> None:
    rows = PAGE["printed"]().splitlines()[2:]
    assert [line.split("`")[1] for line in rows] == list(ZOO)
    assert {name: line.split(" | ")[-1].removesuffix(" |") for name, line in zip(ZOO, rows, strict=True)} == (
        PAGE["REMARKS"]
    )


@pytest.mark.slow
def test_the_page_says_what_is_measured() -> None:
    assert PAGE["table"]() == PAGE["printed"]()

"""The public page of the package: names, laziness, cost of the import."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import gazeheads

SOURCE = Path(gazeheads.__file__)


def test_type_checkers_and_python_find_the_same_names() -> None:
    """The stub is what both read; nothing else stands in it."""
    lines = SOURCE.with_suffix(".pyi").read_text().splitlines()
    named = [line.split()[-1] for line in lines if line.startswith("from .")]
    assert sorted(named) == gazeheads.__all__ and len(named) == len(set(named))
    assert all(
        line.endswith(f"import {name} as {name}") for line, name in zip(lines[2:], named, strict=False)
    )


def test_no_module_hides_a_public_name() -> None:
    """Importing `gazeheads.model.scene` sets that attribute to the module, over anything public of this name."""
    modules = {path.stem for path in SOURCE.parent.iterdir()}
    assert "heads" in modules
    assert not modules & set(gazeheads.__all__)


@pytest.mark.parametrize("name", gazeheads.__all__)
def test_public_names_resolve_and_carry_a_docstring(name: str) -> None:
    value = getattr(gazeheads, name)
    assert value.__doc__, f"{name} has no docstring"
    assert vars(gazeheads)[name] is value, "the second use is a plain look-up"


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="No gazeheads attribute Haeds"):
        gazeheads.Haeds  # noqa: B018


def test_version_is_the_installed_one() -> None:
    assert importlib.metadata.version("gazeheads") == gazeheads.__version__


def test_import_loads_nothing_but_the_standard_library_and_the_lazy_loader() -> None:
    code = (
        "import sys; before = set(sys.modules); import gazeheads;"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == [
        "gazeheads",
        "lazy_loader",
    ]

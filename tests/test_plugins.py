"""What another package registers by an entry point: found, used, and refused with its name where it cannot be."""

import sys
from argparse import Namespace as Thing
from collections.abc import Callable
from pathlib import Path

import pytest

from gazeheads.errors import JudgeError, UsageError
from gazeheads.plugins import Registry

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution on the path: its name, the text of its one module, and its entry points."""

    def install(name: str, module: str, entries: str) -> None:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entries)
        (tmp_path / f"{name}_module.py").write_text(module)
        monkeypatch.delitem(sys.modules, f"{name}_module", raising=False)

    monkeypatch.syspath_prepend(str(tmp_path))
    return install


def registry() -> Registry[Thing]:
    return Registry("gazeheads.things", "Thing", Thing, [Thing(name="ours")])


MODULE = """
from argparse import Namespace as Thing

THEIRS, OTHER, WORD = Thing(name="theirs"), Thing(name="other"), "a word"
"""


def test_ours_come_first_and_theirs_are_loaded_when_asked_for(install: Install) -> None:
    install("lazy", MODULE, "[gazeheads.things]\ntheirs = lazy_module:THEIRS\n")
    things = registry()
    assert list(things) == ["ours", "theirs"] and len(things) == 2 and "theirs" in things
    assert "lazy_module" not in sys.modules
    assert things["theirs"].name == "theirs" and things.named("ours").name == "ours"
    with pytest.raises(KeyError):
        things["none"]
    with pytest.raises(JudgeError, match="Thing 'none': there is none. Use one of ours, theirs"):
        things.named("none", JudgeError)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("ours", "THEIRS", "2 packages have one of this name: gazeheads, odd. Uninstall all but one"),
        ("theirs", "NONE", r"which odd registers as odd_module:NONE: it cannot be loaded \(AttributeError"),
        ("theirs", "WORD", "it is a str; a Namespace is needed"),
        ("theirs", "OTHER", "it calls itself 'other'. Give the entry point the same name"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_package_that_registers_it(
    install: Install, name: str, value: str, message: str
) -> None:
    install("odd", MODULE, f"[gazeheads.things]\n{name} = odd_module:{value}\n")
    things = registry()
    assert name in list(things)  # a list of names harms nobody
    with pytest.raises(UsageError, match=message):
        things[name]


def test_a_name_that_two_packages_have_is_neither_s(install: Install) -> None:
    for package in ("one", "two"):
        install(package, MODULE, f"[gazeheads.things]\ntheirs = {package}_module:THEIRS\n")
    with pytest.raises(UsageError, match="2 packages have one of this name: one, two"):
        registry()["theirs"]

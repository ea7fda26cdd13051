"""The tree in the docstring of `errors` is the tree of its classes."""

import inspect
import re

from gazeheads import errors

ENTRY = re.compile(r"^    ((?:│   |    )*)(?:├── |└── )?(\w+)(?:  .*)?$")


def drawn() -> dict[str, str]:
    """Class name to its parent's, as drawn."""
    parents: list[str] = []
    found = {}
    for line in (errors.__doc__ or "").splitlines():
        entry = ENTRY.match(line)
        if entry:
            depth = 0 if "──" not in line else len(entry[1]) // 4 + 1
            parents[depth:] = [entry[2]]
            found[entry[2]] = parents[depth - 1] if depth else "Exception"
    return found


def test_the_drawn_tree_is_the_real_one() -> None:
    classes = inspect.getmembers(errors, inspect.isclass)
    assert drawn() == {name: each.__bases__[0].__name__ for name, each in classes}
    assert drawn()["BadLedger"] == "RunError" and drawn()["RunError"] == "GazeHeadsError"


def test_every_error_says_what_it_is() -> None:
    for name, each in inspect.getmembers(errors, inspect.isclass):
        assert each.__doc__ and each.__doc__.endswith("."), name

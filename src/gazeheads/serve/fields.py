"""One JSON object, read name by name: each value is what it must be, or is refused with its place in the request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from gazeheads.checks import shown
from gazeheads.errors import GazeError

MOST_ENTRIES = 4096  # of a list
T = TypeVar("T")


class Fields:
    """The named values of one JSON object: each is taken once, and `done` refuses what is left. where: for messages."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping) or not all(isinstance(name, str) for name in data):
            raise GazeError(f"{where} is an object; found {shown(data)}. Give names and values: {{...}}.")
        self._left, self._where, self._known = dict(data), where, list[str]()

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, read_as: Callable[[Any, str], T], *default: Any) -> T:
        """The value under a name, read; or the default, where there is one and the name is missing."""
        self._known.append(name)
        if name not in self._left:
            if not default:
                raise GazeError(f'{self._where} needs "{name}"; found {self._names()}. Give it.')
            result: T = default[0]
            return result
        value = self._left.pop(name)
        if value is None and default and default[0] is None:
            return None  # type: ignore[return-value]  # null stands for a default of null
        return read_as(value, f'"{name}" of {self._where[0].lower()}{self._where[1:]}')

    def done(self) -> None:
        """Refuse names that nobody took."""
        if self._left:
            raise GazeError(f"{self._where} has no {self._names()}. It takes {', '.join(self._known)}.")

    def _names(self) -> str:
        return ", ".join(shown(name) for name in self._left) or "nothing"


def whole(value: Any, where: str) -> int:
    """A whole number from 0 on. where: its place in the request, for the message; so in all of these."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise GazeError(f"{where} is a whole number from 0 on; found {shown(value)}. Give such a number.")
    return value


def finite(value: Any, where: str) -> float:
    """A number that is not too large for any use."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e18:
        raise GazeError(f"{where} is a finite number; found {shown(value)}. Give one below 1e18.")
    return float(value)


def flag(value: Any, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise GazeError(f"{where} is true or false; found {shown(value)}. Give one of them.")
    return value


def one_of(known: Sequence[str]) -> Callable[[Any, str], Any]:
    """Reads one of these words."""

    def read_as(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in known:
            raise GazeError(f"{where} is one of {', '.join(known)}; found {shown(value)}. Give one of them.")
        return value

    return read_as


def listed(read_as: Callable[[Any, str], T], most: int = MOST_ENTRIES) -> Callable[[Any, str], tuple[T, ...]]:
    """Reads a list, and each of its entries as `read_as` does."""

    def read_all(value: Any, where: str) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            raise GazeError(f"{where} is a list; found {shown(value)}. Put what you mean into [...].")
        if len(value) > most:
            raise GazeError(f"{where} has {len(value)} entries; the limit is {most}. Give fewer.")
        return tuple(read_as(each, f"entry {number} of {where}") for number, each in enumerate(value))

    return read_all


def text(value: Any, where: str) -> str:
    """Text."""
    if not isinstance(value, str):
        raise GazeError(f"{where} is text; found {shown(value)}. Give it in quotes.")
    return value

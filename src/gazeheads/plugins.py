"""Things by name: ours, and those that other packages register by an entry point.

    [project.entry-points."gazeheads.experiments"]
    echo = "echo_package:ECHO"

The groups are `gazeheads.experiments`, `gazeheads.judges` and `gazeheads.data`. The names are read from the metadata of
the installed packages; a package is imported when its thing is asked for, so that a broken one is in nobody's way until
then.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from gazeheads.errors import GazeHeadsError, UsageError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A mapping of names to things, ours first. group: of entry points, "gazeheads.judges". kind: the things' class.

    what: one of them in a word, for messages. A thing has a `name`, under which it is registered. `[...]` raises
    `KeyError` for a name that nobody has; `UsageError` where another package has taken one of our names, or one that a
    third package has, and where what it registers cannot be loaded or is something else.
    """

    def __init__(self, group: str, what: str, kind: type, own: Iterable[T]) -> None:
        self.group, self.what, self.kind = group, what, kind
        self.own: dict[str, T] = {str(getattr(thing, "name", "")): thing for thing in own}

    def __getitem__(self, name: str) -> T:
        entries = self._entries().get(name, [])
        if len(entries) + (name in self.own) > 1:
            owners = [*(["gazeheads"] if name in self.own else []), *sorted(map(_owner, entries))]
            raise UsageError(
                f"{self.what} {name!r}: {len(owners)} packages have one of this name: {', '.join(owners)}. Uninstall "
                "all but one, or have it registered under another name."
            )
        return _loaded(entries[0], self.what, self.kind) if entries else self.own[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.own, *self._entries()]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self._entries()

    def named(self, name: str, error: type[GazeHeadsError] = UsageError) -> T:
        """The thing of this name. Raises `error`, with all names that there are, where there is none."""
        if name not in self:
            raise error(f"{self.what} {name!r}: there is none. Use one of {', '.join(self)}.")
        return self[name]

    def _entries(self) -> dict[str, list[EntryPoint]]:
        """What other packages register, by name; nothing is imported."""
        found: dict[str, list[EntryPoint]] = {}
        for entry in sorted(entry_points(group=self.group), key=lambda entry: entry.name):
            found.setdefault(entry.name, []).append(entry)
        return found


def _loaded(entry: EntryPoint, what: str, kind: type[T]) -> T:
    """What the entry point names. Raises `UsageError` where it cannot be had, or is no such thing."""
    place = f"{what} {entry.name!r}, which {_owner(entry)} registers as {entry.value}"
    try:
        thing = entry.load()
    except Exception as error:  # somebody else's code, which may raise anything
        raise UsageError(
            f"{place}: it cannot be loaded ({type(error).__name__}: {error}). Mend that package, or uninstall it."
        ) from error
    if not isinstance(thing, kind):
        raise UsageError(
            f"{place}: it is a {type(thing).__name__}; a {kind.__name__} is needed. Have that package register one."
        )
    if getattr(thing, "name", None) != entry.name:
        raise UsageError(
            f"{place}: it calls itself {getattr(thing, 'name', None)!r}. Give the entry point the same name."
        )
    return thing


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "a package"

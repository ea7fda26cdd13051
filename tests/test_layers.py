"""The floors of the house (docs/design.md): a line of code imports only what stands on a lower line.

Read from the syntax trees, so that no module is run. Imports inside functions and for type checkers count.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "gazeheads"

# From the ground up. A room is a folder or a single module at the package root; "" is the package's own face.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "version", "prompts", "arrays", "plain"),
    ("checks", "files", "text", "statistics", "plugins"),
    ("images",),
    ("regions", "heads", "figures", "pages"),
    ("gaze", "families", "sample"),
    ("attention", "drawing", "experiments"),
    ("model", "data"),
    ("judging", "discovery", "watching"),
    ("runs", "doctor", "doodle"),
    ("", "evidence"),
    ("demo", "serve"),
    ("commands",),
    ("cli",),
    ("__main__",),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LARGEST_FILE = 400
MOST_ROOMS = 36

# What a room, or a module of it, may do that no other may.
WITHOUT_TORCH = (
    "", "errors", "version", "prompts", "arrays", "plain", "checks", "files", "images", "text", "statistics",
    "plugins", "regions", "heads", "figures", "pages", "gaze", "sample", "experiments", "drawing",
    "evidence.results", "evidence.trajectories", "evidence.page", "runs.folder", "runs.ledger",
    "runs.manifest", "runs.shards", "runs.judge", "runs.outcomes", "judging.base", "judging.agreement",
    "judging.api", "judging.kinds", "judging.calibration", "judging.captions", "judging.rules",
    "discovery.agreement",
    "serve.fields", "serve.lane", "serve.proof", "serve.resolve", "serve.schema",
)  # fmt: skip
MAY = {
    "attention internals": (
        "doodle.smol.base",
        "doodle.smol.build",
        "attention.seam",
        "doctor.naive",
        "doctor.receptive_fields",
    ),  # the plain recipe is a peer that shares nothing with the seam; the last switches a vision tower's off
    "processors": ("families", "model.encoding", "model.loading", "doodle"),
    "network": ("judging.api", "data.hub", "heads.hub", "demo"),  # the demo serves; it never fetches
    "device and dtype": ("model.loading", "doodle"),
    "model": ("judging.likelihood",),  # of data and judging
}
HEAVY = {"torch", "transformers", "tokenizers"}
ATTENTION_INTERNALS = {
    "ALL_ATTENTION_FUNCTIONS", "ALL_MASK_ATTENTION_FUNCTIONS", "AttentionInterface", "AttentionMaskInterface",
    "eager_attention_forward", "masking_utils", "sdpa_attention", "sdpa_attention_forward", "set_attn_implementation",
}  # fmt: skip
NETWORK = {
    "aiohttp", "anthropic", "datasets", "http", "httpx", "httpx2", "huggingface_hub", "openai", "requests", "socket",
    "urllib", "websockets",
}  # fmt: skip
DEVICES = {"cpu", "cuda", "mps", "xpu"}
DTYPES = {"bfloat16", "float16", "half", "cuda", "set_default_device", "set_default_dtype"}


def module_name(path: Path) -> str:
    """Dotted name below `gazeheads`: "judging.rules", "families", or "" for the package itself."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text(), str(path)) for path in sorted(SOURCE.rglob("*.py"))}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers see."""
    for child in ast.iter_child_nodes(tree):
        if is_type_checking(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield other
                yield from running(other)
        else:
            yield child
            yield from running(child)


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """Dotted targets of every import among the nodes; `from a import b` counts as "a.b"."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written out in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own(names: set[str], known: set[str]) -> set[str]:
    """Which modules of the package these targets are."""
    parts = [name.split(".")[1:] for name in names if name.split(".")[0] == "gazeheads"]
    return {next(m for n in range(len(p), -1, -1) if (m := ".".join(p[:n])) in known) for p in parts}


def targets(tree: ast.AST, known: set[str]) -> set[str]:
    """The modules of the package that any import names, wherever in the file it stands."""
    return own(imported(ast.walk(tree)), known)


def closure(name: str) -> set[str]:
    """`name` and everything of the package that is loaded with it, the packages above each module, too."""
    seen: set[str] = set()
    todo = {name}
    while todo:
        seen |= todo
        loaded = set().union(*(own(imported(running(TREES[each])), set(TREES)) for each in todo))
        above = {".".join(each.split(".")[:n]) for each in loaded for n in range(each.count(".") + 1)}
        todo = (loaded | above) & set(TREES) - seen
    return seen


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def outside(name: str) -> set[str]:
    """The top names of all that a module imports at run time."""
    return roots(imported(running(TREES[name])))


def words(tree: ast.AST) -> set[str]:
    """Names, attributes and imported names that the code says; strings and docstrings do not count."""
    said = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            said.add(node.id)
        elif isinstance(node, ast.Attribute):
            said.add(node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                said |= set(alias.name.split("."))
            said |= set((getattr(node, "module", None) or "").split("."))
    return said


def within(name: str, places: Iterable[str]) -> bool:
    return any(name == place or (place and name.startswith(place + ".")) for place in places)


def others(rule: str) -> list[str]:
    """The modules that may not do what a rule is about."""
    return [name for name in TREES if not within(name, MAY[rule])]


def room_of(module: str) -> str:
    return module.split(".")[0]


def upward(trees: dict[str, ast.Module]) -> list[str]:
    """Every import that does not go down to a lower floor, or stay within its room."""
    return [
        f"{module or 'gazeheads'} imports {target or 'gazeheads'}"
        for module, tree in trees.items()
        for target in sorted(targets(tree, set(trees)))
        if room_of(module) != room_of(target) and FLOOR_OF[room_of(target)] >= FLOOR_OF[room_of(module)]
    ]


def circles(trees: dict[str, ast.Module]) -> list[str]:
    """Modules from which imports lead back to themselves."""
    below = {name: targets(tree, set(trees)) - {name} for name, tree in trees.items()}

    def reached(name: str) -> set[str]:
        seen: set[str] = set()
        todo = set(below[name])
        while todo:
            seen |= todo
            todo = set().union(*(below[each] for each in todo)) - seen
        return seen

    return [name for name in trees if name in reached(name)]


def test_every_room_has_a_floor() -> None:
    assert {room_of(module) for module in TREES} <= set(FLOOR_OF)


def test_a_line_imports_only_lower_floors() -> None:
    assert upward(TREES) == []


def test_no_module_leads_back_to_itself() -> None:
    assert circles(TREES) == []


def test_the_house_can_be_seen_at_once() -> None:
    rooms = [p for p in SOURCE.iterdir() if (p.is_dir() and p.name != "__pycache__") or p.suffix == ".py"]
    assert len(rooms) <= MOST_ROOMS


def test_no_file_is_two_things() -> None:
    long = {p.name: n for p in SOURCE.rglob("*.py") if (n := len(p.read_text().splitlines())) > LARGEST_FILE}
    assert long == {}


def test_every_rule_is_about_modules_that_are_there() -> None:
    named = {place for places in (WITHOUT_TORCH, *MAY.values()) for place in places}
    assert named <= set(TREES)


def test_values_and_what_follows_the_model_load_no_torch() -> None:
    free = [name for name in TREES if within(name, WITHOUT_TORCH)]
    heavy = [f"{name} through {each}" for name in free for each in closure(name) if outside(each) & HEAVY]
    assert heavy == []


def test_only_the_seam_names_attention_internals() -> None:
    assert [name for name in others("attention internals") if words(TREES[name]) & ATTENTION_INTERNALS] == []


def test_only_families_encoding_and_training_touch_processors() -> None:
    ends = ("Processor", "ImageProcessorPil")
    said = {name: {w for w in words(TREES[name]) if w.endswith(ends)} for name in others("processors")}
    assert {
        name: found for name, found in said.items() if found - {"LogitsProcessor", "InputProcessor"}
    } == {}


def test_only_three_modules_touch_the_network() -> None:
    assert [name for name in others("network") if outside(name) & NETWORK] == []


def test_only_loading_and_training_say_device_or_dtype() -> None:
    for name in others("device and dtype"):
        if "torch" in outside(name):
            nodes = [n.value for n in ast.walk(TREES[name]) if isinstance(n, ast.Constant)]
            assert not {text.split(":")[0] for text in nodes if isinstance(text, str)} & DEVICES, name
            assert not words(TREES[name]) & DTYPES, name


def test_data_and_judging_never_load_the_model() -> None:
    names = [name for name in others("model") if within(name, ("data", "judging"))]
    assert [name for name in names if "model.model" in closure(name)] == []


def test_the_rules_see_what_they_forbid() -> None:
    lazy = "def f():\n    from gazeheads.runs import run"
    typing = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gazeheads.heads.heads import Heads"
    )
    sources = {
        "heads.heads": lazy,
        "errors": typing,
        "runs.run": "import gazeheads.heads.heads",
        "runs": "",
        "": "",
    }
    trees = {name: ast.parse(text) for name, text in {**sources, "heads": ""}.items()}
    assert upward(trees) == ["heads.heads imports runs.run", "errors imports heads.heads"]
    assert circles(trees) == ["heads.heads", "runs.run"]


def test_the_readers_see_what_code_says() -> None:
    code = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\nelse:\n    import socket\n"
    assert roots(imported(running(ast.parse(code)))) == {"typing", "socket"}
    assert {"AttentionInterface", "integrations"} <= words(
        ast.parse("from transformers.integrations import AttentionInterface as A")
    )
    assert "bfloat16" in words(ast.parse("x.to(torch.bfloat16)"))
    assert within("judging.api", ("judging",)) and not within("judging.api", ("", "judge"))

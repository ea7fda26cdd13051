"""Who may import whom (docs/design.md), read from the syntax trees: no module is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "gazeheads"
VALUES = {
    "controls",
    "coverage",
    "files",
    "geometry",
    "grid",
    "regions",
    "heads",
    "belonging",
    "headsfile",
    "headshub",
    "gaze",
    "push",
    "given",
    "live",
    "mixes",
    "prompts",
    "provenance",
    "records",
    "schedule",
}
TORCH_FREE = VALUES | {
    "",
    "errors",
    "experiments.folder",
    "experiments.ledger",
    "experiments.manifest",
    "experiments.merging",
    "files",
    "statistics",
    "evidence",
    "evidence.results",
    "evidence.trajectories",
    "evidence.page",
    "markdown",
    "figures",
    "report",
    "overlap",
    "selectors",
    "judging.base",
    "judging.agreement",
    "judging.api",
    "judging.calibration",
    "judging.captions",
    "judging.rules",
    "experiments.judge",
    "trace",
    "words",
}
ATTENTION_INTERNALS = {
    "ALL_ATTENTION_FUNCTIONS",
    "ALL_MASK_ATTENTION_FUNCTIONS",
    "AttentionInterface",
    "AttentionMaskInterface",
    "eager_attention_forward",
    "masking_utils",
    "sdpa_attention",
    "sdpa_attention_forward",
    "set_attn_implementation",
}
NETWORK = {
    "aiohttp",
    "anthropic",
    "datasets",
    "http",
    "httpx",
    "httpx2",
    "huggingface_hub",
    "openai",
    "requests",
    "socket",
}
NETWORK |= {"urllib", "websockets"}
DEVICES = {"cpu", "cuda", "mps", "xpu"}
LOW_DTYPES = {"bfloat16", "float16", "half"}


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


def imports(tree: ast.AST, package: str) -> set[str]:
    """Dotted targets of every import that can run; `from a import b` counts as "a.b"."""
    found = set()
    for node in running(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ("gazeheads." + package).rstrip(".").split(".")
                above = above[: len(above) - node.level + 1]
                base = ".".join([*above, base]).rstrip(".")
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def imports_of(name: str) -> set[str]:
    is_package = (SOURCE / name.replace(".", "/")).is_dir()
    return imports(TREES[name], name if is_package else name.rpartition(".")[0])


def siblings_of(name: str) -> set[str]:
    """Modules of the package that `name` imports, with the packages above them, whose code then runs too."""
    found = set()
    for target in imports_of(name):
        if target == "gazeheads" or target.startswith("gazeheads."):
            parts = target.split(".")[1:]
            found |= {".".join(parts[:n]) for n in range(len(parts) + 1)} & set(TREES)
    return found - {name}


def closure(name: str) -> set[str]:
    """`name` and everything of the package that is loaded with it."""
    seen, todo = set(), {name}
    while todo:
        seen |= todo
        todo = set().union(*(siblings_of(each) for each in todo)) - seen
    return seen


def roots(targets: set[str]) -> set[str]:
    return {target.split(".")[0] for target in targets}


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


def within(name: str, *places: str) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


ALL = pytest.mark.parametrize("name", sorted(TREES))


def test_the_source_was_found() -> None:
    assert {"", "statistics", "judging.rules"} <= set(TREES)


@pytest.mark.parametrize("name", sorted(TORCH_FREE & set(TREES)))
def test_values_and_what_follows_the_model_load_no_torch(name: str) -> None:
    for module in closure(name):
        heavy = roots(imports_of(module)) & {"torch", "transformers", "tokenizers"}
        assert not heavy, f"{name or 'gazeheads'} loads {heavy} through {module}"


@pytest.mark.parametrize("name", sorted(VALUES & set(TREES)))
def test_values_know_only_values(name: str) -> None:
    assert closure(name) <= VALUES | {"", "errors"}


@ALL
def test_only_the_seam_names_attention_internals(name: str) -> None:
    if name not in ("attention", "sight"):  # the second switches attention off, in vision towers
        assert not words(TREES[name]) & ATTENTION_INTERNALS


@ALL
def test_only_families_encoding_and_doodle_touch_processors(name: str) -> None:
    if not within(name, "families", "encoding", "loading", "doodle"):
        said = {word for word in words(TREES[name]) if word.endswith(("Processor", "ImageProcessorPil"))}
        assert not said - {"LogitsProcessor"}


@ALL
def test_only_three_modules_touch_the_network(name: str) -> None:
    if not within(name, "judging.api", "data.hub", "headshub", "demo"):  # the demo serves; it never fetches
        assert not roots(imports_of(name)) & NETWORK


@ALL
def test_only_loading_and_training_say_device_or_dtype(name: str) -> None:
    if within(name, "loading", "doodle"):
        return
    tree = TREES[name]
    said = words(tree)
    if "torch" in roots(imports_of(name)):
        strings = {
            n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
        }
        assert not {text.split(":")[0] for text in strings} & DEVICES
        assert not said & LOW_DTYPES
        assert not said & {"cuda", "set_default_device", "set_default_dtype"}


@ALL
def test_data_and_judging_never_load_the_model(name: str) -> None:
    if within(name, "data", "judging") and name != "judging.likelihood":
        assert "model" not in closure(name)


@ALL
def test_nobody_imports_cli_or_demo(name: str) -> None:
    if not within(name, "cli", "demo", "__main__", "commands.demo"):  # the last one starts it
        assert not {each for each in siblings_of(name) if within(each, "cli", "demo")}


def test_the_rules_see_what_they_forbid() -> None:
    """The readers above, on code that breaks the rules."""
    code = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\nelse:\n    import socket\n"
    assert roots(imports(ast.parse(code), "")) == {"typing", "socket"}
    assert imports(ast.parse("def f():\n    from ..model import load"), "judging") == {"gazeheads.model.load"}
    assert imports(ast.parse("from . import grid"), "") == {"gazeheads.grid"}
    assert {"AttentionInterface", "integrations"} <= words(
        ast.parse("from transformers.integrations import AttentionInterface as A")
    )
    assert "bfloat16" in words(ast.parse("x.to(torch.bfloat16)"))


ASKING = [
    f"experiments.{name}"
    for name in (
        "boxes collapse conditions k_sweep layouts narration push_sweep redirect scope sweep tour wordings".split()
    )
]


@pytest.mark.parametrize("name", ASKING)
def test_experiments_know_neither_models_nor_judges(name: str) -> None:
    loaded = closure(name)
    assert not {each for each in loaded if within(each, "model", "judging", "families", "loading")}
    assert not any(roots(imports_of(each)) & {"torch", "transformers"} for each in loaded)


def test_no_experiment_is_forgotten_above() -> None:
    loops = "catalogue described folder judge ledger manifest merging narrating pace run showing tune".split()
    there = {name for name in TREES if within(name, "experiments")} - {"experiments"}
    assert there == {*ASKING, *(f"experiments.{name}" for name in loops)}

"""The laws of ARCHITECTURE.md, read from the source by `ast`."""

from __future__ import annotations

import ast
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "driftcli"
FILES = sorted(PACKAGE.rglob("*.py"))
BESIDE = {"__init__.py", "__main__.py", "py.typed", "ARCHITECTURE.md", "__pycache__"}
"""What stands in the package beside the rooms."""
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES
}
HEAVY = {"torch", "torchvision", "timm", "onnx", "onnxruntime", "scipy", "sklearn", "matplotlib"}
GLOBAL_RNG = {
    "seed",
    "rand",
    "randn",
    "random",
    "randint",
    "choice",
    "shuffle",
    "permutation",
    "normal",
    "uniform",
}


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _room(path: Path) -> str | None:
    first, *more = path.relative_to(PACKAGE).parts
    return first if more else None


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.AST) -> set[str]:
    """Absolute names of all imported modules; `from a import b` counts as `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _table() -> dict[str, set[str]]:
    """Room -> rooms that it may import, from the table in ARCHITECTURE.md."""
    found: dict[str, set[str]] = {}
    for line in (PACKAGE / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        row = re.fullmatch(r"\| `(\w+)/` \|.*\| ([\w, –]+) \|", line)
        if row:
            allowed = {name.strip() for name in row[2].split(",")} - {"–"}
            found[row[1]] = EVERYTHING if allowed == {"everything"} else allowed
    return found


def _room_of(module: str) -> str:
    """`extractors` of `driftcli.extractors.networks.load`; `` of what stands in the root."""
    room = module.split(".")[1] if "." in module else ""
    return room if (PACKAGE / room).is_dir() else ""


def _modules_of(room: str) -> list[str]:
    return [module for module in MODULES if _room_of(module) == room]


def _is_package(module: str) -> bool:
    return MODULES[module].name == "__init__.py"


def _edges(module: str) -> set[str]:
    """The package's own modules that a module imports, wherever in it the import stands.

    Asking the registry for the kinds of a room is an import by another name.
    """
    tree = _tree(MODULES[module])
    named = _imports(tree) | {f"driftcli.{room}" for room in _asked_of_the_registry(tree)}
    own = {name for name in named if name in MODULES} - {module, "driftcli"}
    bare = {node for node in named if node == "driftcli"}
    return own | bare


def _asked_of_the_registry(tree: ast.AST) -> set[str]:
    """`corruptions` of `registry.load("corruptions", name)`, `kinds("corruptions")` and `literals(...)`."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    return {
        str(call.args[0].value)
        for call in calls
        if ast.unparse(call.func).rpartition(".")[2] in {"load", "kinds", "literals"}
        and isinstance(call.args[0], ast.Constant)
        and (PACKAGE / str(call.args[0].value) / "__init__.py").exists()
    }


def _module_level(tree: ast.Module) -> set[str]:
    """Imports that run when the file is imported; TYPE_CHECKING blocks do not."""
    found: set[str] = set()
    todo: list[ast.stmt] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= _imports(node)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            todo += node.body + node.orelse
        elif isinstance(node, ast.Try):
            todo += node.body + node.orelse + node.finalbody
    return found


EVERYTHING: set[str] = set()
TABLE = _table()
EDGES = {module: _edges(module) for module in MODULES}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_the_first_line_says_what_the_file_is_for(path):
    """One docstring sentence, in every file."""
    doc = ast.get_docstring(_tree(path))
    assert doc
    assert doc.split("\n")[0].strip()


def test_every_room_is_in_the_table_and_nothing_else_is_in_the_root():
    """A new room needs a row; a file outside the rooms needs a reason to be here."""
    there = {place.name for place in PACKAGE.iterdir()} - BESIDE
    assert there == set(TABLE)


@pytest.mark.parametrize("room", TABLE)
def test_rooms_import_what_the_table_allows(room):
    """The table's edges, no other: one that is not used is no edge either."""
    reached = {_room_of(name) for module in _modules_of(room) for name in EDGES[module]} - {room}
    if TABLE[room] is EVERYTHING:
        return
    assert reached - {""} <= TABLE[room], f"{room} imports {sorted(reached - TABLE[room])}"
    assert TABLE[room] <= reached, f"the table allows {room} what it does not use"
    assert "" not in reached, f"{room} imports the package's root"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_file_with_an_underscore_is_its_rooms_own(module):
    """`driftcli.artifact._lock` is for `driftcli.artifact` alone."""
    for name in EDGES[module]:
        parts = name.split(".")
        private = [place for place, part in enumerate(parts) if part.startswith("_") and part != "__main__"]
        if private:
            owner = ".".join(parts[: private[0]])
            assert module == owner or module.startswith(f"{owner}."), f"{module} imports {name}"


def test_rooms_stand_one_above_the_other():
    """No room reaches, over however many others, one that reaches it: no arrow goes up."""
    TopologicalSorter(TABLE).prepare()


def test_no_import_goes_in_a_circle():
    """Neither at load time, nor later inside a function, nor for types only."""
    order = TopologicalSorter(
        {module: {name for name in names if not _is_package(name)} for module, names in EDGES.items()}
    )
    order.prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_heavy_libraries_wait(path):
    """At module level only in the files that pyproject.toml permits (law 2)."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    permits = settings["tool"]["ruff"]["lint"]["per-file-ignores"]
    if "TID253" in permits.get(f"driftcli/{_name(path)}", []):
        return
    assert not {name for name in _module_level(_tree(path)) if name.split(".")[0] in HEAVY}


@pytest.mark.parametrize("path", [path for path in FILES if _room(path) != "cli"], ids=_name)
def test_only_cli_prints_or_exits(path):
    """Everything else returns values and raises DriftcliError. A decode worker is a process of its own."""
    for node in ast.walk(_tree(path)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in {"print", "exit", "quit", "input"}, f"{_name(path)}:{node.lineno}"
        if _name(path) != "sources/decoding/worker.py":
            assert called not in {"sys.exit", "os._exit"}, f"{_name(path)}:{node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_randomness_comes_only_through_a_seed(path):
    """No global generator of random, numpy or torch (law 4)."""
    tree = _tree(path)
    assert "random" not in _imports(tree), "the module `random` is global state"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).split(".")
        if called[:2] in (["np", "random"], ["numpy", "random"]):
            assert called[2] not in GLOBAL_RNG, f"{_name(path)}:{node.lineno}"
            assert node.args or node.keywords, f"{_name(path)}:{node.lineno}: a generator without a seed"
        assert called not in (["torch", "manual_seed"], ["torch", "seed"]) or _forked(path), (
            f"{_name(path)}:{node.lineno}"
        )


def _forked(path: Path) -> bool:
    """`torch.manual_seed` is no global effect inside `torch.random.fork_rng`."""
    return "fork_rng" in path.read_text(encoding="utf-8")


def test_nothing_unpickles():
    """No pickle, no shelve, no joblib, nowhere."""
    for path in FILES:
        names = {name.split(".")[0] for name in _imports(_tree(path))}
        assert not names & {"pickle", "shelve", "joblib", "dill", "cloudpickle", "marshal"}, _name(path)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_click_is_vendored_by_typer_and_never_imported(path):
    """Contexts of another click are silently empty."""
    names = _imports(_tree(path))
    assert not {name for name in names if name.split(".")[0] == "click" or name.startswith("typer._click")}

"""The laws of ARCHITECTURE.md, read from the source by `ast`."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "driftcli"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {folder.name for folder in PACKAGE.iterdir() if folder.is_dir() and (folder / "__init__.py").exists()}
SHARED = {"records", "past", "errors", "registry", "progress", "text", "permutation", "settings", "pictures"}
"""What every room may import."""
ROOM_PAIRS = {
    # the room on the left may import exactly these modules of the room on the right
    ("detectors", "extractors"): set(),
    ("sources", "extractors"): {"driftcli.extractors.base"},  # a worker runs `prepare`
}
HEAVY = {"torch", "torchvision", "timm", "onnxruntime", "scipy", "matplotlib"}
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
    first = path.relative_to(PACKAGE).parts[0]
    return first if first in ROOMS else None


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


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_the_first_line_says_what_the_file_is_for(path):
    """One docstring sentence, in every file."""
    doc = ast.get_docstring(_tree(path))
    assert doc
    assert doc.split("\n")[0].strip()


@pytest.mark.parametrize("path", [path for path in FILES if _room(path)], ids=_name)
def test_rooms_do_not_import_each_other(path):
    """A room knows itself and what is shared; `cli` may know everything."""
    room = _room(path)
    if room == "cli":
        return
    for name in _imports(_tree(path)):
        parts = name.split(".")
        if parts[0] != "driftcli" or len(parts) == 1:
            continue
        allowed = (
            parts[1] == room
            or parts[1] in SHARED
            or (not (PACKAGE / parts[1]).exists() and not (PACKAGE / f"{parts[1]}.py").exists())
        )
        permits = ROOM_PAIRS.get((room, parts[1]), set())
        assert (
            allowed
            or any(name == permit or name.startswith(f"{permit}.") for permit in permits)
            or (any(permit.startswith(f"{name}.") for permit in permits))
        ), f"{_name(path)} imports {name}"


@pytest.mark.parametrize(
    "path", [path for path in FILES if _room(path) != "cli" and path.name != "__main__.py"], ids=_name
)
def test_nobody_imports_cli(path):
    """The command line is on top."""
    assert not {
        name for name in _imports(_tree(path)) if name == "driftcli.cli" or name.startswith("driftcli.cli.")
    }


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
        if path.name != "_worker.py":
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

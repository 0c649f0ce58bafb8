"""A room's file names are its kinds; listing them imports nothing, loading one imports one file."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


@cache
def kinds(room: str) -> tuple[str, ...]:
    """Names of the kinds in `driftcli/<room>/`, sorted; files that start with `_` and `base` are none."""
    names = (file.stem for file in _folder(room).glob("*.py"))
    return tuple(sorted(name for name in names if not name.startswith("_") and name != "base"))


def load(room: str, kind: str) -> type:
    """The class of one kind: `autoencoder` in `extractors` is `driftcli.extractors.autoencoder.Autoencoder`.

    Raises KeyError for a kind that the room does not have.
    """
    if kind not in kinds(room):
        raise KeyError(f"{kind!r} is none of the {room}: {', '.join(kinds(room))}")
    module = import_module(f"driftcli.{room}.{kind}")
    found: type = getattr(module, _class_name(kind))
    return found


@cache
def literals(room: str, kind: str) -> Mapping[str, Any]:
    """Class data of one kind that its file writes as literals, by name, read without importing the file.

    For `--help`, which must not load what a kind needs. Inherited and computed class data are not there.
    """
    tree = ast.parse((_folder(room) / f"{kind}.py").read_text(encoding="utf-8"))
    written: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == _class_name(kind):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value:
                    try:
                        written[line.target.id] = ast.literal_eval(line.value)
                    except ValueError:
                        continue
    return written


def _folder(room: str) -> Path:
    return Path(__file__).parents[1] / room


def _class_name(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))

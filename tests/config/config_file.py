"""Writes configs/default.yaml from the settings: every key, its default, and what it means.

`python -m tests.readme_blocks` writes it, and what the manual says of it; a test compares.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
import types
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from driftcli.cli.app import app
from driftcli.config.resolve import OPTIONS
from driftcli.config.settings import Settings

TARGET = Path(__file__).parents[2] / "configs" / "default.yaml"
WIDTH = 100
HEAD = """\
# Every setting with its default. A file needs only what differs: driftcli check ref/ images/ -c my.yaml
# YAML 1.2: on, off, yes and no are words, 1e-3 is a number. Shares may be written 5%.
# `decode` and `extractors` decide how pixels become numbers: the artifact keeps them, `check` may not differ.
"""


def default_yaml() -> str:
    """The whole file."""
    return HEAD + "".join(_section(Settings(), "", 0, _option_help()))


def _section(value: Any, prefix: str, depth: int, helps: dict[str, str]) -> typing.Iterator[str]:
    kind = type(value)
    names = (
        list(kind.model_fields) if isinstance(value, BaseModel) else [field.name for field in fields(value)]
    )
    notes = _attribute_notes(kind)
    hints = typing.get_type_hints(kind)
    indent = "  " * depth
    said = ""
    for name in names:
        item = getattr(value, name)
        key = f"{prefix}{name}"
        if isinstance(item, BaseModel) or is_dataclass(item):
            note = (type(item).__dict__.get("__doc__") or "").split("\n\n")[0]
            note, said = ("" if note == said else note), note
            inner = list(_section(item, f"{key}.", depth + 1, helps))
            yield ("\n" if not depth else "") + _comment(note, indent)
            yield f"{indent}{name}:\n" if inner else f"{indent}{name}: {{}}\n"
            yield from inner
        else:
            yield _comment(" ".join([notes.get(name) or helps.get(key, ""), _choices(hints[name])]), indent)
            yield f"{indent}{name}: {json.dumps(item, ensure_ascii=False) if not _word(item) else item}\n"


def _choices(annotation: Any) -> str:
    """`(drift | warn | none)` of a Literal; nothing for `auto` beside a number."""
    inside = [part for part in typing.get_args(annotation) if part not in {type(None), Ellipsis}]
    if typing.get_origin(annotation) is typing.Literal:
        return f"({' | '.join(map(str, inside))})" if len(inside) > 1 else ""
    if typing.get_origin(annotation) in {tuple, types.UnionType, typing.Union} and len(inside) == 1:
        return _choices(inside[0])  # a list of words, or a word that may be left out
    return ""


def _word(value: Any) -> bool:
    return (
        isinstance(value, str)
        and re.fullmatch(r"[a-z][a-z0-9_]*", value) is not None
        and value not in {"null", "true", "false"}
    )


def _comment(text: str, indent: str) -> str:
    flat = " ".join(text.split())
    return "".join(f"{indent}# {line}\n" for line in textwrap.wrap(flat, WIDTH - len(indent)))


def _attribute_notes(kind: type) -> dict[str, str]:
    """The strings below the fields of a class."""
    notes: dict[str, str] = {}
    for parent in kind.__bases__:
        if parent.__module__.startswith("driftcli"):
            notes |= _attribute_notes(parent)
    try:
        source = inspect.getsource(kind)
    except (
        OSError
    ):  # a section that is built from what kinds declare: each of its keys is a section with its own
        return notes
    (body,) = ast.parse(textwrap.dedent(source)).body
    for field, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            notes[field.target.id] = str(below.value.value)
    return notes


def _option_help() -> dict[str, str]:
    """By dotted key: the help of its option, without the default."""
    helps: dict[str, str] = {}
    for command in typer.main.get_command(app).commands.values():
        for param in command.params:
            option = param.name.replace("_", "-")
            if option in OPTIONS and getattr(param, "help", None):
                helps[OPTIONS[option]] = re.sub(r" \(default: [^)]*\)", "", param.help).replace(
                    " Repeatable.", ""
                )
    helps["fit.thumbnails"] = "Pictures of held-out images that the artifact keeps, for reports; 0: none."
    return helps

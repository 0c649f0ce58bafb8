"""YAML as configuration needs it: YAML 1.2 scalars, no duplicate keys, no aliases, and where each value stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 64 * 1024
PLAIN = "write plain YAML: keys, texts, numbers, true, false, null and lists"

Path = tuple[str | int, ...]
Place = tuple[int, int]


@dataclass(frozen=True)
class Document:
    """A parsed file: its values, and line and column (from 1) of every key and every value."""

    name: str
    value: Any
    keys: Mapping[Path, Place] = field(default_factory=dict)
    values: Mapping[Path, Place] = field(default_factory=dict)

    def at(self, path: Path, *, key: bool = False) -> str:
        """`file:line:column` of a value (or its key), or of the nearest thing above it."""
        table = self.keys if key else self.values
        while path and path not in table:
            path = path[:-1]
        line, column = table.get(path, (1, 1))
        return f"{self.name}:{line}:{column}"


class _Loader(yaml.SafeLoader):
    """Composes nodes only, so no constructor ever runs; scalars resolve as in YAML 1.2's core schema.

    YAML 1.1, PyYAML's own, reads `off` as false and `1e-3` as a text: a gate must not be set by either.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # PyYAML's own way

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not accepted", problem_mark=mark)
        return super().compose_node(parent, index)


_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
)
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def parse(raw: bytes, name: str) -> Document:
    """The bytes of a configuration file. Raises UsageError with `name:line:column` and nothing else."""
    if len(raw) > MAX_BYTES:
        raise UsageError(
            f"{name}: larger than {MAX_BYTES // 1024} KiB", "a configuration is a short YAML file"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: not UTF-8", "save the file as UTF-8") from error
    return _document(text, name)


def value(text: str, name: str) -> Any:
    """One value as YAML reads it: `0.05`, `on` (a text), `[a, b]`. Raises UsageError."""
    return _document(text, name).value


def _document(text: str, name: str) -> Document:
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        reader = _Reader(name)
        result = None if node is None else reader.read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        problem = error.problem or error.context or "not YAML"
        raise UsageError(f"{where}: {safe_name(problem)}", PLAIN) from error
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise UsageError(f"{name}:{line}: control characters are not accepted", PLAIN) from error
    except RecursionError as error:
        raise UsageError(f"{name}: nested too deeply", PLAIN) from error
    return Document(name, result, reader.keys, reader.values)


class _Reader:
    """Nodes become plain values; places are noted on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}

    def read(self, node: yaml.Node, path: Path) -> Any:
        self.values[path] = _place(node)
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.read(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        raise self._refuse(node, f"{safe_name(node.tag)} is not accepted")

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag != "tag:yaml.org,2002:str":
                raise self._refuse(key_node, "a key must be a text")
            key = str(key_node.value)
            if key in result:
                first = self.keys[*path, key][0]
                raise self._refuse(key_node, f"{safe_name(key)}: given twice (first on line {first})")
            self.keys[*path, key] = _place(key_node)
            result[key] = self.read(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        try:
            match kind:
                case "str":
                    return text
                case "null":
                    return None
                case "bool":
                    return {"true": True, "false": False}[text.lower()]
                case "int":
                    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
                    return int(text, base)
                case "float":
                    return self._finite(float(text))
        except (ValueError, KeyError, OverflowError) as error:
            raise self._refuse(node, f"{safe_name(text[:40])!r} is not a usable {kind}") from error
        raise self._refuse(node, f"{safe_name(node.tag)} is not accepted")

    @staticmethod
    def _finite(number: float) -> float:
        if number - number != 0:
            raise OverflowError
        return number

    def _refuse(self, node: yaml.Node, problem: str) -> UsageError:
        line, column = _place(node)
        return UsageError(f"{self.name}:{line}:{column}: {problem}", PLAIN)


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1

"""Plain JSON values become records again: every type is checked, and an error says where it is."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


class Malformed(Exception):  # noqa: N818  # who reads a file turns it into exit 3, with the file's name
    """What was expected, and where."""


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a number, for `Annotated[float, Within(0, 1)]`."""

    least: float
    most: float = math.inf


_NAMES = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def build(kind: Any, value: Any, where: str = "") -> Any:  # noqa: PLR0911  # one answer a kind
    """A `kind` made of `value`; raises Malformed.

    A null where a number must be comes back as NaN: that is what it was when it was written.
    """
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _record(kind, value, where)
    if is_typeddict(kind):
        _expect(isinstance(value, dict), "an object", where)
        known = {name: of for name, of in _hints(kind).items() if name in value}
        for name in sorted(kind.__required_keys__ - known.keys()):
            raise Malformed(f"{where}.{name} is missing".removeprefix("."))
        return {name: build(of, value[name], f"{where}.{name}") for name, of in known.items()}
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _bounded(build(inside[0], value, where), inside[1], where)
    if origin in (Union, types.UnionType):
        return _optional(inside, value, where)
    if origin is Literal:
        _expect(value in inside, f"one of {', '.join(map(str, inside))}", where)
        return value
    if origin is tuple:
        _expect(isinstance(value, list), "a list", where)
        return tuple(build(inside[0], item, f"{where}[{number}]") for number, item in enumerate(value))
    if origin is Mapping:
        _expect(isinstance(value, dict), "an object", where)
        return {name: build(inside[1], item, f"{where}.{name}") for name, item in value.items()}
    return _scalar(kind, value, where)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _record(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), "an object", where)
    hints, found = _hints(kind), {}
    for field in fields(kind):
        place = f"{where}.{field.name}" if where else field.name
        if field.name in value:
            found[field.name] = build(hints[field.name], value[field.name], place)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise Malformed(f"{place} is missing")
    return kind(**found)


def _bounded(number: Any, bounds: Within, where: str) -> Any:
    """NaN, a null as it comes back, is within no bounds."""
    _expect(
        bounds.least <= number <= bounds.most, f"a number from {bounds.least:g} to {bounds.most:g}", where
    )
    return number


def _optional(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    *others, last = [kind for kind in kinds if kind is not types.NoneType]
    for kind in others:
        try:
            return build(kind, value, where)
        except Malformed:
            continue
    return build(last, value, where)


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        if value is None:
            return math.nan
        _expect(isinstance(value, int | float) and not isinstance(value, bool), _NAMES[float], where)
        return float(value)
    exact = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    _expect(exact, _NAMES[kind], where)
    return value


def _expect(right: bool, what: str, where: str) -> None:
    if not right:
        raise Malformed(f"{where or 'the result'}: expected {what}")

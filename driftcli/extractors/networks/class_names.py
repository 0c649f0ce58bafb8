"""The names of a model's classes, as exporters write them into its metadata."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = ("names", "classes", "labels", "class_names")
"""Of metadata, the first that has as many names as there are classes. Ultralytics writes `names`."""
LONGEST = 4 << 20
"""Characters of a list of names."""


def of(metadata: Mapping[str, str], count: int) -> tuple[str, ...] | None:
    """The names of `count` classes in the order of the outputs; None where the metadata has no such list.

    A list of JSON or of Python's, an object from places to names, or one from names to places.
    """
    for key in KEYS:
        names = _listed(_value(metadata.get(key, "")))
        if names is not None and len(names) == count == len(set(names)) and all(names):
            return names
    return None


def _value(text: str) -> Any:
    """The value that a text writes, as JSON or as a literal of Python; None where it writes none."""
    if not 0 < len(text) <= LONGEST:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return None


def _listed(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, dict):
        value = _in_order(value)
    if not isinstance(value, list | tuple) or not all(isinstance(name, str | int) for name in value):
        return None
    return tuple(str(name).strip() for name in value)


def _in_order(value: dict[Any, Any]) -> list[Any] | None:
    """Of {0: "cat"}, {"0": "cat"} or {"cat": 0}."""
    if value and all(isinstance(place, int) for place in value.values()):
        value = {place: name for name, place in value.items()}
    by_place = {int(place): name for place, name in value.items() if str(place).isdecimal()}
    return [by_place[k] for k in range(len(value))] if set(by_place) == set(range(len(value))) else None

"""Values become JSON text: what cannot be said in JSON or UTF-8 is made sayable, never dropped."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.resources import files
from typing import Any

import numpy as np

DIGITS = 10
"""Significant digits: more than any statistic here carries."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(value: Any) -> Any:  # noqa: PLR0911  # one answer a kind
    """The value in dicts, lists, strings, finite numbers, booleans and None; mappings keep their order."""
    if isinstance(value, np.generic):
        value = float(str(value)) if isinstance(value, np.float32 | np.float16) else value.item()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        rounded = float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
        return (
            rounded if rounded is None or math.isfinite(rounded) else value
        )  # the largest float rounds up to inf
    if isinstance(value, str):
        return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", value)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(list(value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"a result cannot hold a {type(value).__name__}")


def write(value: Any, indent: str = "") -> str:
    """JSON text of a plain value; a list of numbers stays on one line, so that histograms stay readable."""
    if isinstance(value, dict) and value:
        inner = f"{indent}  "
        items = [f"{inner}{_string(name)}: {write(item, inner)}" for name, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, dict | list | str) for item in value):
        inner = f"{indent}  "
        items = [f"{inner}{write(item, inner)}" for item in value]
    else:
        return _string(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)
    left, right = "{}" if isinstance(value, dict) else "[]"
    body = ",\n".join(items)
    return f"{left}\n{body}\n{indent}{right}"


def _string(text: str) -> str:
    """A JSON string that is safe to print: terminal commands and bidirectional marks as escapes."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", json.dumps(text, ensure_ascii=False))


def published(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that the package publishes under this name: `result`, `power`, `score`."""
    text = files("driftcli.reports").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded

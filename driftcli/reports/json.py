"""The result as JSON: what scripts and pipelines build on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, final

from driftcli.core.errors import NotAuditedError
from driftcli.core.report import Report
from driftcli.reports.base import ReportFormat
from driftcli.reports.layout.writing import plain, write
from driftcli.reports.saved.build import Malformed, build

SCHEMA_VERSION = 1
DEEPEST = 32
"""Levels of nesting; a result has six."""
LONGEST_INTEGER = 40
"""Digits; no count or seed has more, and converting thousands of them takes quadratic time."""
HINT = "name a result that `driftcli check -f json` or `-o json=FILE` wrote"
ORDER = (
    "schema_version", "tool", "created", "verdict", "exit_code", "reasons", "cautions", "gate", "rules",
    "sequence", "batch", "ledger", "reference", "families", "composition", "groups", "distributions", "scores", "map", "diagnosis",
    "images", "removal", "missing", "duplicates", "files", "timing", "environment",
)  # fmt: skip
"""The published order of the keys; deeper down it is the order of the dataclasses' fields."""


@final
@dataclass(frozen=True)
class Json(ReportFormat):
    r"""UTF-8 text with two spaces of indentation; floats to ten significant digits; no NaN, no Infinity.

    A number that is not finite is written as null. Control characters and bidirectional marks in names
    are written as JSON escapes and come back as they were; a lone surrogate, which UTF-8 cannot hold,
    becomes the visible text `\udcff`.
    """

    def render(self, report: Report) -> str:
        """The whole result, ending in a newline."""
        fields = {name: plain(getattr(report, name)) for name in ORDER}
        return f"{write(fields)}\n"


def parse(text: str) -> Report:
    """The report that `text` holds; keys that this version does not know are left out.

    Raises NotAuditedError for anything that is not a result, and names what is wrong with it.
    """
    try:
        found = load(text)
        _check_version(found)
        report = build(Report, found)
    except Malformed as error:
        raise NotAuditedError(f"this is not a driftcli result: {error}", HINT) from None
    assert isinstance(report, Report)  # noqa: S101  # for the type checker: `build` returns what it is asked for
    return report


def schema() -> dict[str, Any]:
    """The published JSON Schema of the result (draft 2020-12)."""
    text = files("driftcli.reports").joinpath("result.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def load(text: str) -> dict[str, Any]:
    """The object that `text` holds. Raises Malformed."""
    try:
        found = json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise Malformed("nested too deeply") from None
    if not isinstance(found, dict):
        raise Malformed("expected an object")
    if _depth(found) > DEEPEST:
        raise Malformed(f"nested more than {DEEPEST} levels deep")
    return found


def _check_version(found: dict[str, Any]) -> None:
    version = found.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise Malformed("schema_version: expected an integer")
    if version != SCHEMA_VERSION:
        raise NotAuditedError(
            f"this result has schema version {version}, and this driftcli reads version {SCHEMA_VERSION}",
            "use a driftcli of the version that wrote it (`tool.version` in the result), or check again",
        )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise Malformed(f"the key {twice[:40]!r} stands twice in one object")
    return found


def _refuse(constant: str) -> Any:
    raise Malformed(f"{constant} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    return _refuse(digits[:20]) if number in (float("inf"), float("-inf")) else number


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise Malformed(f"an integer of {len(digits):,} digits")
    return int(digits)


def _depth(found: Any) -> int:
    """Levels of nesting, counted without recursion."""
    level, depth = [found], 0
    while level:
        depth += 1
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
    return depth

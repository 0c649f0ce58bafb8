"""The result as JSON: what scripts and pipelines build on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from driftcli.core import strict_json
from driftcli.core.errors import NotAuditedError
from driftcli.core.report import Report
from driftcli.core.strict_json import Limits, NotStrictError
from driftcli.core.typed_json import Malformed, build
from driftcli.reports.base import ReportFormat
from driftcli.reports.layout.writing import plain, published, write

SCHEMA_VERSION = 1
DEEPEST = 32
"""Levels of nesting; a result has six."""
LONGEST_INTEGER = 40
"""Digits; no count or seed has more, and converting thousands of them takes quadratic time."""
LIMITS = Limits(levels=DEEPEST, digits=LONGEST_INTEGER)
HINT = "name a result that `driftcli check -f json` or `-o json=FILE` wrote"
ORDER = (
    "schema_version", "tool", "created", "verdict", "outcome", "exit_code", "headline", "reasons", "cautions", "notices", "gate",
    "rules",
    "sequence", "batch", "ledger", "reference", "families", "composition", "predictions", "harm", "concepts", "groups", "distributions", "scores", "map",
    "diagnosis",
    "images", "properties", "removal", "missing", "duplicates", "files", "link", "timing", "environment",
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
    return published("result")


def load(text: str) -> dict[str, Any]:
    """The object that `text` holds. Raises Malformed."""
    try:
        document = strict_json.parse(text.removeprefix("\ufeff"), LIMITS)
    except NotStrictError as error:
        raise Malformed(_in_words(error)) from None
    if not isinstance(document, dict):
        raise Malformed("expected an object")
    return document


def _in_words(error: NotStrictError) -> str:
    """What is wrong with a result."""
    if error.reason == "syntax":
        return f"{error.what} (line {error.line}, column {error.column})"
    if error.reason == "twice":
        return f"the key {error.what[:40]!r} stands twice in one object"
    if error.reason == "integer":
        return f"an integer of {error.count:,} digits"
    if error.reason == "depth":
        return f"nested more than {DEEPEST} levels deep"
    return f"{error.what[:20]} is no JSON number"


def _check_version(found: dict[str, Any]) -> None:
    version = found.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise Malformed("schema_version: expected an integer")
    if version != SCHEMA_VERSION:
        raise NotAuditedError(
            f"this result has schema version {version}, and this driftcli reads version {SCHEMA_VERSION}",
            "use a driftcli of the version that wrote it (`tool.version` in the result), or check again",
        )

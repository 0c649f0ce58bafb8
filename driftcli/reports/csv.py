"""One row an image, as CSV: for a spreadsheet, a data frame, a plot of the scores."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, final

from driftcli.core.text import safe_name
from driftcli.reports.base import ReportFormat
from driftcli.reports.layout.per_image import columns
from driftcli.reports.layout.writing import plain

if TYPE_CHECKING:
    from driftcli.core.report import Report

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell instead of showing it (OWASP, CSV Injection)."""


@final
@dataclass(frozen=True)
class Csv(ReportFormat):
    r"""RFC 4180 with a header, in UTF-8: all images of the result in the ranking's order, then all that was measured.

    A text that a spreadsheet would take for a formula gets a leading apostrophe; numbers stay numbers. Control
    characters in names are spelt out (`\x0a`): the JSON result has names as they are.
    """

    def render(self, report: Report) -> str:
        """The whole table; lines end in CR LF."""
        table = columns(report)
        page = StringIO(newline="")
        rows = csv.writer(page)
        rows.writerow([text(column.name) for column in table])
        rows.writerows(zip(*(map(_cell, column.values) for column in table), strict=True))
        return page.getvalue()


def _cell(value: Any) -> object:
    """A value as a spreadsheet reads it; what is not known is empty."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return text("; ".join(value))
    return text(value) if isinstance(value, str) else plain(value)


def text(cell: str) -> str:
    """A text that stays one."""
    shown = safe_name(cell)
    return f"'{shown}" if shown.lstrip(" ").startswith(FORMULA) else shown

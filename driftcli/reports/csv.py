"""One row an image, as CSV: for a spreadsheet, a data frame, a plot of the scores."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, final

from driftcli.core.text import safe_name
from driftcli.reports.base import ReportFormat
from driftcli.reports.layout.writing import plain

if TYPE_CHECKING:
    from driftcli.core.findings import ImageResult
    from driftcli.core.report import Report

COLUMNS = (
    "rank", "path", "score", "family", "p_value", "significant", "content", "neighbour", "reasons",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell instead of showing it (OWASP, CSV Injection)."""


@final
@dataclass(frozen=True)
class Csv(ReportFormat):
    r"""RFC 4180 with a header, in UTF-8, all images of the result in the ranking's order.

    A text that a spreadsheet would take for a formula gets a leading apostrophe; numbers stay numbers. Control
    characters in names are spelt out (`\x0a`): the JSON result has names as they are.
    """

    def render(self, report: Report) -> str:
        """The whole table; lines end in CR LF."""
        page = StringIO(newline="")
        rows = csv.writer(page)
        rows.writerow(COLUMNS)
        for image in sorted(report.images, key=lambda image: image.rank):
            rows.writerow(_row(image))
        return page.getvalue()


def _row(image: ImageResult) -> list[object]:
    """In the order of COLUMNS; what is not known is empty."""
    return [
        image.rank, text(image.path), plain(image.score), text(image.family), plain(image.p_value),
        str(image.significant).lower(), text(image.content), text(image.neighbour or ""),
        text("; ".join(image.reasons)),
    ]  # fmt: skip


def text(cell: str) -> str:
    """A text that stays one."""
    shown = safe_name(cell)
    return f"'{shown}" if shown.lstrip(" ").startswith(FORMULA) else shown

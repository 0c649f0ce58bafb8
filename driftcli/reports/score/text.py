"""What `score` found, on the terminal and in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.layout import to_text as layout
from driftcli.reports.layout.to_html import to_file
from driftcli.reports.score.page import document

if TYPE_CHECKING:
    from driftcli.core.score_report import ScoreReport


def to_text(report: ScoreReport, *, width: int = 100, color: bool = False, ascii_only: bool = False) -> str:
    """The page, at most `width` cells wide (40 at least), ending in a newline."""
    return layout.to_text(document(report), width=width, color=color, ascii_only=ascii_only)


def to_html(report: ScoreReport) -> str:
    """The page as one file: nothing from elsewhere, no script."""
    return to_file(document(report))


def quiet_line(report: ScoreReport) -> str:
    """`score accuracy=0.934 low=0.881 high=0.962 labelled=50/50 images=400 exit=0`."""
    found, queue = report.accuracy, report.queue
    fields = [
        f"score accuracy={found.value:.4f}", f"low={found.low:.4f}", f"high={found.high:.4f}",
        f"labelled={queue.labelled}/{queue.queued}", f"images={queue.images}", f"exit={report.exit_code}",
    ]  # fmt: skip
    return " ".join(fields)

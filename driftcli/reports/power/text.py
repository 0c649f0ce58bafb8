"""What `power` found, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.layout import to_text as layout
from driftcli.reports.power.page import document
from driftcli.reports.power.words import GATE, corruptions, largest_share, mildest, usual_size

if TYPE_CHECKING:
    from driftcli.core.power_report import PowerReport


def to_text(report: PowerReport, *, width: int = 100, color: bool = False, ascii_only: bool = False) -> str:
    """The page, at most `width` cells wide (40 at least), ending in a newline."""
    return layout.to_text(document(report), width=width, color=color, ascii_only=ascii_only)


def quiet_line(report: PowerReport) -> str:
    """`power found=5/8 batch=50 false_alarms=1.2% images=200 baseline=default`."""
    size = usual_size(report)
    seen = [name for name in corruptions(report) if mildest(report, name, size, largest_share(report))]
    fired = sum(row.rates[GATE].rate * row.trials for row in report.null)
    rate = fired / max(sum(row.trials for row in report.null), 1)
    fields = [
        f"power found={len(seen)}/{len(corruptions(report))}", f"batch={size}", f"false_alarms={rate:.1%}",
        f"images={report.images}", f"baseline={report.baseline}",
    ]  # fmt: skip
    return " ".join(fields)

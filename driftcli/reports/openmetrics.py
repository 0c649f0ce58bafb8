"""The same gauges as OpenMetrics: for GitLab's metrics reports and whatever insists on `# EOF`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from driftcli.reports.base import ReportFormat
from driftcli.reports.prometheus import Gauges

if TYPE_CHECKING:
    from driftcli.core.report import Report


@final
@dataclass(frozen=True)
class Openmetrics(ReportFormat):
    """OpenMetrics 1.0 text format; metrics and labels are those of `prometheus`."""

    def render(self, report: Report) -> str:
        """All metrics, ending in `# EOF` and a newline."""
        from prometheus_client.openmetrics import exposition

        text: bytes = exposition.generate_latest(Gauges(report))
        return text.decode()

"""What a report format is: a result becomes characters, and nothing else happens."""

from __future__ import annotations

from abc import ABC, abstractmethod

from driftcli.records import Report


class ReportFormat(ABC):
    """Pure: the same result gives the same characters."""

    @abstractmethod
    def render(self, report: Report) -> str:
        """The whole report as text, ending in a newline."""

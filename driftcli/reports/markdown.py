"""The report as GitHub-flavoured Markdown: for a job summary, a merge request, a chat, a wiki."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from driftcli.reports.base import ReportFormat
from driftcli.reports.layout import markdown_sections as sections

if TYPE_CHECKING:
    from driftcli.core.report import Report


@final
@dataclass(frozen=True)
class Markdown(ReportFormat):
    """GitHub Flavored Markdown 0.29 with tables and without HTML.

    Names of files are code spans: they cannot be markup, links, mentions or references.
    """

    top_k: int = 10

    def render(self, report: Report) -> str:
        """The whole report, ending in a newline."""
        blocks = [
            block
            for section in (
                sections.verdict,
                sections.reasons,
                sections.changes,
                sections.composition,
                sections.families,
                sections.properties,
            )
            for block in section(report)
        ]
        blocks += sections.images(report, self.top_k)
        for section in (sections.rules, sections.groups, sections.files, sections.sight, sections.closing):
            blocks += section(report)
        return "\n\n".join(blocks) + "\n"

"""The report as GitHub-flavoured Markdown: for a job summary, a merge request, a chat, a wiki."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from driftcli.reports.base import ReportFormat
from driftcli.reports.content.report import document
from driftcli.reports.content.subject import MARKDOWN
from driftcli.reports.layout.to_markdown import to_markdown

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
        return to_markdown(document(report, replace(MARKDOWN, images=self.top_k)))

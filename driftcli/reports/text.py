"""The report on the terminal: the verdict first, in words, then what supports it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from driftcli.core import sentences
from driftcli.reports.base import ReportFormat
from driftcli.reports.content import files, numbers, words
from driftcli.reports.content.report import document
from driftcli.reports.content.subject import TERMINAL
from driftcli.reports.layout.page import Page
from driftcli.reports.layout.to_text import to_text

if TYPE_CHECKING:
    from driftcli.core.report import Report

REASON = 160
"""Characters of the reason in the quiet line."""


@final
@dataclass(frozen=True)
class Text(ReportFormat):
    """Plain lines of at most `width` cells (40 at least), or one line when `quiet`.

    The quiet line is not cut to the width: logs and `grep` want it whole.
    """

    width: int = 100
    color: bool = False
    quiet: bool = False
    ascii: bool = False
    """Only ASCII, for LC_ALL=C: other characters are replaced or spelt out."""
    top_k: int = 10

    def render(self, report: Report) -> str:
        """The whole report as text, ending in a newline."""
        if self.quiet:
            return f"{Page(self.width, ascii_only=self.ascii).say(quiet_line(report))}\n"
        whole = document(report, replace(TERMINAL, images=self.top_k))
        return to_text(whole, width=self.width, color=self.color, ascii_only=self.ascii)


def quiet_line(report: Report) -> str:
    """`drift p=0.0002 effect>=18% images=127 baseline=default reason="…" (exit 1)`."""
    gate = report.gate
    fields = [
        report.verdict,
        f"p={numbers.p_value(gate.p_value, gate.alpha) if numbers.known(gate.p_value) else 'none'}",
    ]
    if report.verdict != "pass" and numbers.known(gate.effect_lower) and gate.effect_lower:
        fields.append(f"effect>={numbers.at_least(gate.effect_lower, gate.tolerance).replace(' ', '')}")
    fields.append(f"images={report.batch.images}")
    fields += [f"baseline={_token(report.reference.baseline)}"] if report.reference.baseline else []
    fields += [f'unreadable="{_one_line(lost)}"' for lost in [files.lost(report)] if lost]
    fields += [f"rule={rule.name}" for rule in report.rules if rule.failed]
    if report.verdict != "pass" or report.exit_code:
        reason = _reason(report)
        fields += [f'reason="{_one_line(reason)}"'] if reason else []
    return f"{' '.join(fields)} (exit {report.exit_code})"


def _reason(report: Report) -> str:
    """What changed, if images did; else why."""
    silent = report.verdict == "inconclusive" or words.only_mix(report)
    changes = [] if silent else [sentences.short(diagnosis) for diagnosis in report.diagnosis]
    return [*changes, *report.reasons, ""][0]


def _token(name: str) -> str:
    return f'"{_one_line(name)}"' if set(name) & set(" \"'\\") else name


def _one_line(text: str) -> str:
    """Plain punctuation, no double quotes, and an end."""
    plain = text.replace("−", "-").replace("≥", ">=").replace("≤", "<=").replace("→", "->").replace('"', "'")
    return plain if len(plain) <= REASON else f"{plain[: REASON - 3]}..."

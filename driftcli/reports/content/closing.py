"""The end of the text report: what the gate can see, what to be careful about, how to get it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import account
from driftcli.reports.content import numbers as number
from driftcli.reports.content import words as say

if TYPE_CHECKING:
    from driftcli.core.report import Report
    from driftcli.reports.layout.page import Page

NAMES = 10
MOST_SHIFTS = 6


def sight(page: Page, report: Report) -> None:
    """The smallest change this gate finds with so many images, or why that is not known."""
    if report.verdict == "inconclusive" and not report.gate.detectable:
        return
    page.heading("What this gate can see", f"with {number.plural(report.gate.images_tested, 'image')}")
    corruptions, shifts, power = account.seen(report)
    if corruptions:
        said = ", ".join(say.detectable(entry) for entry in corruptions)
        page.paragraph(f"Found in {power} of such batches: {said}.")
    if shifts:
        page.paragraph(
            f"Found in {power} of such batches, a shift of: {', '.join(say.detectables(shifts, MOST_SHIFTS))}."
        )
    if missed := account.unseen(report.gate):
        page.paragraph(missed)


def alarms(page: Page, report: Report) -> None:
    """How often this gate fires on good images."""
    if report.verdict != "inconclusive":
        page.heading("How often it fires on good images")
        page.paragraph(say.false_alarms(report))


def sequence(page: Page, report: Report) -> None:
    """The state of the sequential gate."""
    if report.sequence is not None:
        page.heading("Sequence of checks")
        page.paragraph(account.sequence(report.sequence))


def cautions(page: Page, report: Report) -> None:
    """What a careful reader should know; never part of the verdict."""
    if report.cautions:
        page.heading("Cautions")
        page.bullets(report.cautions, mark="!", style="yellow")


def footer(page: Page, report: Report) -> None:
    """All it takes to get this result again."""
    page.gap()
    for name, line in account.provenance(report).items():
        page.paragraph(line, "dim", lead=f"  {name:<{NAMES}}", lead_style="dim")

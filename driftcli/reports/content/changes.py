"""Why this verdict, what changed, and what to be careful about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import verdict, words
from driftcli.reports.content.subject import Subject, more
from driftcli.reports.layout.document import Bullets, Section

if TYPE_CHECKING:
    from driftcli.core.report import Report


def why(report: Report) -> list[str]:
    """The reasons of the verdict, without what the headline or the diagnosis says anyway."""
    statements = {diagnosis.statement for diagnosis in report.diagnosis}
    statements |= {report.headline.statement} if report.headline else set()
    return [reason for reason in report.reasons if reason not in statements]


def reasons(subject: Subject) -> Section | None:
    """Why this verdict; for an inconclusive one, what to do."""
    if subject.report.verdict == "inconclusive":
        remedies = tuple(verdict.remedies(subject.report))
        return Section("why", "What to do", (Bullets(remedies),), lead=True)
    sentences = why(subject.report)
    return Section("why", "Why", (Bullets(tuple(sentences)),), lead=True) if sentences else None


def changes(subject: Subject) -> Section | None:
    """The diagnosis, a likeness first; what the table of values shows anyway may be cut."""
    report = subject.report
    if not report.diagnosis:
        return None
    likenesses = [diagnosis.statement for diagnosis in report.diagnosis if diagnosis.corruption is not None]
    plain = [diagnosis.statement for diagnosis in report.diagnosis if diagnosis.corruption is None]
    shown = plain[: subject.room.statements]
    aside = "the mix of images may be all of it" if words.only_mix(report) else ""
    blocks = (Bullets((*likenesses, *shown)), *more(len(plain) - len(shown)))
    return Section("changes", "What changed", blocks, aside)


def notices(subject: Subject) -> Section | None:
    """What was known before this check, and what is usual."""
    if not subject.report.notices:
        return None
    return Section("notices", "Good to know", (Bullets(subject.report.notices),))


def cautions(subject: Subject) -> Section | None:
    """What a careful reader should know; never part of the verdict."""
    if not subject.report.cautions:
        return None
    return Section("cautions", "Cautions", (Bullets(subject.report.cautions, "!", "warn"),), lead=True)

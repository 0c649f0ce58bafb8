"""The report of one check as a document: its sections in the order in which they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from driftcli.core.text import safe_name
from driftcli.pictures.picture import Gallery
from driftcli.reports.content import (
    again,
    changes,
    concepts,
    evidence,
    files,
    harm,
    images,
    mix,
    notebook,
    predictions,
    scatter,
    scores,
    sight,
    values,
    verdict,
)
from driftcli.reports.content.subject import Room, Subject
from driftcli.reports.layout.document import Document, Name, Section

if TYPE_CHECKING:
    from driftcli.core.report import Report

LONGEST_TITLE = 60
SECTIONS: tuple[Callable[[Subject], Section | None], ...] = (
    harm.hurts, images.strip, changes.reasons, changes.changes, concepts.shown, mix.composition, predictions.said, evidence.families, scores.scores,
    values.moved, images.ranking, images.missing, scatter.scatter, evidence.rules, notebook.losses, evidence.groups,
    files.duplicates, files.files, sight.sight, sight.false_alarms, sight.sequence, changes.cautions,
    changes.notices, again.again,
)  # fmt: skip
ON_A_PAGE = (harm.hurts, images.strip, changes.reasons, images.ranking, *SECTIONS)
"""Pictures first; each of them once."""


def document(report: Report, room: Room, gallery: Gallery | None = None) -> Document:
    """The whole report; sections that have nothing to say are left out. On a page pictures come before words."""
    subject = Subject(report, room, gallery or Gallery())
    order = dict.fromkeys(ON_A_PAGE if room.page else SECTIONS)
    sections = [made for section in order if (made := section(subject)) is not None]
    against = (" against baseline ", Name(report.reference.baseline)) if report.reference.baseline else ()
    source = ", ".join(report.batch.source)
    return Document(
        verdict.banner(report), tuple(sections), _title(report, source), (Name(source), *against),
        report.created.replace("T", " ").replace("Z", " UTC"),
        f"{report.tool.get('name', 'driftcli')} {report.tool.get('version', '')}",
    )  # fmt: skip


def _title(report: Report, source: str) -> str:
    """The verdict first: a browser's tab shows no more."""
    title = safe_name(f"{verdict.label(report)}: {source or 'no source'}")
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"

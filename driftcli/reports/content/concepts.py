"""The section on what images show: subjects that became more or fewer, in the words of the network that saw them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core.text import safe_name
from driftcli.reports.content import numbers
from driftcli.reports.content.subject import Subject
from driftcli.reports.layout.document import Cell, Column, Paragraph, Section, Table

if TYPE_CHECKING:
    from driftcli.core.findings import ConceptsResult, WordResult

TITLE = "What they show"
NAMED = 3
"""Classes told of a kind."""


def shown(subject: Subject) -> Section | None:
    """Each word with its mean share of both sides; on a page of a batch that differs, also why there are none."""
    found = subject.report.concepts
    if found is None:
        return None
    if not found.speaks:
        wanted = subject.room.page and subject.report.verdict in {"warn", "drift"}
        why = Paragraph(_sentence(found.reason or "no reason was given"), "soft")
        return Section("shows", TITLE, (why,), found=False, brief="no words") if wanted else None
    if not (found.more or found.fewer):
        return None
    return Section(
        "shows", TITLE, (_table(found, subject.report.gate.alpha),), f"in the words of {found.source}"
    )


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def _table(found: ConceptsResult, alpha: float) -> Table:
    columns = (
        Column("shown", shorten="end", hidden=True), Column("baseline", right=True), Column("batch", right=True),
        Column("change in points", right=True),
    )  # fmt: skip
    rows = tuple(
        _row(side, word) for side, words in (("more", found.more), ("fewer", found.fewer)) for word in words
    )
    caption = (
        "Mean probability that the network gives to each; the change with its interval, at confidence "
        f"{numbers.percent(1 - alpha)} over all words together."
    )
    return Table(columns, rows, caption)


def _row(side: str, word: WordResult) -> tuple[Cell, ...]:
    classes = f" ({', '.join(word.gathers[:NAMED])})" if word.gathers else ""
    low, high = (numbers.signed(100 * bound, 0) for bound in (word.low, word.high))
    return (
        Cell(f"{side} {safe_name(word.word)}{safe_name(classes)}"), Cell(numbers.percent(word.baseline)),
        Cell(numbers.percent(word.batch)), Cell(f"{low} to {high}"),
    )  # fmt: skip

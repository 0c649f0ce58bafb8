"""Where every file went: the sum, copies, and entries that were not used."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from driftcli.reports.content import numbers, words
from driftcli.reports.content.subject import Subject, more
from driftcli.reports.layout.document import Bullets, Cell, Column, Name, Paragraph, Section, Table, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.findings import DuplicateResult, FileResult
    from driftcli.core.report import Report

MOST_NAMED = 6
"""Images of one set of duplicates."""
_URGENT = {"unreadable": 0, "changed": 1, "skipped": 2}


def files(subject: Subject) -> Section:
    """The sum to check by eye, and the first few entries that were not used."""
    report, room = subject.report, subject.room
    near = [] if room.copies else _near_copies(report.duplicates)
    sentences = [words.ledger(report.ledger), *_copies(report), *near]
    shown = _unused(report, room.files)
    rows = tuple(
        (Cell(file.state, "soft"), Cell(words.words(file.reason)), Cell((Name(file.path),))) for file in shown
    )
    columns = (
        Column("state", hidden=True), Column("reason", hidden=True), Column("file", shorten="middle", hidden=True),
    )  # fmt: skip
    tables = (Table(columns, rows, "Not used:"),) if rows else ()
    blocks = (*map(Paragraph, sentences), *tables, *more(len(report.files) - len(shown)))
    found = bool(report.ledger.unreadable or report.ledger.changed)
    return Section("files", "Files", blocks, found=found, brief=words.ledger(report.ledger))


def lost(report: Report) -> str:
    """`2: day/0007.jpg (truncated)`: how many images could not be read, and the first of them; "" for none."""
    ledger = report.ledger
    count = sum(ledger.unreadable.values()) + ledger.changed
    named = [
        f"{file.path} ({words.words(file.reason)})" for file in _unused(report, 1) if file.state != "skipped"
    ]
    return ": ".join([f"{count}", *named]) if count else ""


def _copies(report: Report) -> list[str]:
    """What is counted more than once, or on both sides."""
    batch, sentences = report.batch, []
    if batch.images > batch.distinct:
        many = numbers.count(batch.images - batch.distinct)
        sentences.append(f"{many} of the images are copies of others; they are counted and kept.")
    if also := batch.in_reference:
        verb = "is" if also == 1 else "are"
        sentences.append(f"{numbers.plural(also, 'image')} of the batch {verb} also in the reference.")
    return sentences


def _near_copies(duplicates: Sequence[DuplicateResult]) -> list[str]:
    """What is nearly the same, inside the batch and in the baseline, each with an example."""
    sentences = []
    for where, noun, what in (
        ("batch", "group", "of near-duplicates"),
        ("baseline", "image", "of the batch nearly the same as one of the baseline"),
    ):
        near = [like for like in duplicates if (like.kind, like.where) == ("near", where)]
        if near:
            such = " and ".join(near[0].images[:2])
            sentences.append(f"{numbers.plural(len(near), noun)} {what}, such as {such}.")
    return sentences


def _unused(report: Report, most: int) -> list[FileResult]:
    """Entries that were not used, the worst first; of each reason some."""
    ranked = sorted(report.files, key=lambda file: (_URGENT.get(file.state, 3), file.reason, file.path))
    shown: list[FileResult] = []
    for _, same in groupby(ranked, key=lambda file: (file.state, file.reason)):
        shown += list(same)[: most - len(shown)]
    return shown


def duplicates(subject: Subject) -> Section | None:
    """Sets of like images, by name; where there is no room for them, `files` has a sentence."""
    like, most = subject.report.duplicates, subject.room.copies
    if not like or not most:
        return None
    sets = Bullets(tuple(map(_set, like[:most])))
    return Section(
        "duplicates",
        "Duplicates",
        (sets, *more(len(like) - most)),
        found=False,
        brief=numbers.plural(len(like), "set"),
    )


def _set(like: DuplicateResult) -> Words:
    """`the same file, in the baseline too: a.jpg, there b.jpg`."""
    kind = "the same file" if like.kind == "exact" else "nearly the same"
    baseline = like.where == "baseline"
    where = "in the baseline too" if baseline else f"{numbers.plural(len(like.images), 'image')} of the batch"
    first, *others = like.images[:MOST_NAMED] or ("",)
    between = ", there " if baseline else ", "
    named = [part for name in others for part in (between, Name(name))]
    hidden = len(like.images) - MOST_NAMED
    rest = [f" and {numbers.count(hidden)} more"] if hidden > 0 else []
    return (f"{kind}, {where}: ", Name(first), *named, *rest)

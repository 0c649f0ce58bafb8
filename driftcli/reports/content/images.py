"""The sections on single images: the most drifted, which of them to take away, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import cards, numbers, words
from driftcli.reports.content.subject import Subject, more
from driftcli.reports.layout.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Name,
    Paragraph,
    Section,
    Table,
    Words,
)
from driftcli.reports.layout.pictured import Contact, Fold, Picture, Shot

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftcli.core.findings import ImageResult, MissingResult, RemovalResult
    from driftcli.core.report import Report

FEW = 3
"""Shown where nothing was found."""
MOST_NAMED = 5
"""Images that a sentence names."""
MOST_MISSING = 12
ROW = 6
"""Missing images that a page shows at once."""


def ranking(subject: Subject) -> Section | None:
    """The most drifted images; only a few where nothing was found."""
    report, shown = subject.report, ranked(subject)
    if not shown:
        return None
    folder = words.folder([image.path for image in shown])
    where: Words = (", in ", Name(folder)) if folder else ()
    amount = f"{numbers.count(len(shown))} of {numbers.count(report.batch.images)}"
    removal = () if report.removal is None else _removal(report.removal, folder)
    blocks = (
        (
            *removal,
            *cards.scales(subject),
            cards.cards(subject, shown, folder),
            *more(len(report.images) - len(shown)),
        )
        if subject.room.page
        else (_table(report, shown, folder), *removal[:1])
    )
    title = "Image by image" if subject.room.page else _title(report)
    return Section(
        "images",
        title,
        blocks,
        (amount, *where, "; compared with the baseline"),
        found=report.verdict != "pass",
    )


def strip(subject: Subject) -> Section | None:
    """The first few of the ranking, each beside the good image most like it; only on a page, below its verdict."""
    shown = ranked(subject)
    if not shown or not subject.room.page:
        return None
    folder = words.folder([image.path for image in shown])
    block, aside = cards.strip(subject, shown, folder)
    return Section("strip", _title(subject.report), (block,), aside, lead=True)


def _title(report: Report) -> str:
    return "Least typical images" if report.verdict == "pass" else "Most drifted images"


def ranked(subject: Subject) -> list[ImageResult]:
    """The images that are shown: as many as are asked for, or as have pictures."""
    report, most = subject.report, subject.room.images
    pictured = {picture.name for picture in subject.gallery.worst} if subject.room.page else set()
    most = max(most, len(pictured))
    few = min(most, FEW) if report.verdict == "pass" else most
    return sorted(report.images, key=lambda image: image.rank)[:few]


def _table(report: Report, shown: list[ImageResult], folder: str) -> Table:
    marked = any(image.significant for image in shown)
    answers = _answers(shown)
    columns = (
        Column("rank", right=True, hidden=True), Column("image", shorten="middle", hidden=True),
        Column("family", hidden=True), *([Column("p")] if marked else []),
        *(column for column, _ in answers), Column("why", shorten="end", hidden=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(numbers.count(image.rank), "soft"), Cell((Name(image.path[len(folder) :]),)),
            Cell(words.words(image.family), "soft"), *([_sure(image)] if marked else []),
            *(cell(image) for _, cell in answers),
            Cell(words.reasons(image, report)),
        )
        for image in shown
    )  # fmt: skip
    return Table(columns, rows)


def _answers(shown: list[ImageResult]) -> list[tuple[Column, Callable[[ImageResult], Cell]]]:
    """Columns of what the user's classifier says, as far as anything is known of them."""
    columns: list[tuple[Column, Callable[[ImageResult], Cell]]] = []
    if any(image.prediction is not None for image in shown):
        columns.append((Column("answer", shorten="end"), _answer))
    if any(image.correctness is not None for image in shown):
        columns.append((Column("likely right", right=True), _likely))
    if any(image.label is not None for image in shown):
        columns.append((Column("label", shorten="end"), _label))
    return columns


def _answer(image: ImageResult) -> Cell:
    sure = "" if image.confidence is None else f", {numbers.percent(image.confidence)}"
    return Cell(f"{image.prediction or ''}{sure}")


def _likely(image: ImageResult) -> Cell:
    return Cell("" if image.correctness is None else numbers.percent(image.correctness))


def _label(image: ImageResult) -> Cell:
    return Cell(f"{image.label} ✗", "bad") if words.wrong(image) else Cell(image.label or "")


def _sure(image: ImageResult) -> Cell:
    """The image's own p where it is small enough to mean something among so many."""
    return Cell(f"{numbers.p_value(image.p_value)} ✗", "bad") if image.significant else Cell()


def _removal(removal: RemovalResult, folder: str) -> tuple[Block, ...]:
    """`Without these 5 images the gate passes (p = 0.31): a.jpg, b.jpg, …` or why there is no such set; all names."""
    if not removal.images:
        return (Paragraph(f"No few images explain it: {removal.reason}."),)
    many = len(removal.images)
    these = "this image" if many == 1 else f"these {numbers.count(many)} images"
    note = f" ({removal.reason})" if removal.reason else ""
    sentence = f"Without {these} the gate passes (p = {numbers.p_value(removal.p_value)}){note}: "
    names = [Name(path.removeprefix(folder)) for path in removal.images]
    first, *others = names[:MOST_NAMED]
    named = [part for name in others for part in (", ", name)]
    hidden = [", …"] if many > MOST_NAMED else []
    paragraph = Paragraph((sentence, first, *named, *hidden))
    return (paragraph, Fold("All their names", (Bullets(tuple((name,) for name in names)),))) if hidden else (paragraph,)  # fmt: skip


# ---------------------------------------------------------------- what is missing


def missing(subject: Subject) -> Section | None:
    """Good images of whose kind the batch has too few."""
    lacking, most = subject.report.missing, MOST_MISSING
    if not lacking or not subject.room.copies:
        return None
    lead = Paragraph("Good images of whose kind the batch has too few.")
    if subject.room.page:
        folder = words.folder([image.name for image in lacking])
        shots = tuple(_shots(subject, folder))
        rest = (Fold(f"{len(shots) - ROW} more", (Contact(shots[ROW:]),)),) if len(shots) > ROW else ()
        where = ("in ", Name(folder)) if folder else ""
        return Section("missing", "What is missing", (lead, Contact(shots[:ROW]), *rest), where)
    names = Bullets(tuple((Name(image.name), f": {_rare(image)}") for image in lacking[:most]))
    return Section("missing", "What is missing", (lead, names, *more(len(lacking) - most)))


def _rare(image: MissingResult) -> str:
    return f"{numbers.percent(image.score)} of good images are better represented"


def _shots(subject: Subject, folder: str) -> list[Shot]:
    """The good images with their pictures, named without the folder that they share."""
    gallery = subject.gallery
    pictures = {picture.name: picture.image for picture in gallery.missing}
    shots = []
    for image in subject.report.missing:
        webp = pictures.get(image.name) or gallery.thumbnails.get(image.name)
        picture = Picture(webp, f"Good image {image.name}") if webp else None
        shots.append(Shot(Name(image.name.removeprefix(folder)), _rare(image), picture))
    return shots

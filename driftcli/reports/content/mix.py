"""The section on the mix of images: where it changed, or where the gate had to tell mix from images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.content.subject import Subject, more
from driftcli.reports.layout.document import Bars, Cell, Column, Name, Paragraph, Section, Table

if TYPE_CHECKING:
    from driftcli.core.findings import CompositionResult, ShareResult

READINGS = {
    "composition": "The mix changed; within classes no further change was found.",
    "images": "The images themselves changed; the mix is as before.",
    "both": "The images themselves changed, and so did the mix.",
    "unclear": "The mix and the images cannot be told apart here.",
}
MOVED = "The images themselves changed; shares of clusters moved too, which that may itself have caused."
IGNORED = "The mix changed, and the gate was told to ignore it."


def composition(subject: Subject) -> Section | None:
    """What each class or cluster is of both sides, and what the two tests say."""
    mix, alpha = subject.report.composition, subject.report.gate.alpha
    if mix is None or not _worth_telling(mix, alpha):
        return None
    shown = mix.shares[: subject.room.shares]
    blocks = (
        Paragraph(_reading(mix)), Paragraph(_tests(mix, alpha), "soft"), _table(mix, shown, bars=subject.room.page),
        *more(len(mix.shares) - len(shown)),
    )  # fmt: skip
    return Section("mix", "Mix of images", blocks, f"by {_by(mix)}")


def _table(mix: CompositionResult, shown: tuple[ShareResult, ...], *, bars: bool) -> Table:
    examples = any(share.examples for share in mix.shares)
    columns = [
        Column("cluster" if mix.by == "clusters" else "class", shorten="middle", hidden=True),
        Column("baseline", right=True), Column("batch", right=True),
        *([Column("drawn", hidden=True)] if bars else []),
        *([Column("such as", shorten="middle")] if examples else []),
    ]  # fmt: skip
    rows = tuple(
        (
            Cell((Name(share.name),) if share.name else "no label"),
            Cell(numbers.percent(share.baseline)), Cell(numbers.percent(share.batch)),
            *([Bars(share.baseline, share.batch)] if bars else []),
            *([Cell((Name(share.examples[0]),) if share.examples else numbers.DASH, "soft")] if examples else []),
        )
        for share in shown
    )  # fmt: skip
    return Table(tuple(columns), rows, "The largest change first.")


def _worth_telling(mix: CompositionResult, alpha: float) -> bool:
    """Whether the mix changed, or the gate had to tell mix from images."""
    return mix.reading != "none" or (mix.p_value is not None and mix.p_value <= alpha)


def _by(mix: CompositionResult) -> str:
    """What the images are counted by."""
    return "clusters of the reference" if mix.by == "clusters" else mix.by


def _reading(mix: CompositionResult) -> str:
    """What the finding is put down to, in a sentence."""
    if mix.reading == "both" and mix.by == "clusters":
        return MOVED
    if mix.ignored and mix.reading == "composition":
        return IGNORED
    return READINGS.get(
        mix.reading, "The mix differs; the gate found nothing, and this test has no say in it."
    )


def _tests(mix: CompositionResult, alpha: float) -> str:
    """The p-values of both tests."""
    within = (
        f"p = {numbers.p_value(mix.residual_p_value, alpha)}"
        if mix.residual_p_value is not None
        else f"not tested ({mix.reason})"
    )
    return f"Shares: p = {numbers.p_value(mix.p_value, alpha)}; images within: {within}."

"""The section on the mix of images: told where it changed, or where the gate had to tell mix from images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers as number
from driftcli.reports.layout.page import Cell, Page, Track

if TYPE_CHECKING:
    from driftcli.core.findings import CompositionResult
    from driftcli.core.report import Report

MOST = 8
READINGS = {
    "composition": "The mix changed; within classes no further change was found.",
    "images": "The images themselves changed; the mix is as before.",
    "both": "The images themselves changed, and so did the mix.",
    "unclear": "The mix and the images cannot be told apart here.",
}
MOVED = "The images themselves changed; shares of clusters moved too, which that may itself have caused."
IGNORED = "The mix changed, and the gate was told to ignore it."


def composition(page: Page, report: Report) -> None:
    """What each class or cluster is of both sides, and what the two tests say."""
    found, gate = report.composition, report.gate
    if found is None or not worth_telling(found, gate.alpha):
        return
    page.heading("Mix of images", f"by {by(found)}")
    page.paragraph(reading(found))
    page.paragraph(tests(found, gate.alpha), "dim")
    tracks = [Track(shorten="middle"), Track("baseline", right=True), Track("batch", right=True)]
    examples = any(share.examples for share in found.shares)
    rows = [
        [
            Cell(share.name or "no label"), Cell(number.percent(share.baseline)), Cell(number.percent(share.batch)),
            *([Cell(share.examples[0] if share.examples else number.DASH, "dim")] if examples else []),
        ]
        for share in found.shares[:MOST]
    ]  # fmt: skip
    page.table([*tracks, *([Track("such as", shorten="middle")] if examples else [])], rows)
    hidden = len(found.shares) - MOST
    if hidden > 0:
        page.paragraph(f"and {number.count(hidden)} more in the JSON result", "dim")


def worth_telling(found: CompositionResult, alpha: float) -> bool:
    """Whether the mix changed, or the gate had to tell mix from images."""
    return found.reading != "none" or (found.p_value is not None and found.p_value <= alpha)


def by(found: CompositionResult) -> str:
    """What the images are counted by."""
    return "clusters of the reference" if found.by == "clusters" else found.by


def reading(found: CompositionResult) -> str:
    """What the finding is put down to, in a sentence."""
    if found.reading == "both" and found.by == "clusters":
        return MOVED
    if found.ignored and found.reading == "composition":
        return IGNORED
    return READINGS.get(
        found.reading, "The mix differs; the gate found nothing, and this test has no say in it."
    )


def tests(found: CompositionResult, alpha: float) -> str:
    """The p-values of both tests."""
    within = (
        number.p_value(found.residual_p_value, alpha)
        if found.residual_p_value is not None
        else f"not tested ({found.reason})"
    )
    return f"Shares: p {number.p_value(found.p_value, alpha)}; images within: p {within}."

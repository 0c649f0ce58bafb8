"""The section on scores: how far each image is from good ones, to every family. Drawn; only on a page."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from driftcli.reports.content import numbers, words
from driftcli.reports.layout.document import Paragraph, Section
from driftcli.reports.layout.pictured import Legend, Panels, Plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.findings import ScoreResult
    from driftcli.reports.content.subject import Subject

LEAD = (
    "Every family gives each image a score: how far it is from good images. First the distribution of these scores, "
    "then the share of images up to each of them."
)


def scores(subject: Subject) -> Section | None:
    """Every family's scores, as a histogram and cumulated."""
    results, alpha = subject.report.scores, subject.report.gate.alpha
    if not subject.room.page or not results:
        return None
    panels = [_panels(score, alpha) for score in results]
    return Section(
        "scores", "How strange the images are", (Paragraph(LEAD), Legend("areas"), *panels), detail=True
    )


def _panels(score: ScoreResult, alpha: float) -> Panels:
    from driftcli.reports.plots import check

    family, above = words.words(score.family), ""
    if not check.drawable(score.edges, score.batch, score.baseline):
        return Panels((), family, "There is nothing to draw.")
    if score.threshold is not None:
        share = numbers.percent(share_above(score.edges, score.batch, score.threshold))
        above = (
            f"About {share} of the batch lie above the threshold of {numbers.value(score.threshold)}; "
            f"of good images, {numbers.percent(alpha)} do."
        )
    good, batch = (numbers.value(quantile(score.edges, side, 0.5)) for side in (score.baseline, score.batch))
    halves = f"half of the baseline lies below {good}, half of the batch below {batch}"
    about = f"{family}: {halves}. {above}".strip()
    histogram = Plot(partial(check.histogram, score, f"Histogram of the scores of {about}"))
    cumulated = Plot(partial(check.cumulated, score, f"Cumulated scores of {about}"))
    return Panels((histogram, cumulated), family, above)


def quantile(edges: Sequence[float], shares: Sequence[float], level: float) -> float:
    """Where the `level` share of a histogram lies below; a bin's mass lies evenly over it."""
    total, left = sum(shares), level * sum(shares)
    for mass, (low, high) in zip(shares, pairwise(edges), strict=True):
        if mass and left <= mass:
            return low + (high - low) * left / mass
        left -= mass
    return edges[-1] if total else edges[0]


def share_above(edges: Sequence[float], shares: Sequence[float], line: float) -> float:
    """The share of a histogram above a line; a bin's mass lies evenly over it."""
    parts = (
        mass * min(max((high - line) / (high - low), 0.0), 1.0)
        for mass, (low, high) in zip(shares, pairwise(edges), strict=True)
    )
    return sum(parts) / sum(shares)

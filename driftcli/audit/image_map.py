"""Where a batch lies among good images: the map, the nearest good image of each, and what it lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from driftcli.config.settings import ReportSettings
from driftcli.core.features import Features
from driftcli.core.findings import MapResult, MissingResult
from driftcli.core.report import Report
from driftcli.explain import isomap, neighbours, plane
from driftcli.explain.missing import missing
from driftcli.extractors.base import portraits
from driftcli.reference.reference import Baseline


def placed(report: Report, batch: Features, baseline: Baseline, asked: ReportSettings) -> Report:
    """The report with map and neighbours, and what is missing where the gate fired.

    `asked.pictures`: so many of the most drifted images get a neighbour. Neighbours and missing images are
    among those of which the baseline keeps a picture.
    """
    good, known = baseline.features, sorted(baseline.thumbnails)
    shown = portraits(good.views)
    row_of = {name: row for row, name in enumerate(batch.names)}
    worst = report.images[: asked.pictures]
    nearest = None
    if worst:
        views = {name: x[[row_of[image.path] for image in worst]] for name, x in batch.views.items()}
        nearest = neighbours.nearest(shown, known, views)
    named = [] if nearest is None else [good.names[row] for row in nearest]
    missed = () if report.verdict == "pass" else missing(shown, known, batch.views)
    return replace(
        report,
        map=_map(batch, baseline, asked.map),
        images=(
            *(replace(image, neighbour=name) for image, name in zip(worst, named, strict=False)),
            *report.images[len(named) :],
        ),
        missing=tuple(MissingResult(good.names[m.row], round(m.score, 6)) for m in missed),
    )


def _map(batch: Features, baseline: Baseline, method: Literal["pca", "isomap"]) -> MapResult | None:
    """None for baselines that were made without a map."""
    fitted = plane.unpack(baseline.drawing)
    if fitted is None:
        return None
    if method == "isomap":
        return isomap.result(fitted.standard, baseline.features, batch)
    return fitted.result(baseline.features, batch)

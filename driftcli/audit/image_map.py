"""Where a batch lies among good images: the map, the nearest good image of each, and what it lacks."""

from __future__ import annotations

from dataclasses import replace

from driftcli.core.features import Features
from driftcli.core.findings import MissingResult
from driftcli.core.report import Report
from driftcli.explain import neighbours, plane
from driftcli.explain.missing import missing
from driftcli.extractors.base import portraits
from driftcli.reference.reference import Baseline


def placed(report: Report, batch: Features, baseline: Baseline, pictures: int) -> Report:
    """The report with map and neighbours, and what is missing where the gate fired.

    `pictures`: so many of the most drifted images get a neighbour. Neighbours and missing images are
    among those of which the baseline keeps a picture.
    """
    good, known = baseline.features, sorted(baseline.thumbnails)
    shown = portraits(good.views)
    found = plane.unpack(baseline.drawing)
    row_of = {name: row for row, name in enumerate(batch.names)}
    worst = report.images[:pictures]
    nearest = None
    if worst:
        views = {name: x[[row_of[image.path] for image in worst]] for name, x in batch.views.items()}
        nearest = neighbours.nearest(shown, known, views)
    named = [] if nearest is None else [good.names[row] for row in nearest]
    missed = () if report.verdict == "pass" else missing(shown, known, batch.views)
    return replace(
        report,
        map=None if found is None else found.result(good, batch),
        images=(
            *(replace(image, neighbour=name) for image, name in zip(worst, named, strict=False)),
            *report.images[len(named) :],
        ),
        missing=tuple(MissingResult(good.names[m.row], round(m.score, 6)) for m in missed),
    )

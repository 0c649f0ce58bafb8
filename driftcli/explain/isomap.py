"""The map by Isomap: near neighbours stay near, and the way between far images goes through good ones."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from driftcli.core.findings import MapResult
from driftcli.explain.plane import FEWEST, POINTS, points

if TYPE_CHECKING:
    from driftcli.core.features import Features
    from driftcli.explain._standard import Standard

NEIGHBOURS = 5
"""As scikit-learn has it, and with it the TorchDrift notebook."""


def result(standard: Standard, good: Features, batch: Features) -> MapResult | None:
    """At most 500 good images laid out by Isomap, and as many of the batch placed among them.

    None where there are fewer than three good images. Fitted at the check on the good images that the
    baseline keeps: an artifact holds arrays, and these say all. The batch moves nothing, and no image of it
    moves another. In one thread and by whole eigenvalue problems, so that the map is the same every time.
    Reference: Tenenbaum, de Silva & Langford 2000; new points: Bengio et al. 2004.
    """
    from sklearn.manifold import Isomap
    from threadpoolctl import threadpool_limits

    good, batch = good.first(POINTS), batch.first(POINTS)
    if len(good) < FEWEST:
        return None
    nearest = min(NEIGHBOURS, len(good) - 1)
    embedding = Isomap(n_neighbors=nearest, n_components=2, eigen_solver="dense", path_method="D")
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # islands of good images, which scikit-learn bridges
        placed = embedding.fit_transform(standard(good.views))
        theirs = embedding.transform(standard(batch.views))
    return MapResult(
        f"Isomap of {standard.view}, {nearest} neighbours",
        (),
        points(placed),
        good.names,
        points(theirs),
        batch.names,
    )

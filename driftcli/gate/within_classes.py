"""Effects within classes: C thinned out until its mix is that of the batch, so that only images can differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.evidence import Evidence, Statistic
from driftcli.core.features import Features
from driftcli.reference.families import Family

LEAST = 2
"""Images a side below which nothing is compared."""


def matched(strata: Sequence[str], held_out: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions in C and in the batch: the largest part of C that has the batch's shares of classes.

    `strata`: of C, then of the batch. Images of classes that one side lacks are left out. C is in the order
    of its content hashes, so that the first images of a class are a random part of it.
    """
    codes = np.unique(np.asarray(strata, object).astype(str), return_inverse=True)[1]
    ours, theirs = codes[:held_out], codes[held_out:]
    common = np.intersect1d(ours, theirs)
    batch = np.flatnonzero(np.isin(theirs, common))
    pools = [np.flatnonzero(ours == code) for code in common]
    wanted = np.array([(theirs == code).sum() for code in common], np.float64)
    if not len(common):
        return batch, batch
    times = min(len(pool) / count for pool, count in zip(pools, wanted, strict=True))
    takes = np.maximum(np.floor(wanted * times + 1e-9), 1).astype(int)
    chosen = np.concatenate([pool[:take] for pool, take in zip(pools, takes, strict=True)])
    return np.sort(chosen), batch


def within_classes(
    evidence: Sequence[Evidence],
    families: Sequence[Family],
    held_out: Features,
    batch: Features,
    strata: Sequence[str],
) -> list[Evidence]:
    """The same evidence with values and effects measured between the batch and the C that is mixed like it."""
    c, y = matched(strata, len(held_out))
    if min(len(c), len(y)) < LEAST:
        return list(evidence)

    def measured(family: Family, whole: Evidence) -> Evidence:
        x = held_out.views[family.view]
        within = family.detector.describe(family.state, x[c], batch.views[family.view][y], family.columns)
        by_name = {statistic.name: statistic for statistic in within}
        # A statistic that only all images had is constant within the classes: nothing changed there.
        constant = (replace(s, effect=0.0, effect_lower=0.0, display_effect=None) for s in whole.statistics)
        statistics: tuple[Statistic, ...] = tuple(by_name.get(s.name, s) for s in constant)
        return replace(whole, statistics=statistics)

    return [measured(family, whole) for family, whole in zip(families, evidence, strict=True)]

"""Autoencoder errors, two-sided: drift may be reconstructed worse, or suspiciously well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from driftcli.core.evidence import DisplayEffect, Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array
from driftcli.detectors import _scalars, _tails
from driftcli.detectors.base import Among, Detector, Floats, Matrix
from driftcli.detectors.univariate import indicator_distances
from driftcli.stats.relabelling import Relabellings


@final
@dataclass(frozen=True)
class Reconstruction(Detector):
    """Distribution of per-image (log) reconstruction errors.

    What it sees: images the autoencoder cannot rebuild, and images too easy: blurred, black, flat.
    What it misses: content that rebuilds as well as the training images.
    Statistic: per error the absolute difference of means (in F's spread) and the Anderson-Darling
    distance, both two-sided.
    Cost: B m e, as univariate.
    Reference: Bouman & Heskes 2025 and Nalisnick et al. 2019, on errors that fall.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """Quantile edges of F's errors, their median and spread."""
        spread = np.maximum(reference.std(axis=0, dtype=np.float64), 1e-12)
        return {**_scalars.learn(reference, columns), "spread": spread}

    def arrays(self) -> tuple[Array, ...]:
        """As `fit` learns them."""
        return (*_scalars.arrays(), Array("spread", "float64", ("columns",), least=1e-12))

    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """Of each varying error the distance of its distributions, then of all the difference of means: [rows, 2k]."""
        from driftcli.detectors._sums import of_mean_differences

        varying = _scalars.scalars(state, pooled, columns)
        if not varying:
            return np.zeros((relabellings.rows, 0))
        chosen = [scalar.column for scalar in varying]
        centred = ((pooled - state["median"]) / state["spread"])[:, chosen].astype(np.float64)
        means = of_mean_differences(centred, relabellings, np.abs, len(chosen))
        return np.concatenate([indicator_distances(varying, relabellings), means], axis=1)

    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """Each varying error by its distribution, then by its mean."""
        names = tuple(scalar.name for scalar in _scalars.scalars(state, pooled, columns))
        return (*names, *(f"{name}.mean" for name in names))

    def among(self, state: State, images: Matrix, columns: Sequence[Column]) -> Among:
        """With the place of every value among F's edges at hand, unless there are categories."""
        from driftcli.detectors import _counts

        if not columns or not _counts.countable(columns):
            return super().among(state, images, columns)
        return _counts.WithMeans(self, state, images, columns)

    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """Shifted shares for the distributions; sd shifts for the means."""
        pooled = np.concatenate([held_out, batch])
        varying = _scalars.scalars(state, pooled, columns)
        distributions = _scalars.describe(varying, held_out, batch)
        means = []
        for scalar in varying:
            x, y = (side[:, scalar.column].astype(np.float64) for side in (held_out, batch))
            shift = float((y.mean() - x.mean()) / max(x.std(), 1e-12))
            means.append(
                Statistic(
                    f"{scalar.name}.mean",
                    float(y.mean()),
                    float(x.mean()),
                    display_effect=DisplayEffect("sd_shift", shift),
                )
            )
        return (*distributions, *means)

    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """The most unusual error of each image, either way, as rare as it is among good images (nats)."""
        return _tails.strangest(*_tails.columns(held_out, batch, columns))

"""Kernel and mean discrepancy of whole feature vectors, permuted at the price of the batch alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Any, ClassVar, Self, final

import numpy as np

from driftcli.core.evidence import DisplayEffect, Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array
from driftcli.detectors import _whitened, _witness
from driftcli.detectors.base import Among, Detector, Floats, Matrix
from driftcli.stats.relabelling import Relabellings

TINY = 1e-12
"""No scale is smaller: it would blow a difference up beyond all numbers."""


@final
@dataclass(frozen=True)
class Mmd(Detector):
    """Kernel two-sample test on whole feature vectors, and the shift of their mean in F's own units.

    What it sees: any change of the joint distribution of the features: style, content, layout; and small,
    steady changes in directions in which good images hardly differ (blur, noise, compression).
    What it misses: what the features are blind to; small shares of strange images in large batches.
    Statistic: squared mean shift per ridge, whitened with F's covariance (see `_whitened`); unbiased MMD^2 per
    bandwidth (multiples of F's median distance), by the complement identity
    T_J = (S - 2R + q)/(n(n-1)) + q/(m(m-1)) - 2(R - q)/(nm): of each relabelling only the sums R and q over the
    relabelled batch J are computed, never a permuted N x N matrix. The family is as extreme as the sum of them all.
    Cost: m n_c d + B m^2 d, or one kernel matrix and B m N where that is less; B m d for the means.
    Reference: Gretton et al. 2012 (JMLR 13), lemma 6; several bandwidths after Schrab et al. 2023;
    regularised Hotelling T^2 after Chen, Paul, Prentice & Wang 2011 (JASA 106).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    bandwidths: tuple[float, ...] = (4.0, 2.0, 1.0, 0.5)
    """Multiples of the median distance, widest first."""
    ridges: tuple[float, ...] = (1.0, 0.1, 0.01)
    """Of the whitened mean shifts: multiples of the mean variance."""
    scale: str = "raw"
    """`raw`, or `blocks`: z-scored by F, each block of columns divided by the root of its width."""
    blocks: tuple[int, ...] = ()
    kernels: float = 1.0
    """How much a bandwidth counts in the sum of all statistics; a ridge counts 1."""

    @classmethod
    def suited(cls, blocks: tuple[int, ...]) -> Self:
        """Several blocks are weighed alike, whatever their widths, and kernels count half.

        Such a view joins layers, that is, tells of the look of images: what changes it moves features along axes in
        which good images hardly differ, and that is what ridges see.
        """
        return cls(scale="blocks", blocks=blocks, kernels=0.5) if len(blocks) > 1 else cls()

    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """State from F [n, d]: `shift` and `scale` [d] of the columns, `sigma` [bandwidths], `white_*` (see `_whitened`).

        `sigma` are multiples of the median distance between images of F, 2,000 of them at most, drawn by `seed`.
        """
        from driftcli.detectors._kernels import median_distance

        shift, scale = np.zeros(reference.shape[1]), np.ones(reference.shape[1])
        if self.scale == "blocks":
            widths = self.blocks or (reference.shape[1],)
            sd = reference.std(axis=0, dtype=np.float64)
            shift = reference.mean(axis=0, dtype=np.float64)
            # A column that is constant in F is divided by infinity and has no say. Of the others each block of w columns
            # adds w squared z-scores to a squared distance: divided by w, blocks weigh alike whatever their width.
            scale = np.where(sd > 1e-6 * np.maximum(1.0, np.abs(shift)), sd, np.inf)
            scale = scale * np.sqrt(np.repeat(widths, widths))
        state = {"shift": shift.astype(np.float32), "scale": scale.astype(np.float32)}
        scaled = _scaled(state, reference)
        chosen = np.random.default_rng(seed).permutation(len(scaled))[:2000]
        median = max(median_distance(scaled[np.sort(chosen)]), 1e-6)
        white = {f"white_{name}": value for name, value in _whitened.learn(scaled).items()}
        return {**state, **white, "sigma": median * np.asarray(self.bandwidths, np.float64)}

    def arrays(self) -> tuple[Array, ...]:
        """As `fit` learns them; no `white_*` in artifacts fitted before there were ridges."""
        return (
            Array("shift", "float32", ("columns",)),
            Array("scale", "float32", ("columns",), least=TINY, infinite=True),
            Array("sigma", "float64", (len(self.bandwidths),), least=TINY),
            *(array.under("white_") for array in _whitened.ARRAYS),
        )

    def calibrated(self) -> tuple[Array, ...]:
        """Every kernel value is at most 1; no `row_sums` where there were none yet."""
        return (
            Array("row_sums", "float64", (len(self.bandwidths), "held out"), least=0.0, group="row sums"),
        )

    def calibrate(self, state: State, held_out: Matrix) -> State:
        """Kernel sums of each image of C over all others, `row_sums` [bandwidths, n_c]: no check is then quadratic in n_c."""
        from driftcli.detectors._kernels import row_sums

        return {"row_sums": row_sums(_scaled(state, held_out), state["sigma"])}

    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """MMD^2 per bandwidth, then mean shift per ridge: [rows, bandwidths + ridges] for `pooled` [n_c + m, d].

        Unbiased, so that without drift it is 0 on average and below 0 about half of the time.
        """
        from driftcli.detectors import _kernels

        x, sigma, labels = _scaled(state, pooled), state["sigma"], relabellings.labels
        if _matrix_pays(relabellings):
            row_sums, within = _kernels.unit_sums(x, relabellings, sigma)
        else:
            row_sums = self._row_sums(state, x, relabellings.n_held_out)
            within = _kernels.block_sums(x, labels, sigma)
        kernels = _kernels.unbiased(row_sums, within, relabellings)
        white = _white(state)
        if not white:
            return kernels
        return np.concatenate([kernels, _whitened.mean_shifts(white, x, relabellings, self.ridges)], axis=1)

    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """One statistic a bandwidth, one a ridge (none in artifacts fitted before there were ridges)."""
        kernels = tuple(f"mmd_{width:g}" for width in self.bandwidths)
        ridges = self.ridges if "white_mean" in state else ()
        return (*kernels, *(f"mean_shift_{ridge:g}" for ridge in ridges))

    def joined(self, k: int) -> tuple[float, ...]:
        """All of them count: neighbouring bandwidths and ridges see the same change, each with noise of its own."""
        many = len(self.bandwidths)
        return (self.kernels,) * many + (1.0,) * (k - many)

    def among(self, state: State, images: Matrix, columns: Sequence[Column]) -> Among:
        """With the kernels of all pairs at hand, unless there are very many."""
        from driftcli.detectors import _pairs

        if len(images) > _pairs.MOST:
            return super().among(state, images, columns)
        return _pairs.Pairs(self, state, images, columns, partial(_scaled, state), _white(state), self.ridges)

    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """One statistic a bandwidth with effect, bound and kernel d; one a ridge by its name alone.

        Effect: for 0 <= k <= 1 the total variation is at least sqrt(MMD^2 / 2), which is the share of images that
        must differ. The lower bound uses the asymptotic variance of the observed MMD^2; its level, 5 %, is shared
        among the bandwidths. A mean shift bounds no share: it has a p-value and no effect.
        """
        # Why: MMD = sup of |E_P f - E_Q f| over |f|_H <= 1 is the norm of the difference of mean embeddings. With
        # P - Q = tv (P' - Q'), P' and Q' the normalised positive and negative parts, MMD^2 = tv^2 |mu_P' - mu_Q'|^2, and
        # |mu_P' - mu_Q'|^2 = E k(x, x') + E k(y, y') - 2 E k(x, y) <= 1 + 1 - 0.
        # Bound: MMD^2_u is a two-sample U-statistic with kernel h. Away from 0 it is asymptotically normal with variance
        # 4 Var(h_Y(y)) / m + 4 Var(h_X(x)) / n (Hoeffding 1948; Serfling 1980, section 5.5), where
        #     h_Y(y) = mean_y' k(y, y') - mean_x k(x, y)   and h_X(x) likewise.
        # own_* and across_* are these averages for every image, [bandwidths, n] and [bandwidths, m]: leave-one-out on the
        # image's own side. The quantile is one-sided at 5 % over the number of bandwidths (Bonferroni), since the
        # report shows the largest of the bounds.
        from driftcli.detectors._kernels import row_sums, sums_across

        x, y, sigma = _scaled(state, held_out), _scaled(state, batch), state["sigma"]
        n, m = len(x), len(y)
        own_x, own_y = self._cached(state, x) / (n - 1), row_sums(y, sigma) / (m - 1)
        over_y, over_x = sums_across(x, y, sigma)
        across_x, across_y = over_y / m, over_x / n
        squared = own_x.mean(1) + own_y.mean(1) - 2 * across_y.mean(1)
        variance = (own_y - across_y).var(1) / m + (own_x - across_x).var(1) / n
        low = squared - NormalDist().inv_cdf(1 - 0.05 / len(sigma)) * 2 * np.sqrt(variance)
        d = np.sqrt(np.maximum(squared, 0) / np.maximum(1 - own_x.mean(1), 1e-12))
        names = self.names(state, batch, columns)
        kernels = tuple(
            Statistic(
                name,
                effect=_share(squared[k]),
                effect_lower=_share(low[k]),
                display_effect=DisplayEffect("kernel_d", float(d[k])),
            )
            for k, name in enumerate(names[: len(sigma)])
        )
        return (*kernels, *(Statistic(name) for name in names[len(sigma) :]))

    def group_bias(self, values: Floats) -> Floats:
        """What groups alone add to each squared effect, [k]: half the mean MMD^2 over all relabellings, at least 0.

        Pairs within a group are alike, always lie on one side and never across. Relabelling moves groups whole, so
        that its mean shows what that alone is worth; half of it, since a squared effect is MMD^2 / 2.
        """
        bias: Floats = np.maximum(values.mean(axis=0), 0.0) / 2
        return bias

    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """How far from good images an image is, and how many others of the batch lie where it does (`_witness`)."""
        return _witness.scores(_white(state), _scaled(state, held_out), _scaled(state, batch))

    def direction(self, state: State, held_out: Matrix, batch: Matrix) -> Floats:
        """Weights of the columns, [d], in the witness of the whitened mean shift, the middle ridge.

        In standard deviations of C's own values: sum of weights (x - C's mean) says how far an image
        goes the way that the batch went. Artifacts fitted before there were ridges: the plain shift.
        """
        x, y = _scaled(state, held_out), _scaled(state, batch)
        weights = y.mean(axis=0, dtype=np.float64) - x.mean(axis=0, dtype=np.float64)
        if "white_mean" in state:
            weights = _whitened.direction(_white(state), weights, sorted(self.ridges)[len(self.ridges) // 2])
        spread = max(float((x @ weights).std()), 1e-12)
        # From scaled columns back to raw ones: x_scaled = (x - shift) / scale, so w' x_scaled = (w / scale)' x + constant.
        raw: Floats = weights / state["scale"] / spread
        return raw

    def _row_sums(self, state: State, x: Matrix, n_c: int) -> Floats:
        """Each image's kernel sum over all others, [bandwidths, n_c + m]; C's own part may be cached."""
        from driftcli.detectors._kernels import row_sums, sums_across

        held_out, batch, sigma = x[:n_c], x[n_c:], state["sigma"]
        own_x, own_y = self._cached(state, held_out), row_sums(batch, sigma)
        across_x, across_y = sums_across(held_out, batch, sigma)
        return np.concatenate([own_x + across_x, own_y + across_y], axis=1)

    def _cached(self, state: State, scaled: Matrix) -> Floats:
        """Kernel sums within C, [bandwidths, n_c]: from `calibrate`, unless they are those of another number of images."""
        from driftcli.detectors._kernels import row_sums

        cached = state.get("row_sums")
        if cached is not None and cached.shape[1] == len(scaled):
            return cached
        return row_sums(scaled, state["sigma"])


def _matrix_pays(relabellings: Relabellings) -> bool:
    """Whether one kernel matrix over all units is cheaper than the batch blocks of all rows.

    n^2 / 2 kernel values once, and m^2 / 2 additions a row, against m^2 kernel values a row.
    """
    if relabellings.kind != "images":
        return True
    n, m = relabellings.images, relabellings.labels.shape[1]
    return bool(n * n <= 2 * relabellings.rows * m * m)


def _white(state: State) -> State:
    """What `_whitened.learn` learnt; empty in artifacts fitted before it did."""
    return {name.removeprefix("white_"): state[name] for name in state if name.startswith("white_")}


def _scaled(state: State, x: Matrix) -> Matrix:
    """Features [n, d] in the units that kernels and axes are for."""
    return np.ascontiguousarray((x - state["shift"]) / state["scale"], np.float32)


def _share(squared: float) -> float:
    """The share of images that must differ, at least, where MMD^2 is `squared`."""
    return math.sqrt(max(float(squared), 0.0) / 2)

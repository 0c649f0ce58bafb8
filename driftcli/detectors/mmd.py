"""Kernel and mean discrepancy of whole feature vectors, permuted at the price of the batch alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar, Self, final

import numpy as np

from driftcli.core.evidence import DisplayEffect, Statistic
from driftcli.core.features import Column, State
from driftcli.detectors import _whitened, _witness
from driftcli.detectors.base import Detector, Floats, Matrix
from driftcli.stats.relabelling import MAX_UNITS, Relabellings


@final
@dataclass(frozen=True)
class Mmd(Detector):
    """Kernel two-sample test on whole feature vectors, and the shift of their mean in F's own units.

    What it sees: any change of the joint distribution of the features: style, content, layout; and small,
    steady changes in directions in which good images hardly differ (blur, noise, compression).
    What it misses: what the features are blind to; small shares of strange images in large batches.
    Statistic: squared mean shift per ridge, whitened with F's covariance (see `_whitened`); unbiased MMD^2 per bandwidth (multiples of F's median distance), by the complement
    identity T_J = (S - 2R + q)/(n(n-1)) + q/(m(m-1)) - 2(R - q)/(nm): of each relabelling only the
    sums R and q over the relabelled batch J are computed, never a permuted N x N matrix.
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

    @classmethod
    def suited(cls, blocks: tuple[int, ...]) -> Self:
        """Several blocks are weighed alike, whatever their widths."""
        return cls(scale="blocks", blocks=blocks) if len(blocks) > 1 else cls()

    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """State: `shift`, `scale` [d] of the columns, `sigma` [bandwidths]; from F only."""
        from driftcli.detectors._kernels import median_distance

        shift, scale = np.zeros(reference.shape[1]), np.ones(reference.shape[1])
        if self.scale == "blocks":
            widths = self.blocks or (reference.shape[1],)
            sd = reference.std(axis=0, dtype=np.float64)
            shift = reference.mean(axis=0, dtype=np.float64)
            scale = np.where(sd > 1e-6 * np.maximum(1.0, np.abs(shift)), sd, np.inf)
            scale = scale * np.sqrt(np.repeat(widths, widths))
        state = {"shift": shift.astype(np.float32), "scale": scale.astype(np.float32)}
        scaled = _scaled(state, reference)
        chosen = np.random.default_rng(seed).permutation(len(scaled))[:2000]
        median = max(median_distance(scaled[np.sort(chosen)]), 1e-6)
        white = {f"white_{name}": value for name, value in _whitened.learn(scaled).items()}
        return {**state, **white, "sigma": median * np.asarray(self.bandwidths, np.float64)}

    def calibrate(self, state: State, held_out: Matrix) -> State:
        """Kernel row sums of C, [bandwidths, n_c]: a check then costs nothing quadratic in n_c."""
        from driftcli.detectors._kernels import row_sums

        scaled = _scaled(state, held_out)
        return {"row_sums": row_sums(scaled, scaled, state["sigma"], same=True)}

    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """MMD^2 per bandwidth, then mean shift per ridge: [rows, bandwidths + ridges]."""
        from driftcli.detectors import _kernels

        x, sigma, labels = _scaled(state, pooled), state["sigma"], relabellings.labels
        sums: list[tuple[Floats, Floats]]  # per bandwidth: row sums of the units; q of every labelling
        if _matrix_pays(relabellings):
            matrices = _kernels.unit_kernels(x, relabellings, sigma)
            sums = [(k.double().sum(1).numpy(), _kernels.subset_pair_sums(k, labels)) for k in matrices]
        else:
            rows = self._row_sums(state, x, relabellings.n_held_out)
            sums = list(zip(rows, _kernels.block_sums(x, labels, sigma), strict=True))
        m = relabellings.batch_sizes
        n = relabellings.images - m
        columns_of_t = []
        for r, q in sums:
            inside = r[labels].sum(axis=1)
            rest = (r.sum() - 2 * inside + q) / np.maximum(n * (n - 1), 1)
            columns_of_t.append(rest + q / np.maximum(m * (m - 1), 1) - 2 * (inside - q) / (n * m))
        kernels = np.stack(columns_of_t, axis=1)
        white = _white(state)
        if not white:
            return kernels
        return np.concatenate([kernels, _whitened.mean_shifts(white, x, relabellings, self.ridges)], axis=1)

    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """One statistic a bandwidth, one a ridge (none in artifacts fitted before there were ridges)."""
        kernels = tuple(f"mmd_{width:g}" for width in self.bandwidths)
        ridges = self.ridges if "white_mean" in state else ()
        return (*kernels, *(f"mean_shift_{ridge:g}" for ridge in ridges))

    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """Effects per bandwidth: for 0 <= k <= 1 the total variation is at least sqrt(MMD^2 / 2).

        The lower bound uses the asymptotic variance of the observed MMD^2; its level is shared among
        the bandwidths. A mean shift bounds no share: it has a p-value and no effect.
        """
        from driftcli.detectors._kernels import row_sums

        x, y, sigma = _scaled(state, held_out), _scaled(state, batch), state["sigma"]
        n, m = len(x), len(y)
        own_x, own_y = self._cached(state, x) / (n - 1), row_sums(y, y, sigma, same=True) / (m - 1)
        across_x, across_y = row_sums(x, y, sigma) / m, row_sums(y, x, sigma) / n
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
        """Pairs within a group are alike on one side and never across: the mean over relabellings."""
        bias: Floats = np.maximum(values.mean(axis=0), 0.0) / 2
        return bias

    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """How far from good images an image is, and how many others of the batch lie where it does (`_witness`)."""
        return _witness.scores(_white(state), _scaled(state, held_out), _scaled(state, batch))

    def direction(self, state: State, held_out: Matrix, batch: Matrix) -> Floats:
        """[d]: weights of the columns in the witness of the whitened mean shift, the middle ridge.

        In standard deviations of C's own values: sum of weights (x - C's mean) says how far an image
        goes the way that the batch went. Artifacts fitted before there were ridges: the plain shift.
        """
        x, y = _scaled(state, held_out), _scaled(state, batch)
        weights = y.mean(axis=0, dtype=np.float64) - x.mean(axis=0, dtype=np.float64)
        if "white_mean" in state:
            weights = _whitened.direction(_white(state), weights, sorted(self.ridges)[len(self.ridges) // 2])
        spread = max(float((x @ weights).std()), 1e-12)
        found: Floats = weights / state["scale"] / spread
        return found

    def _row_sums(self, state: State, x: Matrix, n_c: int) -> Floats:
        """[bandwidths, n]: each image's kernel sum over all others; C's own part may be cached."""
        from driftcli.detectors._kernels import row_sums

        held_out, batch, sigma = x[:n_c], x[n_c:], state["sigma"]
        own_x, own_y = self._cached(state, held_out), row_sums(batch, batch, sigma, same=True)
        across_x, across_y = row_sums(held_out, batch, sigma), row_sums(batch, held_out, sigma)
        return np.concatenate([own_x + across_x, own_y + across_y], axis=1)

    def _cached(self, state: State, scaled: Matrix) -> Floats:
        from driftcli.detectors._kernels import row_sums

        cached = state.get("row_sums")
        if cached is not None and cached.shape[1] == len(scaled):
            return cached
        return row_sums(scaled, scaled, state["sigma"], same=True)


def _matrix_pays(relabellings: Relabellings) -> bool:
    """One kernel matrix over all units, where it is smaller than the batch blocks of all rows."""
    if relabellings.kind != "images":
        return True
    rows, m = relabellings.labels.shape
    n = relabellings.images
    return n <= MAX_UNITS and n * n <= 2 * rows * m * m


def _white(state: State) -> State:
    """What `_whitened.learn` learnt; empty in artifacts fitted before it did."""
    return {name.removeprefix("white_"): state[name] for name in state if name.startswith("white_")}


def _scaled(state: State, x: Matrix) -> Matrix:
    return np.ascontiguousarray((x - state["shift"]) / state["scale"], np.float32)


def _share(squared: float) -> float:
    return math.sqrt(max(float(squared), 0.0) / 2)

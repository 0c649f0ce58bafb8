"""MMD against a slow twin to ten digits, on every route and whatever the threads: the sums are exact, not nearly so."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from driftcli.detectors import _kernels, _sums
from driftcli.detectors import mmd as room
from driftcli.detectors.mmd import Mmd
from driftcli.stats.relabelling import Blocks, draw

DIGITS = 1e-10
"""Of a statistic's own spread over the relabellings, which is what its rank is read in."""
ROUTES = ["blocks", "picked", "product", "bins", "groups"]


def twin(x, sigma, side):
    """Unbiased MMD^2 of one labelling by its definition: three means of kernel values of differences, no identity.

    Extended precision where the machine has it, and no matrix product.
    """
    x = x.astype(np.longdouble)
    kernel = np.array([np.exp(-((x - row) ** 2).sum(axis=1) / (2 * np.longdouble(sigma) ** 2)) for row in x])
    off = ~np.eye(len(x), dtype=bool)
    inside, outside = kernel[side][:, side], kernel[~side][:, ~side]
    m, n = side.sum(), (~side).sum()
    return float(
        inside[off[:m, :m]].sum() / (m * (m - 1))
        + outside[off[:n, :n]].sum() / (n * (n - 1))
        - 2 * kernel[side][:, ~side].sum() / (m * n)
    )


@pytest.fixture(params=ROUTES)
def case(request, monkeypatch):
    """A detector, its state, C, Y and relabellings, such that this route is taken."""
    rng = np.random.default_rng(ROUTES.index(request.param))
    n, m, d = 90, 24, 40
    # Features as networks give them: far from 0 (40 times their spread), and not one scale.
    scale = rng.uniform(0.5, 2, d)
    c, y = ((rng.normal(shift, 1, (k, d)) * scale + 40).astype("f") for k, shift in ((n, 0), (m, 0.1)))
    detector = Mmd(bandwidths=(4.0, 2.0, 1.5, 0.75))
    blocks = Blocks()
    monkeypatch.setattr(_kernels, "STRIP", 700)  # several strips
    monkeypatch.setattr(_kernels, "ROWS", 1)
    monkeypatch.setattr(room, "_matrix_pays", lambda r: r.kind != "images" or request.param != "blocks")
    if request.param == "bins":
        monkeypatch.setattr("driftcli.stats.relabelling.SINGLE_IMAGES", 5)
        monkeypatch.setattr("driftcli.stats.relabelling.BATCH_BINS", 8)
    elif request.param == "groups":
        blocks = Blocks(groups=[f"c{i % 17}" for i in range(n)] + [f"y{i % 5}" for i in range(m)])
    monkeypatch.setattr(_kernels, "DENSE", 10**9 if request.param == "product" else 0)
    state = detector.fit(c[:60], (), 0)
    state |= detector.calibrate(state, c)
    return detector, state, c, y, draw(n, m, 40, rng, blocks)


def deviation(case, rows=(0, 1, 17, 40)):
    """Largest difference to the twin, in standard deviations of the statistic over all relabellings."""
    detector, state, c, y, drawn = case
    pooled = np.concatenate([c, y])
    values = detector.values(state, pooled, drawn, ())
    used = drawn.unit_of >= 0
    x = room._scaled(state, pooled)[used]
    worst = 0.0
    for k, sigma in enumerate(state["sigma"]):
        for b in rows:
            side = np.isin(drawn.unit_of[used], drawn.labels[b])
            worst = max(worst, abs(values[b, k] - twin(x, sigma, side)) / values[:, k].std())
    return worst


def test_the_twin_agrees_to_ten_digits(case):
    assert deviation(case) < DIGITS


def test_features_that_are_not_centred_would_be_seen(case, monkeypatch):
    """Without the shift to the middle |a|^2 + |b|^2 - 2 a.b loses digits, though all is float64."""

    def as_they_are(sigmas, *parts):
        points = [part / sigmas[0] for part in parts]
        return [_kernels._Points(at, np.einsum("nd,nd->n", at, at) / 2) for at in points]

    monkeypatch.setattr(_kernels, "_points", as_they_are)
    detector, state, c, y, drawn = case
    far = tuple((side.astype(float) + 4e5).astype("f") for side in (c, y))
    state = {**state, "shift": state["shift"] * 0}
    state |= detector.calibrate(state, far[0])
    assert deviation((detector, state, *far, drawn)) > DIGITS


def test_sums_in_float32_would_be_seen(case, monkeypatch):
    honest = _kernels._exponents
    monkeypatch.setattr(_kernels, "_exponents", lambda a, b: honest(a, b).astype("f").astype(float))
    assert deviation(case) > DIGITS


def test_an_image_paired_with_itself_would_be_seen(case, monkeypatch):
    """Each sum leaves out i = j; a kernel of 0.001 on the diagonal is enough to be found."""
    honest, honest_blocks = _kernels._below_the_diagonal, _kernels.block_sums

    def with_itself(points, sigmas):
        for rows, k, kernel in honest(points, sigmas):
            i = np.arange(len(kernel))
            kernel[i, rows.start + i] = 1e-3
            yield rows, k, kernel

    def blocks_with_it(x, labels, sigmas):
        return honest_blocks(x, labels, sigmas) + 1e-3 * labels.shape[1]

    monkeypatch.setattr(_kernels, "_below_the_diagonal", with_itself)
    monkeypatch.setattr(_kernels, "block_sums", blocks_with_it)
    assert deviation(case) > DIGITS


def test_threads_change_no_bit(case):
    """Whatever the machine has: numpy's BLAS adds in one order."""
    detector, state, c, y, drawn = case
    pooled = np.concatenate([c, y])
    runs = []
    for limit in (1, 2, 8):
        with threadpool_limits(limits=limit, user_api="blas"):
            runs.append((detector.values(state, pooled, drawn, ()), *detector.scores(state, c, y, ())))
    for run in runs[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(run, runs[0], strict=True))


def _of_numpy():
    """Threads of the BLAS that numpy brings; scipy's own does nothing here."""
    blas = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    return {lib["num_threads"] for lib in blas if "numpy" in lib["filepath"]} or {
        lib["num_threads"] for lib in blas
    }


def test_one_thread_while_sums_are_made_and_as_many_as_before_after(monkeypatch):
    seen = []

    def watching(name):
        honest = getattr(np, name)

        def watched(*args, **kwargs):
            seen.append(_of_numpy())
            return honest(*args, **kwargs)

        return watched

    rng = np.random.default_rng(0)
    x, drawn = rng.normal(size=(60, 4)).astype("f"), draw(50, 10, 20, rng)
    with threadpool_limits(limits=2, user_api="blas"):
        before = _of_numpy()
        for name in ("matmul", "exp", "einsum", "square"):
            monkeypatch.setattr(np, name, watching(name))
        detector = Mmd()
        state = detector.fit(x[:50], (), 0)
        detector.values(state, x, drawn, ())
        _sums.sums_of_units(_sums.unit_sums(x, drawn), drawn.labels)
        _kernels.direction_sums(x, x, 8.0, 0.99)
        after = _of_numpy()
    assert len(seen) > 5
    assert all(threads == {1} for threads in seen)
    assert before == after

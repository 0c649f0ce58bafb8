"""However large the pieces that sums are computed in, and whatever few images witness: the same numbers as by definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from driftcli.detectors import _kernels, _sums, _witness
from driftcli.detectors.mmd import Mmd
from driftcli.stats.relabelling import Blocks, draw

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(23, 3)).astype("f"), RNG.normal(0.5, 1, (11, 3)).astype("f")
SIGMAS = np.array([4.0, 2.0, 1.5, 0.75, 0.7])
"""Halvings, which are computed as fourth powers, and other ratios."""


def gram(a, b, sigma):
    squared = ((a[:, None, :].astype(float) - b[None, :, :].astype(float)) ** 2).sum(axis=2)
    return np.exp(-squared / (2 * sigma**2))


@pytest.fixture(params=[1, 40, 4_000_000])
def _pieces(request, monkeypatch):
    """One row at a time, a few rows, all at once."""
    monkeypatch.setattr(_kernels, "STRIP", request.param)
    monkeypatch.setattr(_kernels, "ROWS", 1)
    monkeypatch.setattr(_kernels, "PICKED", request.param)
    monkeypatch.setattr(_kernels, "COLUMNS", min(request.param, 1024))
    monkeypatch.setattr(_kernels, "BLOCK", min(request.param, 7))
    monkeypatch.setattr(_kernels, "MANY", request.param)
    monkeypatch.setattr(_sums, "STRIP", request.param)


@pytest.fixture(params=[0, 10**9], ids=["picked", "product"])
def _either_way(request, monkeypatch):
    """Sums over the batches: entry by entry, or as one product with 0/1 vectors."""
    monkeypatch.setattr(_kernels, "DENSE", request.param)
    monkeypatch.setattr(_sums, "DENSE", request.param)


@pytest.mark.usefixtures("_pieces")
def test_row_sums():
    within, (between, back) = _kernels.row_sums(X, SIGMAS), _kernels.sums_across(X, Y, SIGMAS)
    for k, sigma in enumerate(SIGMAS):
        assert within[k] == pytest.approx(gram(X, X, sigma).sum(axis=1) - 1, rel=1e-12)
        assert between[k] == pytest.approx(gram(X, Y, sigma).sum(axis=1), rel=1e-12)
        assert back[k] == pytest.approx(gram(X, Y, sigma).sum(axis=0), rel=1e-12)


@pytest.mark.usefixtures("_pieces")
def test_block_sums_leave_out_the_diagonal():
    labels = np.array([[0, 3, 7], [1, 2, 22], [4, 5, 6], [20, 21, 22]])
    sums = _kernels.block_sums(X, labels, SIGMAS)
    for k, sigma in enumerate(SIGMAS):
        expected = [gram(X[row], X[row], sigma).sum() - 3 for row in labels]
        assert sums[k] == pytest.approx(expected, rel=1e-11)


@pytest.mark.usefixtures("_pieces", "_either_way")
@pytest.mark.parametrize("kind", ["images", "groups", "bins"])
def test_unit_sums_are_over_pairs_of_different_images(kind, monkeypatch):
    pooled = np.concatenate([X, Y])
    groups = [f"c{i % 5}" for i in range(23)] + [f"y{i % 3}" for i in range(11)]
    if kind == "bins":
        monkeypatch.setattr("driftcli.stats.relabelling.SINGLE_IMAGES", 5)
        monkeypatch.setattr("driftcli.stats.relabelling.BATCH_BINS", 5)
    blocks = Blocks(groups=groups) if kind == "groups" else Blocks()
    drawn = draw(23, 11, 9, np.random.default_rng(1), blocks)
    assert drawn.kind == kind
    assert bool((drawn.unit_of < 0).any()) == (kind != "images")
    member = (drawn.unit_of[:, None] == np.arange(len(drawn.sizes))).astype(float)
    of_unit, of_batch = _kernels.unit_sums(pooled, drawn, SIGMAS)
    for k, sigma in enumerate(SIGMAS):
        kernel = gram(pooled, pooled, sigma)
        np.fill_diagonal(kernel, 0)
        matrix = member.T @ kernel @ member
        assert of_unit[k] == pytest.approx(matrix.sum(axis=1), rel=1e-12)
        assert of_batch[k] == pytest.approx(
            [matrix[np.ix_(row, row)].sum() for row in drawn.labels], rel=1e-12
        )


@pytest.mark.usefixtures("_pieces", "_either_way")
@pytest.mark.parametrize("groups", [None, [f"g{i // 4}" for i in range(34)]])
def test_sums_of_units(groups):
    drawn = draw(23, 11, 9, np.random.default_rng(1), Blocks(groups=groups))
    pooled = np.concatenate([X, Y])
    expected = [pooled[np.isin(drawn.unit_of, row)].sum(axis=0, dtype=float) for row in drawn.labels]
    assert _sums.sums_of_units(_sums.unit_sums(pooled, drawn), drawn.labels) == pytest.approx(
        np.array(expected), abs=1e-5
    )
    measured = _sums.sums_of_units(_sums.unit_sums(pooled.astype(float), drawn), drawn.labels)
    assert measured == pytest.approx(np.array(expected), abs=1e-13)
    indicators = (pooled > 0).astype("f")
    assert np.array_equal(
        _sums.sums_of_units(_sums.unit_sums(indicators, drawn), drawn.labels),
        [indicators[np.isin(drawn.unit_of, row)].sum(axis=0) for row in drawn.labels],
    )


@pytest.mark.usefixtures("_pieces", "_either_way")
@pytest.mark.parametrize("groups", [None, [f"g{i // 4}" for i in range(34)]])
def test_mean_differences_are_of_the_batch_less_the_rest(groups):
    drawn = draw(23, 11, 9, np.random.default_rng(1), Blocks(groups=groups))
    pooled = np.concatenate([X, Y])
    is_batch = np.array([np.isin(drawn.unit_of, row) for row in drawn.labels])
    rests = ~is_batch & (drawn.unit_of >= 0)
    expected = [
        pooled[b].mean(axis=0, dtype=float) - pooled[rest].mean(axis=0, dtype=float)
        for b, rest in zip(is_batch, rests, strict=True)
    ]
    squared = _sums.of_mean_differences(
        pooled.astype(float), drawn, lambda delta: np.square(delta, out=delta), 3
    )
    assert squared == pytest.approx(np.array(expected) ** 2, rel=1e-12, abs=1e-15)


def test_the_median_distance_is_over_pairs_of_different_rows():
    assert _kernels.median_distance(np.array([[0, 0], [3, 4], [0, 1]], "f")) == pytest.approx(math.sqrt(18))


def test_the_cheaper_route_is_taken():
    """Groups and bins need the matrix; images where n^2 is at most 2 rows m^2."""
    from driftcli.detectors import mmd
    from driftcli.stats.relabelling import Relabellings

    def relabelled(n, m, rows, kind="images"):
        return Relabellings(
            np.arange(n), np.zeros((rows, m), np.int64), np.ones(n, np.int64), n - m, kind, 0.1
        )

    assert mmd._matrix_pays(relabelled(100, 10, 50))
    assert not mmd._matrix_pays(relabelled(100, 10, 49))
    assert mmd._matrix_pays(relabelled(100, 10, 49, "groups"))
    assert mmd._matrix_pays(relabelled(5200, 200, 500))
    assert not mmd._matrix_pays(relabelled(20000, 200, 4999))


def test_sums_of_another_c_are_not_taken_for_these():
    """`--limit` and duplicates may leave fewer images of C than the cached sums are of."""
    detector = Mmd(bandwidths=(1.0,))
    state = detector.fit(X, (), 0)
    cached = {**state, **detector.calibrate(state, X)}
    for c in (X, X[:20]):
        assert detector.describe(cached, c, Y, ()) == detector.describe(state, c, Y, ())


# ---------------------------------------------------------------- witnesses


def kernel(a, b):
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return 0.0 if cosine > _witness.EQUAL else math.exp(_witness.KAPPA * (cosine - 1))


@pytest.mark.parametrize("most", [3, 9, 100])
@pytest.mark.usefixtures("_pieces")
def test_only_the_first_images_witness_and_none_for_itself(most, monkeypatch):
    """By the definition: an image beyond the first ones is compared with all of these, one of them with the others."""
    monkeypatch.setattr(_witness, "MOST", most)
    x, y = X.astype(float), Y.astype(float)
    good, strange = range(min(most, 23)), range(min(most, 11))
    own, theirs = _witness._gathered(X, Y)
    for i in range(11):
        batch = [kernel(y[i], y[j]) for j in strange if j != i]
        assert theirs[i] == pytest.approx(
            np.mean(batch) - np.mean([kernel(y[i], x[j]) for j in good]), abs=1e-6
        )
    for i in range(23):
        batch = [kernel(x[i], y[j]) for j in strange if j != i % len(strange)]
        c = [kernel(x[i], x[j]) for j in good if j != i]
        assert own[i] == pytest.approx(np.mean(batch) - np.mean(c), abs=1e-6)


def test_a_copy_is_left_out_wherever_it_stands():
    """Also where it is the image of the batch that an image of C passes over."""
    y = Y.copy()
    y[3], y[4] = X[3], X[9]
    own, _ = _witness._gathered(X, y)
    for i in (3, 9):
        batch = [kernel(X[i].astype(float), y[j].astype(float)) for j in range(11) if j != i % 11]
        c = [kernel(X[i].astype(float), X[j].astype(float)) for j in range(23) if j != i]
        assert own[i] == pytest.approx(np.mean(batch) - np.mean(c), abs=1e-6)


def test_a_batch_of_two_has_one_witness_for_each():
    x, y = X.astype(float), Y[:2].astype(float)
    own, theirs = _witness._gathered(X, Y[:2])
    for i in range(2):
        expected = kernel(y[i], y[1 - i]) - np.mean([kernel(y[i], a) for a in x])
        assert theirs[i] == pytest.approx(expected, abs=1e-6)
    for i in range(23):
        c = np.mean([kernel(x[i], x[j]) for j in range(23) if j != i])
        assert own[i] == pytest.approx(kernel(x[i], y[1 - i % 2]) - c, abs=1e-6)


def test_distance_is_from_the_middle_of_the_others():
    """Scores without axes: twice the nats of squared distance and of the witness, by `_tails.upper` of both."""
    from driftcli.detectors import _tails

    x, y = X.astype(float), Y.astype(float)
    far = [((x[i] - np.delete(x, i, 0).mean(axis=0)) ** 2).sum() for i in range(23)]
    theirs = ((y - x.mean(axis=0)) ** 2).sum(axis=1)
    middle = X.mean(axis=0)
    crowd = _witness._gathered(X - middle, Y - middle)
    distance = _tails.upper(np.array(far)[:, None], theirs[:, None])
    gathered = _tails.upper(*(side[:, None] for side in crowd))
    for scores, a, b in zip(_witness.scores({}, X, Y), distance, gathered, strict=True):
        assert scores == pytest.approx(a[:, 0] + b[:, 0], rel=1e-4, abs=1e-5)

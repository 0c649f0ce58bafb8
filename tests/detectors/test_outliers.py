"""Upper tails against a slow twin; a minority is found, less strangeness is not."""

import math

import numpy as np
import pytest

from driftcli.core.features import Column
from driftcli.detectors.outliers import Outliers, rank_scores
from driftcli.detectors.univariate import Univariate
from driftcli.stats.minp import joint_p
from driftcli.stats.relabelling import draw
from tests.statistical import plain

COLUMNS = (Column("top"), Column("flat"), Column("tied"))


def sample(seed, n):
    rng = np.random.default_rng(seed)
    return np.stack([rng.normal(size=n), np.ones(n), rng.integers(0, 4, n)], axis=1).astype("f")


def twin(pooled, chosen):
    """Every image's mid-rank by counting, its score, and the difference of means."""
    found = []
    for x in pooled[:, [0, 2]].T:
        scores = []
        for value in x:
            rank = (x < value).sum() + ((x == value).sum() + 1) / 2
            scores.append(math.log(1 - (rank - 0.5) / len(x)) ** 2)
        scores = np.array(scores)
        found.append(scores[chosen].mean() - scores[~chosen].mean())
    return found


def test_equals_its_twin():
    detector, pooled = Outliers(), np.concatenate([sample(1, 80), sample(2, 20)])
    state = detector.fit(sample(0, 50), COLUMNS, 0)
    drawn = draw(80, 20, 20, np.random.default_rng(0))
    values = detector.values(state, pooled, drawn, COLUMNS)
    assert values.shape == (21, 2)
    for b in (0, 7, 20):
        expected = twin(pooled, np.isin(drawn.unit_of, drawn.labels[b]))
        assert values[b] == pytest.approx(expected, abs=1e-5)
    named = detector.describe(state, pooled[:80], pooled[80:], COLUMNS)
    assert [s.name for s in named] == ["top.tail", "tied.tail"]


def test_columns_of_any_range_vary():
    """A probability lies within 0 and 1."""
    x = np.random.default_rng(0).uniform(0.4, 0.6, (40, 2)).astype("f")
    x[:, 1] = 0.5
    detector, columns = Outliers(), (Column("p"), Column("flat"))
    assert detector.names(detector.fit(x, columns, 0), x, columns) == ("p.tail",)


def test_bins_rank_only_the_images_in_the_test():
    """The rest of a bin counts nowhere, whatever its values."""
    detector, pooled = Outliers(), np.concatenate([sample(1, 300), sample(2, 263)])
    state = detector.fit(sample(0, 50), COLUMNS, 0)
    drawn = draw(300, 263, 10, np.random.default_rng(0))
    out = drawn.unit_of < 0
    assert out.any()
    louder = pooled.copy()
    louder[out, 0] += 100
    values = [detector.values(state, x, drawn, COLUMNS) for x in (pooled, louder)]
    assert np.array_equal(values[0], values[1])


def test_scores_grow_with_rank_and_ties_share():
    scores = rank_scores(np.array([3.0, 1.0, 2.0, 2.0]))
    assert scores[1] < scores[2] == scores[3] < scores[0]


def p_value(detector, y, trial):
    columns = (Column("top"),)
    x = np.random.default_rng([9, trial]).normal(size=(300, 1)).astype("f")
    state = detector.fit(np.random.default_rng(5).normal(size=(300, 1)).astype("f"), columns, 0)
    drawn = draw(300, len(y), 499, np.random.default_rng(trial))
    return joint_p(plain(detector.values(state, np.concatenate([x, y]), drawn, columns)))


def batches(shift, few):
    for trial in range(100):
        y = np.random.default_rng([4, trial]).normal(size=(30, 1)).astype("f")
        y[:few] += shift
        yield y, trial


def test_a_third_that_is_strange_is_found_more_often_than_by_whole_distributions():
    """What the statistic is for: 10 of 30 images, two standard deviations up."""
    rates = [
        np.mean([p_value(d, y, t) <= 0.01 for y, t in batches(2.0, 10)]) for d in (Outliers(), Univariate())
    ]
    assert rates[0] > 0.8
    assert rates[0] > rates[1] + 0.1


def test_clean_batches_and_less_strange_ones_pass():
    clean = [p_value(Outliers(), y, t) for y, t in batches(0.0, 10)]
    calm = [p_value(Outliers(), y, t) for y, t in batches(-2.0, 30)]
    assert np.mean(np.array(clean) <= 0.05) <= 0.11  # 99 % binomial bound of 5 %, 100 trials
    assert min(calm) > 0.5


def test_the_effect_is_the_excess_of_the_batch():
    detector, columns = Outliers(), (Column("top"),)
    x, y = (np.random.default_rng(s).normal(size=(n, 1)).astype("f") for s, n in ((1, 2000), (2, 600)))
    y[:200] += 20
    (found,) = detector.describe(detector.fit(x, columns, 0), x, y, columns)
    assert found.effect == pytest.approx(1 / 3, abs=0.06)
    assert 0.2 < found.effect_lower < 1 / 3
    assert found.baseline == pytest.approx(0.05, abs=0.001)
    assert found.batch == pytest.approx(1 / 3 + 0.05 * 2 / 3, abs=0.03)
    (less,) = detector.describe(detector.fit(x, columns, 0), x, x[:300] - 20, columns)
    assert (less.effect, less.effect_lower) == (0.0, 0.0)


def test_a_missing_value_is_the_median():
    detector = Outliers()
    x = sample(1, 60)
    state = detector.fit(x, COLUMNS, 0)
    broken = x.copy()
    broken[3, 0] = np.nan
    own, _ = detector.scores(state, broken, x, COLUMNS)
    assert np.isfinite(own).all()

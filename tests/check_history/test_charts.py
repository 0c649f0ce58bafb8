"""Control charts say what they are worth: their false alarms in a year are simulated, not promised."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.check_history import charts


def test_scores_of_uniform_ranks_are_standard_normal():
    p = np.arange(1, 1001) / 1000
    z = charts.scores(p, np.full(1000, 999.0))
    assert z.mean() == pytest.approx(0, abs=1e-9)
    assert z.std() == pytest.approx(1, abs=0.01)
    assert (np.diff(z) < 0).all()


@pytest.mark.parametrize("p", [1.0, 1 / 1000])
def test_the_smallest_and_the_largest_p_have_finite_scores(p):
    assert np.isfinite(charts.scores(np.array([p]), np.array([999.0]))).all()


def test_the_charts_are_their_textbook_recursions():
    """Slow twins: the weighted sum written out, and Page's maximum over all starts."""
    z = np.random.default_rng(2).normal(0.3, 1, 30)
    weighted = [sum(0.2 * 0.8 ** (t - s) * z[s] for s in range(t + 1)) for t in range(30)]
    assert charts.ewma(z) == pytest.approx(np.array(weighted))
    page = [max(0, *((z[s : t + 1] - 0.5).sum() for s in range(t + 1))) for t in range(30)]
    assert charts.cusum(z) == pytest.approx(np.array(page))


def test_the_shewhart_rate_is_the_binomial_one():
    """1 − (1 − q)^365 with q the attainable tail beyond 3 sigma."""
    p = np.arange(1, 10_001) / 10_000
    q = (charts.scores(p, np.full(10_000, 9_999.0)) > 3).mean()
    rate = charts.yearly("shewhart", 9_999, 365)
    exact = 1 - (1 - q) ** 365
    assert abs(rate - exact) < 4 * (exact * (1 - exact) / charts.YEARS) ** 0.5


def test_rates_are_the_same_every_time_and_grow_with_the_year():
    for name in charts.CHARTS:
        assert charts.yearly(name, 999, 100) < charts.yearly(name, 999, 730)
        assert charts.yearly.__wrapped__(name, 999, 100) == charts.yearly(name, 999, 100)

"""What is said of each scalar - values, shares, bounds - against its definition, kind by kind."""

from __future__ import annotations

import math

import numpy as np
import pytest

from driftcli.core.features import Column
from driftcli.detectors import _scalars
from driftcli.detectors.outliers import Outliers
from driftcli.detectors.reconstruction import Reconstruction
from driftcli.detectors.univariate import Univariate
from driftcli.stats.relabelling import draw

COLUMNS = (
    Column("level"),
    Column("hue", "circular"),
    Column("format", "category"),
    Column("flat"),
    Column("dull"),
)


def sample(seed, n, moved=0):
    """`moved` of n images come from elsewhere: brighter, of another hue and another format."""
    rng = np.random.default_rng(seed)
    x = np.stack(
        [rng.normal(size=n), rng.random(n) / 3, rng.integers(0, 3, n), np.ones(n), rng.normal(size=n)], axis=1
    )
    x[:moved, 0] += 9
    x[:moved, 1] += 0.5
    x[:moved, 2] = 2
    x[rng.random(n) < 0.1, 0] = np.nan
    return x.astype("f")


F, C, Y = sample(0, 300), sample(1, 250), sample(2, 120, moved=90)


def grid(j):
    """Edges of F that tell pooled images apart, and both sides' distribution functions there."""
    edges = np.unique(
        np.quantile(F[np.isfinite(F[:, j]), j].astype(float), (np.arange(64) + 0.5) / 64)
    ).astype("f")
    fill = np.float32(np.median(F[np.isfinite(F[:, j]), j].astype(float)))
    x, y = (np.where(np.isfinite(side[:, j]), side[:, j], fill) for side in (C, Y))
    below = [np.array([(side <= edge).mean() for edge in edges]) for side in (x, y)]
    return below[1] - below[0]


def described():
    detector = Univariate()
    return {s.name: s for s in detector.describe(detector.fit(F, COLUMNS, 0), C, Y, COLUMNS)}


WIDTH = math.sqrt(math.log(2 * 5 / 0.05) / 2) * (1 / math.sqrt(120) + 1 / math.sqrt(250))
"""Five scalars: level, level.missing, hue, format, dull."""


def test_the_width_is_massarts_for_both_sides_over_all_scalars():
    assert _scalars.dkw_width(250, 120, 5) == pytest.approx(WIDTH)
    assert _scalars.dkw_width(250, 120, 0) == _scalars.dkw_width(250, 120, 1)


def test_a_number():
    level, delta = described()["level"], grid(0)
    assert level.effect == pytest.approx(np.abs(delta).max())
    assert level.effect_lower == pytest.approx(np.abs(delta).max() - WIDTH)
    assert level.effect_lower > 0
    assert (level.baseline, level.batch) == pytest.approx((np.nanmedian(C[:, 0]), np.nanmedian(Y[:, 0])))
    shift = (np.nanmean(Y[:, 0], dtype=float) - np.nanmean(C[:, 0], dtype=float)) / np.nanstd(
        C[:, 0], dtype=float
    )
    assert (level.display_effect.kind, level.display_effect.value) == ("sd_shift", pytest.approx(shift))
    dull = described()["dull"]
    assert dull.effect == pytest.approx(np.abs(grid(4)).max())
    assert dull.effect_lower == 0


def test_an_angle_pays_twice_for_an_arc():
    """Kuiper: the largest excess of either side, added up; its bound, or that of one half-line."""
    hue, delta = described()["hue"], grid(1)
    arc = max(delta.max(), 0) + max((-delta).max(), 0)
    assert hue.effect == pytest.approx(arc)
    assert hue.effect_lower == pytest.approx(max(np.abs(delta).max() - WIDTH, arc - 2 * WIDTH))
    assert hue.baseline == pytest.approx(_scalars.circular_mean(C[:, 1].astype(float)))
    turn = hue.display_effect
    assert turn.kind == "turn_shift"
    assert turn.value == pytest.approx((hue.batch - hue.baseline + 0.5) % 1 - 0.5)
    assert 0.2 < abs(turn.value) <= 0.5


def test_levels_count_as_an_order_of_codes():
    """Effect: total variation. Bound: half-lines of codes once, intervals of them twice."""
    level = described()["format"]
    x, y = (np.array([(side[:, 2] == code).mean() for code in range(3)]) for side in (C, Y))
    assert level.effect == pytest.approx(np.abs(y - x).sum() / 2)
    steps = np.cumsum(y - x)
    between = max(steps.max(), 0) + max(-steps.min(), 0)
    expected = max(np.abs(steps).max() - WIDTH, between - 2 * WIDTH)
    assert expected > 0
    assert level.effect_lower == pytest.approx(expected)
    assert (level.baseline, level.batch, level.display_effect.value) == (None, None, 0.0)


def test_an_interval_of_levels_can_be_what_the_bound_rests_on():
    """The middle one of three levels empties to both sides: half-lines see half of it."""
    c, y = (np.repeat([0, 1, 2], counts).astype("f")[:, None] for counts in ((0, 900, 0), (450, 0, 450)))
    columns = (Column("format", "category"),)
    detector = Univariate()
    (found,) = detector.describe(detector.fit(c, columns, 0), c, y, columns)
    width = math.sqrt(math.log(2 / 0.05) / 2) * 2 / 30
    assert found.effect == pytest.approx(1.0)
    assert found.effect_lower == pytest.approx(1 - 2 * width)
    assert found.display_effect.value == 1.0, "all images of the batch are of levels that C lacks"


def test_missing_values_are_shares():
    missing = described()["level.missing"]
    x, y = (float(np.isnan(side[:, 0]).mean()) for side in (C, Y))
    assert (missing.baseline, missing.batch) == pytest.approx((x, y))
    assert missing.effect == pytest.approx(abs(y - x))
    assert missing.effect_lower == 0
    assert (missing.display_effect.kind, missing.display_effect.value) == (
        "share_shift",
        pytest.approx(y - x),
    )


@pytest.mark.parametrize("side", [0, 1])
def test_a_side_without_any_value_has_none_to_show(side):
    sides = [C.copy(), Y.copy()]
    sides[side][:, 0] = np.nan
    detector = Univariate()
    level = detector.describe(detector.fit(F, COLUMNS, 0), *sides, COLUMNS)[0]
    assert (level.name, level.baseline, level.batch, level.display_effect) == ("level", None, None, None)


def test_circular_means():
    assert _scalars.circular_mean(np.array([0.2, 0.3])) == pytest.approx(0.25)
    assert _scalars.circular_mean(np.array([0.9, 0.2])) == pytest.approx(0.05)
    assert _scalars.circular_mean(np.array([0.7, 0.8, 0.9])) == pytest.approx(0.8)


def test_edges_and_medians_come_from_the_finite_values_of_f():
    state = _scalars.learn(F, COLUMNS)
    known = F[np.isfinite(F[:, 0]), 0].astype(float)
    assert state["edges"].shape == (5, 64)
    assert state["edges"][0] == pytest.approx(np.quantile(known, (np.arange(64) + 0.5) / 64))
    assert state["median"][0] == pytest.approx(np.median(known))
    assert not state["edges"][2].any(), "categories need none"


def test_edges_beyond_all_pooled_images_do_not_thin_the_statistic():
    """The mean is over the edges that tell images apart: where C and the batch lie within F, too."""
    detector, columns = Univariate(), (Column("level"),)
    state = detector.fit(F[:, :1], columns, 0)
    x = np.clip(np.nan_to_num(np.concatenate([C, Y])[:, :1]), -0.5, 0.5)
    values = detector.values(state, x, draw(250, 120, 3, np.random.default_rng(0)), columns)
    edges = [e for e in np.unique(state["edges"][0]).astype("f") if 0 < (x <= e).mean() < 1]
    assert len(edges) < 40
    a, b, p = (np.array([(side <= e).mean() for e in edges]) for side in (x[:250], x[250:], x))
    assert values[0, 0] == pytest.approx(math.sqrt(((a - b) ** 2 / (p * (1 - p))).mean()), rel=1e-4)


def test_rare_levels_share_an_indicator():
    """63 common ones and the rest; where there are no more than 63, the rest is empty and is dropped."""
    many, few = np.arange(80).repeat(np.arange(80) + 1), np.arange(63).repeat(2)
    columns = (Column("camera", "category"),)
    state = {"edges": np.zeros((1, 1)), "median": np.zeros(1)}
    for codes, kept in ((many, 64), (few, 63)):
        (scalar,) = _scalars.scalars(state, codes[:, None].astype("f"), columns)
        assert scalar.indicators.shape == (len(codes), kept)
        assert (scalar.indicators.sum(axis=1) == 1).all()
        assert scalar.indicators[:, 63:].sum() == (codes < 17).sum() * (kept == 64)


def test_an_image_outside_the_bins_may_be_the_only_one_that_varies():
    """Then its column is constant in the test: weights are clipped and the statistic is 0, not a division by 0."""
    x = np.ones((563, 1), "f")
    drawn = draw(300, 263, 10, np.random.default_rng(0))
    x[np.flatnonzero(drawn.unit_of < 0)[0]] = 2.0
    detector, columns = Univariate(), (Column("level"),)
    values = detector.values({"edges": np.ones((1, 1)), "median": np.ones(1)}, x, drawn, columns)
    assert values.shape == (11, 1)
    assert (values == 0).all()


def test_if_shifted_is_the_statistic_on_all_of_fs_edges():
    detector = Univariate()
    state = detector.fit(F, COLUMNS, 0)
    shifts = np.array([-0.4, 0.0, 2.0])
    edges = np.unique(state["edges"][4])
    x, y = C[:, 4].astype(float), Y[:, 4].astype(float)
    for shift, value in zip(shifts, detector.if_shifted(state, C, Y, 4, shifts), strict=True):
        a = np.array([(x <= e).mean() for e in edges])
        b = np.array([(y + shift <= e).mean() for e in edges])
        p = np.clip((250 * a + 120 * b) / 370, 0.5 / 370, 1 - 0.5 / 370)
        assert value == pytest.approx(math.sqrt(((a - b) ** 2 / (p * (1 - p))).mean()))


def test_if_shifted_fills_a_missing_value_before_it_moves():
    detector = Univariate()
    state = detector.fit(F, COLUMNS, 0)
    fill = np.float32(state["median"][0])
    filled = [np.where(np.isfinite(side), side, fill) for side in (C, Y)]
    shifts = np.array([0.5, 1.0])
    assert detector.if_shifted(state, C, Y, 0, shifts) == pytest.approx(
        detector.if_shifted(state, *filled, 0, shifts)
    )


# ---------------------------------------------------------------- errors and tails


def test_reconstruction_adds_the_means_in_fs_spread():
    """Statistic: |difference of means| / F's sd. Shown: means, and their difference in C's sd."""
    columns = COLUMNS[:1] + COLUMNS[4:]
    f, c, y = (np.nan_to_num(side)[:, [0, 4]] for side in (F, C, Y))
    detector = Reconstruction()
    state = detector.fit(f, columns, 0)
    drawn = draw(250, 120, 5, np.random.default_rng(0))
    pooled = np.concatenate([c, y])
    values = detector.values(state, pooled, drawn, columns)
    for b in range(6):
        chosen = np.isin(drawn.unit_of, drawn.labels[b])
        away = pooled[chosen].mean(axis=0, dtype=float) - pooled[~chosen].mean(axis=0, dtype=float)
        assert values[b, 2:] == pytest.approx(np.abs(away) / f.std(axis=0, dtype=float), abs=1e-5)
    for j, statistic in enumerate(detector.describe(state, c, y, columns)[2:]):
        x, z = c[:, j].astype(float), y[:, j].astype(float)
        assert (statistic.baseline, statistic.batch) == pytest.approx((x.mean(), z.mean()))
        assert statistic.display_effect.value == pytest.approx((z.mean() - x.mean()) / x.std())
        assert (statistic.effect, statistic.effect_lower) == (None, None)


def test_the_tail_of_a_column_is_bounded_like_a_half_line():
    """Effect: the largest excess of the batch above any height; shown: shares above C's 95 % quantile."""
    columns = COLUMNS[:1] + COLUMNS[3:]
    c, y = (np.nan_to_num(side)[:, [0, 3, 4]] for side in (C, Y))
    detector = Outliers()
    tail, dull = detector.describe(detector.fit(c, columns, 0), c, y, columns)
    width = math.sqrt(math.log(2 * 2 / 0.05) / 2) * (1 / math.sqrt(120) + 1 / math.sqrt(250))
    heights = np.unique(np.concatenate([c[:, 0], y[:, 0]]))
    excess = max((y[:, 0] > h).mean() - (c[:, 0] > h).mean() for h in heights)
    assert tail.effect == pytest.approx(excess)
    assert tail.effect_lower == pytest.approx(excess - width)
    assert 0 < dull.effect < 0.2
    assert dull.effect_lower == 0
    far = np.quantile(c[:, 0].astype(float), 0.95)
    x, z = (float((side[:, 0] > far).mean()) for side in (c, y))
    assert (tail.baseline, tail.batch, tail.display_effect.value) == pytest.approx((x, z, z - x))


def test_outliers_learn_medians_of_finite_values():
    f = np.array([[1.0, np.nan, np.inf], [5.0, np.nan, 2.0], [3.0, np.nan, 4.0]], "f")
    assert Outliers().fit(f, COLUMNS[:3], 0)["median"].tolist() == [3.0, 0.0, 3.0]

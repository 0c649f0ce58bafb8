"""What good groups (days, shifts, cameras) of a baseline differ by, and how far a batch lies from them: `--tolerance auto`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.config.settings import GateSettings
from driftcli.core.errors import UsageError
from driftcli.core.features import Features
from driftcli.core.sight import MOST_TOLERATED, GoodDays
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline
from driftcli.stats import minp
from driftcli.stats.relabelling import draw

# D good days and the batch make D + 1 days. Any two of them are compared by the statistics of the gate; what counts of a day is
# how far it is from the nearest other one, in each statistic. Every day is treated alike: if the batch is one more day of
# the same kind, each of the D + 1 is as likely as any other to be the farthest (if days are exchangeable: no trend, no season
# that the good days lack). "Farther than all" therefore happens to a normal day once in D + 1 times, whatever alpha is:
# with five days no rule can promise more without assuming a distribution.
# The nearest, not all others pooled: among many good days the most unusual one is far from the rest, and a new fault
# can hide behind it; on any weather it is far from its own kind of day (tests/benchmarks/good_days.py).
# All days enter with the same number of images, so that size makes none of them far.
# The share of images that differ says little here: two days of other light can differ in nearly all of their images.
# Where good days differ by more than MOST_TOLERATED, or are smaller than the batch, it decides nothing.

LEAST_DAYS, LEAST_IMAGES = 5, 5
"""Good days that `auto` needs (contract), and images that make a day."""
LARGE = 0.3
"""A tolerance above which something is said of it."""
ENOUGH_DAYS = 10
"""From so many days on a normal day is farther than all others less than once in ten times."""
IMAGES, ROWS = 200, 3_000
"""Images of a day, and of all days together, that are compared at most: every pair of them costs a kernel."""
LEAST_RATIO = 1e-3
"""The smallest distance that counts, in medians of such distances: two days that agree in one statistic are not endlessly near."""
NOTHING = 1e-12
"""A distance that is none but for the rounding of sums."""
MOST_DAYS = 40
"""Good days that are compared at most, those of the most images: a check takes time for every two of them."""


@dataclass(frozen=True)
class Measured:
    """What the days of a baseline allow, and where the batch lies."""

    tolerance: float
    days: GoodDays | None
    """None where the baseline remembers no days, only what they differ by (made by 0.1.0 of other readings)."""

    def outcome(self, verdict: minp.Verdict, alpha: float) -> Literal["pass", "warn", "drift"]:
        """The verdict's word, where `verdict` was judged with this tolerance."""
        if self.days is None or verdict.p_value > alpha:
            return verdict.outcome
        if self.days.farther:
            return "drift"
        beyond = self.days.share_decides and any(
            f.gate == "on" and f.significant and (f.effect_lower or 0.0) > self.tolerance
            for f in verdict.families
        )
        return "drift" if beyond else "warn"


def require(gate: GateSettings, baseline: Baseline) -> None:
    """Raise UsageError where `--tolerance auto` is asked of a baseline with too few good days."""
    if gate.tolerance != "auto":
        return
    count = len(_days(baseline.features)) or len(baseline.facts.get("group_effects") or {})
    if count < LEAST_DAYS:
        raise UsageError(
            f"--tolerance auto needs at least {LEAST_DAYS} baseline groups and this one has {count}",
            "run driftcli baseline ARTIFACT GOOD_DAY_1 GOOD_DAY_2 ... with five or more good groups",
        )


def measure(gate: GateSettings, baseline: Baseline, tested: Features) -> Measured | None:
    """The tolerance that the good days allow, and the batch among them; None unless `--tolerance auto` asks for it.

    Raises as `require`.
    """
    if gate.tolerance != "auto":
        return None
    require(gate, baseline)
    days = _days(baseline.features)
    if not days:
        effects = list(baseline.facts["group_effects"].values())
        return Measured(min(float(np.quantile(effects, 0.95)), MOST_TOLERATED), None)
    families = [f for f in baseline.families if f.gate == "on" and f.view in baseline.features.views]
    differ = {day: _differ(families, baseline.features, rows, len(tested)) for day, rows in days.items()}
    largest = max(differ.values())
    found = _among(families, baseline.features, days, tested, largest)
    return Measured(min(largest, MOST_TOLERATED), found)


def _days(held_out: Features) -> dict[str, NDArray[np.int64]]:
    """Positions of each good day's images, names ascending; days of fewer than five images are none."""
    if held_out.group is None:
        return {}
    names = np.asarray(held_out.group, object)
    kept = sorted(day for day, count in Counter(held_out.group).items() if count >= LEAST_IMAGES)
    return {day: np.flatnonzero(names == day) for day in kept}


def _differ(families: list[Family], held_out: Features, rows: NDArray[np.int64], size: int) -> float:
    """The share of images in which a day surely differs from all others: the lower bound that a batch of it would have."""
    day = rows[:size]
    others = np.setdiff1d(np.arange(len(held_out)), rows)
    bounds = [
        statistic.effect_lower or 0.0
        for f in families
        for statistic in f.detector.describe(
            f.state, held_out.views[f.view][others], held_out.views[f.view][day], f.columns
        )
    ]
    return max(bounds, default=0.0)


def _among(
    families: list[Family],
    held_out: Features,
    days: dict[str, NDArray[np.int64]],
    tested: Features,
    differ: float,
) -> GoodDays:
    """The batch among the good days: each one's distance from all others."""
    kept = sorted(days, key=lambda day: (-len(days[day]), day))[:MOST_DAYS]
    size = min(len(tested), IMAGES, ROWS // (len(kept) + 1), *(len(days[day]) for day in kept))
    chosen = np.concatenate([days[day][:size] for day in kept])
    views = {
        f.view: np.concatenate([tested.views[f.view][:size], held_out.views[f.view][chosen]])
        for f in families
    }
    far = distances(families, views, len(kept) + 1)
    farthest = 1 + int(far[1:].argmax())
    return GoodDays(
        days=len(kept),
        images=size,
        differ=differ,
        distance=float(far[0]),
        farthest=float(far[farthest]),
        farthest_day=kept[farthest - 1],
        p_value=float((far >= far[0]).mean()),
        farther=bool(far[0] > far[farthest]),
        share_decides=differ <= MOST_TOLERATED and min(map(len, days.values())) >= len(tested),
    )


def distances(
    families: list[Family], views: dict[str, NDArray[np.float32]], days: int
) -> NDArray[np.float64]:
    """[days]: how far each day lies from the nearest other; 0 is the mean of the days, 1 about a standard deviation of them.

    `views`: [days x size, d] each, day by day. The order of days does not matter.
    """
    return farness(tables(families, views, days))


def tables(
    families: list[Family], views: dict[str, NDArray[np.float32]], days: int
) -> list[NDArray[np.float64]]:
    """By how much every two days differ in each statistic: [days, days, statistics], two for each family.

    Of named columns the differences of their means count as a family more: distances of distributions on a grid of F's
    quantiles end at its edges, and a night is darker than a dull day all the same.
    """
    return [by(f, views[f.view], days) for f in families for by in (_by_detector, _between_means)]


def farness(apart: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """[days]: how far each day lies from the nearest other, from `tables`.

    Mean of two scores, each standardised over the days. Of a family's statistics the mean, of families the largest:
    (1) of the distances in sd of all days' ones; (2) of log(distance / the days' median).
    """
    # With few days z hardly tells far from very far: one of n values is never more than sqrt(n - 1) sd away, 2.2 for six. The log
    # does, and finds a defocus that all of a family's statistics see a little of; but a night at the end of a grid
    # shows in z of few statistics (tests/benchmarks/good_days.py, even days).
    z, log, days = [], [], len(apart[0])
    for table in apart:
        away = table.copy()
        away[np.arange(days), np.arange(days)] = np.inf
        nearest = away.min(axis=1)
        standard = minp.standardise(nearest)
        if standard.any():
            z.append(minp.standardise(standard.mean(axis=1)[:, None])[:, 0])
        median = np.median(nearest, axis=0)
        said = median > NOTHING
        if said.any():
            log.append(np.log(np.maximum(nearest[:, said] / median[said], LEAST_RATIO)).mean(axis=1))
    if not z:
        return np.zeros(days)
    scores = [np.max(z, axis=0), *([np.max(log, axis=0)] if log else [])]
    return np.asarray(minp.standardise(np.stack(scores, axis=1)).mean(axis=1), np.float64)


def _by_detector(f: Family, x: NDArray[np.float32], days: int) -> NDArray[np.float64]:
    """[days, days, statistics]: the detector's statistics of every two days; 0 where one says nothing of them."""
    size = len(x) // days
    rows = np.arange(len(x)).reshape(days, size)
    among = f.detector.among(f.state, x, f.columns)
    drawn = draw(size, size, 1, np.random.default_rng(0))
    observed = replace(drawn, labels=drawn.labels[:1])
    places: dict[str, int] = {}
    found: dict[tuple[int, int], dict[str, float]] = {}
    for one in range(days):
        against = among.against(rows[one])
        for other in range(one + 1, days):
            names = against.names(rows[other])
            found[one, other] = dict(zip(names, against.values(rows[other], observed)[0], strict=True))
            for name in names:
                places.setdefault(name, len(places))
    table = np.zeros((days, days, len(places)))
    for (one, other), values in found.items():
        for name, value in values.items():
            table[one, other, places[name]] = table[other, one, places[name]] = value
    return table


def _between_means(f: Family, x: NDArray[np.float32], days: int) -> NDArray[np.float64]:
    """[days, days, linear columns]: by how much the days' means of each column differ; 0 where a day has no value."""
    linear = [j for j, column in enumerate(f.columns) if column.kind == "linear"]
    values = x[:, linear].astype(np.float64).reshape(days, len(x) // days, len(linear))
    there = np.isfinite(values)
    mean = np.where(there, values, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    known = there.sum(axis=1) > 0
    apart: NDArray[np.float64] = np.abs(mean[:, None] - mean[None]) * (known[:, None] & known[None])
    return apart


def cautions(measured: Measured) -> list[str]:
    """What cannot be known with these days, and a tolerance that lets much through."""
    days, said = measured.days, []
    if days is None:
        said.append(
            "this baseline remembers what its good groups differ by, but not which images are of which group: a batch "
            "farther away than any of them is not found; run driftcli baseline again"
        )
    elif days.days < ENOUGH_DAYS:
        said.append(
            f"with {days.days} good groups a normal one is farther from them than any of them from the others once in "
            f"{days.days + 1} times: calibrate on {ENOUGH_DAYS} or more"
        )
    if days is not None and days.differ > MOST_TOLERATED:
        said.append(
            f"good groups differ from one another in up to {days.differ:.0%} of their images: no share of images tells "
            f"a bad one, and only a batch that is farther away than all of them is drift; calibrate on good groups "
            "under conditions that are alike (one baseline for day, one for night), or on more of them"
        )
    elif measured.tolerance > LARGE:
        said.append(
            f"good groups differ so much that {measured.tolerance:.0%} of the images may differ without drift: calibrate "
            "on groups under conditions that are alike (one baseline for day, one for night)"
        )
    return said


def reason(days: GoodDays) -> str:
    """Where the batch lies among the good groups, in words."""
    far = f"{days.distance:.1f} against {days.farthest:.1f} of {days.farthest_day}, in sd of such distances"
    if days.farther:
        return f"it lies farther from each of the {days.days} good groups than any of them from the nearest other ({far})"
    return f"of the {days.days} good groups one at least lies as far from the nearest other ({far})"

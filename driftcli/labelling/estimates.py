"""Accuracy, and what belongs to it, from a sample whose inclusion probabilities are known; each with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

Z = 1.959963984540054
"""Standard deviations to either side that hold 95 % of a normal distribution."""
DOUBTED, FAR_OFF = 2.0, 3.0
"""Standard errors between the score's mean and the labels' estimate from which rare and heavy labels decide, so that Student's quantile
is taken for the normal one; and from which the score is fitted to the labels."""
FEW = 10
"""Effective labels below which nothing is said of a class."""


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval; `labels`: as how many independent labels those that it rests on count."""

    value: float
    low: float
    high: float
    labels: float
    se: float


def wilson(share: float, n: float, z: float = Z) -> tuple[float, float]:
    """The score interval of a share of n (Wilson 1927), which need not be whole; (0, 1) for n = 0.

    Never Wald's, which has no width where no error was seen.
    """
    if n <= 0:
        return 0.0, 1.0
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def effective(weight: Floats) -> float:
    """As how many equal labels weighted ones count: (sum w)^2 / sum w^2 (Kish 1965); 0 of none."""
    square = float((weight**2).sum())
    return float(weight.sum()) ** 2 / square if square else 0.0


def difference(
    right: Floats,
    taken: Places,
    probability: Floats,
    correctness: Floats,
    *,
    noise: Floats | None = None,
) -> Estimate:
    """Accuracy of N images: the mean correctness score of all, corrected by what the n labels say about it.

    `right`: [n], 1 where the model is right, or the chance that it is; `taken`: [n], their positions; `probability`, `correctness`: [N]
    (Särndal, Swensson & Wretman 1992, section 6.3). Unbiased whatever the score is worth. Where the labels lie farther from it than
    chance would have it (`FAR_OFF`), its level and slope are fitted to them first: a score that is wrong by so much is noise. The variance is
    Hájek's for a sample of fixed size, from the labels; where the score expects more, half of the way to that, for fifty labels of
    a good model may hold no error at all. `noise`: [n], variances of `right` beside that of sampling. Not below 0, not above 1.
    """
    chance = probability[taken]
    labels = effective(1 / chance)
    value, seen = _by_difference(right, taken, probability, correctness)
    known, reach = correctness, Z
    off = abs(value - float(correctness.mean())) / np.sqrt(seen) if seen else 0.0
    if off > DOUBTED:
        reach = student(labels - 1)
    if off > FAR_OFF:
        known = _refitted(right, taken, chance, correctness)
        value, seen = _by_difference(right, taken, probability, known)
        seen *= (len(right) - 1) / max(len(right) - 2, 1)
    variance = seen + 0.5 * max(expected_variance(probability, known.clip(0, 1)) - seen, 0.0)
    if noise is not None:
        variance += float((noise / (chance * len(probability)) ** 2).sum())
    return _normal(value, variance, labels, reach)


def _by_difference(
    right: Floats, taken: Places, probability: Floats, correctness: Floats
) -> tuple[float, float]:
    """The estimate, and its variance as the labels have it."""
    chance, total = probability[taken], len(probability)
    parts = (right - correctness[taken]) / (chance * total)
    return float(correctness.mean() + parts.sum()), sampling_variance(parts, chance)


def _refitted(right: Floats, taken: Places, chance: Floats, correctness: Floats) -> Floats:
    """[N]: level and slope of the score as the labels have them (the generalised regression estimator, Särndal et al. 1992, section 6.4)."""
    weight, here = 1 / chance, correctness[taken]
    centre, level = np.average(here, weights=weight), np.average(right, weights=weight)
    square = float((weight * (here - centre) ** 2).sum())
    slope = 0.0 if square == 0 else float((weight * (here - centre) * (right - level)).sum()) / square
    found: Floats = level + min(max(slope, 0.0), 2.0) * (correctness - centre)
    return found


def student(free: float) -> float:
    """The 97.5 % quantile of Student's t with so many degrees of freedom, 3 at least (Fisher's expansion; .01 too low at 5)."""
    nu, z = max(free, 3.0), Z
    return z + (z**3 + z) / (4 * nu) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * nu**2)


def sampling_variance(parts: Floats, chance: Floats) -> float:
    """Variance of the sum of n parts, each there with its chance, for a fixed n (Hájek 1964); 0 where all are certain."""
    free = 1 - chance
    if len(parts) < 2 or free.sum() == 0:  # noqa: PLR2004 - one part has no spread
        return 0.0
    centre = (free * parts).sum() / free.sum()
    return float((free * (parts - centre) ** 2).sum() * len(parts) / (len(parts) - 1))


def expected_variance(probability: Floats, correctness: Floats) -> float:
    """Variance of `difference` before any label is seen, if the correctness score is right."""
    spread = correctness * (1 - correctness)
    return float(((1 - probability) / probability * spread).sum() / len(probability) ** 2)


def ppi(right: Floats, taken: Places, correctness: Floats) -> Estimate:
    """Accuracy of N images from n taken with equal chances: PPI++ (Angelopoulos, Duchi & Zrnic, arXiv 2311.01453).

    As `difference`, with the score counted by as much as it is worth: a share of 0 leaves the mean of the labels.
    """
    n, total = len(right), len(correctness)
    here, free = correctness[taken], 1 - n / total
    share = 0.0
    if n > 1 and here.std() > 0:
        cov = float(np.cov(right, here)[0, 1])
        share = float(np.clip(cov / ((1 + n / total) * correctness.var()), 0, 1))
    value = float(right.mean() + share * (correctness.mean() - here.mean()))
    left = right - share * here
    seen = float(left.var(ddof=1)) * free / n if n > 1 else 0.0
    low, high = wilson(float(right.mean()), n / free if free else np.inf)
    none = ((high - low) / (2 * Z)) ** 2 if seen == 0 and free else 0.0
    return _normal(value, max(seen, none), n)


def mean(right: Floats, weight: Floats, sampled: float = 0.0, *, noise: Floats | None = None) -> Estimate:
    """A weighted share (Hájek 1971) with Wilson's interval on the effective number of labels.

    `right`: [n] in [0, 1]; `weight`: [n], inverse inclusion probabilities. `sampled`: the share of all images that is labelled: what is
    known of all has no error. Raises ValueError for no labels.
    """
    if not len(right):
        raise ValueError("no labels")
    count = effective(weight)
    value = float(np.average(right, weights=weight))
    if sampled >= 1 and noise is None:
        return Estimate(value, value, value, count, 0.0)
    low, high = wilson(min(max(value, 0.0), 1.0), count / (1 - sampled) if sampled < 1 else np.inf)
    half, extra = (high - low) / (2 * Z), 0.0
    if noise is not None:
        extra = float((noise * (weight / weight.sum()) ** 2).sum())
    wider = np.sqrt(half**2 + extra) / half if half else 1.0
    if extra and not half:
        low, high = value - Z * np.sqrt(extra), value + Z * np.sqrt(extra)
    centre = (low + high) / 2
    reach = (high - low) / 2 * wider
    return Estimate(
        value,
        max(0.0, centre - reach),
        min(1.0, centre + reach),
        count,
        float(np.hypot(half, np.sqrt(extra))),
    )


def ratio(part: Floats, whole: Floats, weight: Floats) -> Estimate | None:
    """Weighted sum of `part` over that of `whole`, [n] each: a share within a part of the images; None below ten effective labels.

    `whole`: 1 inside and 0 outside, or estimates of that; `part`: of those that count. Wilson's interval on so many labels as the linearised
    variance (Särndal et al. 1992, section 5.6) says that they are worth, at most the effective number inside (as Korn & Graubard 1998).
    """
    inside = whole.clip(0, 1)
    square = float((weight**2 * inside).sum())
    count = float((weight * inside).sum()) ** 2 / square if square else 0.0
    total = float((weight * whole).sum())
    if count < FEW or total <= 0:
        return None
    raw = float((weight * part).sum()) / total
    value = min(max(raw, 0.0), 1.0)
    off = weight * (part - raw * whole) / total
    variance = float((off**2).sum()) * len(off) / (len(off) - 1)
    smooth = (value * count + 2) / (count + 4)  # a share of 0 or 1 has no spread, which proves nothing
    worth = min(count, smooth * (1 - smooth) / variance) if variance else count
    low, high = wilson(value, worth)
    return Estimate(value, low, high, worth, (high - low) / (2 * Z))


@dataclass(frozen=True)
class OfClass:
    """How well one class is told from the others; None where too few labels say."""

    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None


def of_class(is_it: Floats, said: Floats, weight: Floats) -> OfClass:
    """Precision, recall and F1 of a class: [n] whether images are of it (or estimates of that), and whether they are taken for it.

    F1 = 2J / (1 + J), J the share of hits among images that are of the class or taken for it: its interval is J's, carried over.
    """
    hit = is_it * said
    jaccard = ratio(hit, is_it + said - hit, weight)
    return OfClass(ratio(hit, said, weight), ratio(hit, is_it, weight), _dice(jaccard))


def _dice(of: Estimate | None) -> Estimate | None:
    if of is None:
        return None
    value, low, high = (2 * share / (1 + share) for share in (of.value, of.low, of.high))
    return Estimate(value, low, high, of.labels, (high - low) / (2 * Z))


def drop(now: Estimate, before: float, labels: float | None) -> Estimate:
    """How much lower accuracy is than a baseline's share of right answers among so many labels (None: taken as exact)."""
    low, high = (before, before) if labels is None else wilson(before, labels)
    value = before - now.value
    # Newcombe 1998, method 10: each end from the ends of the two intervals that lead to it
    below = np.hypot(before - low, now.high - now.value)
    above = np.hypot(high - before, now.value - now.low)
    return Estimate(value, float(value - below), float(value + above), now.labels, now.se)


def _normal(value: float, variance: float, labels: float, reach: float = Z) -> Estimate:
    """An interval from a variance, and the value, within [0, 1]. `reach`: standard errors to either side."""
    se = float(np.sqrt(max(variance, 0.0)))
    value, low, high = (
        min(max(number, 0.0), 1.0) for number in (value, value - reach * se, value + reach * se)
    )
    return Estimate(value, low, high, labels, se)

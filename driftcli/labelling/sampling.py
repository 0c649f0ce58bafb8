"""Which images are labelled: inclusion probabilities, strata, and a sample of fixed size that keeps to them.

An image whose answer is nearly certain tells little about accuracy, and is taken seldom; one that could be right or wrong
is taken often, and counts for less. Each image's probability of being taken is known, so the estimate stays unbiased
(Horvitz & Thompson 1952; active inference: Zrnic & Candès, arXiv 2403.03208).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Kind = Literal["by correctness", "uniform"]

UNIFORM_SHARE = 0.5
"""Of the probability that every image has alike: so much is insured against a correctness score that is wrong."""
DRIFTED_IMAGES = 0.1
"""Share of a day's images that are the stratum of its most drifted ones."""
DRIFTED_BUDGET = 0.2
"""Share of a day's labels that this stratum has at least, as far as it has images."""
_NEARLY_ONE = 1 - 1e-9


@dataclass(frozen=True)
class Design:
    """A sample and the chances it was drawn with."""

    kind: Kind
    probability: Floats
    """[N]: of each image to be in the sample, above 0; 1 for one that is taken for certain."""
    stratum: Places
    """[N]: within each, the size of the sample is fixed."""
    drifted: NDArray[np.bool_]
    """[N]: whether an image's stratum is one of most drifted images."""
    taken: Places
    """[n]: positions of the sample, in random order: any beginning of it is a sample too."""


def weights(correctness: Floats, uniform: float = UNIFORM_SHARE) -> Floats:
    """How often each image should be taken, relative to the others: [N], above 0, mean 1.

    `correctness`: [N], the estimated chance that the model is right. sqrt(c(1-c)) is the best choice where c is right
    (Neyman 1934); `uniform` is the share of the mean that all images have alike.
    """
    spread = np.sqrt(np.clip(correctness * (1 - correctness), 0, None))
    mean = spread.mean()
    if mean == 0:
        return np.ones_like(spread)
    even: Floats = uniform + (1 - uniform) * spread / mean
    return even


def probabilities(weight: Floats, n: int) -> Floats:
    """Inclusion probabilities in proportion to the weights: [N], their sum n, none above 1.

    What would have more than 1 is taken for certain, and the rest is shared among the others. Raises ValueError for more than N.
    """
    if not 0 <= n <= len(weight):
        raise ValueError(f"{n} of {len(weight)} images")
    found = np.zeros(len(weight))
    free = np.ones(len(weight), bool)
    while free.any():
        left = n - int((~free).sum())
        found[free] = left * weight[free] / weight[free].sum()
        over = free & (found >= _NEARLY_ONE)
        if not over.any():
            break
        found[over], free = 1.0, free & ~over
    return found


def systematic(probability: Floats, rng: np.random.Generator) -> Places:
    """A sample that takes each image with exactly its probability, and whose size is the sum of them (a whole number).

    Images in random order, laid end to end by their probabilities, and one taken at every unit from a random start
    (Madow 1949). Random order makes joint probabilities those of no pattern in the folder. Positions, in random order.
    """
    order = rng.permutation(len(probability))
    certain = probability[order] >= _NEARLY_ONE
    chance = order[~certain]
    size = round(float(probability[chance].sum()))
    ends = np.cumsum(probability[chance])
    if size:
        ends *= size / ends[-1]  # the sum of many rounded numbers is not quite whole
    marks = rng.random() + np.arange(size)
    found = chance[np.searchsorted(ends, marks, side="right").clip(max=len(chance) - 1)]
    return np.asarray(rng.permutation(np.concatenate([order[certain], found])), np.int64)


def split(n: int, sizes: Places, shares: Floats | None = None) -> Places:
    """Labels of each part: in all n, in proportion to `shares` (default: equal), none more than the part has images.

    Whole numbers by largest remainders. Raises ValueError for more labels than images.
    """
    if n > sizes.sum():
        raise ValueError(f"{n} labels for {sizes.sum()} images")
    share = np.ones(len(sizes)) if shares is None else shares
    found = probabilities_of_parts(share, sizes, n)
    whole = np.floor(found + 1e-9).astype(np.int64)
    for part in np.argsort(-(found - whole), kind="stable")[: n - int(whole.sum())]:
        whole[part] += 1
    return whole


def probabilities_of_parts(share: Floats, sizes: Places, n: int) -> Floats:
    """What each part has in proportion, with parts filled that are too small; not whole."""
    found, free = np.zeros(len(sizes)), np.ones(len(sizes), bool)
    while free.any():
        left = n - found[~free].sum()
        found[free] = left * share[free] / share[free].sum()
        over = free & (found > sizes)
        if not over.any():
            break
        found[over], free = sizes[over], free & ~over
    return found


def draw(
    n: int,
    drift: Floats,
    day: Places,
    rng: np.random.Generator,
    *,
    correctness: Floats | None = None,
    apart: bool = True,
) -> Design:
    """A sample of n of N images: every day alike, and in each (`apart`) its most drifted images as a stratum of their own.

    `drift`: [N], higher is more drifted; `day`: [N], 0 to days - 1. Without `correctness` images of a stratum have equal chances.
    Raises ValueError for more labels than images, or fewer labels than days.
    """
    days = np.arange(int(day.max()) + 1)
    if n < len(days):
        raise ValueError(f"{n} labels for {len(days)} days")
    weight = np.ones(len(drift)) if correctness is None else weights(correctness)
    labels = split(n, np.bincount(day, minlength=len(days)))
    probability, stratum = np.zeros(len(drift)), 2 * day
    taken: list[Places] = []
    for each, of_day in zip(days, labels, strict=True):
        here = np.flatnonzero(day == each)
        if apart:
            stratum[_most_drifted(here, drift)] += 1
        for kind, size in enumerate(_within_day(here, stratum, weight, int(of_day))):
            part = here[stratum[here] == 2 * each + kind]
            probability[part] = probabilities(weight[part], size) if size else 0.0
            taken.append(part[systematic(probability[part], rng)])
    drifted = stratum % 2 == 1
    return Design(
        "uniform" if correctness is None else "by correctness",
        probability,
        stratum,
        drifted,
        np.asarray(rng.permutation(np.concatenate(taken)), np.int64),
    )


def _most_drifted(here: Places, drift: Floats) -> Places:
    size = round(DRIFTED_IMAGES * len(here))
    return here[np.argsort(-drift[here], kind="stable")[:size]]


def _within_day(here: Places, stratum: Places, weight: Floats, n: int) -> tuple[int, int]:
    """Labels of the others, and of the most drifted: as their weights ask for, and the most drifted at least a fifth.

    Neither stratum is left without a label, or its images would have no chance; with a single label there is one stratum.
    """
    drifted = stratum[here] % 2 == 1
    if n < 2 or not drifted.any() or drifted.all():  # noqa: PLR2004 - a label for each of two
        stratum[here] -= drifted
        return n, 0
    due = float(weight[here][drifted].sum() / weight[here].sum())
    most = round(n * max(due, DRIFTED_BUDGET))
    others = int((~drifted).sum())
    size = min(max(most, 1, n - others), int(drifted.sum()), n - 1)
    return n - size, size


def attainable(correctness: Floats) -> float:
    """Width of the best interval in units of that of a random sample as large, both without end of images: in (0, 1].

    E sqrt(c(1-c)) / sqrt(a(1-a)), a the mean of c; 1 where the model is thought to be always right or always wrong.
    """
    a = float(correctness.mean())
    if a * (1 - a) == 0:
        return 1.0
    return float(np.sqrt(correctness * (1 - correctness)).mean() / np.sqrt(a * (1 - a)))

"""Published estimates of accuracy without labels, each a function of calibrated probabilities; none is trusted alone.

p: [m, K] calibrated probabilities of a batch. Each estimate of the good images themselves is their own accuracy a, as
long as no two of their scores are equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

MOST_ROWS = 1000
"""An assignment of more rows takes too long; of larger batches so many are taken, evenly along their order."""


def confidence(p: Numbers) -> float:
    """Mean probability of the predicted class: the estimate AC.

    Hendrycks & Gimpel 2017 (ICLR). Difference of confidences (DoC) is a + AC - AC of good images: Guillory et al. 2021
    (ICCV), arXiv 2107.03315. Both believe a model that is over-confident under shift.
    """
    return float(p.max(axis=1).mean())


def negative_entropy(p: Numbers) -> Numbers:
    """[m]: sum of p log p, the score of ATC-NE; 0 is certain."""
    from scipy.special import xlogy

    found: Numbers = xlogy(p, p).sum(axis=1)
    return found


def atc_threshold(score: Numbers, correct: int) -> float:
    """The score [n] that `correct` of the good images reach; infinity where none is right.

    Garg et al. 2022 (ICLR), arXiv 2201.04234.
    """
    return float(np.sort(score)[::-1][correct - 1]) if correct else np.inf


def atc(score: Numbers, threshold: float) -> float:
    """Share of the batch whose score [m] reaches the threshold: a step function, noisy in small batches.

    Garg et al. 2022 (ICLR), arXiv 2201.04234.
    """
    return float((score >= threshold).mean())


def transport(p: Numbers, shares: Numbers) -> float:
    """1 - W1: the mean probability of the classes that images get where class shares [K] are fixed and the sum is largest.

    Lu et al. 2023 (COT, "Characterizing out-of-distribution error via optimal transport"), arXiv 2305.15640: the cost of
    class j for image i is 1 - p_ij. Right under pure corruption, wrong where the class shares change. Two
    classes: by sorting, with shares exactly as given; more: an assignment, with shares rounded to whole images.
    """
    p = _evenly(p)
    return _two_classes(p, shares) if p.shape[1] == 2 else _assignment(p, shares)  # noqa: PLR2004 - classes


def _evenly(p: Numbers) -> Numbers:
    if len(p) <= MOST_ROWS:
        return p
    order = np.lexsort(np.sort(p, axis=1).T)  # no class by its place, no image by its row
    found: Numbers = p[order[np.linspace(0, len(p) - 1, MOST_ROWS).round().astype(np.int64)]]
    return found


def _two_classes(p: Numbers, shares: Numbers) -> float:
    """The images likeliest to be of class 1 get it, the last of them in part."""
    m = len(p)
    gain = np.sort(p[:, 1] - p[:, 0])[::-1]
    full = min(int(m * shares[1]), m)
    part = (m * shares[1] - full) * gain[full] if full < m else 0.0
    return float((p[:, 0].sum() + gain[:full].sum() + part) / m)


def _assignment(p: Numbers, shares: Numbers) -> float:
    from scipy.optimize import linear_sum_assignment

    columns = np.repeat(np.arange(p.shape[1]), _whole(shares, p))
    gain = p[:, columns]
    rows, chosen = linear_sum_assignment(gain, maximize=True)
    return float(gain[rows, chosen].mean())


def _whole(shares: Numbers, p: Numbers) -> NDArray[np.int64]:
    """[K]: images of each class, m in all: by largest remainders, of equal ones the class that p holds more of."""
    wanted = len(p) * shares / shares.sum()
    counts = np.floor(wanted + 1e-9).astype(np.int64)
    order = np.lexsort((-p.mean(axis=0), -np.round(wanted - counts, 9)))
    counts[order[: len(p) - int(counts.sum())]] += 1
    found: NDArray[np.int64] = counts
    return found


def nuclear(p: Numbers) -> float:
    """Sum of singular values of p over its largest possible one, in (0, 1]: confident and spread over classes.

    Deng, Suh, Gould & Zheng 2023 (ICML), arXiv 2302.01094.
    """
    m, k = p.shape
    return float(np.linalg.svd(p, compute_uv=False).sum() / np.sqrt(m * min(m, k)))


def mano(p: Numbers) -> float:
    """Fourth root of the mean fourth power of all probabilities: a score, no accuracy.

    Xie et al. 2024 (MaNo, NeurIPS), arXiv 2405.18979, with softmax at every batch.
    """
    return float((p**4).mean() ** 0.25)


def inverse(joint: Numbers) -> Numbers:
    """[K, K]: the pseudo-inverse that `class_shares` takes.

    `joint` [K, K]: the share of good images that are predicted i and are j.
    """
    return np.asarray(np.linalg.pinv(joint, rcond=1e-3), np.float64)


def class_shares(predicted: Numbers, prior: Numbers, inverted: Numbers) -> Numbers:
    """[K]: shares of the right classes under pure label shift, from shares of predicted classes [K].

    `prior` [K]: shares of the right classes among the good images; `inverted`: `inverse` of their joint shares. Lipton, Wang & Smola
    2018 (BBSE, ICML), arXiv 1802.03916. A class absent from the good images has share 0; negative shares are cut.
    """
    shares = np.maximum(inverted @ predicted, 0) * prior
    total = shares.sum()
    found: Numbers = shares / total if total > 0 else prior
    return found


def bbse(shares: Numbers, joint: Numbers) -> float:
    """Accuracy where class shares became `shares` [K] and nothing else changed: recalls on good images, so weighed."""
    prior = joint.sum(axis=0)
    recall = np.divide(np.diag(joint), prior, out=np.zeros_like(prior), where=prior > 0)
    return float(shares @ recall)

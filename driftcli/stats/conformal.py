"""Conformal p-values: the rank of one image's anomaly score among good images, and how many small ranks chance explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def p_values(held_out: Numbers, images: Numbers) -> Numbers:
    """p-value of every image, [m] in [1/(n + 1), 1], from anomaly scores of good images [n] and of the batch [m].

    p = (1 + #{good images whose score is at least as large}) / (n + 1); a small one calls the image strange.
    For an image that is exchangeable with the good ones, P(p <= u) <= u for every u (Vovk, Gammerman & Shafer
    2005, ch. 2; for the detection of outliers Bates, Candes, Lei, Romano & Sesia 2023, Ann. Stat. 51).
    """
    # Exact, whatever the scores are: of n + 1 exchangeable scores, the image's among them, the number of those at
    # least as large as its own exceeds k with probability at least 1 - k / (n + 1); equal scores only raise p.
    at_least = len(held_out) - np.searchsorted(np.sort(held_out), images, side="left")
    return np.asarray((1 + at_least) / (len(held_out) + 1), np.float64)


def discoveries(p: Numbers, rate: float) -> NDArray[np.bool_]:
    """Which images are called strange, [m] of bool, from their p-values [m]; none where nothing stands out.

    On average at most the share `rate` of those called strange is good (false discovery rate; Benjamini &
    Hochberg 1995). Conformal p-values against common good images depend on each other in the way that the
    procedure allows (Bates et al. 2023, theorem 2).
    """
    m = len(p)
    ranked = np.sort(p)
    # Step-up: the largest k for which the k-th smallest p is at most rate * k / m; all up to it are called strange.
    kept = np.flatnonzero(ranked <= rate * np.arange(1, m + 1) / max(m, 1))
    called: NDArray[np.bool_] = p <= (ranked[kept[-1]] if len(kept) else -1.0)
    return called


def threshold(held_out: Numbers, alpha: float) -> float | None:
    """The anomaly score above which a good image lies with probability alpha at most, from good scores [n].

    None where n is too small for such a promise: n + 1 < 1 / alpha.
    """
    # The ceil((1 - alpha)(n + 1))-th smallest score (split conformal prediction): a further good score is equally
    # likely to take any of n + 1 ranks. 1e-9: (1 - alpha)(n + 1) may be a whole number that floats miss from above.
    rank = int(np.ceil((1 - alpha) * (len(held_out) + 1) - 1e-9))
    return float(np.sort(held_out)[rank - 1]) if rank <= len(held_out) else None

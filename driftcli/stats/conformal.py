"""How sure it is that one image is strange: its rank among good images, and how many such ranks chance explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def p_values(held_out: Numbers, images: Numbers) -> Numbers:
    """[m]: (1 + #{good images at least as strange}) / (n + 1), from strangeness [n] and [m].

    For an image that is exchangeable with the good ones, P(p <= u) <= u (Vovk, Gammerman & Shafer 2005, ch. 2;
    for the detection of outliers Bates, Candes, Lei, Romano & Sesia 2023, Ann. Stat. 51).
    """
    at_least = len(held_out) - np.searchsorted(np.sort(held_out), images, side="left")
    return np.asarray((1 + at_least) / (len(held_out) + 1), np.float64)


def discoveries(p: Numbers, rate: float) -> NDArray[np.bool_]:
    """[m]: True for the images called strange when at most `rate` of those called so may be good, on average.

    Benjamini & Hochberg 1995; conformal p-values against common good images depend on each other in the way
    that the procedure allows (Bates et al. 2023, theorem 2).
    """
    m = len(p)
    ranked = np.sort(p)
    kept = np.flatnonzero(ranked <= rate * np.arange(1, m + 1) / max(m, 1))
    found: NDArray[np.bool_] = p <= (ranked[kept[-1]] if len(kept) else -1.0)
    return found


def threshold(held_out: Numbers, alpha: float) -> float | None:
    """The strangeness above which a good image lies with probability alpha at most; None: too few good images."""
    place = int(np.ceil((1 - alpha) * (len(held_out) + 1) - 1e-9))
    return float(np.sort(held_out)[place - 1]) if place <= len(held_out) else None

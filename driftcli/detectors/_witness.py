"""Which images make two sets of feature vectors differ: those far from all good ones, and those in a crowd of their own."""

from __future__ import annotations

import numpy as np

from driftcli.core.features import State
from driftcli.detectors import _tails, _whitened
from driftcli.detectors.base import Floats, Matrix

KAPPA = 8.0
"""Sharpness of the kernel exp(kappa (cos - 1)): at 60 degrees it is 1/55."""
RIDGE = 0.03
"""Of the mean variance (see `_whitened`)."""
EQUAL = 0.9999
"""Cosine above which two directions are those of one image and its copy: neither is a witness for the other."""
MOST = 2_000
"""Images of each side that the others are compared with: the first ones, which by content hash are random ones."""


def scores(white: State, held_out: Matrix, batch: Matrix) -> tuple[Floats, Floats]:
    """[n], [m] in nats: how far an image lies from C's middle, plus how much more the batch gathers around it than C.

    Both in F's whitened coordinates; `white` is empty where F left none. The second is the witness function of
    Gretton et al. 2012 (JMLR 13, section 2.3) with a von Mises-Fisher kernel: images that were changed in one
    way move in one direction, in which good ones are few. No image of C or of the batch is compared with
    itself, and all with equally many others.
    """
    x, y = held_out, batch
    if white:
        x, y = (_whitened.coordinates(white, side, RIDGE) for side in (x, y))
    n, middle = len(x), x.mean(axis=0)
    x, y = x - middle, y - middle
    far = (x**2).sum(axis=1, dtype=np.float64) * (n / (n - 1)) ** 2, (y**2).sum(axis=1, dtype=np.float64)
    own, theirs = (_tails.upper(a[:, None], b[:, None]) for a, b in (far, _gathered(x, y)))
    return own[0][:, 0] + theirs[0][:, 0], own[1][:, 0] + theirs[1][:, 0]


def _gathered(x: Matrix, y: Matrix) -> tuple[Floats, Floats]:
    """[n], [m]: mean kernel to the batch minus mean kernel to C; leave-one-out on both sides.

    For each image of C one of the batch is passed over, so that its mean is one of m - 1 values too.
    """
    from driftcli.detectors._kernels import direction_sums

    good, strange = x[:MOST], y[:MOST]
    n, m = len(good), len(strange)
    rows = np.arange(len(x))
    passed_over = _kernel(x, strange[rows % m])
    own = (direction_sums(x, strange, KAPPA, EQUAL) - passed_over) / max(m - 1, 1)
    own -= direction_sums(x, good, KAPPA, EQUAL) / (n - (rows < n))
    theirs = direction_sums(y, strange, KAPPA, EQUAL) / np.maximum(m - (np.arange(len(y)) < m), 1)
    return own, theirs - direction_sums(y, good, KAPPA, EQUAL) / n


def _kernel(x: Matrix, y: Matrix) -> Floats:
    """[n]: row by row, as `direction_sums` sums it."""
    length = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    cosine = (x * y).sum(axis=1) / np.maximum(length, 1e-12)
    found: Floats = np.where(cosine > EQUAL, 0.0, np.exp(KAPPA * (cosine - 1))).astype(np.float64)
    return found

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
    """Anomaly scores of the images of C [n] and of the batch [m], in nats, from features [n, d] and [m, d].

    The sum of two: how far an image lies from C's middle, and how much more the batch gathers around it than C
    does, each as -ln of the share of good images that lie as far or as crowded (`_tails.upper`). Both in F's
    whitened coordinates; `white` is empty where F left none. The second is the witness function of Gretton et
    al. 2012 (JMLR 13, section 2.3) with a von Mises-Fisher kernel: images that were changed in one way move in
    one direction, in which good ones are few. No image of C or of the batch is compared with itself, and all
    with equally many others.
    """
    x, y = held_out, batch
    if white:
        x, y = (_whitened.coordinates(white, side, RIDGE) for side in (x, y))
    n, middle = len(x), x.mean(axis=0)
    x, y = x - middle, y - middle
    # Leave-one-out without n means: with M the mean of all n and M_i that of the others,
    # x_i - M_i = (x_i - M) n / (n - 1). An image of the batch is not in M and keeps its distance.
    far = (x**2).sum(axis=1, dtype=np.float64) * (n / (n - 1)) ** 2, (y**2).sum(axis=1, dtype=np.float64)
    distance, crowd = (_tails.upper(own[:, None], theirs[:, None]) for own, theirs in (far, _gathered(x, y)))
    return distance[0][:, 0] + crowd[0][:, 0], distance[1][:, 0] + crowd[1][:, 0]


def _gathered(x: Matrix, y: Matrix) -> tuple[Floats, Floats]:
    """The witness at every image of C [n] and of the batch [m]: mean kernel to the batch minus mean kernel to C.

    Leave-one-out on both sides. The rank of an image of the batch among those of C is honest only if both are
    measured alike:
      y_i  against the m - 1 others of the batch and the n of C;
      x_i  against m - 1 of the batch and the n - 1 others of C.
    An image of C could be compared with all m of the batch; one of them, number i modulo m, is passed over, so
    that its mean has m - 1 terms too, and with them the same variance.
    """
    from driftcli.detectors._kernels import direction_sums

    good, strange = x[:MOST], y[:MOST]
    n, m = len(good), len(strange)
    rows = np.arange(len(x))
    passed_over = _kernel(x, strange[rows % m])
    own = (direction_sums(x, strange, KAPPA, EQUAL) - passed_over) / max(m - 1, 1)
    # An image compares with itself at cosine 1 > EQUAL, which adds 0 to its sum. It takes one from the number of
    # terms only where it is among the first MOST at all: rows < n, and below likewise.
    own -= direction_sums(x, good, KAPPA, EQUAL) / (n - (rows < n))
    theirs = direction_sums(y, strange, KAPPA, EQUAL) / np.maximum(m - (np.arange(len(y)) < m), 1)
    return own, theirs - direction_sums(y, good, KAPPA, EQUAL) / n


def _kernel(x: Matrix, y: Matrix) -> Floats:
    """Kernel of x_i and y_i, row by row, as `direction_sums` sums it: [n] of [n, d] and [n, d]."""
    length = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    cosine = (x * y).sum(axis=1) / np.maximum(length, 1e-12)
    kernel: Floats = np.where(cosine > EQUAL, 0.0, np.exp(KAPPA * (cosine - 1))).astype(np.float64)
    return kernel

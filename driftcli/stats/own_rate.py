"""What can be said of one artifact: its p-values share one held-out set C, and the luck of that draw.

The gate's p-value is exact on average over draws of C. Given C, the normal scores z = Φ⁻¹(1 − p) of good batches lie
off by about c·L(z), where c is C's luck, standard normal over draws of C, and

    L(z)² = s² + 1.5·(1 + z²)/n,    s = m/(m + n),    n units of C and m of the batch (images, bins or groups).

With c at most 1.645, as for 19 of 20 draws of C, p' = 1 − Φ((z − 1.645·L(z))/√(1 − s²)) is at most u with
probability u at most, for that C: a p-value of this artifact's own. That is a model, not a theorem, which no C can give
about itself; `tests/benchmarks/own_rate.py` holds it against simulated and real features.
"""

# Where L comes from. s²: C's mean lies off by noise of variance 1/n, of the 1/m + 1/n that a difference of means has;
# statistics are quadratic in such differences, hence the share squared. The rest: what good batches look like is
# estimated from C too. For a sum of squares of normal features the estimated mean of the statistic lies off by
# n^(-1/2) of its standard deviation, whatever the number of features (1/n at z = 0); its scale, for one feature, by
# (2/n)^(1/2), which moves scores the more the larger z is (z = 1.645: 2.5/n; z = 3.1: 6.1/n). So far (1 + z²)/n is
# little more than what normal features give; where tails are heavier scales are known less well, hence 1.5, which fits
# simulated skewed features and those of CIFAR-10 at C = 20 batches. Without all this the range was
# two to three times too narrow.

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from driftcli.stats.relabelling import BATCH_BINS, MAX_UNITS, SINGLE_IMAGES

LUCK = 1.645
"""The normal quantile below which 19 of 20 draws of C lie; between it and its opposite, nine of ten."""
SPREAD = 1.5
"""By how much more than with normal features C's luck decides what good batches seem to look like."""
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The units of a batch and of the C that it is compared with: images, bins of images, or groups."""

    batch: int
    held_out: int

    @staticmethod
    def of_images(batch: int, held_out: int) -> HeldOut:
        """The units that `relabelling.draw` makes of so many images: themselves, or bins where the batch is large."""
        size = 1
        if batch > SINGLE_IMAGES:
            size = max(math.ceil(batch / BATCH_BINS), math.ceil((batch + held_out) / MAX_UNITS))
        return HeldOut(batch // size, held_out // size)

    def p_value(self, p: float) -> float:
        """What p is worth for this artifact alone, p' ≥ p, good for 19 of 20 draws of C. Raises ValueError unless 0 < p ≤ 1."""
        if not 0 < p <= 1:
            raise ValueError(f"p = {p}")
        return 1.0 if p == 1 else max(p, self._rate(-_NORMAL.inv_cdf(p), LUCK))

    def rates(self, alpha: float) -> tuple[float, float]:
        """Between which shares of good batches nine of ten artifacts of these sizes fire at alpha."""
        z = -_NORMAL.inv_cdf(alpha)
        return self._rate(z, -LUCK), self._rate(z, LUCK)

    def before(self, p: float) -> float:
        """The p whose `p_value` is this one, 0 < p < 1; 0 where C has too few units for any."""
        share, room = self._share, 1 - LUCK * LUCK * SPREAD / self.held_out
        if room <= 0:
            return 0.0
        # z − LUCK·√(share + SPREAD·(1 + z²)/n) = t, squared, is a quadratic in z; its larger root has z > t.
        t = -_NORMAL.inv_cdf(p) * math.sqrt(1 - share)
        constant = t * t - LUCK * LUCK * (share + SPREAD / self.held_out)
        return _tail((t + math.sqrt(t * t - room * constant)) / room)

    @property
    def _share(self) -> float:
        """s²: C's part in the variance of a difference of means, squared."""
        return (self.batch / (self.batch + self.held_out)) ** 2

    def _rate(self, z: float, luck: float) -> float:
        """How often good batches have a score of z at least, given C with this luck."""
        off = luck * math.sqrt(self._share + SPREAD * (1 + z * z) / self.held_out)
        return _tail((z - off) / math.sqrt(1 - self._share))


def _tail(z: float) -> float:
    """1 − Φ(z), to full precision far out."""
    return 0.5 * math.erfc(z / math.sqrt(2))

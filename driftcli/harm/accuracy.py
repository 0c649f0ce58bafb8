"""Accuracy without labels: descriptors of a batch calibrated on simulated batches of known accuracy, with interval and verdict."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array
from driftcli.harm.descriptors import FIXED, FREE

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]
Mix = Literal["fixed", "free"]
"""Whether the shares of the classes are as in the good images, or may have changed."""
Verdict = Literal["probably hurts", "probably harmless", "cannot say"]

SIZES = (20, 50, 100, 200, 500)
"""Batches are simulated at these sizes: descriptors are noisier in small ones. A batch is treated as one of the largest size
that it reaches."""
PENALTIES = (1.0, 10.0, 100.0)
"""Of the ridge, on standardised inputs; the one that errs least on corruption classes left out."""
LEVELS = (0.90, 0.95)
"""Two-sided; the first is 95 % on either side alone, which a verdict needs."""
Z = (1.6449, 1.9600)
"""Standard deviations of a normal variable at `LEVELS`."""
FLOOR, PER_DROP = 0.02, 0.3
"""An estimate's error grows with the drop: its scale is the root of FLOOR² + (PER_DROP drop)² + a (1 - a) / m."""
CUT = 6.0
"""Standard deviations of simulated batches at which an input goes no farther."""


@dataclass(frozen=True)
class Simulated:
    """r simulated batches of one size and kind of mix."""

    descriptors: Numbers
    """[r, p]"""
    drop: Numbers
    """[r]: accuracy lost, as the labels of all images under that condition have it."""
    group: NDArray[np.int64]
    """[r]: the class of the corruption; -1 for good images as they are."""


@dataclass(frozen=True)
class Estimate:
    """An accuracy with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """One ridge regression from descriptors to the drop of accuracy for each of `SIZES`; of its errors, two quantiles."""

    mix: Mix
    centre: Numbers
    """[sizes, inputs]"""
    scale: Numbers
    """[sizes, inputs]"""
    weights: Numbers
    """[sizes, inputs + 1], the constant last."""
    quantiles: Numbers
    """[sizes, 2]: of |error| / scale at `LEVELS`, each batch estimated without its corruption's class."""

    def drop(self, descriptors: Numbers, images: int) -> float:
        """The accuracy that a batch of so many images lost, from its descriptors."""
        at = _size(images)
        inputs = _inputs(descriptors[None], self.mix)
        return float(_applied(inputs, self.centre[at], self.scale[at], self.weights[at])[0])

    def half_width(
        self, drop: float, accuracy: float, images: int, good: tuple[float, int], level: int
    ) -> float:
        """Of the stream's interval at `LEVELS[level]`; `good`: the baseline's accuracy and its images.

        The baseline's accuracy is an estimate too: without its error intervals cover too seldom.
        """
        own = self.quantiles[_size(images), level] * _scale(np.array(drop), np.array(accuracy), images)
        return float(np.hypot(own, Z[level] * np.sqrt(_variance(good[0]) / good[1])))

    def pack(self) -> dict[str, Numbers]:
        """Its arrays, as `arrays` declares them."""
        return {n: getattr(self, n) for n in ("centre", "scale", "weights", "quantiles")}

    @staticmethod
    def unpack(state: State, mix: Mix) -> Calibration:
        """The inverse of `pack`."""
        return Calibration(mix, state["centre"], state["scale"], state["weights"], state["quantiles"])


def arrays(mix: Mix) -> tuple[Array, ...]:
    """Of what `Calibration.pack` makes."""
    sizes = len(SIZES)
    inputs = len(FIXED) if mix == "fixed" else len(FREE) * (len(FREE) + 3) // 2
    return (
        Array("centre", "float64", (sizes, inputs)),
        Array("scale", "float64", (sizes, inputs), least=0.0, infinite=True),
        Array("weights", "float64", (sizes, inputs + 1)),
        Array("quantiles", "float64", (sizes, len(LEVELS)), least=0.0),
    )


def calibrated(simulated: Sequence[Simulated], mix: Mix, accuracy: float) -> Calibration:
    """From simulated batches of each of `SIZES`; `accuracy`: of the good images."""
    parts = [_one(batches, mix, accuracy, m) for batches, m in zip(simulated, SIZES, strict=True)]
    centre, scale, weights, quantiles = (np.array(each) for each in zip(*parts, strict=True))
    return Calibration(mix, centre, scale, weights, quantiles)


def verdict(
    calibration: Calibration, drop: float, images: int, good: tuple[float, int], tolerance: float
) -> Verdict:
    """Whether a batch's stream lost more than `tolerance` of accuracy, 95 % sure on either side; else "cannot say"."""
    half = calibration.half_width(drop, _share(good[0] - drop), images, good, 0)
    if drop - half > tolerance:
        return "probably hurts"
    return "probably harmless" if drop + half < tolerance else "cannot say"


def stream(calibration: Calibration, drop: float, images: int, good: tuple[float, int]) -> Estimate:
    """The accuracy of the stream that the batch comes from."""
    value = _share(good[0] - drop)
    half = calibration.half_width(drop, value, images, good, 1)
    return _within(value, half)


def of_these(calibration: Calibration, drop: float, images: int, good: tuple[float, int]) -> Estimate:
    """The share of right answers among the batch's own images: the stream's, with the luck of so few."""
    value = _share(good[0] - drop)
    half = calibration.half_width(drop, value, images, good, 1)
    return _within(value, float(np.hypot(half, Z[1] * np.sqrt(_variance(value) / images))))


def _within(value: float, half: float) -> Estimate:
    return Estimate(value, _share(value - half), _share(value + half))


def _share(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))


def _variance(share: float) -> float:
    return share * (1 - share)


def _size(images: int) -> int:
    return max(bisect.bisect_right(SIZES, images) - 1, 0)


def _scale(drop: Numbers, accuracy: Numbers, images: int) -> Numbers:
    found: Numbers = np.sqrt(
        FLOOR**2 + (PER_DROP * np.maximum(drop, 0)) ** 2 + accuracy * (1 - accuracy) / images
    )
    return found


def _inputs(descriptors: Numbers, mix: Mix) -> Numbers:
    """As they are for a fixed mix; with all squares and products for a free one."""
    if mix == "fixed":
        return descriptors
    i, j = np.triu_indices(descriptors.shape[1])
    return np.concatenate([descriptors, descriptors[:, i] * descriptors[:, j]], axis=1)


def _one(
    batches: Simulated, mix: Mix, accuracy: float, images: int
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    inputs = _inputs(batches.descriptors, mix)
    centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale = np.where(scale > 1e-12, scale, np.inf)  # noqa: PLR2004 - rounding of a constant
    z = _standard(inputs, centre, scale)
    held_out = [_left_out(z, batches, penalty) for penalty in PENALTIES]
    best = int(np.argmin([np.abs(found - batches.drop).mean() for found in held_out]))
    value = np.clip(accuracy - held_out[best], 0, 1)
    errors = np.abs(value - (accuracy - batches.drop)) / _scale(accuracy - value, value, images)
    weights = _ridge(z, batches.drop, PENALTIES[best])
    return centre, scale, weights, np.quantile(errors, LEVELS, method="higher")


def _left_out(z: Numbers, batches: Simulated, penalty: float) -> Numbers:
    """[r]: the drop of each batch by a regression that saw no corruption of its class; good images are always there.

    Random parts would flatter: an unknown corruption is what batches bring.
    """
    found = np.empty(len(z))
    for group in np.unique(batches.group):
        out = batches.group == group
        seen = ~out if group >= 0 else np.ones(len(z), bool)
        weights = _ridge(z[seen], batches.drop[seen], penalty)
        found[out] = z[out] @ weights[:-1] + weights[-1]
    return found


def _ridge(z: Numbers, drop: Numbers, penalty: float) -> Numbers:
    """[inputs + 1]: weights and constant."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=penalty).fit(z, drop)
    return np.append(model.coef_, model.intercept_)


def _standard(inputs: Numbers, centre: Numbers, scale: Numbers) -> Numbers:
    return np.clip((inputs - centre) / scale, -CUT, CUT)


def _applied(inputs: Numbers, centre: Numbers, scale: Numbers, weights: Numbers) -> Numbers:
    found: Numbers = _standard(inputs, centre, scale) @ weights[:-1] + weights[-1]
    return found

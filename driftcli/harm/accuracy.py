"""Accuracy without labels: descriptors of a batch calibrated on simulated batches of known accuracy, with interval and verdict."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

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
SMALLER = 2
"""A size also learns from batches of the two sizes below it: so few batches of its own teach too little of a free mix."""
PENALTIES = (1.0, 10.0, 100.0)
"""Of the ridge, on standardised inputs; the one that errs least on corruption classes left out."""
LEVELS = (0.90, 0.95)
"""Two-sided; the first is 95 % on either side alone, which a verdict needs."""
Z = (1.6449, 1.9600)
"""Standard deviations of a normal variable at `LEVELS`."""
FLOOR, PER_DROP = 0.02, {"fixed": 0.5, "free": 0.3}
"""An estimate's error grows with the drop: its scale is the root of FLOOR² + (PER_DROP drop)² + a (1 - a) / m."""
HARMFUL, AMONG_HARMFUL = 0.10, 0.90
"""Intervals of a fixed mix must also hold for so large a share of the simulated batches that lost so much: there, estimates shrink
harm. For a free mix that would make all intervals useless (tests/benchmarks/label_free_accuracy.py: 20 points and more)."""
FEWEST = 10
"""Such batches that a quantile is taken of."""
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


class Good(NamedTuple):
    """The labelled good images: their accuracy, and how many they are."""

    accuracy: float
    images: float
    """Fewer than there are where a batch's mix leans on some classes: `Baseline.images_for`."""


@dataclass(frozen=True)
class Loss:
    """What a batch's stream lost."""

    drop: float
    one_sided: float
    """The drop is above, and below, itself less and plus this much, each with 95 %."""
    two_sided: float
    """It is within so much with 95 %."""


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
    spread: Numbers
    """[sizes, inputs, inputs]: z' spread z is the leverage of standardised inputs z, how far they lie from all simulated ones; an
    error's scale is multiplied by the root of one and it. [sizes, 0, 0] for a free mix, whose many products make it no measure."""

    def __call__(self, descriptors: Numbers, images: int, good: Good) -> Loss:
        """What a batch of so many images lost, from its descriptors.

        The baseline's accuracy is an estimate too: without its error intervals cover too seldom.
        """
        at = max(bisect.bisect_right(SIZES, images) - 1, 0)
        z = _standard(_inputs(descriptors[None], self.mix), self.centre[at], self.scale[at])
        drop = z @ self.weights[at, :-1] + self.weights[at, -1]
        own = self.quantiles[at] * _scale(
            drop, good.accuracy, images, self.mix, _leverage(z, self.spread[at])
        )
        luck = np.sqrt(_variance(good.accuracy) / good.images)
        one_sided, two_sided = np.hypot(own, np.array(Z) * luck)
        return Loss(float(drop[0]), float(one_sided), float(two_sided))

    def pack(self) -> dict[str, Numbers]:
        """Its arrays, as `arrays` declares them."""
        return {name: getattr(self, name) for name in _PACKED}

    @staticmethod
    def unpack(state: State, mix: Mix) -> Calibration:
        """The inverse of `pack`."""
        return Calibration(mix, *(state[name] for name in _PACKED))


_PACKED = ("centre", "scale", "weights", "quantiles", "spread")


def arrays(mix: Mix) -> tuple[Array, ...]:
    """Of what `Calibration.pack` makes."""
    sizes = len(SIZES)
    inputs = len(FIXED) if mix == "fixed" else len(FREE) * (len(FREE) + 3) // 2
    return (
        Array("centre", "float64", (sizes, inputs)),
        Array("scale", "float64", (sizes, inputs), least=0.0, infinite=True),
        Array("weights", "float64", (sizes, inputs + 1)),
        Array("quantiles", "float64", (sizes, len(LEVELS)), least=0.0),
        Array("spread", "float64", (sizes, inputs, inputs) if mix == "fixed" else (sizes, 0, 0)),
    )


def calibrated(simulated: Sequence[Simulated], mix: Mix, accuracy: float) -> Calibration:
    """From simulated batches of each of `SIZES`; `accuracy`: of the good images."""
    parts = []
    for at, images in enumerate(SIZES):
        taught = simulated[max(at - SMALLER, 0) : at + 1]
        parts.append(_one(joined(taught), len(taught[-1].drop), mix, accuracy, images))
    return Calibration(mix, *(np.array(each) for each in zip(*parts, strict=True)))


def verdict(loss: Loss, tolerance: float) -> Verdict:
    """Whether a batch's stream lost more than `tolerance` of accuracy, 95 % sure on either side; else "cannot say"."""
    if loss.drop - loss.one_sided > tolerance:
        return "probably hurts"
    return "probably harmless" if loss.drop + loss.one_sided < tolerance else "cannot say"


def stream(loss: Loss, good: Good) -> Estimate:
    """The accuracy of the stream that the batch comes from."""
    return _within(_share(good.accuracy - loss.drop), loss.two_sided)


def of_these(loss: Loss, good: Good, images: int) -> Estimate:
    """The share of right answers among the batch's own images: the stream's, with the luck of so few."""
    value = _share(good.accuracy - loss.drop)
    return _within(value, float(np.hypot(loss.two_sided, Z[1] * np.sqrt(_variance(value) / images))))


def _within(value: float, half: float) -> Estimate:
    return Estimate(value, _share(value - half), _share(value + half))


def _share(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))


def _variance(share: float) -> float:
    return share * (1 - share)


def _scale(drop: Numbers, accuracy: float, images: int, mix: Mix, leverage: Numbers) -> Numbers:
    """The scale of an estimate's error: of a drop [r] below `accuracy`, in so many images, with leverages [r]."""
    a = np.clip(accuracy - drop, 0, 1)
    own = FLOOR**2 + (PER_DROP[mix] * np.maximum(accuracy - a, 0)) ** 2 + a * (1 - a) / images
    found: Numbers = np.sqrt(own * (1 + leverage))
    return found


def _leverage(z: Numbers, spread: Numbers) -> Numbers:
    """[r]: of standardised inputs [r, inputs]; 0 where no spread was kept."""
    if not len(spread):
        return np.zeros(len(z))
    found: Numbers = ((z @ spread) * z).sum(axis=1)
    return found


def _inputs(descriptors: Numbers, mix: Mix) -> Numbers:
    """As they are for a fixed mix; with all squares and products for a free one."""
    if mix == "fixed":
        return descriptors
    i, j = np.triu_indices(descriptors.shape[1])
    return np.concatenate([descriptors, descriptors[:, i] * descriptors[:, j]], axis=1)


def joined(parts: Sequence[Simulated], columns: int | None = None) -> Simulated:
    """All batches of all parts, with so many of their first descriptors."""
    return Simulated(
        np.concatenate([part.descriptors[:, :columns] for part in parts]),
        np.concatenate([part.drop for part in parts]),
        np.concatenate([part.group for part in parts]),
    )


def _one(batches: Simulated, own: int, mix: Mix, accuracy: float, images: int) -> tuple[Numbers, ...]:
    """Centre, scale, weights, quantiles and spread, from batches of which the last `own` have this size: errors are theirs."""
    inputs = _inputs(batches.descriptors, mix)
    centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale = np.where(scale > 1e-12, scale, np.inf)  # noqa: PLR2004 - rounding of a constant
    z = _standard(inputs, centre, scale)
    held_out = [_left_out(z, batches, penalty) for penalty in PENALTIES]
    best = int(np.argmin([np.abs(drop - batches.drop).mean() for drop, _ in held_out]))
    drop, leverage = held_out[best]
    value = np.clip(accuracy - drop, 0, 1)
    errors = np.abs(value - (accuracy - batches.drop)) / _scale(
        drop, accuracy, images, mix, leverage if mix == "fixed" else 0 * leverage
    )
    errors, lost = errors[-own:], batches.drop[-own:]
    quantiles = np.quantile(errors, LEVELS, method="higher")
    harmful = errors[lost >= HARMFUL]
    if mix == "fixed" and len(harmful) >= FEWEST:
        quantiles = np.maximum(quantiles, np.quantile(harmful, AMONG_HARMFUL, method="higher"))
    weights, spread = _ridge(z, batches.drop, PENALTIES[best])
    return centre, scale, weights, quantiles, spread if mix == "fixed" else np.zeros((0, 0))


def _left_out(z: Numbers, batches: Simulated, penalty: float) -> tuple[Numbers, Numbers]:
    """[r] drop and leverage of each batch by a regression that saw no corruption of its class; good images are always there.

    Random parts would flatter: an unknown corruption is what batches bring.
    """
    drop, leverage = np.empty(len(z)), np.empty(len(z))
    for group in np.unique(batches.group):
        out = batches.group == group
        seen = ~out if group >= 0 else np.ones(len(z), bool)
        weights, spread = _ridge(z[seen], batches.drop[seen], penalty)
        drop[out] = z[out] @ weights[:-1] + weights[-1]
        leverage[out] = _leverage(z[out], spread)
    return drop, leverage


def _ridge(z: Numbers, drop: Numbers, penalty: float) -> tuple[Numbers, Numbers]:
    """[inputs + 1] weights and constant; [inputs, inputs] the spread that gives leverages."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=penalty).fit(z, drop)
    spread = np.asarray(np.linalg.inv(z.T @ z + penalty * np.eye(z.shape[1])), np.float64)
    return np.append(model.coef_, model.intercept_), spread


def _standard(inputs: Numbers, centre: Numbers, scale: Numbers) -> Numbers:
    return np.clip((inputs - centre) / scale, -CUT, CUT)

"""Accuracy without labels: descriptors of a batch calibrated on simulated batches of known accuracy, with interval and verdict."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array
from driftcli.harm import trees
from driftcli.harm.descriptors import DESCRIPTORS
from driftcli.harm.trees import Forest

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]
Mix = Literal["fixed", "free"]
"""Whether the shares of the classes are as in the good images, or may have changed."""
Verdict = Literal["probably hurts", "probably harmless", "cannot say"]

SIZES = (20, 50, 100, 200, 500)
"""Batches are simulated at these sizes: descriptors are noisier in small ones. The errors of a batch are those of the largest size
that it reaches."""
LINEAR = tuple(DESCRIPTORS.index(name) for name in ("confidence", "transport", "nuclear"))
"""The line goes through these alone: it reaches beyond what was simulated, where few sound descriptors err less than many. What it
leaves is learnt by trees, from all of them (tests/benchmarks/label_free_accuracy.py)."""
PENALTY = 100.0
"""Of the line's ridge, on standardised descriptors."""
LEVELS = (0.95, 0.975)
"""On either side: of a verdict, which looks at one side, and of a 95 % interval."""
Z = (1.6449, 1.9600)
"""Standard deviations of a normal variable at `LEVELS`."""
FLOOR = 0.02
"""Scale of an estimate's error that no number of images takes away."""
PER_DROP = {"more": 1.0, "less": 0.3}
"""An estimate's error grows with the drop; harm that is understated ("more" was lost) is far likelier to be large."""
STRANGE, USUAL = 1.0, 0.5
"""So much is added to the scale, downwards alone, for every standard deviation that a batch lies farther than `USUAL` from the
simulated ones: what nobody has seen may cost more than it seems to."""
NEIGHBOURS = 10
"""Simulated batches that a distance is the root mean square of."""
CUT = 6.0
"""Standard deviations of simulated batches at which a descriptor goes no farther."""
CHUNK = 256
"""Batches whose distances are measured at once."""


@dataclass(frozen=True)
class Simulated:
    """r simulated batches."""

    descriptors: Numbers
    """[r, p]"""
    images: Numbers
    """[r]: how many images each is of."""
    drop: Numbers
    """[r]: accuracy lost, as the labels of all images under that condition have it."""
    group: NDArray[np.int64]
    """[r]: the class of the corruption; -1 for good images as they are."""

    def at(self, rows: NDArray[Any]) -> Simulated:
        """Some of them."""
        return Simulated(self.descriptors[rows], self.images[rows], self.drop[rows], self.group[rows])


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


class Reach(NamedTuple):
    """How far the truth may lie on one side."""

    one_sided: float
    """With 95 % no farther."""
    two_sided: float
    """With 97.5 %: both sides together are a 95 % interval."""


@dataclass(frozen=True)
class Loss:
    """What a batch's stream lost."""

    drop: float
    more: Reach
    """It may have lost so much more."""
    less: Reach
    """It may have lost so much less."""


@dataclass(frozen=True)
class Regression:
    """From descriptors to the drop of accuracy: a line through a few of them, and trees for what it leaves."""

    centre: Numbers
    """[p]"""
    scale: Numbers
    """[p]: infinity for a descriptor that never changes."""
    line: Numbers
    """[len(LINEAR) + 1], the constant last."""
    forest: Forest
    """Of all descriptors, and the logarithm of the number of images."""
    seen: Numbers
    """[r, p]: standardised descriptors that it learnt from."""

    @staticmethod
    def learn(batches: Simulated, centre: Numbers, scale: Numbers, seed: int) -> Regression:
        """From simulated batches."""
        from sklearn.linear_model import Ridge

        z = _standard(batches.descriptors, centre, scale)
        model = Ridge(alpha=PENALTY).fit(z[:, LINEAR], batches.drop)
        line = np.append(model.coef_, model.intercept_)
        left = batches.drop - _along(line, z)
        return Regression(centre, scale, line, Forest.learn(_and_images(z, batches.images), left, seed), z)

    def __call__(self, descriptors: Numbers, images: Numbers) -> Numbers:
        """[r]: the drop of batches of so many images [r], from their descriptors [r, p]."""
        z = _standard(descriptors, self.centre, self.scale)
        found: Numbers = _along(self.line, z) + self.forest(_and_images(z, images))
        return found

    def strangeness(self, descriptors: Numbers) -> Numbers:
        """[r]: how far batches lie from the nearest simulated ones, in standard deviations."""
        z = _standard(descriptors, self.centre, self.scale)
        near = min(NEIGHBOURS, len(self.seen))
        found = np.empty(len(z))
        for start in range(0, len(z), CHUNK):
            some = z[start : start + CHUNK]
            squared = (some**2).sum(1)[:, None] + (self.seen**2).sum(1) - 2 * some @ self.seen.T
            nearest = np.partition(np.maximum(squared, 0), near - 1, axis=1)[:, :near]
            found[start : start + CHUNK] = np.sqrt(nearest.mean(axis=1) / z.shape[1])
        return found


@dataclass(frozen=True)
class Calibration:
    """A regression, and how far the truth lay from it where it had not seen a batch's class of corruptions."""

    mix: Mix
    regression: Regression
    quantiles: Numbers
    """[sizes, 2, 2]: how many scales more, and less, was lost than estimated, at `LEVELS`."""

    def __call__(self, descriptors: Numbers, images: int, good: Good) -> Loss:
        """What a batch of so many images lost, from its descriptors.

        The baseline's accuracy is an estimate too: without its error intervals cover too seldom.
        """
        rows = descriptors[None]
        drop = _possible(self.regression(rows, np.array([float(images)])), good.accuracy)
        more, less = _scales(drop, self.regression.strangeness(rows), good.accuracy, images)
        luck = np.sqrt(_variance(good.accuracy) / good.images)
        at = max(bisect.bisect_right(SIZES, images) - 1, 0)
        own = self.quantiles[at] * np.array([more, less])
        reach = np.hypot(own, np.array(Z) * luck)
        return Loss(float(drop[0]), *(Reach(*map(float, side)) for side in reach))

    def pack(self) -> dict[str, NDArray[Any]]:
        """Its arrays, as `arrays` declares them."""
        own = self.regression
        return {
            "centre": own.centre,
            "scale": own.scale,
            "line": own.line,
            "seen": own.seen,
            "quantiles": self.quantiles,
            **own.forest.pack(),
        }

    @staticmethod
    def unpack(state: State, mix: Mix) -> Calibration:
        """The inverse of `pack`."""
        parts = (state["centre"], state["scale"], state["line"])
        regression = Regression(*parts, Forest.unpack(state), state["seen"])
        return Calibration(mix, regression, state["quantiles"])


def arrays(mix: Mix, nodes: int) -> tuple[Array, ...]:
    """Of what `Calibration.pack` makes; `nodes`: of its forest."""
    inputs = len(DESCRIPTORS)
    return (
        Array("centre", "float64", (inputs,)),
        Array("scale", "float64", (inputs,), least=0.0, infinite=True),
        Array("line", "float64", (len(LINEAR) + 1,)),
        Array("seen", "float64", (f"simulated batches, {mix}", inputs), least=-CUT, most=CUT),
        Array("quantiles", "float64", (len(SIZES), 2, len(LEVELS)), least=0.0),
        *trees.arrays(nodes, inputs + 1),
    )


def calibrated(
    batches: Simulated, mix: Mix, accuracy: float, seed: int
) -> tuple[Calibration, dict[int, Regression]]:
    """From simulated batches of all `SIZES`; and for each class of corruptions the regression that saw none of it.

    Classes are left out whole, since an unknown corruption is what batches bring: random parts would flatter. `accuracy`: of the
    good images, which are always there.
    """
    centre, scale = batches.descriptors.mean(axis=0), batches.descriptors.std(axis=0)
    scale = np.where(scale > 1e-12, scale, np.inf)  # noqa: PLR2004 - rounding of a constant
    whole = Regression.learn(batches, centre, scale, seed)
    without = {-1: whole}
    drop, strange = np.empty(len(batches.drop)), np.empty(len(batches.drop))
    for group in np.unique(batches.group).tolist():
        own = batches.group == group
        if group >= 0:
            without[group] = Regression.learn(batches.at(~own), centre, scale, seed)
        drop[own] = without[group](batches.descriptors[own], batches.images[own])
        strange[own] = without[group].strangeness(batches.descriptors[own])
    quantiles = _quantiles(batches, _possible(drop, accuracy), strange, accuracy)
    return Calibration(mix, whole, quantiles), without


def _quantiles(batches: Simulated, drop: Numbers, strange: Numbers, accuracy: float) -> Numbers:
    """[sizes, 2, 2]: as `Calibration` has them."""
    found = np.zeros((len(SIZES), 2, len(LEVELS)))
    error = batches.drop - drop
    for at, images in enumerate(SIZES):
        own = batches.images == images
        scales = _scales(drop[own], strange[own], accuracy, images)
        for side, (scale, sign) in enumerate(zip(scales, (1, -1), strict=True)):
            found[at, side] = np.quantile(np.maximum(sign * error[own] / scale, 0), LEVELS, method="higher")
    return found


def verdict(loss: Loss, tolerance: float) -> Verdict:
    """Whether a batch's stream lost more than `tolerance` of accuracy, 95 % sure on either side; else "cannot say"."""
    if loss.drop - loss.less.one_sided > tolerance:
        return "probably hurts"
    return "probably harmless" if loss.drop + loss.more.one_sided < tolerance else "cannot say"


def stream(loss: Loss, good: Good) -> Estimate:
    """The accuracy of the stream that the batch comes from."""
    return _within(_share(good.accuracy - loss.drop), loss.more.two_sided, loss.less.two_sided)


def of_these(loss: Loss, good: Good, images: int) -> Estimate:
    """The share of right answers among the batch's own images: the stream's, with the luck of so few."""
    value = _share(good.accuracy - loss.drop)
    luck = Z[1] * np.sqrt(_variance(value) / images)
    return _within(value, *(float(np.hypot(side.two_sided, luck)) for side in (loss.more, loss.less)))


def joined(parts: Sequence[Simulated]) -> Simulated:
    """All batches of all parts."""
    return Simulated(
        np.concatenate([part.descriptors for part in parts]),
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.drop for part in parts]),
        np.concatenate([part.group for part in parts]),
    )


def _within(value: float, below: float, above: float) -> Estimate:
    return Estimate(value, _share(value - below), _share(value + above))


def _share(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))


def _variance(share: float) -> float:
    return share * (1 - share)


def _possible(drop: Numbers, accuracy: float) -> Numbers:
    """Drops that leave an accuracy in [0, 1]."""
    found: Numbers = np.clip(drop, accuracy - 1, accuracy)
    return found


def _scales(drop: Numbers, strange: Numbers, accuracy: float, images: int) -> tuple[Numbers, Numbers]:
    """[r], [r]: how large errors of drops [r] are where more, and where less, was lost than estimated."""
    a = accuracy - drop
    common = FLOOR**2 + a * (1 - a) / images
    lost = np.maximum(drop, 0)
    unseen = STRANGE * np.maximum(strange - USUAL, 0)
    return (
        np.sqrt(common + (PER_DROP["more"] * lost) ** 2 + unseen**2),
        np.sqrt(common + (PER_DROP["less"] * lost) ** 2),
    )


def _along(line: Numbers, z: Numbers) -> Numbers:
    found: Numbers = z[:, LINEAR] @ line[:-1] + line[-1]
    return found


def _and_images(z: Numbers, images: Numbers) -> Numbers:
    """[r, p + 1]: beyond `SIZES` nothing was learnt of the number of images."""
    return np.column_stack([z, np.log(np.clip(images, SIZES[0], SIZES[-1]))])


def _standard(descriptors: Numbers, centre: Numbers, scale: Numbers) -> Numbers:
    return np.clip((descriptors - centre) / scale, -CUT, CUT)

"""What is found of one batch: plain frozen values, from which every report is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.harm.accuracy import Estimate, Mix, Verdict
from driftcli.harm.harm_test import HarmTest

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class OneMix:
    """Estimates under one reading of the class shares."""

    mix: Mix
    stream: Estimate
    """Accuracy of the stream that the batch comes from."""
    images: Estimate
    """Accuracy on these very images: luck of so few is in the interval."""
    drop: float
    """Of the stream, below the good images' accuracy; negative where it rose."""
    verdict: Verdict


@dataclass(frozen=True)
class ClassScore:
    """How sure one can be of the answers "this class"."""

    name: str
    images: int
    score: float
    """Mean correctness of the batch's images of this predicted class."""
    baseline: float
    """Of the good images'."""
    z: float
    """The fall, in its standard errors."""


@dataclass(frozen=True)
class Harm:
    """Does this batch hurt the model?"""

    images: int
    baseline_accuracy: float
    baseline_images: int
    tolerance: float
    verdict: Verdict
    """Of the mix that was asked for."""
    mix: Mix
    free: OneMix | None
    """None where no corruptions were simulated."""
    fixed: OneMix | None
    published: dict[str, float]
    """Published estimates of the accuracy, without intervals: DoC, ATC-NE, COT, BBSE."""
    test: HarmTest
    correctness: Numbers
    """[m]: how probably the classifier is right on each image, in the batch's order."""
    classes: tuple[ClassScore, ...]
    """Those that enough images on both sides are predicted as, the largest fall first."""
    foreign: bool
    """The images lie farther from every class than any simulated corruption takes them."""
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]

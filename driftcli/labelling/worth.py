"""What the labels of a queue will be worth, before anybody labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from driftcli.labelling import estimates, sampling
from driftcli.labelling.queue import Queue, correctness

USUAL = 0.9
"""An accuracy to name an interval's width at, where nothing is known of it."""


def half_widths(made: Queue) -> tuple[float, float] | None:
    """Half of the interval of accuracy, and of a random sample's (Wilson), if the score is right; None without a score."""
    if made.design == "uniform":
        return None
    known, chance = correctness(made.images), _chances(made)
    n = len(made.queued)
    half = estimates.Z * float(np.sqrt(estimates.expected_variance(chance, known)))
    low, high = estimates.wilson(float(known.mean()), n)
    return half, (high - low) / 2


def at_worst(made: Queue) -> float:
    """Width in units of a random sample's where the score says nothing: what chances that differ in vain cost."""
    chance, n = _chances(made), len(made.queued)
    return float(np.sqrt(n * (1 / chance - 1).sum()) / len(chance))


def _chances(made: Queue) -> NDArray[np.float64]:
    return np.array([image.probability for image in made.images])


def expected(made: Queue, *, own: bool, asked: bool) -> list[str]:
    """How wide the interval will be, beside that of a random sample. `own`: chances are the model's own confidence; `asked`: for equal chances."""
    widths = half_widths(made)
    if widths is None:
        why = "as asked" if asked else "nothing is known of how sure the model is"
        low, high = estimates.wilson(USUAL, len(made.queued))
        reach = f"{100 * (high - low) / 2:.1f} points to either side"
        return [f"every image alike ({why}): at an accuracy of {USUAL:.0%}, an interval about {reach}"]
    half, plain = widths
    by = "own confidence (often too high under drift)" if own else "correctness score"
    worth = f"if that is right, accuracy to within {100 * half:.1f} points; a random sample of as many: {100 * plain:.1f}"
    ratio = f"(ratio {half / plain:.2f}; {sampling.attainable(correctness(made.images)):.2f} is attainable among endless images)"
    worst = f"if it is worth nothing here, as under heavy drift: ratio {at_worst(made):.2f} at worst; `driftcli score` says what it was worth"
    return [f"chosen by the model's {by}: least sure, most often", f"{worth} {ratio}", worst]

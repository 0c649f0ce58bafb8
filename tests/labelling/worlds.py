"""Models with known correctness: what the tests of the labelling loop draw from."""

from __future__ import annotations

import numpy as np

from driftcli.labelling import estimates, sampling


def world(rng, images, kind):
    """Correctness scores and what is right, [images] each: accuracy .93, .63, and .74 that the score takes for .9."""
    if kind == "good":
        truth = score = np.clip(rng.beta(2.2, 0.16, images), 0.3, 0.9999)
    elif kind == "middling":
        truth = score = np.clip(rng.beta(1.6, 0.95, images), 0.1, 0.9999)
    else:
        truth = rng.beta(2, 0.7, images)
        score = np.clip(truth**0.3, 0.1, 0.9999)
    return score, (rng.random(images) < truth).astype(float)


def queue(score, right, n, rng):
    """A queue of n labels, and the estimate of accuracy that it gives."""
    made = sampling.draw(n, -score, np.zeros(len(score), int), rng, correctness=score)
    return estimates.difference(right[made.taken], made.taken, made.probability, score)


def annotated(rng, truth, errors, classes):
    """[images, annotators]: labels that are wrong with these chances, any other class alike."""
    wrong = (truth[:, None] + rng.integers(1, classes, (len(truth), len(errors)))) % classes
    return np.where(rng.random(wrong.shape) < np.array(errors), wrong, truth[:, None])

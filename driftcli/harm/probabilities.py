"""From a classifier's answers to calibrated probabilities: centred logits and one temperature."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from driftcli.core.predictions import Predictions

Numbers = NDArray[np.float64]

SMALLEST = 1e-12
"""Stands for a probability of exactly 0, which has no logarithm."""
COLDEST, HOTTEST = 0.05, 20.0
"""Temperatures are looked for between these."""


def centred_logits(answers: Predictions) -> Numbers:
    """[n, K]: logits less their row's mean; logarithms of the probabilities where there are no logits.

    A number added to all logits of a row changes no probability, and with the mean gone nothing else that is made of them.
    """
    logits = answers.logits
    raw = (
        np.log(np.maximum(answers.probability, SMALLEST))
        if logits is None
        else np.asarray(logits, np.float64)
    )
    centred: Numbers = raw - raw.mean(axis=1, keepdims=True)
    return centred


def softmax(logits: Numbers, temperature: float = 1.0) -> Numbers:
    """[n, K]: probabilities at a temperature; rows sum to 1."""
    scaled = logits / temperature
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: Numbers = raised / raised.sum(axis=1, keepdims=True)
    return found


def temperature(logits: Numbers, label: NDArray[np.int64]) -> float:
    """The temperature at which the right classes [n] of logits [n, K] are most likely.

    Source: Guo, Pleiss, Sun & Weinberger 2017 (ICML), section 4.2.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    right = logits[np.arange(len(logits)), label]

    def loss(log_temperature: float) -> float:
        t = float(np.exp(log_temperature))
        return float((logsumexp(logits / t, axis=1) - right / t).mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))

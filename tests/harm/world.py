"""A small world with known truth: Gaussian classes, a classifier that was best for them, and changes of seven classes."""

from __future__ import annotations

import numpy as np

from driftcli.core.predictions import Predictions
from driftcli.harm.class_space import ClassSpace
from driftcli.harm.conditions import Change, Condition

KINDS = ("blur", "noise", "compression", "exposure", "colour", "geometry", "occlusion")
WIDTH = 6


class World:
    """K classes, features [n, 6]; two changes of each of seven classes."""

    def __init__(self, classes: int = 3, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.names = tuple(f"c{k}" for k in range(classes))
        self.means = 1.7 * rng.normal(size=(classes, WIDTH)) / np.sqrt(2)
        self.directions = rng.normal(size=(2, WIDTH))

    def images(self, n: int, rng: np.random.Generator, shares=None) -> tuple[np.ndarray, np.ndarray]:
        label = rng.choice(len(self.names), size=n, p=shares)
        return self.means[label] + rng.normal(size=(n, WIDTH)), label

    def changed(self, x: np.ndarray, kind: str, severity: float, rng: np.random.Generator) -> np.ndarray:
        s = severity
        if kind == "blur":
            return x * (1 - 0.15 * s)
        if kind == "compression":
            return np.round(x / (0.5 * s)) * 0.5 * s
        if kind == "exposure":
            return np.clip(x + 0.3 * s, -9, 3 - 0.3 * s)
        if kind == "colour":
            return x + 0.25 * s * self.directions[0]
        if kind == "geometry":
            return x + 0.12 * s * (x[:, ::-1] - x)
        noise = rng.normal(size=x.shape)
        return x + 0.35 * s * noise if kind == "noise" else np.where(rng.random(x.shape) < 0.1 * s, 0.0, x)

    def condition(self, x, label, change: Change | None = None) -> Condition:
        logits = x @ self.means.T - (self.means**2).sum(1) / 2
        p = np.exp(logits - logits.max(1, keepdims=True))
        answers = Predictions(self.names, p / p.sum(1, keepdims=True), label, logits)
        return Condition(answers, x, None, change)

    def simulated(self, x, label, rng, leave_out: str = "") -> list[Condition]:
        return [
            self.condition(self.changed(x, kind, s, rng), label, Change(f"{kind} {s:g}", kind, s))
            for kind in KINDS
            if kind != leave_out
            for s in (1.0, 4.0)
        ]

    def space(self, rng: np.random.Generator) -> ClassSpace:
        x, label = self.images(400, rng)
        return ClassSpace.learn(x, label, len(self.names))

"""Frames in a row without `--group-by`: the gate fires as often as alpha says, where single images would always fire."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError
from tests.calibration import _world as world
from tests.statistical import binomial_bound

C, M = 400, 40
GATES = {"content": "on", "properties": "on"}
VIEWS = ("content", "properties")
MEAN = {
    name: np.nan_to_num(x).mean(axis=0)
    for name, x in world.images(np.random.default_rng(3), 20_000).views.items()
}


def row(rng: np.random.Generator, n: int, kind: str) -> world.Features:
    """N images in a row: bursts of ten near-copies, bursts of 1 to 20, or a chain with correlation .7."""
    fresh = world.images(rng, n)
    order = np.argsort([int(name.removesuffix(".png")) for name in fresh.names])
    drawn = {name: np.nan_to_num(fresh.views[name][order]) for name in VIEWS}
    if kind == "chain":
        made = {name: chain(x, MEAN[name], 0.7) for name, x in drawn.items()}
    else:
        sizes = np.full(n, 10) if kind == "bursts" else rng.integers(1, 21, n)
        scene = np.repeat(np.arange(n), sizes)[:n]
        made = {name: x[scene] + 0.1 * x.std(axis=0) * rng.normal(size=x.shape) for name, x in drawn.items()}
    views = {**fresh.views}
    for name, x in made.items():
        views[name] = np.empty_like(x, np.float32)
        views[name][order] = x
    return world.replace(fresh, views=views)


def chain(x: np.ndarray, mean: np.ndarray, rho: float) -> np.ndarray:
    """Each image is rho times the one before, and parts of another: the law of one image stays about the same."""
    found = (x - mean).astype(np.float64)
    for i in range(1, len(x)):
        found[i] = rho * found[i - 1] + (1 - rho**2) ** 0.5 * found[i]
    return found + mean


def p_value(baseline: world.Baseline, batch: world.Features, dependence: str) -> float:
    """1 where no test is possible."""
    try:
        return world.audit(
            baseline, batch, permutations=199, alpha=0.05, dependence=dependence
        ).verdict.p_value
    except NotAuditedError:
        return 1.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uneven", "chain"])
def test_frames_in_a_row(kind):
    """40 audits a kind, alpha 0.05: bound 6. Single images fire in more than half of the first 8."""
    families = world.fit(world.images(np.random.default_rng(0), 300), GATES)
    p, images = [], []
    for i in range(40):
        rng = np.random.default_rng([61, i])
        baseline = world.calibrate(families, row(rng, C, kind), i)
        batch = row(rng, M, kind)
        p.append(p_value(baseline, batch, "auto"))
        if i < 8:
            images.append(p_value(baseline, batch, "off"))
    assert (np.array(p) <= 0.05).sum() <= binomial_bound(40, 0.05)
    assert (np.array(p) < 1).mean() > 0.9  # an answer, nearly always
    assert (np.array(images) <= 0.05).sum() > 4


@pytest.mark.slow
def test_independent_images_keep_their_very_p():
    """20 audits: nothing is found, whatever the order of files."""
    families = world.fit(world.images(np.random.default_rng(1), 100), GATES)
    for i in range(20):
        rng = np.random.default_rng([62, i])
        baseline = world.calibrate(families, world.images(rng, 150), i)
        batch = world.images(rng, 30)
        assert p_value(baseline, batch, "auto") == p_value(baseline, batch, "off")

"""The same from pixels on: generated images through decoding, properties and a fresh autoencoder each time."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from driftcli.config.settings import Settings
from tests.benchmarks._lab import Lab
from tests.statistical import binomial_bound, kolmogorov_p

POOL, AUDITS, F, C, M = 300, 80, 80, 120, 25
SETTINGS = Settings.model_validate(
    {
        "extractors": {
            "methods": ("autoencoder", "properties"),
            "autoencoder": {"side": 16, "architecture": "pca", "latent": 8},
        }
    }
)


def picture(rng: np.random.Generator) -> Image.Image:
    """Smooth colour, a few discs, grain; light and grain vary from image to image."""
    y, x = np.mgrid[0:40, 0:48].astype(float)
    plane = rng.uniform(60, 180, 3) + rng.normal(0, 1, (2, 3))[0] * x[..., None] / 2
    for _ in range(rng.integers(1, 5)):
        inside = (x - rng.uniform(0, 48)) ** 2 + (y - rng.uniform(0, 40)) ** 2 < rng.uniform(3, 12) ** 2
        plane[inside] = rng.uniform(0, 255, 3)
    plane = plane + rng.normal(0, rng.uniform(1, 8), plane.shape)
    return Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8))


@pytest.mark.slow
def test_clean_images_alarm_as_often_as_alpha(tmp_path):
    """80 audits with their own principal components: alarms at alpha 0.05 within the bound, 9.

    Each has its random F, C and batch of 25 from 300 images; given the 300, such splits are exchangeable.
    """
    rng = np.random.default_rng(101)
    for i in range(POOL):
        picture(rng).save(tmp_path / f"{i}.png")
    lab = Lab.open(SETTINGS)
    photos = lab.read(str(tmp_path))
    assert len(photos) == POOL
    p = []
    for audit in range(AUDITS):
        order = rng.permutation(POOL)
        fit = lab.fit(photos, order[:F], audit)
        held_out = fit.views(photos, order[F : F + C])
        p.append(fit.audit(held_out, fit.views(photos, order[F + C :][:M]), 0.05, audit))
    assert (np.array(p) <= 0.05).sum() <= binomial_bound(AUDITS, 0.05)
    assert kolmogorov_p(np.array(p), 1000) > 0.001

"""Images and settings that the autoencoder's tests share."""

from __future__ import annotations

import numpy as np
from PIL import Image

from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.base import Runtime
from driftcli.extractors.networks import session

RUNTIME = Runtime(device="cpu")
QUICK = Autoencoder(side=32, channels=3, widths=(8, 16), latent=8, epochs=5, batch_size=8, learning_rate=1e-2)


def photos(n, side=32, channels=3, seed=0):
    """Smooth random scenes with a little texture: something that can be learnt, blurred and spoilt."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(n):
        coarse = rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
        scene = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        textured = np.asarray(scene, float) + rng.normal(0, 6, (side, side, 3))
        images.append(np.clip(textured, 0, 255).astype(np.uint8)[..., :channels])
    return np.stack(images)


def spoilt(images, sigma=25):
    noise = np.random.default_rng(9).normal(0, sigma, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def without_graph(state):
    """The state as versions before the graph wrote it: torch (or, for PCA, numpy) computes from it."""
    return {name: value for name, value in state.items() if name not in {session.MODEL, session.SHA256}}

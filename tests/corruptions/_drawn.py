"""Images drawn by code, and every kind of corruption."""

from __future__ import annotations

import numpy as np
from PIL import Image

from driftcli.core import registry

KINDS = registry.kinds("corruptions")


def kind(name):
    return registry.load("corruptions", name)()


def rng(seed=0):
    return np.random.default_rng(seed)


def scene(width=300, height=240):
    """Smooth hills in three colours, bars of several widths, a disc: detail at every scale, no pure white."""
    y, x = np.mgrid[:height, :width].astype(float)
    hills = 50 * np.sin(x / 47 + 1) * np.cos(y / 39) + 30 * np.sin((x + 2 * y) / 23)
    bars = 25 * np.sign(np.sin(x * x / 900)) * (y > height / 2)
    disc = 60 * ((x - width * 0.3) ** 2 + (y - height * 0.3) ** 2 < (height / 6) ** 2)
    red, green, blue = 120 + hills + bars, 110 + 0.6 * hills + bars + disc, 100 - 0.7 * hills - disc * 0.5
    return Image.fromarray(np.clip(np.stack([red, green, blue], -1), 5, 235).astype(np.uint8), "RGB")


def flat(level, width=224, height=224):
    return Image.new("RGB", (width, height), (level, level, level))


def point(width=225, height=225):
    """One bright square pixel on black: what a blur makes of it is its kernel."""
    image = Image.new("RGB", (width, height))
    image.putpixel((width // 2, height // 2), (255, 255, 255))
    return image


def digit(side=28):
    """A grey stroke on black, as RGB."""
    y, x = np.mgrid[:side, :side]
    values = (220 * np.exp(-(((x - side / 2) / 2.5) ** 2)) * (abs(y - side / 2) < side / 3)).astype(np.uint8)
    return Image.fromarray(np.repeat(values[..., None], 3, axis=2), "RGB")


def values(image):
    return np.asarray(image, float)


def distance(image, other):
    return float(np.abs(values(image) - values(other)).mean())


def same(image, other):
    return image.size == other.size and image.tobytes() == other.tobytes()

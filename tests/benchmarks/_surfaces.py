"""Drawn inspection pictures: stone tiles (texture at random) and circuit boards (the same layout every time)."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

TILE, BOARD = (256, 256), (320, 256)
"""Width and height."""
MASK, COPPER, GOLD, CHIP = (22, 92, 58), (44, 128, 80), (206, 172, 92), (38, 38, 42)
FINE = 3


def tile(rng: np.random.Generator) -> Image.Image:
    """A bevelled stone tile: cloudy, speckled, veined anew each time, under an uneven lamp."""
    wide, high = TILE
    cloud = sum(_noise(n, wide, high, rng) * a for n, a in ((3, 9.0), (9, 7.0), (28, 5.0), (90, 4.0)))
    vein = np.exp(-((_noise(5, wide, high, rng) * 6) ** 2)) * _noise(20, wide, high, rng) * 8
    specks = np.asarray(
        Image.fromarray((rng.random((high, wide)) < 0.012).astype(np.float32)).resize((wide, high))
    )
    grey = 150 + cloud + vein - 34 * specks * rng.random((high, wide))
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    edge = np.minimum.reduce([x, y, wide - 1 - x, high - 1 - y]) + rng.normal(0, 0.7)
    grey = grey - 60 * np.clip(1 - edge / 7, 0, 1)
    colour = grey[..., None] * np.array([1.04, 1.0, 0.93]) * (1 + rng.normal(0, 0.006, 3))
    return _photograph(colour, rng)


def board(rng: np.random.Generator) -> Image.Image:
    """The one circuit board, a pixel or two off its place, turned by up to half a degree."""
    wide, high = BOARD
    turn, dx, dy = rng.normal(0, 0.2), rng.normal(0, 0.8), rng.normal(0, 0.8)
    laid = _layout().rotate(
        float(turn), Image.Resampling.BICUBIC, translate=(round(dx * FINE), round(dy * FINE)), fillcolor=MASK
    )
    margin = 8 * FINE
    box = (margin, margin, margin + wide * FINE, margin + high * FINE)
    small = np.asarray(laid.resize((wide, high), Image.Resampling.BOX, box=box), np.float32)
    weave = 2.5 * _noise(110, wide, high, rng)[..., None]
    return _photograph(small + weave, rng)


@cache
def _layout() -> Image.Image:
    """Traces, vias, pads, resistors and chips, always the same."""
    wide, high = (length + 16 for length in BOARD)
    rng = np.random.default_rng(20)
    image = Image.new("RGB", (wide * FINE, high * FINE), MASK)
    draw = ImageDraw.Draw(image)

    def scaled(*values: float) -> list[int]:
        return [round(v * FINE) for v in values]

    for _ in range(46):
        x, y = rng.integers(2, wide // 8 - 2) * 8, rng.integers(2, high // 8 - 2) * 8
        points = [(x, y)]
        for _ in range(3):
            dx, dy = ((1, 0), (0, 1), (1, 1), (1, -1), (-1, 0), (0, -1))[rng.integers(6)]
            run = rng.integers(2, 9) * 8
            x, y = np.clip(x + dx * run, 8, wide - 8), np.clip(y + dy * run, 8, high - 8)
            points.append((x, y))
        flat = [tuple(scaled(*p)) for p in points]
        draw.line(flat, fill=COPPER, width=2 * FINE + 1, joint="curve")
        for px, py in (points[0], points[-1]):
            draw.ellipse(scaled(px - 3, py - 3, px + 3, py + 3), fill=GOLD)
            draw.ellipse(scaled(px - 1.2, py - 1.2, px + 1.2, py + 1.2), fill=(20, 24, 20))
    for left, top, w, h in ((40, 40, 60, 60), (190, 60, 80, 36), (120, 170, 44, 60), (236, 170, 52, 52)):
        for k in range(4, w - 3, 7):
            draw.rectangle(scaled(left + k, top - 6, left + k + 3, top + h + 6), fill=(190, 190, 186))
        draw.rectangle(scaled(left, top, left + w, top + h), fill=CHIP)
        draw.ellipse(scaled(left + 4, top + 4, left + 8, top + 8), fill=(80, 80, 84))
        for row in range(3):
            draw.line(
                scaled(left + 8, top + 18 + 6 * row, left + w - 10 - 5 * row, top + 18 + 6 * row),
                fill=(120, 120, 120),
                width=FINE,
            )
    for k in range(14):
        x, y = 20 + (k % 7) * 42, 132 if k < 7 else 250
        draw.rectangle(scaled(x - 9, y - 4, x + 9, y + 4), fill=(196, 196, 190))
        draw.rectangle(scaled(x - 5, y - 4, x + 5, y + 4), fill=(52, 40, 34) if k % 3 else (166, 128, 84))
    return image


def _photograph(scene: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Lamp, exposure, white balance and sensor noise, each a little different every time."""
    high, wide = scene.shape[:2]
    y, x = np.mgrid[-1 : 1 : high * 1j, -1 : 1 : wide * 1j]
    light = np.exp(rng.normal(0, 0.025)) * (1 + rng.normal(0.04, 0.015) * x + rng.normal(-0.03, 0.015) * y)
    lit = scene * (light * (1 - 0.08 * (x**2 + y**2)))[..., None] * (1 + rng.normal(0, 0.008, 3))
    noisy = lit + rng.normal(0, 2.2, lit.shape)
    return Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def _noise(cells: int, wide: int, high: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit size with about so many cells across."""
    coarse = rng.standard_normal((max(2, cells * high // wide), cells)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((wide, high), Image.Resampling.BICUBIC), np.float32)

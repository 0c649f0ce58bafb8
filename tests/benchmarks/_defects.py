"""Small realistic defects for pictures of any kind: scratch, dirt, missing part, dent; never above 1 % of the area."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

MOST = 0.01
"""Largest share of the picture that a defect changes."""
KINDS = ("scratch", "dirt", "missing", "dent")
FINE = 4
"""Lines are drawn so many times finer and reduced: a scratch may be thinner than a pixel."""


class Damaged(NamedTuple):
    """A picture with one defect, and where it is."""

    image: Image.Image
    mask: np.ndarray
    """bool [h, w]: the pixels that changed."""
    kind: str


def damage(image: Image.Image, kind: str, rng: np.random.Generator, strength: float = 1.0) -> Damaged:
    """The picture with one defect of a kind; drawn again (smaller) while it covers more than 1 %.

    `strength` below 1 mixes it with the picture as it was: a fainter one.
    """
    pixels = np.asarray(image.convert("RGB"), np.float32)
    size = 1.0
    while True:
        drawn = _DRAW[kind](pixels, size, rng)
        drawn = np.clip(np.rint(pixels + strength * (drawn - pixels)), 0, 255).astype(np.uint8)
        mask = (drawn != pixels.astype(np.uint8)).any(axis=2)
        if 0 < mask.mean() <= MOST:
            return Damaged(Image.fromarray(drawn), mask, kind)
        size *= 0.9 if mask.any() else 1.0


def _scratch(pixels: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """A slightly bent line, 15 to 40 % of the short side long, 0.6 to 1.2 % wide, bright or dark."""
    high, wide = pixels.shape[:2]
    short = min(high, wide)
    length, width = size * rng.uniform(0.15, 0.4) * short, rng.uniform(0.006, 0.012) * short
    turn, bend = rng.uniform(0, np.pi), rng.uniform(-0.15, 0.15)
    step = np.linspace(-0.5, 0.5, 24)
    along, across = step * length, bend * length * (step**2 - 0.125)
    x = along * np.cos(turn) - across * np.sin(turn)
    y = along * np.sin(turn) + across * np.cos(turn)
    left, top = _inside(wide, np.ptp(x) / 2, rng), _inside(high, np.ptp(y) / 2, rng)
    line = Image.new("L", (wide * FINE, high * FINE))
    points = [(float((left + a) * FINE), float((top + b) * FINE)) for a, b in zip(x, y, strict=True)]
    ImageDraw.Draw(line).line(points, fill=255, width=max(1, round(width * FINE)), joint="curve")
    cover = np.asarray(line.resize((wide, high), Image.Resampling.BOX), np.float32)[..., None] / 255
    depth = rng.uniform(45, 90) * _away_from(pixels, int(top), int(left), rng)
    return pixels + cover * depth


def _dirt(pixels: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """An irregular brownish speck with soft edges."""
    high, wide = pixels.shape[:2]
    radius = size * np.sqrt(high * wide * rng.uniform(0.002, 0.006) / np.pi)
    cy, cx = _inside(high, radius, rng), _inside(wide, radius, rng)
    y, x = np.mgrid[0:high, 0:wide] + 0.5
    angle, away = np.arctan2(y - cy, x - cx), np.hypot(y - cy, x - cx)
    edge = sum(rng.uniform(-0.2, 0.2) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 5))
    cover = np.clip((radius * (1 + edge) - away) / max(1.0, 0.25 * radius) + 0.5, 0, 1)[..., None]
    tone = np.array([66, 52, 40], np.float32) * rng.uniform(0.5, 1.4)
    if abs(float(pixels[int(cy), int(cx)].mean() - tone.mean())) < 40:
        tone = tone + 120  # dust on something dark
    return pixels + 0.85 * cover * (tone - pixels)


def _missing(pixels: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """A small area covered with its neighbour: of 40 places the one where that changes most."""
    high, wide = pixels.shape[:2]
    area = size * high * wide * rng.uniform(0.004, 0.009)
    shape = rng.uniform(0.6, 1.6)
    h, w = max(2, round(np.sqrt(area * shape))), max(2, round(np.sqrt(area / shape)))
    best, gain = None, -1.0
    for _ in range(40):
        top, left = int(rng.integers(0, high - h + 1)), int(rng.integers(0, wide - w + 1))
        dy, dx = ((-h, 0), (h, 0), (0, -w), (0, w))[rng.integers(4)]
        if not (0 <= top + dy <= high - h and 0 <= left + dx <= wide - w):
            continue
        here, there = pixels[top : top + h, left : left + w], pixels[top + dy :, left + dx :][:h, :w]
        change = float(np.abs(here - there).mean() + here.std() - there.std())
        if change > gain:
            best, gain = (top, left, there), change
    changed = pixels.copy()
    if best is not None:
        top, left, there = best
        changed[top : top + h, left : left + w] = there
    return changed


def _dent(pixels: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """A round dimple: the side towards the lamp darker, the other brighter; colours stay."""
    high, wide = pixels.shape[:2]
    radius = size * np.sqrt(high * wide * rng.uniform(0.006, 0.0095) / np.pi)
    cy, cx, turn = _inside(high, radius, rng), _inside(wide, radius, rng), rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:high, 0:wide] + 0.5
    v, u = (y - cy) / radius, (x - cx) / radius
    bowl = np.clip(1 - u**2 - v**2, 0, None) * 2.6
    slope = bowl * (u * np.cos(turn) + v * np.sin(turn))
    return pixels * (1 + rng.uniform(0.35, 0.6) * slope)[..., None].astype(np.float32)


_DRAW = {"scratch": _scratch, "dirt": _dirt, "missing": _missing, "dent": _dent}


def _inside(length: int, half: float, rng: np.random.Generator) -> float:
    """A place that keeps the defect in the picture, where it fits."""
    half = min(half + 1, length / 2 - 0.5)
    return float(rng.uniform(half, length - half))


def _away_from(pixels: np.ndarray, row: int, column: int, rng: np.random.Generator) -> float:
    """Bright on dark, dark on bright; either on grey."""
    level = float(pixels[row, column].mean())
    return -1.0 if level > 190 else 1.0 if level < 65 else float(rng.choice((-1.0, 1.0)))

"""One view of the belt before any camera: worn fabric, a part, its shadow, and the guide rail."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from driftcli.simulation.sample.parts import PARTS, Frame, Plane, Surface

WIDTH, HEIGHT = 256, 192
BELT = np.array([0.290, 0.335, 0.322], np.float32)
"""Colour of the fabric belt: a dark, slightly green grey."""
RAIL = np.array([0.74, 0.75, 0.77], np.float32)
LIGHT = np.array([-0.48, -0.56], np.float32)
"""Where the bar lamp stands, seen from the part: left and behind; its height is the remainder to 1."""
Picture = NDArray[np.float32]
"""Red, green and blue, about 0..1: [h, w, 3]."""


def soften(plane: Plane, sigma: float) -> Plane:
    """A Gaussian blur of a plane in [0, 1], to 1/255: good enough for shadows and stains."""
    grey = Image.fromarray((plane * 255).astype(np.uint8))
    return np.asarray(grey.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / 255


def _stretch(coarse: Plane, width: int, height: int) -> Plane:
    """Coarse noise as a smooth plane."""
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.float32)


@lru_cache(maxsize=2)
def _belt(seed: int) -> Plane:
    """The belt's fabric, brightness around 1, float32 [704, 1280]: views are cut out of it."""
    rng = np.random.default_rng([seed, 0xBE17])
    high, wide = 704, 1280
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    weave = np.sin(np.pi * (x + 0.5 * y) / 3.1) * np.sin(np.pi * (y - 0.5 * x) / 3.1)
    grain = rng.standard_normal((high, wide), np.float32)
    grain = 0.55 * grain + 0.45 * np.roll(grain, 1, 1)
    stains = _stretch(rng.standard_normal((24, 44), np.float32), wide, high)
    patches = _stretch(rng.standard_normal((90, 120), np.float32), wide, high)
    wear = _stretch(rng.standard_normal((176, 10), np.float32), wide, high)
    fabric: Plane = 1 + 0.10 * weave + 0.045 * grain + 0.045 * stains + 0.05 * patches + 0.055 * wear
    return fabric


@lru_cache(maxsize=2)
def _metal(seed: int) -> Plane:
    """Fine scratches and grain of machined metal, around 0, float32 [512, 512]."""
    rng = np.random.default_rng([seed, 0x57EE])
    grain = rng.standard_normal((512, 512), np.float32)
    strokes = _stretch(rng.standard_normal((512, 40), np.float32), 512, 512)
    return 0.6 * grain + 0.8 * strokes


def _cut(texture: Plane, height: int, width: int, rng: np.random.Generator) -> Plane:
    """A window of the texture at a random place."""
    top = rng.integers(texture.shape[0] - height + 1)
    left = rng.integers(texture.shape[1] - width + 1)
    return texture[top : top + height, left : left + width]


def _place(rng: np.random.Generator) -> tuple[Frame, int, int]:
    """Where the part lies: a patch of part coordinates and the patch's corner in the view."""
    scale = 57 * rng.uniform(0.96, 1.04)
    x = WIDTH / 2 + rng.uniform(-34, 34)
    y = 87 + rng.uniform(-17, 17)
    turn = rng.uniform(0, 2 * np.pi)
    reach = int(scale * 1.06) + 2
    left, top = int(x) - reach, int(y) - reach
    row, column = np.mgrid[top : top + 2 * reach + 1, left : left + 2 * reach + 1].astype(np.float32)
    u, v = (column - np.float32(x)) / np.float32(scale), (row - np.float32(y)) / np.float32(scale)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return Frame(cos * u + sin * v, cos * v - sin * u, scale), left, top


def _shade(part: Surface, frame: Frame, lamp: NDArray[np.float32], scratches: Plane) -> Picture:
    """The part under a bar lamp and the room: float32 [h, w, 3]."""
    slope_y, slope_x = np.gradient(part.height * np.float32(frame.scale))
    slope_y, slope_x = slope_y + 0.035 * scratches, slope_x + 0.022 * scratches
    up = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    lx, ly = lamp
    lz = np.sqrt(1 - lx**2 - ly**2)
    facing = np.maximum((-slope_x * lx - slope_y * ly + lz) * up, 0)
    half = np.sqrt(lx**2 + ly**2 + (lz + 1) ** 2)
    shine = np.maximum((-slope_x * lx - slope_y * ly + lz + 1) * up / half, 0) ** 70
    room = (slope_y * 0.6 + slope_x * 0.35) * up
    # A turned face reflects the lamp where its marks run across the light: a bow tie through the centre.
    row, column = np.mgrid[0 : up.shape[0], 0 : up.shape[1]].astype(np.float32)
    row, column = row - row.mean(), column - column.mean()
    across = (column * ly - row * lx) ** 2 / ((row**2 + column**2 + 1) * (lx**2 + ly**2))
    glint = part.turned * (1 - across) ** 5 * (0.8 + 0.35 * scratches)
    body = part.albedo * (0.20 + 0.42 * facing + 0.14 * room + 0.30 * glint)
    tinted = body[..., None] * np.array(part.tint, np.float32)
    return np.asarray(tinted + (0.45 * shine * part.albedo)[..., None], np.float32)


def _window(left: int, top: int, plane: Plane) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a patch at (left, top) falls into the view, and which of its own pixels those are."""
    high, wide = plane.shape[:2]
    rows, columns = slice(max(top, 0), min(top + high, HEIGHT)), slice(max(left, 0), min(left + wide, WIDTH))
    own = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    return (rows, columns), own


def _cast(picture: Picture, cover: Plane, left: int, top: int, lamp: NDArray[np.float32]) -> None:
    """Takes the light from the belt that the part hides: a cast shadow and a tight contact shadow."""
    margin = 18
    solid = np.pad(cover, margin)
    for sigma, depth, reach in ((5.0, 0.45, -12), (2.0, 0.36, -2)):
        shade = 1 - depth * soften(solid, sigma)
        dx, dy = round(reach * float(lamp[0])), round(reach * float(lamp[1]))
        place, own = _window(left - margin + dx, top - margin + dy, shade)
        picture[place] *= shade[own][..., None]


def _rail(picture: Picture, seed: int, rng: np.random.Generator) -> None:
    """Draws the aluminium guide along the lower border, and the shadow it stands in."""
    first = HEIGHT - 28
    edge = 177 + rng.normal(0, 0.8)
    y = np.arange(first, HEIGHT, dtype=np.float32)[:, None]
    depth = np.clip(y - edge, 0, 1)[..., None]
    gap = np.clip(1 - np.abs(y - edge + 3) / 5, 0, 1)
    ridge = 0.30 * np.exp(-(((y - edge - 2.2) / 1.1) ** 2)) - 0.22 * np.clip((y - edge - 8) / 8, 0, 1)
    metal = RAIL * (0.74 + ridge + 0.02 * _cut(_metal(seed), HEIGHT - first, WIDTH, rng))[..., None]
    strip = picture[first:]
    strip *= (1 - 0.55 * gap)[..., None]
    strip += depth * (metal - strip)


def view(label: str, seed: int, rng: np.random.Generator) -> Picture:
    """What lies in front of the camera: one part of class `label`, float32 [192, 256, 3] around 0..1."""
    picture = _cut(_belt(seed), HEIGHT, WIDTH, rng)[..., None] * BELT
    frame, left, top = _place(rng)
    part = PARTS[label](frame, rng)
    lamp = LIGHT + rng.normal(0, 0.02, 2).astype(np.float32)
    _cast(picture, part.cover, left, top, lamp)
    _rail(picture, seed, rng)
    high, wide = part.cover.shape
    scratches = np.rot90(_cut(_metal(seed), high, wide, rng), int(rng.integers(4)))
    lit = _shade(part, frame, lamp, scratches)
    place, own = _window(left, top, part.cover)
    picture[place] += part.cover[own][..., None] * (lit[own] - picture[place])
    return picture

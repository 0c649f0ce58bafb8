"""The inspection camera: lens, lamp ageing, sensor noise, JPEG, and what it writes into EXIF."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from driftcli.simulation.sample.scene import HEIGHT, WIDTH, Picture

if TYPE_CHECKING:
    from datetime import datetime

MAKE, MODEL = "Example Optics", "LineCam 200"


@dataclass(frozen=True)
class Fault:
    """What is wrong with the camera that day; nothing, by default."""

    defocus: float = 0.0
    """Extra blur, standard deviation in pixels, added to the lens's own in quadrature."""
    warmth: float = 0.0
    """Red gains and blue loses this share: a lamp or white balance going yellow."""


HEALTHY = Fault()


@cache
def _grid() -> tuple[Picture, Picture]:
    """Pixel places, -1..1 across the longer side: x [1, w], y [h, 1]."""
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None]
    y = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None] * np.float32(HEIGHT / WIDTH)
    return x, y


def _light(rng: np.random.Generator) -> Picture:
    """Uneven lamp and vignette, with the day-to-day drift every line has: float32 [h, w]."""
    x, y = _grid()
    tilt_x, tilt_y = rng.normal(-0.07, 0.015), rng.normal(-0.06, 0.015)
    exposure = float(np.exp(rng.normal(0.04, 0.03)))
    return np.asarray(exposure * (1 + tilt_x * x + tilt_y * y) * (1 - 0.17 * (x**2 + y**2)), np.float32)


def _noise(picture: Picture, rng: np.random.Generator) -> Picture:
    """Shot and read noise; colour noise is coarser, as demosaicing leaves it."""
    fine = rng.standard_normal((HEIGHT, WIDTH), np.float32)
    coarse = rng.standard_normal((HEIGHT // 2, WIDTH // 2, 3), np.float32)
    noisy = coarse.repeat(2, 0).repeat(2, 1)
    noisy *= 0.06
    noisy += 0.13 * fine[..., None]
    noisy *= np.sqrt(picture[..., 1:2] * 0.9 + 1.2)  # shot noise of the green channel stands for all three
    noisy += picture
    return noisy


def expose(scene: Picture, rng: np.random.Generator, fault: Fault) -> Image.Image:
    """The picture that the sensor delivers, 8-bit RGB, of a scene (float32 [h, w, 3] around 0..1)."""
    warmth = rng.normal(0, 0.008) + fault.warmth
    tone = rng.normal(0, 0.004)
    gains = np.array([1 + warmth, 1 + tone, 1 - warmth], np.float32)
    lit = scene * (255 * _light(rng))[..., None] * gains
    sharp = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
    lens = rng.uniform(0.42, 0.58)
    soft = sharp.filter(ImageFilter.GaussianBlur(float(np.hypot(lens, fault.defocus))))
    noisy = _noise(np.asarray(soft, np.float32), rng)
    return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))


def _exif(taken: datetime, shutter: float) -> Image.Exif:
    """Make, model, capture time, shutter, aperture, ISO and focal length."""
    exif = Image.Exif()
    stamp = taken.strftime("%Y:%m:%d %H:%M:%S")
    exif.update({0x010F: MAKE, 0x0110: MODEL, 0x0132: stamp})
    exif.get_ifd(0x8769).update({0x829A: shutter, 0x829D: 4.0, 0x8827: 200, 0x9003: stamp, 0x920A: 25.0})
    return exif


def develop(picture: Image.Image, taken: datetime, rng: np.random.Generator) -> bytes:
    """The bytes of the JPEG that the camera stores; its quality floats with the load of the line, as its firmware does."""
    shutter = 1 / float(rng.choice((400, 500, 640)))
    quality = int(rng.integers(76, 84))
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=quality, exif=_exif(taken, shutter))
    return stored.getvalue()

"""What can be measured on one image's pixels without a network: light, colour, detail, damage.

Sums and histograms are taken over whole numbers, hence exact and free of their order; only the last few
operations round. Undefined values are NaN (no interior, no edges, no dominant hue), never an error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from driftcli.core.features import Column
from driftcli.core.images import SHARED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftcli.core.images import Frame

Counts = NDArray[np.int64]
Plane = NDArray[np.int16]
"""One channel [h, w], or differences of one (within ±2040)."""

COLUMNS = (
    Column("brightness", more="brighter", less="darker"),
    Column("contrast", more="richer in contrast", less="poorer in contrast"),
    Column("entropy", unit="bit", more="richer in tones", less="poorer in tones"),
    Column("highlights", unit="share", more="more blown out", less="less blown out"),
    Column("shadows", unit="share", more="more blacked out", less="less blacked out"),
    Column("saturation", more="more saturated", less="less saturated"),
    Column("colourfulness", more="more colourful", less="less colourful"),
    Column("red_green", more="redder", less="greener"),
    Column("yellow_blue", more="yellower", less="bluer"),
    Column("hue", "circular", "turns"),
    Column("sharpness", more="sharper", less="blurrier"),
    Column("noise", unit="grey levels", more="noisier", less="less noisy"),
    Column("edge_density", unit="share", more="busier", less="plainer"),
    Column("blockiness", more="blockier", less="less blocky"),
)
"""The view `properties`, in order; hue is in turns [0, 1): period 1."""

HIGHLIGHT, SHADOW = 250, 5
"""Luma from which, and up to which, a pixel counts as clipped: JPEG and resizing smear 255 and 0."""
EDGE = 51
"""Luma step over two pixels above which a pixel lies on an edge: a tenth of the range per pixel."""
INTERIOR = 3
"""Pixels that a second difference spans."""
BLOCK = 8
"""Side of JPEG's blocks, and of those in which noise is estimated."""
SMOOTHEST = 0.81
"""The low decile, over 8 × 8 blocks of white noise, of the estimated sigma relative to the true one."""
FEW = 8
"""Unclipped blocks that are enough to estimate noise from."""
WINDOW = 256, 192
"""The middle of the image on which detail is measured: pixels along its long and its short side."""
FAINT = 0.005
"""Mean chroma, relative to the mean level, below which an image has no dominant hue."""
_LEVEL = np.arange(256)
_LEVEL_SQUARED = _LEVEL**2
_OPPONENTS = np.array([[1, -1, 0], [1, 1, -2]])
"""Red against green, and twice yellow against blue, as sums of R, G, B."""
_SQUARES = np.array([[1, 0, 0], [-1, 2, 2]])
"""Their squares, as sums of those of R - G, G - B, B - R."""


def measure(frame: Frame, side: int) -> tuple[float, ...]:
    """All pixel properties of an RGB image, in the order of `COLUMNS`.

    Light on the image with a short side from `side` on (a mean of more pixels hides how many are black), detail on its
    middle, WINDOW pixels at most, colour on the shared reduced image: what a lens, a sensor and a codec do to detail they do in the middle, too.
    (Version 1: all of it on the whole image at short side `side`.)
    """
    image = frame.image if frame.image.mode == "RGB" else frame.image.convert("RGB")
    if frame.version == 1:
        small = shrink(image, side)
        grey = detailed = small.convert("L")
    else:
        small = frame.reduced(SHARED)
        grey = frame.reduced(side).convert("L")
        detailed = middle(grey)
    found = {**light(grey), **colour(small), **detail(np.asarray(detailed).astype(np.int16))}
    return tuple(found[column.name] for column in COLUMNS)


def middle(image: Image.Image) -> Image.Image:
    """The middle of an image, WINDOW at most; its corner lies on the grid of JPEG's blocks."""
    wide, tall = WINDOW if image.width >= image.height else WINDOW[::-1]
    left, top = (
        max(0, image.width - wide) // 2 // BLOCK * BLOCK,
        max(0, image.height - tall) // 2 // BLOCK * BLOCK,
    )
    return image.crop((left, top, min(image.width, left + wide), min(image.height, top + tall)))


def shrink(image: Image.Image, side: int) -> Image.Image:
    """The image with its short side at `side` or as it is, when that is smaller: never enlarged; version 1 alone.

    Whole factors are averaged (`reducing_gap`), the rest is resampled with the Hamming kernel.
    """
    short = min(image.size)
    if short <= side:
        return image
    width, height = (max(1, round(length * side / short)) for length in image.size)
    return image.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)


def light(grey: Image.Image) -> Mapping[str, float]:
    """Mean, deviation, entropy and clipped shares of luma (Rec. 601), all from its 256-bin histogram."""
    counts = _levels(grey, 1)
    total = grey.width * grey.height
    mean = int(counts @ _LEVEL) / total
    variance = int(counts @ _LEVEL_SQUARED) / total - mean**2
    share = counts[counts > 0] / total
    return {
        "brightness": mean / 255,
        "contrast": math.sqrt(max(variance, 0.0)) / 255,
        "entropy": max(0.0, -float(np.sum(share * np.log2(share)))),
        "highlights": int(counts[HIGHLIGHT:].sum()) / total,
        "shadows": int(counts[: SHADOW + 1].sum()) / total,
    }


def colour(image: Image.Image) -> Mapping[str, float]:
    """Strength and direction of colour; all 0, hue missing, where R = G = B everywhere.

    Saturation is total chroma over total value, not the mean of their ratios: in dark pixels noise alone
    makes the ratio large. Hue is the circular mean of the pixels' hues weighted by their chroma: pixels
    add up as vectors in the chroma plane, so its angle is that of the mean colour. The opponents are
    relative to the mean of R, G, B, so that exposure does not move them.
    """
    red, green, blue = image.split()
    turned = Image.merge("RGB", (green, blue, red))
    pixels = image.width * image.height
    sums = _levels(image, 3) @ _LEVEL
    apart = _levels(ImageChops.difference(image, turned), 3)  # |R - G|, |G - B|, |B - R|
    chroma = int((apart @ _LEVEL).sum()) // 2  # the largest less the smallest, twice
    value = int(_levels(ImageChops.lighter(ImageChops.lighter(red, green), blue), 1) @ _LEVEL)
    r, g, b = (total / pixels for total in sums.tolist())
    across, along = math.sqrt(3) / 2 * (g - b), r - (g + b) / 2
    level = (r + g + b) / 3 or 1.0
    return {
        "saturation": chroma / (value or 1),
        "colourfulness": _colourfulness(sums, apart @ _LEVEL_SQUARED, pixels) if chroma else 0.0,
        "red_green": (r - g) / level,
        "yellow_blue": ((r + g) / 2 - b) / level,
        "hue": _turns(across, along) if math.hypot(across, along) >= FAINT * level else math.nan,
    }


def detail(luma: Plane) -> Mapping[str, float]:
    """Sharpness, noise, edges and blocks of luma [h, w]; the first three need an interior (3 × 3)."""
    found = {"sharpness": math.nan, "noise": math.nan, "edge_density": math.nan}
    found["blockiness"] = _blockiness(luma)
    if min(luma.shape) < INTERIOR:
        return found
    down, right = luma[2:, 1:-1] - luma[:-2, 1:-1], luma[1:-1, 2:] - luma[1:-1, :-2]
    gradient = _squared(down) + _squared(right)
    rows = luma[:-2] - 2 * luma[1:-1] + luma[2:]
    columns = luma[1:-1, :-2] - 2 * luma[1:-1, 1:-1] + luma[1:-1, 2:]
    found["sharpness"] = _sharpness(gradient, rows[:, 1:-1] + columns)
    found["noise"] = _noise(luma[1:-1, 1:-1], np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]))
    found["edge_density"] = int(np.count_nonzero(gradient > EDGE**2)) / gradient.size
    return found


def _sharpness(gradient: NDArray[np.int32], laplacian: Plane) -> float:
    """RMS Laplacian over RMS gradient on the tenth of the pixels with the steepest gradients.

    1 for one-pixel steps, 0 for ramps. The ratio is a spatial frequency: neither contrast nor brightness
    nor the amount of texture moves it; only steep pixels count, where noise is small beside the signal.
    """
    flat = gradient.ravel()
    nth = flat.size - max(1, flat.size // 10)
    steep = flat >= max(int(np.partition(flat, nth)[nth]), 1)
    energy = int(np.sum(flat * steep, dtype=np.int64))  # three times faster than taking them out
    if energy == 0:
        return math.nan
    curvature = int(np.sum(_squared(laplacian).ravel() * steep, dtype=np.int64))
    return math.sqrt(curvature / energy)


def _noise(interior: Plane, response: Plane) -> float:
    """Immerkær's estimate of sigma, from the tenth-smoothest 8 × 8 block instead of the whole image.

    The mask [1 −2 1]ᵀ[1 −2 1] has gain 6 on white noise and none on planes; texture raises it, hence
    the low decile over blocks. Clipped blocks hide their noise and are left out where 8 others remain.
    """
    size = min(BLOCK, *response.shape)
    blocks = _blocks(response, size).sum(axis=1, dtype=np.int32)
    if len(blocks) > FEW:
        values = _blocks(interior, size)
        open_ = (values.min(axis=1) > SHADOW) & (values.max(axis=1) < HIGHLIGHT)
        blocks = blocks[open_] if np.count_nonzero(open_) >= FEW else blocks
    nth = (len(blocks) - 1) // 10
    mean: float = int(np.partition(blocks, nth)[nth]) / size**2
    return mean * math.sqrt(math.pi / 2) / (6 * SMOOTHEST)


def _blockiness(luma: Plane) -> float:
    """Mean step across the 8-pixel grid over the mean step elsewhere, averaged over both directions.

    1 without a grid. It sees the grid only where the image was not resized or shifted after compression.
    """
    ratios = []
    for steps in (np.abs(luma[:, 1:] - luma[:, :-1]), np.abs(luma[1:] - luma[:-1]).T):
        along = steps.sum(axis=0, dtype=np.int32)
        on = np.arange(len(along)) % BLOCK == BLOCK - 1
        inside, across = int(along[~on].sum()), int(along[on].sum())
        if np.count_nonzero(on) > 1 and inside > 0:
            ratios.append(across / inside * (np.count_nonzero(~on) / np.count_nonzero(on)))
    return sum(ratios) / len(ratios) if ratios else math.nan


def _colourfulness(sums: Counts, squares: Counts, pixels: int) -> float:
    """Hasler and Süsstrunk's M3 = √(σ²rg + σ²yb) + 0.3 √(μ²rg + μ²yb), on 0..255.

    `sums` of R, G, B and `squares` of R - G, G - B, B - R, whole numbers both: those of R + G - 2 B follow from
    (x + y)² = 2 x² + 2 y² - (x - y)².
    """
    means = (_OPPONENTS @ sums / pixels).tolist()
    energy = (_SQUARES @ squares / pixels).tolist()
    rg, yb = (max(square - mean**2, 0.0) for square, mean in zip(energy, means, strict=True))
    return math.sqrt(rg + yb / 4) + 0.3 * math.hypot(means[0], means[1] / 2)


def _squared(plane: Plane) -> NDArray[np.int32]:
    """The squares of numbers within ±2040."""
    wide = plane.astype(np.int32)
    wide *= wide
    return wide


def _levels(image: Image.Image, bands: int) -> Counts:
    """How many pixels have each value: [bands, 256], or [256] of one band."""
    counts = np.array(image.histogram(), dtype=np.int64)
    return counts if bands == 1 else counts.reshape(bands, 256)


def _turns(across: float, along: float) -> float:
    """An angle as turns in [0, 1) that float32 keeps below 1."""
    return float(np.float32(math.atan2(across, along) / math.tau % 1.0)) % 1.0


def _blocks(plane: Plane, size: int) -> Plane:
    """[blocks, size²]: whole squares from the top left corner; the rest is left out."""
    high, wide = plane.shape[0] // size, plane.shape[1] // size
    whole = plane[: high * size, : wide * size].reshape(high, size, wide, size)
    return whole.swapaxes(1, 2).reshape(high * wide, size * size)

"""What can be measured on one image's pixels without a network: light, colour, detail, damage.

Sums and histograms are taken over whole numbers, hence exact and free of their order; only the last few
operations round. Undefined values are NaN (no interior, no edges, no dominant hue), never an error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.core.features import Column
from driftcli.core.images import SHARED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
EVERY, MANY = 3, 96
"""Light and colour look at every third row of an image that has so many: an odd step, since interlaced and striped
images repeat every second or fourth."""
FAINT = 0.005
"""Mean chroma, relative to the mean level, below which an image has no dominant hue."""
_LEVEL = np.arange(256)
_LEVEL_SQUARED = _LEVEL**2
_OPPONENTS = np.array([[1, -1, 0], [1, 1, -2]])
"""Red against green, and twice yellow against blue, as sums of R, G, B."""


def measure(frame: Frame, side: int) -> tuple[float, ...]:
    """All pixel properties of an image, in the order of `COLUMNS`.

    Light on every third row of the image with a short side from `side` on (a mean of more pixels hides how many are
    black), detail on its middle, WINDOW pixels at most, colour on every third row of the shared reduced image: what a
    lens, a sensor and a codec do to detail they do in the middle, too, and rows between others look like them.
    (Version 1: all of it on every row of the whole image at short side `side`.)
    """
    if frame.version == 1:
        small = shrink(frame.image, side)
        grey = small.convert("L")
        found = {**light(grey), **colour(np.asarray(small)), **detail(np.asarray(grey).astype(np.int16))}
    else:
        large = frame.stored if frame.factor(side) == 1 else frame.reduced(side)
        luma = np.asarray(middle(large).convert("L")).astype(np.int16)
        coloured = frame.pixels(SHARED)
        coloured = coloured[1::EVERY] if len(coloured) >= MANY else coloured
        found = {**light(thinned(large).convert("L")), **colour(coloured), **detail(luma)}
    return tuple(found[column.name] for column in COLUMNS)


def thinned(image: Image.Image) -> Image.Image:
    """Every third row of an image with many: the second, the fifth, and so on."""
    count = image.height // EVERY
    if image.height < MANY:
        return image
    box = (0, 0, image.width, count * EVERY)
    return image.resize((image.width, count), Image.Resampling.NEAREST, box=box)


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
    counts: Counts = np.array(grey.histogram(), dtype=np.int64)
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


def colour(rgb: NDArray[np.uint8]) -> Mapping[str, float]:
    """Strength and direction of colour of [h, w, 3]; all 0, hue missing, where R = G = B everywhere.

    Saturation is total chroma over total value, not the mean of their ratios: in dark pixels noise alone
    makes the ratio large. Hue is the circular mean of the pixels' hues weighted by their chroma: pixels
    add up as vectors in the chroma plane, so its angle is that of the mean colour. The opponents are
    relative to the mean of R, G, B, so that exposure does not move them.
    """
    pixels = rgb.shape[0] * rgb.shape[1]
    planes = np.empty((5, pixels))  # float64 keeps such sums exact
    planes[:3] = rgb.reshape(pixels, 3).T
    red, green, blue, largest, smallest = planes
    np.maximum(np.maximum(red, green, out=largest), blue, out=largest)
    np.minimum(np.minimum(red, green, out=smallest), blue, out=smallest)
    *sums, value, least = (int(total) for total in planes.sum(axis=1))
    chroma = value - least
    r, g, b = (total / pixels for total in sums)
    across, along = math.sqrt(3) / 2 * (g - b), r - (g + b) / 2
    level = (r + g + b) / 3 or 1.0
    return {
        "saturation": chroma / (value or 1),
        "colourfulness": _colourfulness(sums, planes[:3] @ planes[:3].T, pixels) if chroma else 0.0,
        "red_green": (r - g) / level,
        "yellow_blue": ((r + g) / 2 - b) / level,
        "hue": _turns(across, along) if math.hypot(across, along) >= FAINT * level else math.nan,
    }


def detail(luma: Plane) -> Mapping[str, float]:
    """Sharpness, noise, edges and blocks of luma [h, w]; the first three need an interior (3 × 3).

    Differences are taken of the rows laid end to end, which is twice as fast as row by row; where a row ends, those to
    the right mean nothing and are cut off.
    """
    found = {"sharpness": math.nan, "noise": math.nan, "edge_density": math.nan}
    high, wide = luma.shape
    flat = np.ascontiguousarray(luma).ravel()
    down, right = flat[wide:] - flat[:-wide], _next(flat)
    found["blockiness"] = _blockiness(down.reshape(-1, wide), right.reshape(-1, wide)[:, :-1])
    if min(luma.shape) < INTERIOR:
        return found
    rows = wide, len(flat) - wide  # all but the first and the last
    here, one, two = (slice(rows[0] + step, rows[1] + step) for step in range(3))

    def interior(plane: NDArray[Any]) -> NDArray[Any]:
        """[h - 2, w - 2] of a plane whose columns begin one to the left of their pixels."""
        return plane.reshape(high - 2, wide)[:, :-2]

    bent_down, bent_right = down[wide:] - down[:-wide], right[one] - right[here]
    steep_down, steep_right = flat[2 * wide :] - flat[: -2 * wide], flat[two] - flat[here]
    gradient = interior(_squared(steep_right)) + _squared(steep_down).reshape(high - 2, wide)[:, 1:-1]
    laplacian = interior(bent_right) + bent_down.reshape(high - 2, wide)[:, 1:-1]
    found["sharpness"] = _sharpness(gradient.ravel(), laplacian.ravel())
    found["noise"] = _noise(luma[1:-1, 1:-1], interior(np.abs(_next(_next(bent_down)))))
    found["edge_density"] = int(np.count_nonzero(gradient > EDGE**2)) / gradient.size
    return found


def _next(flat: NDArray[np.int16]) -> NDArray[np.int16]:
    """Each number's difference from the next one; 0 for the last."""
    steps = np.empty_like(flat)
    np.subtract(flat[1:], flat[:-1], out=steps[:-1])
    steps[-1] = 0
    return steps


def _sharpness(gradient: NDArray[np.int32], laplacian: NDArray[np.int16]) -> float:
    """RMS Laplacian over RMS gradient on the tenth of the pixels with the steepest gradients.

    1 for one-pixel steps, 0 for ramps. The ratio is a spatial frequency: neither contrast nor brightness
    nor the amount of texture moves it; only steep pixels count, where noise is small beside the signal.
    """
    nth = gradient.size - max(1, gradient.size // 10)
    steep = np.flatnonzero(gradient >= max(int(np.partition(gradient, nth)[nth]), 1))
    energy = int(gradient[steep].sum(dtype=np.int64))
    if energy == 0:
        return math.nan
    curvature = int(_squared(laplacian[steep]).sum(dtype=np.int64))
    return math.sqrt(curvature / energy)


def _noise(interior: Plane, response: Plane) -> float:
    """Immerkær's estimate of sigma, from the tenth-smoothest 8 × 8 block instead of the whole image.

    The mask [1 −2 1]ᵀ[1 −2 1] has gain 6 on white noise and none on planes; texture raises it, hence
    the low decile over blocks. Clipped blocks hide their noise and are left out where 8 others remain.
    """
    size = min(BLOCK, *response.shape)
    blocks = _of_blocks(np.add, response, size)
    if len(blocks) > FEW:
        lowest, highest = (_of_blocks(function, interior, size) for function in (np.minimum, np.maximum))
        open_ = (lowest > SHADOW) & (highest < HIGHLIGHT)
        blocks = blocks[open_] if np.count_nonzero(open_) >= FEW else blocks
    nth = (len(blocks) - 1) // 10
    mean: float = int(np.partition(blocks, nth)[nth]) / size**2
    return mean * math.sqrt(math.pi / 2) / (6 * SMOOTHEST)


def _of_blocks(function: np.ufunc, plane: Plane, size: int) -> NDArray[np.int32]:
    """[squares]: a sum, least or largest value of every whole one from the top left corner; the rest is left out.

    `size`: 8 at most, so that numbers within ±2040 add up within 16 bits over the rows of a square.
    """
    high, wide = plane.shape[0] // size, plane.shape[1] // size
    squares = plane[: high * size, : wide * size].reshape(high, size, wide * size)
    rows = function.reduce(squares, axis=1, dtype=np.int16).reshape(high * wide, size)
    found: NDArray[np.int32] = function.reduce(rows.T.astype(np.int32, order="C"), axis=0)
    return found


def _blockiness(down: Plane, right: Plane) -> float:
    """Mean step across the 8-pixel grid over the mean step elsewhere, averaged over both directions.

    `down` and `right`: each pixel's difference from the one below it and from the one to its right.
    1 without a grid. It sees the grid only where the image was not resized or shifted after compression.
    """
    ratios = []
    steps = np.abs(down)
    for along, every, across in (
        (right.shape[1], _by_column(np.abs(right)), None),
        (len(steps), _by_column(steps), _by_column(steps[BLOCK - 1 :: BLOCK])),
    ):
        grid = every[BLOCK - 1 :: BLOCK] if across is None else across
        on = along // BLOCK
        total, on_grid = int(every.sum()), int(grid.sum())
        if on > 1 and total > on_grid:
            ratios.append(on_grid / (total - on_grid) * ((along - on) / on))
    return sum(ratios) / len(ratios) if ratios else math.nan


def _by_column(steps: Plane) -> NDArray[np.int64]:
    """Sums over rows of numbers from 0 to 255."""
    narrow = len(steps) <= 2**16 // 256
    found: NDArray[np.int64] = steps.sum(axis=0, dtype=np.uint16 if narrow else np.int64).astype(np.int64)
    return found


def _colourfulness(sums: Sequence[int], products: NDArray[np.float64], pixels: int) -> float:
    """Hasler and Süsstrunk's M3 = √(σ²rg + σ²yb) + 0.3 √(μ²rg + μ²yb), on 0..255.

    `sums` of R, G, B and of their `products` [3, 3], whole numbers both.
    """
    means = (_OPPONENTS @ np.array(sums) / pixels).tolist()
    energy = ((_OPPONENTS @ products) * _OPPONENTS).sum(axis=1) / pixels
    rg, yb = (max(square - mean**2, 0.0) for square, mean in zip(energy.tolist(), means, strict=True))
    return math.sqrt(rg + yb / 4) + 0.3 * math.hypot(means[0], means[1] / 2)


def _squared(steps: NDArray[np.int16]) -> NDArray[np.int32]:
    """The squares of numbers within ±2040."""
    wide = steps.astype(np.int32)
    wide *= wide
    return wide


def _turns(across: float, along: float) -> float:
    """An angle as turns in [0, 1) that float32 keeps below 1."""
    return float(np.float32(math.atan2(across, along) / math.tau % 1.0)) % 1.0

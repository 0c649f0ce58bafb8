"""How badly an image was reconstructed: scores from x and its reconstruction, numpy only."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Column

FLOOR = 1 / (12 * 255**2)
"""Variance of rounding to 8 bits: below it an error means nothing, and its logarithm would be noise."""
COLUMNS = (
    Column("loss", more="reconstructed worse", less="reconstructed better"),
    Column("log_mse", more="reconstructed worse", less="reconstructed better"),
    Column("log_mse_half", more="reconstructed worse at half size", less="reconstructed better at half size"),
    Column(
        "log_mse_quarter",
        more="reconstructed worse in coarse shape",
        less="reconstructed better in coarse shape",
    ),
    Column("log_dissimilarity", more="structure reconstructed worse", less="structure reconstructed better"),
    Column(
        "log_error_per_detail",
        more="reconstructed worse for their detail",
        less="reconstructed better for their detail",
    ),
    Column("log_grain", more="noisier", less="smoother"),
    Column("log_colour_grain", more="noisier in colour", less="smoother in colour"),
    Column(
        "latent_distance",
        more="further from the training images",
        less="closer to the training images' centre",
    ),
)
"""The errors of an image, in the order of `scores`; the last is `distances`."""
NOTEBOOK = (
    Column("validation_loss", more="rebuilt worse from noise", less="rebuilt better from noise"),
    Column("output_entropy", more="rebuilt less decidedly", less="rebuilt more decidedly"),
)
"""The two figures of the autoencoder notebook, in the order of `as_in_the_notebook`."""
WINDOW = 7
C1, C2 = 0.01**2, 0.03**2

Images = NDArray[np.float64]
"""[n, c, h, w]: rows of pixels lie together in memory, which halves the time of everything below."""


def scores(images: NDArray[np.uint8], reconstructed: NDArray[np.float32], loss: str) -> NDArray[np.float64]:
    """How each image was missed: [n, 7], for colour [n, 8].

    Loss, log MSE at scales 1, 1/2 and 1/4, log(1 - SSIM), log(error / gradient energy), grain, colour grain.
    `images` uint8 [n, s, s, c] as given (never a cleaned target); `reconstructed` in [0, 1].
    """
    x = np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float64) / 255
    y = np.ascontiguousarray(reconstructed.transpose(0, 3, 1, 2), np.float64)
    residual = x - y
    half = _halved(residual)
    error = _mean(residual**2)
    columns = [
        losses(x, y, loss),
        np.log(error + FLOOR),
        np.log(_mean(half**2) + FLOOR),
        np.log(_mean(_halved(half) ** 2) + FLOOR),
        np.log(np.maximum(1 - ssim(x, y), 0) + 1e-6),
        np.log(error + FLOOR) - np.log(detail(x) + FLOOR),
        grain(residual, half),
    ]
    if images.shape[3] == 3:  # noqa: PLR2004  # red, green, blue
        columns.append(grain(_chroma(residual), _chroma(half)))
    return np.stack(columns, 1)


def as_in_the_notebook(
    images: NDArray[np.uint8], restored: NDArray[np.float32], made: NDArray[np.float32], loss: str
) -> NDArray[np.float64]:
    """[n, 2]: the loss of `restored` against the images, and that of `made` against itself.

    `restored`: what the network makes of the images with noise on them (Keras' validation loss of a denoising
    autoencoder); `made`: what it makes of the images as given. The second is the notebook's
    `evaluate(x, predict(x))`: the cross-entropy of p with p, that is the entropy of the output, how undecided
    it is and not how wrong. Of the squared losses it is 0.
    """
    x, y, z = (np.ascontiguousarray(a.transpose(0, 3, 1, 2), np.float64) for a in (images, restored, made))
    return np.stack([losses(x / 255, y, loss), losses(z, z, loss)], 1)


def noisy(images: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Gaussian noise of standard deviation `sigma` (of 1) on each image, clipped, in 8 bits.

    Drawn from the image's own pixels: an image gets the same noise in any company, on any machine.
    """
    with_noise = np.empty_like(images)
    for row, image in enumerate(images):
        with_noise[row] = _with_noise(image, sigma)
    return with_noise


def _with_noise(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    seed = int.from_bytes(hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()[:8], "big")
    drawn = np.random.default_rng(seed).normal(0, 255 * sigma, image.shape)
    return np.rint(np.clip(image + drawn, 0, 255)).astype(np.uint8)


def grain(residual: Images, half: Images) -> NDArray[np.float64]:
    """[n]: log of the residual's Laplacian energy at full size over that at half size.

    What the network leaves over depends on the scene, at both sizes alike: the ratio hardly does, so noise
    (raises it), blur and compression (lower it) show in a few images where the errors themselves need dozens.
    """
    return np.log(_mean(_laplacian(residual) ** 2) + FLOOR) - np.log(_mean(_laplacian(half) ** 2) + FLOOR)


def losses(x: Images, y: Images, loss: str) -> NDArray[np.float64]:
    """[n]: the training loss of each image (`l1_mse`, `mse`, `bce`), mean over its pixels."""
    if loss == "bce":
        y = np.clip(y, 1e-7, 1 - 1e-7)
        return _mean(-x * np.log(y) - (1 - x) * np.log(1 - y))
    squared = _mean((x - y) ** 2)
    return squared + _mean(np.abs(x - y)) if loss == "l1_mse" else squared


def ssim(x: Images, y: Images) -> NDArray[np.float64]:
    """[n]: mean structural similarity over 7 x 7 windows and channels (Wang et al. 2004, flat window)."""
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x = _windowed(x * x) - mean_x**2
    var_y = _windowed(y * y) - mean_y**2
    both = _windowed(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + C1) * (2 * both + C2)
    return _mean(likeness / ((mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)))


def detail(x: Images) -> NDArray[np.float64]:
    """[n]: gradient energy, the mean squared difference of neighbouring pixels."""
    return _mean(np.diff(x, axis=2) ** 2) + _mean(np.diff(x, axis=3) ** 2)


def distances(
    code: NDArray[np.float32], mean: NDArray[np.float64], precision: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[n]: log of the Mahalanobis distance of each code from the reference.

    Summed row by row, not by BLAS: its kernels round by position in the batch.
    """
    away = code.astype(np.float64) - mean
    turned = (away[:, None, :] * precision).sum(axis=2)
    squared: NDArray[np.float64] = np.maximum((turned * away).sum(axis=1), 0)
    return 0.5 * np.log(squared + 1e-12)


def shrunk_covariance(code: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(mean [k], covariance [k, k]), shrunk towards a multiple of the identity (Ledoit & Wolf 2004).

    Always invertible: a floor of 1e-6 of the mean variance is laid under it.
    """
    centred = code.astype(np.float64)
    mean = centred.mean(axis=0)
    centred -= mean
    n, k = centred.shape
    sample = centred.T @ centred / n
    scale = float(np.trace(sample)) / k
    spread = float(((sample - scale * np.eye(k)) ** 2).sum())
    noise = float(((centred**2).sum(axis=1) ** 2).sum() / n - (sample**2).sum()) / n
    share = min(max(noise / spread, 0.0), 1.0) if spread > 0 else 1.0
    floor = 1e-6 * scale + 1e-12
    return mean, (1 - share) * sample + (share * scale + floor) * np.eye(k)


def _mean(values: Images) -> NDArray[np.float64]:
    """Mean per image; over one flat axis, so that the order of summation is the same in any batch."""
    flat: NDArray[np.float64] = np.ascontiguousarray(values).reshape(len(values), -1).mean(axis=1)
    return flat


def _chroma(residual: Images) -> Images:
    """What is left of a colour residual without its grey part: JPEG stores it at half size."""
    colour: Images = residual - residual.mean(axis=1, keepdims=True)
    return colour


def _laplacian(images: Images) -> Images:
    """Each pixel four times, less its four neighbours; inner pixels only."""
    middle = 4 * images[..., 1:-1, 1:-1]
    middle -= images[..., :-2, 1:-1]
    middle -= images[..., 2:, 1:-1]
    middle -= images[..., 1:-1, :-2]
    middle -= images[..., 1:-1, 2:]
    return middle


def _halved(images: Images) -> Images:
    """Mean over 2 x 2 pixels; an odd last row or column is left out."""
    even = images[..., : images.shape[2] // 2 * 2, : images.shape[3] // 2 * 2]
    pairs = even[..., ::2, :] + even[..., 1::2, :]
    return (pairs[..., ::2] + pairs[..., 1::2]) / 4


def _windowed(images: Images) -> Images:
    """Mean over every WINDOW x WINDOW square that fits: rows first, then columns."""
    height, width = images.shape[2] - WINDOW + 1, images.shape[3] - WINDOW + 1
    rows = images[..., :height, :].copy()
    for offset in range(1, WINDOW):
        rows += images[..., offset : offset + height, :]
    squares = rows[..., :width].copy()
    for offset in range(1, WINDOW):
        squares += rows[..., offset : offset + width]
    squares /= WINDOW**2
    return squares


def residuals(prepared: NDArray[Any], reconstructed: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [n, s, s]: how far each pixel is off in its worst channel, of 1."""
    away: NDArray[np.float32] = np.abs(prepared / np.float32(255) - reconstructed).max(axis=3)
    return away


def relative(errors: NDArray[np.float32], usual: NDArray[np.float32]) -> NDArray[np.float32]:
    """Errors [n, s, s] in multiples of what is usual at their place [s, s], which is at least one grey level."""
    multiples: NDArray[np.float32] = np.divide(errors, np.maximum(usual, 1 / 255), dtype=np.float32)
    return multiples

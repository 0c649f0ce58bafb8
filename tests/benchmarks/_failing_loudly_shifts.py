"""The shifts of Failing Loudly on 8-bit images: Gaussian noise, geometry as Keras does it, FGSM.

After shift_applicator.py, data_utils.py and generate_adv_samples.py of the paper's code, with three
differences: results are rounded to 8 bits (a folder of images holds nothing else), the attacked network is
a small one, and its own prediction takes the place of the true label (every image is attacked, not only
those that it classifies rightly).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn

NOISE = {"noise_small": 1.0, "noise_medium": 10.0, "noise_large": 100.0}
"""Standard deviation, of 255."""
MAX_EPSILON = {"mnist": 255, "cifar10": 25}
"""Largest step of the attack in 255ths: 1 and 0.1."""


@dataclass(frozen=True)
class Geometry:
    """Ranges of ImageDataGenerator; each image draws its own values, uniformly."""

    rotation: float
    """Degrees, either way."""
    translation: float
    """Share of the side, either way, in both directions."""
    shear: float
    """Degrees, either way: next to nothing, but so it is in Keras-Preprocessing 1.1.0."""
    zoom: float
    """1 - zoom to 1 + zoom, in both directions independently."""
    horizontal_flip: bool
    vertical_flip: bool


GEOMETRY = {
    "image_small": Geometry(10, 0.05, 0.1, 0.1, horizontal_flip=False, vertical_flip=False),
    "image_medium": Geometry(40, 0.2, 0.2, 0.2, horizontal_flip=True, vertical_flip=False),
    "image_large": Geometry(90, 0.4, 0.3, 0.4, horizontal_flip=True, vertical_flip=True),
}


def noisy(images: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """uint8 [n, s, s, c] with independent noise on every number, clipped and rounded."""
    return np.rint(np.clip(images + rng.normal(0, sigma, images.shape), 0, 255)).astype(np.uint8)


def moved(images: np.ndarray, ranges: Geometry, rng: np.random.Generator) -> np.ndarray:
    """uint8 [n, s, s, c], each image under its own affine map: bilinear, nearest beyond the border."""
    return np.stack([_moved(image, ranges, rng) for image in images])


def _moved(image: np.ndarray, ranges: Geometry, rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    theta = np.deg2rad(rng.uniform(-ranges.rotation, ranges.rotation))
    down = rng.uniform(-ranges.translation, ranges.translation) * height
    across = rng.uniform(-ranges.translation, ranges.translation) * width
    shear = np.deg2rad(rng.uniform(-ranges.shear, ranges.shear))
    zoom = rng.uniform(1 - ranges.zoom, 1 + ranges.zoom, 2)
    turn = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    shift = np.array([[1, 0, down], [0, 1, across], [0, 0, 1]])
    slant = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    matrix = turn @ shift @ slant @ np.diag([*zoom, 1])
    centre = np.array([height / 2 + 0.5, width / 2 + 0.5])
    grid = np.stack(np.mgrid[:height, :width], -1) - centre
    out = _sampled(image, grid @ matrix[:2, :2].T + matrix[:2, 2] + centre)
    if ranges.horizontal_flip and rng.random() < 0.5:
        out = out[:, ::-1]
    if ranges.vertical_flip and rng.random() < 0.5:
        out = out[::-1]
    return out


def _sampled(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The image at [s, s, 2] fractional places."""
    last = np.array(image.shape[:2]) - 1
    places = np.clip(places, 0, last)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, last)
    part = (places - low)[..., None]
    (top, left), (bottom, right) = (np.moveaxis(corner, -1, 0) for corner in (low, high))
    y, x = part[:, :, 0], part[:, :, 1]
    above = image[top, left] * (1 - x) + image[top, right] * x
    below = image[bottom, left] * (1 - x) + image[bottom, right] * x
    return np.rint(above * (1 - y) + below * y).astype(np.uint8)


def attacked(
    images: np.ndarray, learnt: np.ndarray, labels: np.ndarray, most: int, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """FGSM by the smallest step that changes the prediction of a network trained on `learnt`, `labels`.

    Returns the images, the steps in 255ths (0: no step up to `most` did it, the image stays clean), and
    the network's accuracy on what it learnt.
    """
    network = _classifier(learnt, labels, seed)
    accuracy = float((_predicted(network, _tensor(learnt)).numpy() == labels).mean())
    out, steps = images.copy(), np.zeros(len(images), np.int64)
    for start in range(0, len(images), 500):
        rows = np.arange(start, min(start + 500, len(images)))
        x = _tensor(images[rows])
        before = _predicted(network, x)
        x.requires_grad_(True)
        nn.functional.cross_entropy(network(x), before, reduction="sum").backward()
        sign, x = x.grad.sign(), x.detach()
        for step in range(1, most + 1):
            tried = (x + step / 255 * sign).clamp(0, 1)
            done = (_predicted(network, tried) != before).numpy()
            found = np.rint(tried[done].permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
            out[rows[done]], steps[rows[done]] = found, step
            rows, x, sign, before = rows[~done], x[~done], sign[~done], before[~done]
            if not len(rows):
                break
    return out, steps, accuracy


def _tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous()


def _classifier(learnt: np.ndarray, labels: np.ndarray, seed: int, epochs: int = 12) -> nn.Module:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    widths = (learnt.shape[3], 16, 32, 64)
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(10))
    x, y = _tensor(learnt), torch.from_numpy(labels)
    network(x[:2])
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
    return network.eval()


@torch.no_grad()
def _predicted(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    return torch.cat([network(part).argmax(1) for part in images.split(500)])

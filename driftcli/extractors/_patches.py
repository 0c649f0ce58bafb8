"""[torch] Patch features of EfficientNet-Lite0: learning a Gaussian for each place, and the distances to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from driftcli.extractors.networks import known, load
from driftcli.extractors.networks import network as _network
from driftcli.extractors.networks.choice import NetworkChoice
from driftcli.extractors.networks.layers import TorchNetwork, plain_float32

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.core.rows import Rows
    from driftcli.extractors._patches_settings import PatchesSettings
    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.lite0 import Lite0

STAGES = (3, 4)
FIRST = 64
"""Images that the channels are standardised by."""
CHUNK = 32
FEW = 4
"""Images that the mean of all places counts as, where one place's is learnt from a handful."""
RIDGE = 1e-3
"""Of the mean variance, added to every direction: places that never change must not be infinitely strict."""


class PatchNetwork:
    """Micro-batches of one fixed size to one row of numbers an image: patch features, or distances.

    One image at a time goes through the matrix products: the same shapes, hence the same bits, in
    any company.
    """

    classes = False

    def __init__(self, settings: PatchesSettings, runtime: Runtime, expected: bytes | None) -> None:
        found = load.load(NetworkChoice(), 0, replace(runtime, weights=None), expected)
        if not isinstance(found, TorchNetwork):  # pragma: no cover  # the default network is never a file
            raise TypeError("the default network is a torch module")
        self._network = found
        self._module: Lite0 = found.module
        self.sha256, self.device, self.batch = found.sha256, found.device, found.batch
        self._grid = settings.grid
        self._state: dict[str, Tensor] = {}

    def to_cpu(self) -> None:
        """Move there for good."""
        self._network.to_cpu()
        self._state = {name: tensor.cpu() for name, tensor in self._state.items()}
        self.device, self.batch = "cpu", _network.CPU_BATCH

    def knowing(self, state: State, *names: str) -> PatchNetwork:
        """From now on with these parts of the state: `directions` and `shift`, `mean` and `whitening`."""
        self._state = {name: torch.from_numpy(np.array(state[name])).to(self.device) for name in names}
        return self

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """uint8 [b, side, side, 3] -> one matrix [b, places * channels], or [b, places] of distances."""
        with plain_float32(self.device):
            rows = torch.stack([self._numbers(one) for one in self.places(pixels)])
        return [rows.reshape(len(rows), -1).cpu().numpy()]

    def places(self, pixels: NDArray[np.uint8]) -> Tensor:
        """[b, places, channels]: the stages' maps, each place with its 3x3 neighbours, on one grid."""
        wanted = known.LITE0_PREPARATION
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device).permute(0, 3, 1, 2).float()
        images = ((images - wanted.mean[0]) / wanted.std[0]).contiguous(memory_format=torch.channels_last)
        joined = []
        for number, maps in enumerate(self._module.stages(images), 1):
            if number in STAGES:
                near = functional.avg_pool2d(maps, 3, 1, 1, count_include_pad=False)
                size = (self._grid, self._grid)
                joined.append(functional.interpolate(near, size, mode="bilinear", align_corners=False))
            if number == STAGES[-1]:
                break
        return torch.cat(joined, 1).flatten(2).transpose(1, 2).contiguous()

    def _numbers(self, places: Tensor) -> Tensor:
        """One image's [places, channels], as features or, if Gaussians are known, distances [places]."""
        if "directions" in self._state:
            places = places @ self._state["directions"] + self._state["shift"]
        if "whitening" in self._state:
            apart = self._state["whitening"] @ (places - self._state["mean"])[:, :, None]
            places = apart.square().sum((1, 2)).sqrt()
        return places


def learn(prepared: Rows, settings: PatchesSettings, seed: int, runtime: Runtime) -> dict[str, Any]:
    """The state without `usual`, from the images [n, side, side, 3]; memory does not grow with n."""
    network = PatchNetwork(settings, runtime, None)
    places = settings.grid**2
    first = _features(network, prepared[:FIRST], places, runtime).astype(np.float64)
    mean, spread = first.mean(axis=(0, 1)), np.maximum(first.std(axis=(0, 1)), 1e-6)
    normal = np.random.default_rng(seed).standard_normal((first.shape[2],) * 2)
    chosen = np.linalg.qr(normal)[0][:, : settings.directions] / spread[:, None]
    state: dict[str, Any] = {
        "weights_sha256": np.frombuffer(network.sha256, np.uint8),
        "directions": chosen.astype(np.float32),
        "shift": (-mean @ chosen).astype(np.float32),
    }
    network.knowing(state, "directions", "shift")
    k = settings.directions
    total, products = torch.zeros(places, k).double(), torch.zeros(places, k, k).double()
    for start in range(0, len(prepared), CHUNK):
        z = torch.from_numpy(_features(network, prepared[start : start + CHUNK], places, runtime)).double()
        total += z.sum(0)
        products += torch.einsum("npi,npj->pij", z, z)
    return {**state, **gaussians(total.numpy(), products.numpy(), len(prepared))}


def gaussians(
    total: NDArray[np.float64], products: NDArray[np.float64], n: int
) -> dict[str, NDArray[np.float32]]:
    """`mean` [p, k] and `whitening` [p, k, k] from sums of n vectors and of their outer products.

    Each place's covariance is shrunk towards the mean of all places', which counts as k images (the
    conjugate prior of a covariance), so that forty images give usable inverses.
    """
    k = total.shape[1]
    mean = total / n
    scatter = products - n * mean[:, :, None] * mean[:, None, :]
    common = scatter.mean(axis=0) / (n - 1)
    covariance = (scatter + k * common) / (n - 1 + k)
    ridge = RIDGE * max(float(np.trace(common)) / k, 1e-9)
    lower = np.linalg.cholesky(covariance + ridge * np.eye(k))
    return {"mean": mean.astype(np.float32), "whitening": np.linalg.inv(lower).astype(np.float32)}


def distances(
    state: State, prepared: NDArray[np.uint8], settings: PatchesSettings, runtime: Runtime
) -> NDArray[np.float32]:
    """[n, places]: Mahalanobis distance of every place of every image, in units of the place's `typical` one, if known."""
    network = PatchNetwork(settings, runtime, bytes(state["weights_sha256"]))
    network.knowing(state, "directions", "shift", "mean", "whitening")
    found = _network.run(network, prepared, runtime)[0]
    if "typical" in state:
        found /= state["typical"]
    return found


def typical(apart: NDArray[np.float32]) -> NDArray[np.float32]:
    """[places]: the mean distance at each place, from those of good images that nothing was learnt from, [n, places].

    Shrunk towards the mean of all places, which counts as FEW images.
    """
    # A covariance of 64 numbers from a hundred images fits those images: others lie farther, and more so where good images
    # differ in more than one way (the edge of a part that is never twice at the same spot). Such places would be
    # the strangest of every good image, and hide a defect elsewhere.
    found = (apart.sum(axis=0) + FEW * apart.mean()) / (len(apart) + FEW)
    least: NDArray[np.float32] = np.maximum(found, 1e-6).astype(np.float32)
    return least


def _features(
    network: PatchNetwork, prepared: NDArray[np.uint8], places: int, runtime: Runtime
) -> NDArray[np.float32]:
    """[n, places, channels or directions]."""
    return _network.run(network, prepared, runtime)[0].reshape(len(prepared), places, -1)

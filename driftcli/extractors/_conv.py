"""[torch] The autoencoder's two networks and their passes over images; `_training.py` trains them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.extractors._autoencoder_settings import AutoencoderSettings

MICRO = 32
"""Images in one pass of `passes`, always: convolution kernels are chosen by shape, and they round differently."""
PREFIX = "weight."


class Bottleneck(nn.Module):
    """Stride-2 convolutions to a vector of `latent` numbers, and transposed convolutions back.

    Any side works: each level remembers its size, and the decoder cuts what a stride adds.
    """

    def __init__(self, side: int, channels: int, widths: tuple[int, ...], latent: int) -> None:
        super().__init__()
        self.sizes = _sizes(side, len(widths))
        self.form = (widths[-1], self.sizes[-1], self.sizes[-1])
        ins, outs = (channels, *widths[:-1]), widths
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in zip(ins, outs, strict=True)
        )
        self.to_code = nn.Linear(math.prod(self.form), latent)
        self.from_code = nn.Linear(latent, math.prod(self.form))
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(), nn.ConvTranspose2d(b, a, 4, 2, 1), nn.BatchNorm2d(a) if level else nn.Identity()
            )
            for level, (a, b) in reversed(list(enumerate(zip(ins, outs, strict=True))))
        )

    def encode(self, images: Tensor) -> Tensor:
        """[n, c, s, s] to [n, latent]."""
        for layer in self.down:
            images = layer(images)
        code: Tensor = self.to_code(images.flatten(1))
        return code

    def decode(self, code: Tensor) -> Tensor:
        """[n, latent] to the logits of [n, c, s, s]."""
        maps = self.from_code(code).unflatten(1, self.form)
        maps = maps.contiguous(memory_format=torch.channels_last)
        for layer, size in zip(self.up, reversed(self.sizes[:-1]), strict=True):
            maps = layer(maps)[:, :, :size, :size]
        return _smoothed(maps)


def _smoothed(maps: Tensor) -> Tensor:
    """Each pixel with its neighbours, weights 1 2 1 both ways: no answer at a period of two pixels.

    Strided transposed convolutions leave a checkerboard there, which would cover the grain of the image.
    """
    line = torch.tensor([0.25, 0.5, 0.25], device=maps.device)
    kernel = torch.outer(line, line).expand(maps.shape[1], 1, 3, 3)
    return functional.conv2d(functional.pad(maps, (1, 1, 1, 1), "replicate"), kernel, groups=maps.shape[1])


class Pooling(nn.Module):
    """The notebook's: convolution, ReLU and max-pooling to the code; mirrored with nearest upsampling.

    The code is a stack of maps (7 x 7 x 32 for digits), not a narrow vector: it generalises to any image.
    """

    def __init__(self, side: int, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = _sizes(side, len(widths))
        ins = (channels, *widths[:-1])
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(ins, widths, strict=True))
        back = (widths[-1], *widths[::-1])
        self.up = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(back))
        self.last = nn.Conv2d(widths[0], channels, 3, padding=1)

    def encode(self, images: Tensor) -> Tensor:
        """[n, c, s, s] to [n, w, s', s']."""
        for layer in self.down:
            images = functional.relu(functional.max_pool2d(layer(images), 2, ceil_mode=True))
        return images

    def decode(self, code: Tensor) -> Tensor:
        """[n, w, s', s'] to the logits of [n, c, s, s]."""
        for layer, size in zip(self.up, reversed(self.sizes[:-1]), strict=True):
            code = functional.interpolate(functional.relu(layer(code)), size=(size, size), mode="nearest")
        logits: Tensor = self.last(code)
        return logits


def _sizes(side: int, levels: int) -> list[int]:
    sizes = [side]
    for _ in range(levels):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def build(
    architecture: str, shape: tuple[int, ...], settings: AutoencoderSettings, seed: int
) -> Bottleneck | Pooling:
    """A network with Glorot weights drawn from `seed`; the global random state is left as it was."""
    _, side, _, channels = shape
    with torch.random.fork_rng(devices=[]):  # constructors draw weights that are overwritten below
        network: Bottleneck | Pooling
        if architecture == "conv":
            network = Bottleneck(side, channels, settings.widths, settings.latent)
        else:
            network = Pooling(side, channels, settings.widths)
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network.to(memory_format=torch.channels_last)


# ---------------------------------------------------------------- passes


def passes(
    state: State, architecture: str, settings: AutoencoderSettings, prepared: NDArray[np.uint8], device: str
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Reconstruction [m, s, s, c] and flat code [m, k] of MICRO images after MICRO images."""
    network = build(architecture, prepared.shape, settings, 0)
    weights = {
        name.removeprefix(PREFIX): torch.from_numpy(np.array(value, np.float32))
        for name, value in state.items()
        if name.startswith(PREFIX)
    }
    counters = {name: value for name, value in network.state_dict().items() if not value.is_floating_point()}
    network.load_state_dict({**counters, **weights})  # BatchNorm's step counters mean nothing here
    network.to(device).eval()
    for start in range(0, len(prepared), MICRO):
        part = prepared[start : start + MICRO]
        padded = np.zeros((MICRO, *part.shape[1:]), np.uint8)
        padded[: len(part)] = part
        with torch.inference_mode(), exact():
            code = network.encode(tensor(padded, device))
            image = network.decode(code).sigmoid().permute(0, 2, 3, 1)
            yield image[: len(part)].contiguous().cpu().numpy(), code[: len(part)].flatten(1).cpu().numpy()


def tensor(images: NDArray[np.uint8], device: str) -> Tensor:
    """uint8 [n, s, s, c] as float32 [n, c, s, s] in [0, 1], channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 255


def exact() -> AbstractContextManager[Any]:
    """On a GPU: float32 as it says and the same kernels every time; no TF32, no trying out of kernels."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)

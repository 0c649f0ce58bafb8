"""A torch network read at some of its layers: pixels in, the layers' spatial means out."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from driftcli.core.errors import UsageError
from driftcli.extractors.networks.lite0 import Lite0
from driftcli.extractors.networks.network import CPU_BATCH, GPU_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from driftcli.extractors.networks.choice import NetworkChoice

MAPS, TOKENS = 4, 3
"""Dimensions of [n, d, height, width] and of [n, tokens, d]."""


class TorchNetwork:
    """A torch module and the modules in it that are read, for micro-batches of one fixed size."""

    def __init__(
        self,
        module: nn.Module,
        settings: NetworkChoice,
        sha256: bytes,
        device: str,
        *,
        classifier: bool = False,
    ) -> None:
        wanted = settings.preparation()
        self.module = module.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        layers = (*(settings.style_layers or ()), str(settings.content_layer))
        self._read = _reader(self.module, layers, classifier=classifier)
        self.classes = classifier
        self._scale, self._mean, self._std = wanted.scale, wanted.mean, wanted.std
        self._flip = wanted.order == "bgr"
        self.sha256 = sha256
        self.device = device
        self.batch = CPU_BATCH if device == "cpu" else GPU_BATCH

    def to_cpu(self) -> None:
        """Move to the processor for good: the graphics card's memory does not suffice."""
        self.module.to("cpu")
        self.device, self.batch = "cpu", CPU_BATCH

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """float32 [batch, d] for each layer that is read and for its classes, from uint8 [batch, side, side, 3]."""
        with plain_float32(self.device):
            return [means.float().cpu().numpy() for means in self._read(self.scaled(pixels))]

    def scaled(self, pixels: NDArray[np.uint8]) -> Tensor:
        """[n, 3, side, side] as the module was trained on, from uint8 [n, side, side, 3]."""
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device).permute(0, 3, 1, 2).float()
        images = images.flip(1) if self._flip else images
        mean, std = (torch.tensor(v, device=self.device)[:, None, None] for v in (self._mean, self._std))
        return ((images / self._scale - mean) / std).contiguous(memory_format=torch.channels_last)


@contextmanager
def plain_float32(device: str) -> Iterator[None]:
    """No TF32, no autotuned kernels, no half precision: one image, one result."""
    if not device.startswith("cuda"):
        yield
        return
    with (
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        torch.autocast("cuda", enabled=False),
    ):
        yield


def _reader(
    module: nn.Module, layers: Sequence[str], *, classifier: bool
) -> Callable[[Tensor], list[Tensor]]:
    """A function from images to the spatial means of the named layers, and the classifier's softmax if asked for."""
    if isinstance(module, Lite0):
        indices = [_stage(layer) for layer in layers]

        def read_stages(images: Tensor) -> list[Tensor]:
            means = module(images)
            read = [means[index] for index in indices]
            return [*read, means[-1].softmax(1)] if classifier else read

        return read_stages
    seen = threading.local()
    for layer in set(layers):
        _module(module, layer).register_forward_hook(_remember(seen, layer, last=_channels_last(module)))

    def read_hooks(images: Tensor) -> list[Tensor]:
        seen.means = {}
        logits = module(images)
        read = [seen.means[layer] for layer in layers]
        return [*read, logits.softmax(1)] if classifier else read

    return read_hooks


def _stage(layer: str) -> int:
    names = [f"stage{number}" for number in range(1, 7)]
    if layer not in names:
        raise UsageError(f"efficientnet_lite0 has no layer {layer!r}", f"its layers are {', '.join(names)}")
    return names.index(layer)


def _module(module: nn.Module, layer: str) -> nn.Module:
    try:
        found = module.get_submodule(layer) if layer not in {"", "None"} else None
    except AttributeError:
        found = None
    if found is None:
        names = ", ".join(name for name, _ in module.named_modules() if name and name.count(".") <= 1)[:600]
        raise UsageError(
            f"extractors.embedding: the network has no layer {layer!r}",
            f"set style_layers and content_layer to some of: {names}",
        )
    return found


def _channels_last(module: nn.Module) -> bool:
    """True for the few networks whose maps are [n, height, width, channels]."""
    return getattr(module, "output_fmt", "NCHW") == "NHWC" or type(module).__name__ == "SwinTransformer"


def _remember(seen: threading.local, layer: str, *, last: bool) -> Callable[..., None]:
    def hook(_: nn.Module, __: Any, output: Tensor) -> None:
        means = getattr(seen, "means", None)
        if means is not None:  # None: the network runs for its maps, not for their means
            means[layer] = pooled(output, channels_last=last)

    return hook


def pooled(output: Tensor, *, channels_last: bool = False) -> Tensor:
    """[n, d] from maps [n, d, h, w] (mean over space), tokens [n, t, d] (mean over tokens), [n, d] or [n]."""
    if output.ndim == MAPS:
        return output.mean((1, 2) if channels_last else (2, 3))
    if output.ndim == TOKENS:
        return output.mean(1)
    return output.reshape(len(output), -1)

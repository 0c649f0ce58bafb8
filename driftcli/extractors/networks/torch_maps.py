"""[torch] A torch network's layers before their means are taken: maps with places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from driftcli.extractors.networks.layers import (
    MAPS,
    TorchNetwork,
    _channels_last,
    _module,
    _stage,
    plain_float32,
)
from driftcli.extractors.networks.lite0 import Lite0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from driftcli.extractors.networks.network import Network


def read(
    network: Network, prepared: NDArray[np.uint8], layers: Sequence[str]
) -> Iterator[list[NDArray[np.float32]]]:
    """The layers' outputs, [m, d, h, w] where they have places, for a micro-batch of images after another."""
    if not isinstance(network, TorchNetwork):
        raise TypeError("a model file has no layers with places")
    look = _maps_of(network.module, layers)
    for start in range(0, len(prepared), network.batch):
        with torch.inference_mode(), plain_float32(network.device):
            maps = look(network.scaled(prepared[start : start + network.batch]))
        yield [each.float().cpu().numpy() for each in maps]


def _maps_of(module: torch.nn.Module, layers: Sequence[str]) -> Callable[[Tensor], list[Tensor]]:
    """A function from images to the named layers' outputs, [n, d, h, w] where they have places."""
    if isinstance(module, Lite0):
        indices = [_stage(layer) for layer in layers]

        def read_stages(images: Tensor) -> list[Tensor]:
            stages = list(module.stages(images))
            return [stages[index] for index in indices]

        return read_stages
    last = _channels_last(module)

    def read_hooks(images: Tensor) -> list[Tensor]:
        seen: dict[str, Tensor] = {}

        def keep(layer: str) -> Callable[..., None]:
            def hook(_: torch.nn.Module, __: Any, output: Tensor) -> None:
                seen[layer] = output.permute(0, 3, 1, 2) if last and output.ndim == MAPS else output

            return hook

        hooks = [_module(module, layer).register_forward_hook(keep(layer)) for layer in layers]
        try:
            module(images)
        finally:
            for each in hooks:
                each.remove()
        return [seen[layer] for layer in layers]

    return read_hooks

"""[torch] Where in an image a pooled feature comes from: the sum over channels, place by place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from driftcli.extractors.networks import named as _named
from driftcli.extractors.networks.layers import MAPS, _channels_last, _module, _stage, plain_float32
from driftcli.extractors.networks.lite0 import Lite0

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.extractors.base import Direction, Runtime
    from driftcli.extractors.networks.choice import NetworkChoice


@torch.inference_mode()
def decomposed(
    settings: NetworkChoice, state: State, prepared: NDArray[np.uint8], direction: Direction, runtime: Runtime
) -> NDArray[np.float32] | None:
    """[n, h, w]: sum over channels of weight (activation - centre), at the coarsest layer's places.

    Its mean over places is the projection of the pooled features, exactly where finer layers' places
    divide evenly into the coarsest's. Class activation maps with the direction in the classifier's
    place (Zhou et al. 2016). None where a layer has no places.
    """
    network = _named.load(settings, int(state["seed"][0]), runtime, bytes(state["weights_sha256"]))
    named = settings.layers()
    layers = named["style_layers"] if direction.view == "style" else (named["content_layer"],)
    ends = np.cumsum(settings.blocks(direction.view, state))[:-1]
    weights, centres = (
        [torch.from_numpy(part).float().to(network.device) for part in np.split(values, ends)]
        for values in (direction.weights, direction.centre)
    )
    read = _maps_of(network.module, layers)
    found = []
    for start in range(0, len(prepared), network.batch):
        with plain_float32(network.device):
            maps = read(network.scaled(prepared[start : start + network.batch]))
            if any(each.ndim != MAPS for each in maps):
                return None
            parts = [
                torch.einsum("nchw,c->nhw", each, weight) - weight @ centre
                for each, weight, centre in zip(maps, weights, centres, strict=True)
            ]
            found.append(_together(parts).float().cpu().numpy())
    return np.concatenate(found) if found else np.zeros((0, 1, 1), np.float32)


def _together(parts: Sequence[Tensor]) -> Tensor:
    """The sum [n, h, w] of all layers' parts, finer ones averaged to the coarsest grid."""
    grid = min((part.shape[1:] for part in parts), key=lambda shape: shape[0] * shape[1])
    return torch.stack([functional.adaptive_avg_pool2d(part, (grid[0], grid[1])) for part in parts]).sum(0)


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

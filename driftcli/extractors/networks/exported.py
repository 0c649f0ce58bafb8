"""Networks that need no torch once they are fitted: written into the State, and compared before it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.extractors.base import resolve_device
from driftcli.extractors.networks import known, session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.choice import NetworkChoice
    from driftcli.extractors.networks.network import Network

AGREE = 1e-4
"""Largest difference between the two runtimes that is accepted, of the largest number of each layer; rounding makes a
hundredth of it."""


def serves(state: State, runtime: Runtime) -> bool:
    """Whether onnxruntime computes this State's numbers: `fit` wrote its network down, and the processor runs it."""
    return session.MODEL in state and resolve_device(runtime.device) == "cpu"


def probes(side: int, channels: int = 3) -> NDArray[np.uint8]:
    """Two images to compare runtimes by, uint8 [2, side, side, channels]: black, and noise."""
    noise = np.random.default_rng(20_261_128).integers(0, 256, (side, side, channels), np.uint8)
    return np.stack([np.zeros_like(noise), noise])


def lite0(
    settings: NetworkChoice,
    network: Network,
    looked: NDArray[np.uint8],
    found: Sequence[NDArray[np.float32]],
    runtime: Runtime,
) -> Mapping[str, NDArray[Any]]:
    """The default network as part of a State; {} for another network, or where the runtimes do not agree.

    `found`: what torch makes of the images `looked`, layer by layer.
    """
    if known.origin(settings.network)[0] != "lite0":
        return {}
    from driftcli.extractors.networks import lite0_graph
    from driftcli.extractors.networks.layers import TorchNetwork

    if not isinstance(network, TorchNetwork):  # pragma: no cover  # the default network is never a file
        return {}
    weights = {name: value.cpu().numpy() for name, value in network.module.state_dict().items()}
    names = output_names(settings, classifier=network.classes)
    layers = [name for name in names if name != lite0_graph.SHARES]
    content = lite0_graph.export(weights, settings.preparation(), layers, classifier=network.classes)
    return believed(session.packed(content), looked, dict(zip(names, found, strict=True)), runtime)


def output_names(settings: NetworkChoice, *, classifier: bool) -> list[str]:
    """The outputs of an exported network that an extractor reads, in the order of its layers."""
    layers: Mapping[str, Any] = settings.layers()
    return [*layers["style_layers"], layers["content_layer"], *(["shares"] if classifier else [])]


def believed(
    state: Mapping[str, NDArray[Any]],
    looked: NDArray[np.uint8],
    expected: Mapping[str, NDArray[Any]],
    runtime: Runtime,
) -> Mapping[str, NDArray[Any]]:
    """The exported network if it makes of the images what torch made of them, by output; else {} and a warning."""
    names = list(expected)
    for name, here in zip(names, session.load(state).run(looked, names), strict=True):
        scale = max(float(np.abs(expected[name]).max()), 1e-6)
        away = float(np.abs(here - expected[name]).max()) / scale
        if not away <= AGREE:
            runtime.progress.warn(
                f"onnxruntime and torch differ by {away:.1g} on this machine ({name}): the artifact stays with torch"
            )
            return {}
    return state

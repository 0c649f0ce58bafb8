"""Where in an image a pooled feature comes from: the sum over channels, place by place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftcli.extractors.networks import exported, load, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.extractors.base import Direction, Runtime
    from driftcli.extractors.networks.choice import NetworkChoice

MAPS = 4
"""Dimensions of [n, d, height, width]."""
AT_ONCE = 4


def decomposed(
    settings: NetworkChoice, state: State, prepared: NDArray[np.uint8], direction: Direction, runtime: Runtime
) -> NDArray[np.float32] | None:
    """[n, h, w]: sum over channels of weight (activation - centre), at the coarsest layer's places.

    Its mean over places is the projection of the pooled features, exactly where finer layers' places
    divide evenly into the coarsest's. Class activation maps with the direction in the classifier's
    place (Zhou et al. 2016). None where a layer has no places.
    """
    named = settings.layers()
    layers = named["style_layers"] if direction.view == "style" else (named["content_layer"],)
    ends = np.cumsum(settings.blocks(direction.view, state))[:-1]
    weights, centres = (
        [part.astype(np.float32) for part in np.split(values, ends)]
        for values in (direction.weights, direction.centre)
    )
    found = []
    for maps in _read(settings, state, prepared, layers, runtime):
        if any(each.ndim != MAPS for each in maps):
            return None
        parts = [
            np.tensordot(each, weight, axes=(1, 0)) - weight @ centre
            for each, weight, centre in zip(maps, weights, centres, strict=True)
        ]
        found.append(_together(parts))
    return np.concatenate(found) if found else np.zeros((0, 1, 1), np.float32)


def _read(
    settings: NetworkChoice,
    state: State,
    prepared: NDArray[np.uint8],
    layers: Sequence[str],
    runtime: Runtime,
) -> Iterator[list[NDArray[np.float32]]]:
    """The layers' outputs [m, d, h, w] for some images after others."""
    if exported.serves(state, runtime):
        names = [f"{layer}.maps" for layer in layers]
        network = session.load(state, also=names)
        for start in range(0, len(prepared), AT_ONCE):
            yield network.run(prepared[start : start + AT_ONCE], names)
        return
    from driftcli.extractors.networks import torch_maps

    seed, sha256 = int(state["seed"][0]), bytes(state["weights_sha256"])
    yield from torch_maps.read(load.load(settings, seed, runtime, sha256), prepared, layers)


def _together(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The sum [n, h, w] of all layers' parts, finer ones averaged to the coarsest grid."""
    height, width = min((part.shape[1:] for part in parts), key=lambda shape: shape[0] * shape[1])
    summed: NDArray[np.float32] = np.sum(
        [_averages(part.shape[1], height) @ part @ _averages(part.shape[2], width).T for part in parts],
        axis=0,
    )
    return summed


def _averages(fine: int, coarse: int) -> NDArray[np.float32]:
    """[coarse, fine]: each coarse place is the mean of the fine ones that it touches, as adaptive pooling has it."""
    matrix = np.zeros((coarse, fine), np.float32)
    for place in range(coarse):
        first, end = place * fine // coarse, -(-(place + 1) * fine // coarse)
        matrix[place, first:end] = 1 / (end - first)
    return matrix

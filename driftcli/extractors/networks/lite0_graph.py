"""EfficientNet-Lite0 as an ONNX graph: the same layers as `lite0`, with padding and input scaling inside."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from driftcli.extractors.networks.graph import Graph
from driftcli.extractors.networks.lite0 import STAGES, block_shapes, last_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftcli.extractors.networks.known import Preparation

MICRO = 1
"""Images at a time on one core: of 1, 2, 4 and 8 none is faster, and one image never has company."""
SHARES = "shares"
MAPS = "maps"
"""Suffix of a stage's name: its maps, before the mean over places."""


def export(
    weights: Mapping[str, NDArray[np.float32]],
    wanted: Preparation,
    layers: Sequence[str],
    *,
    classifier: bool,
) -> bytes:
    """A model from uint8 [1, side, side, 3] to the mean [1, d] of each layer by its name; with `shares` [1, 1000].

    `weights`: by the names of `Lite0`'s parameters, batch norms folded. What no layer needs is left out.
    """
    writing = _Writing(weights, wanted)
    ends = np.cumsum([blocks for blocks, *_ in STAGES]).tolist()
    deepest = len(STAGES) if classifier else max(int(layer.removeprefix("stage")) for layer in layers)
    shapes = list(block_shapes())
    maps = writing.stem()
    for stage, (first, end) in enumerate(pairwise((0, *ends[:deepest])), 1):
        for number in range(first, end):
            named = f"stage{stage}.{MAPS}" if number == end - 1 else ""
            maps = writing.block(maps, f"_blocks.{number}", shapes[number], named)
        if f"stage{stage}" in layers:
            writing.graph.output(writing.graph.means(maps, f"stage{stage}"), [MICRO, STAGES[stage - 1][1]])
    if classifier:
        writing.head(maps)
    return writing.graph.model()


class _Writing:
    """A graph and how large its maps are by now."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], wanted: Preparation) -> None:
        self.graph = Graph([MICRO, wanted.side, wanted.side, 3])
        self._weights, self._wanted, self._side = weights, wanted, wanted.side

    def stem(self) -> str:
        """The scaled pixels through the first convolution."""
        graph, wanted = self.graph, self._wanted
        maps = graph.pixels(flip=wanted.order == "bgr")
        if wanted.scale != 1:
            maps = graph.node("Div", [maps, graph.number(wanted.scale)], "divided")
        mean, std = (np.array(x, np.float32).reshape(1, 3, 1, 1) for x in (wanted.mean, wanted.std))
        maps = graph.node("Sub", [maps, graph.constant("mean", mean)], "centred")
        maps = graph.node("Div", [maps, graph.constant("std", std)], "scaled")
        return graph.relu6(self._conv(maps, "_conv_stem", 3, 2))

    def block(self, maps: str, name: str, shape: tuple[int, int, int, int, int], called: str = "") -> str:
        """One inverted residual; see `lite0.Block`. `called`: the name of the result."""
        narrow, wide, out, kernel, stride = shape
        inner = maps
        if wide != narrow:
            inner = self.graph.relu6(self._conv(inner, f"{name}._expand_conv", 1, 1))
        inner = self.graph.relu6(self._conv(inner, f"{name}._depthwise_conv", kernel, stride, wide))
        called = called or f"{name}.out"
        if stride != 1 or narrow != out:
            return self._conv(inner, f"{name}._project_conv", 1, 1, called=called)
        return self.graph.node("Add", [self._conv(inner, f"{name}._project_conv", 1, 1), maps], called)

    def head(self, maps: str) -> None:
        """The seventh stage and the classifier."""
        graph = self.graph
        maps = graph.relu6(self._conv(self.block(maps, "_head.stage", last_shape()), "_head.conv", 1, 1))
        weight, bias = (self._weights[f"_head.fc.{part}"] for part in ("weight", "bias"))
        logits = graph.linear(graph.means(maps, "head"), "_head.fc", weight, bias)
        graph.output(graph.node("Softmax", [logits], SHARES, axis=1), [MICRO, len(bias)])

    def _conv(self, maps: str, name: str, kernel: int, stride: int, group: int = 1, called: str = "") -> str:
        """'SAME' as TensorFlow has it: the odd pixel goes to the right and below."""
        own = [f"{name}.{part}" for part in ("weight", "bias")]
        given = [maps, *(self.graph.constant(part, self._weights[part]) for part in own)]
        missing = max((-(-self._side // stride) - 1) * stride + kernel - self._side, 0)
        before, after = missing // 2, missing - missing // 2
        if stride == 1:
            before = after = kernel // 2
        self._side = -(-self._side // stride)
        return self.graph.node(
            "Conv",
            given,
            called or name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=group,
        )

"""The autoencoder as an ONNX graph: the networks of `_conv` and `_pca` with what is measured of each image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.extractors import _scores_graph
from driftcli.extractors.networks.graph import IMAGES, Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.features import State

MICRO = 4
"""Images at a time, where that changes no bit: weights are fetched once for them, and eight leave the cache between
two steps."""
IMAGE, CODE = "image", "code"
EPS = 1e-5
"""Of `torch.nn.BatchNorm2d`."""
MOST_BYTES = 256 << 20
"""Larger weights are not kept twice: sides of hundreds of pixels."""


def exportable(state: State) -> bool:
    """Whether the weights are small enough to be kept as a graph as well."""
    return sum(value.nbytes for name, value in state.items() if name.startswith("weight.")) <= MOST_BYTES


def together(side: int) -> int:
    """How many images of this side go through the graph at a time: MICRO, or one.

    A mean over a number of values that four does not divide is rounded by where in memory they begin, hence by the
    image's place among its neighbours. All that the scores are means of is divided by four where eight divides the
    side; from 65 pixels on rows are averaged first, and have as many values as they have.
    """
    return MICRO if side % 8 == 0 and side <= _scores_graph.ONE_STEP else 1


def export(state: State, architecture: str, shape: tuple[int, int, int], loss: str) -> bytes:
    """A model from uint8 [n, s, s, c] to `image` [n, s, s, c] in [0, 1], `code` [n, k] and scores [n, 7 or 8], n as `together` says.

    `state`: the weights as `fit` keeps them (`weight.*`). `shape`: of one image.
    """
    graph = Graph([together(shape[0]), *shape])
    x = graph.node("Div", [_planes(graph, shape), graph.number(255.0)], "x")
    kinds: dict[str, type[_Writing]] = {"pca": _Pca, "conv": _Bottleneck, "maxpool": _Pooling}
    y = kinds[architecture](graph, state, shape).write(x)
    graph.output(_pixels(graph, y, shape), [graph.batch, *shape])
    _scores_graph.add(graph, x, y, shape, loss)
    return graph.model()


def _planes(graph: Graph, shape: tuple[int, int, int]) -> str:
    """The input as float32 [n, c, s, s] in 0..255.

    Turned as [n, s², c]: onnxruntime moves a transposition of four axes behind everything that is done pixel by pixel,
    where channels that lie side by side make a subtraction of their means much slower.
    """
    side, _, channels = shape
    flat = graph.node(
        "Reshape", [IMAGES, graph.whole("in rows", [graph.batch, side**2, channels])], "by pixel"
    )
    turned = graph.node("Transpose", [flat], "by channel", perm=[0, 2, 1])
    form = graph.whole("in planes", [graph.batch, channels, side, side])
    return graph.node("Cast", [graph.node("Reshape", [turned, form], "bytes")], "pixels", to=1)


def _pixels(graph: Graph, planes: str, shape: tuple[int, int, int]) -> str:
    """[n, c, s, s] as the output [n, s, s, c]."""
    side, _, channels = shape
    flat = graph.node(
        "Reshape", [planes, graph.whole("in lines", [graph.batch, channels, side**2])], "made planes"
    )
    turned = graph.node("Transpose", [flat], "made pixels", perm=[0, 2, 1])
    return graph.node("Reshape", [turned, graph.whole("as given", [graph.batch, *shape])], IMAGE)


class _Writing(ABC):
    """One architecture: its graph, its weights, and the sides of its levels."""

    def __init__(self, graph: Graph, state: State, shape: tuple[int, int, int]) -> None:
        self.graph, self.shape = graph, shape
        self.weights = {
            name.removeprefix("weight."): np.asarray(value, np.float32)
            for name, value in state.items()
            if name.startswith("weight.")
        }
        self.sides = [shape[0]]

    @abstractmethod
    def write(self, x: str) -> str:
        """The reconstruction [n, c, s, s] of `x`, its code declared as an output."""

    def levels(self, name: str) -> range:
        """Numbers of the convolutions whose weights are called `name` with a number in it."""
        levels = range(sum(name.format(level) in self.weights for level in range(len(self.weights))))
        for _ in levels:
            self.sides.append((self.sides[-1] + 1) // 2)
        return levels

    def code(self, name: str, width: int) -> str:
        """Declared as the output."""
        self.graph.output(name, [self.graph.batch, width])
        return name

    def cut(self, maps: str, name: str, before: int, side: int) -> str:
        """The upper left `side` x `side` places of maps of 2 x `before`."""
        for axis in (2, 3) if side < 2 * before else ():
            maps = self.graph.part(maps, f"{name}.cut{axis}", axis, 0, side)
        return maps


class _Bottleneck(_Writing):
    def write(self, x: str) -> str:
        graph, weights = self.graph, self.weights
        levels = self.levels("down.{}.0.weight")
        maps = x
        for level in levels:
            weight, bias = self._folded(f"down.{level}.0", f"down.{level}.1", 0)
            maps = graph.conv(maps, f"down{level}", weight, bias, strides=[2, 2], pads=[1, 1, 1, 1])
            maps = graph.node("Relu", [maps], f"down{level}.relu")
        flat = graph.node("Flatten", [maps], "flat", axis=1)
        code = graph.linear(flat, CODE, weights["to_code.weight"], weights["to_code.bias"])
        self.code(code, len(weights["to_code.bias"]))
        wide = graph.linear(code, "from_code", weights["from_code.weight"], weights["from_code.bias"])
        form = [graph.batch, -1, self.sides[-1], self.sides[-1]]
        maps = graph.node("Reshape", [wide, graph.whole("form", form)], "maps")
        for level, (small, large) in enumerate(pairwise(reversed(self.sides))):
            weight, bias = self._folded(f"up.{level}.1", f"up.{level}.2", 1)
            maps = graph.node("Relu", [maps], f"up{level}.relu")
            given = [
                maps,
                graph.constant(f"up{level}.weight", weight),
                graph.constant(f"up{level}.bias", bias),
            ]
            sizes = {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1]}
            maps = self.cut(
                graph.node("ConvTranspose", given, f"up{level}", **sizes), f"up{level}", small, large
            )
        return graph.node("Sigmoid", [self._smoothed(maps)], "y")

    def _folded(self, conv: str, norm: str, out: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weight and bias with the batch norm after it, if there is one; `out`: the weight's axis of results."""
        weight = self.weights[f"{conv}.weight"].astype(np.float64)
        bias = self.weights.get(f"{conv}.bias", np.zeros(weight.shape[out])).astype(np.float64)
        if f"{norm}.running_var" in self.weights:
            of = {part: self.weights[f"{norm}.{part}"].astype(np.float64) for part in NORM}
            scale = of["weight"] / np.sqrt(of["running_var"] + EPS)
            weight = weight * scale.reshape([-1 if axis == out else 1 for axis in range(4)])
            bias = of["bias"] + (bias - of["running_mean"]) * scale
        return weight.astype(np.float32), bias.astype(np.float32)

    def _smoothed(self, maps: str) -> str:
        """As `_conv._smoothed`: weights 1 2 1 both ways, edges repeated."""
        channels, line = self.shape[2], np.array([0.25, 0.5, 0.25], np.float32)
        edges = self.graph.whole("edges", [0, 0, 1, 1, 0, 0, 1, 1])
        padded = self.graph.node("Pad", [maps, edges], "padded", mode="edge")
        kernel = np.tile(np.outer(line, line), (channels, 1, 1, 1))
        return self.graph.conv(padded, "smooth", kernel, group=channels)


class _Pooling(_Writing):
    def write(self, x: str) -> str:
        graph = self.graph
        levels = self.levels("down.{}.weight")
        maps = x
        for level in levels:
            maps = self._conv(maps, f"down.{level}")
            halves: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}
            maps = graph.node(
                "Relu", [graph.node("MaxPool", [maps], f"down{level}.max", **halves)], f"down{level}"
            )
        width = self.weights[f"down.{levels[-1]}.weight"].shape[0]
        self.code(graph.node("Flatten", [maps], CODE, axis=1), width * self.sides[-1] ** 2)
        for level, (small, large) in enumerate(pairwise(reversed(self.sides))):
            maps = graph.node("Relu", [self._conv(maps, f"up.{level}")], f"up{level}.relu")
            scales = graph.constant("twice", np.array([1, 1, 2, 2], np.float32))
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            maps = graph.node("Resize", [maps, "", scales], f"up{level}", **how)
            maps = self.cut(maps, f"up{level}", small, large)
        return graph.node("Sigmoid", [self._conv(maps, "last")], "y")

    def _conv(self, maps: str, name: str) -> str:
        weight, bias = (self.weights[f"{name}.{part}"] for part in ("weight", "bias"))
        return self.graph.conv(maps, name, weight, bias, pads=[1, 1, 1, 1])


class _Pca(_Writing):
    def write(self, x: str) -> str:
        graph, (side, _, channels) = self.graph, self.shape
        mean = self.weights["mean"].transpose(2, 0, 1).reshape(-1)
        by_pixel = self.weights["directions"].reshape(-1, *self.shape)
        directions = np.ascontiguousarray(by_pixel.transpose(0, 3, 1, 2)).reshape(len(by_pixel), -1)
        flat = graph.node("Flatten", [x], "flat", axis=1)
        centred = graph.node("Sub", [flat, graph.constant("mean", mean)], "centred")
        known = graph.constant("directions", directions)
        code = graph.node("Gemm", [centred, known], CODE, transB=1)
        self.code(code, len(directions))
        made = graph.node("Gemm", [code, known, "mean"], "made")
        made = graph.node("Clip", [made, graph.number(0.0), graph.number(1.0)], "clipped")
        return graph.node("Reshape", [made, graph.whole("form", [graph.batch, channels, side, side])], "y")


NORM = ("weight", "bias", "running_mean", "running_var")

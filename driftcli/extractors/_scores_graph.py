"""The scores of a reconstruction as a part of an ONNX graph: `_errors.scores` in float32, in fewer passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftcli.extractors import _errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftcli.extractors.networks.graph import Graph

LEAST_UNLIKE = 1e-6
"""Added to 1 - SSIM before its logarithm."""
ONE_STEP = 64
"""Largest side at which one step over all places keeps five digits of a mean."""
LOGS: Mapping[str, Sequence[str]] = {
    "error": ("error",),
    "half": ("half",),
    "quarter": ("quarter",),
    "unlike": ("unlike",),
    "detail": ("down", "right"),
    "fine": ("fine",),
    "coarse": ("coarse",),
    "fine colour": ("fine colour",),
    "coarse colour": ("coarse colour",),
}
"""What logarithms are taken of: sums of these figures."""
COLUMNS = (
    ("error",),
    ("half",),
    ("quarter",),
    ("unlike",),
    ("error", "detail"),
    ("fine", "coarse"),
    ("fine colour", "coarse colour"),
)
"""Scores after the loss: a logarithm, or the difference of two."""


def output_name(loss: str) -> str:
    """What the scores are called that measure this loss: a graph has those of the loss that it was written for."""
    return f"scores by {loss}"


def add(graph: Graph, x: str, y: str, shape: tuple[int, int, int], loss: str) -> str:
    """The name of [n, 7 or 8]: see `_errors.scores`. `x`, `y`: images and reconstructions [n, c, s, s] in [0, 1].

    Float32 suffices because nothing is the small difference of large numbers: what is left over is computed first,
    and dissimilarity from its local variance, not as one less a similarity near one.
    """
    side, _, channels = shape
    residual = graph.node("Sub", [x, y], "residual")
    half = _halved(graph, residual, "half")
    fine = _laplacian(graph, residual, channels, "fine")
    coarse = _laplacian(graph, half, channels, "coarse")
    maps = {
        "error": residual,
        "half": half,
        "quarter": _halved(graph, half, "quarter"),
        "down": _differences(graph, x, "down", 2, side),
        "right": _differences(graph, x, "right", 3, side),
        "fine": fine,
        "coarse": coarse,
    }
    if channels == 3:  # noqa: PLR2004  # red, green, blue
        # a Laplacian is linear: colour may be taken after it as well as before
        maps |= {f"{name} colour": _chroma(graph, maps[name]) for name in ("fine", "coarse")}
    squares = {name: graph.node("Mul", [each, each], f"{name}²") for name, each in maps.items()}
    unlike = _unlike(graph, x, y, side)
    figures = {**squares, "unlike": unlike, **_for_loss(graph, x, y, residual, loss)}
    return _columns(graph, {name: _mean(graph, each, side) for name, each in figures.items()}, loss)


def _mean(graph: Graph, maps: str, side: int) -> str:
    """[n, 1, 1, 1]; of many places row by row first, which keeps the digits of a long sum."""
    if side > ONE_STEP:
        maps = graph.node("ReduceMean", [maps], f"{maps}.rows", axes=[3], keepdims=1)
    return graph.node("ReduceMean", [maps], f"{maps}.mean", axes=[1, 2, 3], keepdims=1)


def _columns(graph: Graph, means: Mapping[str, str], loss: str) -> str:
    """Logarithms of the means and their differences, as three small products instead of dozens of steps."""
    known = list(means)
    logs = {name: parts for name, parts in LOGS.items() if set(parts) <= set(known)}
    columns = [parts for parts in COLUMNS if set(parts) <= set(logs)]
    together = np.zeros((len(known), len(logs)), np.float32)
    differences = np.zeros((len(logs), len(columns)), np.float32)
    losses = np.zeros((len(known), 1), np.float32)
    floors = np.array([LEAST_UNLIKE if name == "unlike" else _errors.FLOOR for name in logs], np.float32)
    for number, parts in enumerate(logs.values()):
        for part in parts:
            together[known.index(part), number] = 1
    for number, parts in enumerate(columns):
        for part, sign in zip(parts, (1, -1), strict=False):
            differences[list(logs).index(part), number] = sign
    for part in {"mse": ("error",), "l1_mse": ("error", "absolute"), "bce": ("unlikely",)}[loss]:
        losses[known.index(part)] = 1
    row = graph.node(
        "Flatten", [graph.node("Concat", list(means.values()), "means", axis=1)], "figures", axis=1
    )
    sums = graph.node(
        "Gemm", [row, graph.constant("together", together), graph.constant("floors", floors)], "sums"
    )
    told = graph.node(
        "MatMul", [graph.node("Log", [sums], "logs"), graph.constant("differences", differences)], "told"
    )
    lost = graph.node("MatMul", [row, graph.constant("losses", losses)], "loss")
    scores = graph.node("Concat", [lost, told], output_name(loss), axis=1)
    graph.output(scores, [graph.batch, len(columns) + 1])
    return scores


def _for_loss(graph: Graph, x: str, y: str, residual: str, loss: str) -> dict[str, str]:
    """What a loss is made of beside the squared error."""
    if loss == "mse":
        return {}
    if loss == "l1_mse":
        return {"absolute": graph.node("Abs", [residual], "absolute")}
    low, one = graph.number(1e-7), graph.number(1.0)
    products = []
    for name, wanted, made in (
        ("on", x, y),
        ("off", graph.node("Sub", [one, x], "off.wanted"), graph.node("Sub", [one, y], "off.made")),
    ):  # 1 - y is exact, and clipped from below, where y clipped at 1 - 1e-7 would not be
        logs = graph.node("Log", [graph.node("Clip", [made, low, one], f"{name}.clipped")], f"{name}.log")
        products.append(graph.node("Mul", [wanted, logs], f"{name}.product"))
    return {"unlikely": graph.node("Neg", [graph.node("Add", products, "likely")], "unlikely")}


def _unlike(graph: Graph, x: str, y: str, side: int) -> str:
    """1 - SSIM of every window: (A v + d² D) / (C D), d the difference of means, v the residual's variance.

    A, B and C, D are the two factors of SSIM's numerator and denominator; C = A + d², D = B + v. Both images are taken
    from their own means, which changes no variance and keeps its digits. Where rounding could leave v below zero,
    d² D is thousands of times larger: no window is below zero.
    """
    node = graph.node

    def squared(name: str) -> str:
        return node("Mul", [name, name], f"{name}²")

    def windowed(maps: str, name: str) -> str:
        across = node("MatMul", [maps, graph.constant("window.right", _window(side).T)], f"{name}.across")
        return node("MatMul", [graph.constant("window.left", _window(side)), across], name)

    middles = [node("ReduceMean", [maps], f"{maps}.middle", axes=[2, 3], keepdims=1) for maps in (x, y)]
    near = [node("Sub", [maps, m], f"{maps}.near") for maps, m in zip((x, y), middles, strict=True)]
    both = node("Add", [squared(each) for each in near], "both²")
    means = [windowed(near[0], "mean.x"), windowed(near[1], "mean.y")]
    mean_both = windowed(both, "mean.both")
    mean_left = windowed(squared(node("Sub", near, "left")), "mean.left")
    nearly = node("Sub", means, "nearly")
    left = node("Sub", [mean_left, squared(nearly)], "v")
    apart = squared(node("Add", [nearly, node("Sub", middles, "middles")], "d"))
    own = node("Add", [squared(each) for each in means], "means²")
    spread = node("Sub", [mean_both, own], "variances")
    spread = node("Add", [spread, graph.number(_errors.C2)], "D")
    level = [node("Add", [mean, m], f"{mean}.level") for mean, m in zip(means, middles, strict=True)]
    bright = node("Add", [squared(each) for each in level], "levels²")
    bright = node("Add", [bright, graph.number(_errors.C1)], "C")
    light = node("Mul", [node("Sub", [bright, apart], "A"), left], "A v")
    over = node("Add", [light, node("Mul", [apart, spread], "d² D")], "numerator")
    return node("Div", [over, node("Mul", [bright, spread], "C D")], "unlike")


def _window(side: int) -> NDArray[np.float32]:
    """[places, side]: the mean over every window along one axis, as a matrix."""
    places = side - _errors.WINDOW + 1
    matrix = np.zeros((places, side), np.float32)
    for place in range(places):
        matrix[place, place : place + _errors.WINDOW] = 1 / _errors.WINDOW
    return matrix


def _differences(graph: Graph, x: str, name: str, axis: int, side: int) -> str:
    """Each pixel less the one before it along an axis."""
    after = graph.part(x, f"{name}.after", axis, 1, side)
    return graph.node("Sub", [after, graph.part(x, f"{name}.before", axis, 0, side - 1)], name)


def _chroma(graph: Graph, maps: str) -> str:
    grey = graph.node("ReduceMean", [maps], f"{maps}.grey", axes=[1], keepdims=1)
    return graph.node("Sub", [maps, grey], f"{maps}.colour")


def _laplacian(graph: Graph, maps: str, channels: int, name: str) -> str:
    kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32)
    return graph.conv(maps, name, np.tile(kernel, (channels, 1, 1, 1)), group=channels)


def _halved(graph: Graph, maps: str, name: str) -> str:
    return graph.node("AveragePool", [maps], name, kernel_shape=[2, 2], strides=[2, 2])

"""Writing a small network as an ONNX graph: data that a runtime without torch can run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

IR, OPSET = 8, 17
"""Of 2022: every onnxruntime that knows numpy 2 reads them."""
IMAGES = "images"
"""The graph's only input."""


class Graph:
    """Nodes in the order in which they are added; every method returns the name of its result.

    The input is uint8 [n, height, width, channels]; tensors are float32 [n, channels, height, width] where nothing
    else is said. Shapes are fixed, so that the runtime plans its memory once.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        from onnx import TensorProto, helper

        self._nodes: list[Any] = []
        self._constants: dict[str, NDArray[Any]] = {}
        self._input = helper.make_tensor_value_info(IMAGES, TensorProto.UINT8, list(shape))
        self._outputs: list[Any] = []
        self.batch = shape[0]

    def pixels(self, *, flip: bool = False) -> str:
        """The input as float32 0..255; `flip`: channels the other way round."""
        maps = self.node("Transpose", [IMAGES], "planes", perm=[0, 3, 1, 2])
        if flip:
            maps = self.node("Gather", [maps, self.whole("flip", [2, 1, 0])], "flipped", axis=1)
        return self.node("Cast", [maps], "pixels", to=1)

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """A tensor of the graph's own."""
        self._constants[name] = np.ascontiguousarray(values)
        return name

    def number(self, value: float) -> str:
        """A float32 scalar."""
        return self.constant(f"number {value!r}", np.array(value, np.float32))

    def whole(self, name: str, values: Sequence[int]) -> str:
        """An int64 vector: a shape, axes."""
        return self.constant(name, np.array(values, np.int64))

    def node(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """An operation of ONNX with one result, called `name`."""
        return self.nodes(kind, inputs, [name], **attributes)[0]

    def nodes(self, kind: str, inputs: Sequence[str], names: Sequence[str], **attributes: Any) -> list[str]:
        """An operation with several results."""
        from onnx import helper

        self._nodes.append(helper.make_node(kind, list(inputs), list(names), **attributes))
        return list(names)

    def conv(
        self, maps: str, name: str, weight: NDArray[Any], bias: NDArray[Any] | None = None, **attributes: Any
    ) -> str:
        """Convolution with weights [out, in, kernel, kernel]; `pads`: top, left, bottom, right."""
        given = [maps, self.constant(f"{name}.weight", weight)]
        given += [] if bias is None else [self.constant(f"{name}.bias", bias)]
        return self.node("Conv", given, name, kernel_shape=list(weight.shape[2:]), **attributes)

    def linear(self, rows: str, name: str, weight: NDArray[Any], bias: NDArray[Any]) -> str:
        """[n, in] to [n, out] with weights [out, in]."""
        given = [rows, self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)]
        return self.node("Gemm", given, name, transB=1)

    def relu6(self, maps: str) -> str:
        """Between 0 and 6."""
        return self.node("Clip", [maps, self.number(0.0), self.number(6.0)], f"{maps}.relu6")

    def means(self, maps: str, name: str) -> str:
        """[n, channels]: over all places."""
        pooled = self.node("GlobalAveragePool", [maps], f"{name}.pooled")
        return self.node("Flatten", [pooled], name, axis=1)

    def part(self, maps: str, name: str, axis: int, start: int, end: int) -> str:
        """From `start` to `end` (not included) along an axis."""
        given = [self.whole(f"{name}.{what}", [x]) for what, x in (("s", start), ("e", end), ("a", axis))]
        return self.node("Slice", [maps, *given], name)

    def output(self, name: str, shape: Sequence[int]) -> None:
        """A float32 result of the graph."""
        from onnx import TensorProto, helper

        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def model(self, facts: Mapping[str, str] | None = None) -> bytes:
        """The checked model, serialised; `facts` become its metadata."""
        import onnx
        from onnx import helper, numpy_helper

        constants = [numpy_helper.from_array(values, name) for name, values in self._constants.items()]
        graph = helper.make_graph(self._nodes, "driftcli", [self._input], self._outputs, constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, producer_name="driftcli", ir_version=IR, opset_imports=[opset])
        helper.set_model_props(model, dict(facts or {}))
        onnx.checker.check_model(model)
        written: bytes = model.SerializeToString(deterministic=True)
        return written

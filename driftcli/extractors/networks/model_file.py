"""The user's own model as one file: ONNX, or (only when trusted) TorchScript and torch.export."""

from __future__ import annotations

import importlib
import io
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from driftcli.core.errors import InternalError, UsageError
from driftcli.extractors.base import resolve_device
from driftcli.extractors.networks import completion, model_facts, onnx_file
from driftcli.extractors.networks.known import Preparation
from driftcli.extractors.networks.layers import MAPS, pooled
from driftcli.extractors.networks.network import CPU_BATCH, GPU_BATCH, Network
from driftcli.extractors.networks.wanted import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.choice import NetworkChoice

SCRIPTS = (".pt", ".pt2", ".ts")


def load(settings: NetworkChoice, runtime: Runtime, expected: bytes | None) -> Network:
    """The model in `--weights FILE`, for the `content` view alone. Raises UsageError or ArtifactError."""
    if settings.style_layers:
        raise UsageError(
            "extractors.embedding.style_layers: a model file gives `content` only", "leave style_layers out"
        )
    found = model_facts.find(runtime, expected)
    whole = completion.complete(settings, runtime)
    suffix = found.path.suffix
    if suffix == ".onnx":
        return OnnxNetwork(found, whole, runtime)
    if suffix in SCRIPTS:
        return ScriptNetwork(found, whole, runtime)
    raise UsageError(
        f"{found.path}: a {suffix or 'file without suffix'} holds parameters, not a model",
        "export the model to .onnx, or name the network the parameters belong to (network: resnet18)",
    )


def _scaled(pixels: NDArray[np.uint8], wanted: Preparation) -> NDArray[np.float32]:
    """float32 [n, side, side, 3] as the model was trained."""
    images = pixels[..., ::-1] if wanted.order == "bgr" else pixels
    mean, std = (np.array(values, np.float32) for values in (wanted.mean, wanted.std))
    return (images.astype(np.float32) / np.float32(wanted.scale) - mean) / std


class OnnxNetwork:
    """An ONNX model run by onnxruntime, one thread to a call, so that bits do not depend on cores."""

    classes = False

    def __init__(self, found: Found, settings: NetworkChoice, runtime: Runtime) -> None:
        onnx_file.metadata(found.content)
        self.sha256 = found.sha256
        self._content = found.content
        self._wanted = settings.preparation()
        self._place(resolve_device(runtime.device))
        self._input, self._layout, fixed = _input(self._session, self._wanted.side)
        self.batch = fixed or (CPU_BATCH if self.device == "cpu" else GPU_BATCH)
        self._fixed = fixed
        names = [output.name for output in self._session.get_outputs()]
        self._output = settings.content_layer or names[0]
        if self._output not in names:
            raise UsageError(
                f"extractors.embedding.content_layer: the model has no output {self._output!r}",
                f"its outputs are {', '.join(names)}; add the layer's name to the graph's outputs",
            )

    def __call__(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """float32 [batch, d] for each layer that is read, from uint8 [batch, side, side, 3]."""
        images = _scaled(pixels, self._wanted)
        if self._layout == "NCHW":
            images = images.transpose(0, 3, 1, 2)
        (output,) = self._session.run([self._output], {self._input: np.ascontiguousarray(images)})
        means = pooled(torch.from_numpy(np.asarray(output, np.float32)), channels_last=self._layout == "NHWC")
        return [means.numpy()]

    def to_cpu(self) -> None:
        """Move to the processor for good: the graphics card's memory does not suffice."""
        self._place("cpu")
        self.batch = self._fixed or CPU_BATCH

    def _place(self, device: str) -> None:
        try:
            runtime: Any = importlib.import_module("onnxruntime")
        except ImportError as error:
            raise UsageError("an .onnx model needs onnxruntime", "pip install driftcli[onnx]") from error
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        providers: list[Any] = ["CPUExecutionProvider"]
        cuda = device.startswith("cuda") and "CUDAExecutionProvider" in runtime.get_available_providers()
        if cuda:
            choice = {
                "device_id": int(device.partition(":")[2] or 0),
                "use_tf32": 0,
                "cudnn_conv_algo_search": "DEFAULT",
            }
            providers.insert(0, ("CUDAExecutionProvider", choice))
        try:
            self._session = runtime.InferenceSession(self._content, options, providers=providers)
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise UsageError(
                f"onnxruntime cannot load the model: {error}", "export it again as one .onnx file"
            ) from error
        self.device = device if cuda else "cpu"


def _input(session: Any, side: int) -> tuple[str, str, int | None]:
    """Name and layout of the model's only input, and its batch size where that is fixed."""
    inputs = session.get_inputs()
    shape = list(inputs[0].shape) if inputs else []
    channels = [axis for axis in (1, 3) if len(shape) == MAPS and shape[axis] == 3]  # noqa: PLR2004
    layout = None if len(channels) != 1 else "NCHW" if channels == [1] else "NHWC"
    if len(inputs) != 1 or layout is None or inputs[0].type != "tensor(float)":
        raise UsageError(
            f"the model's input is {[(one.name, one.type, one.shape) for one in inputs]}, not one batch of images",
            "it must be a single float32 input [n, 3, height, width] or [n, height, width, 3]",
        )
    sides = {length for length in (shape[2:] if layout == "NCHW" else shape[1:3]) if isinstance(length, int)}
    if sides - {side}:
        raise UsageError(
            f"extractors.embedding.side is {side}, but the model wants {sorted(sides)}",
            "set side to the model's",
        )
    return inputs[0].name, layout, shape[0] if isinstance(shape[0], int) else None


class ScriptNetwork:
    """A TorchScript or torch.export program: runs whatever its file says, hence only when trusted."""

    classes = False

    def __init__(self, found: Found, settings: NetworkChoice, runtime: Runtime) -> None:
        if not runtime.trust_weights:
            raise UsageError(
                f"{found.path} is a program: TorchScript and .pt2 files hold pickles, which can run any code when loaded",
                "export the model to .onnx; or, if you trust where the file comes from, add --trust-weights",
            )
        self.sha256, self.device = found.sha256, resolve_device(runtime.device)
        self._wanted = settings.preparation()
        module, fixed = _program(found)
        self.batch = fixed or (CPU_BATCH if self.device == "cpu" else GPU_BATCH)
        self._fixed = fixed
        self._module = module.to(resolve_device(runtime.device))
        self._unoptimised = partial(torch.jit.optimized_execution, False)  # type: ignore[attr-defined]

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """float32 [batch, d] for each layer that is read, from uint8 [batch, side, side, 3]."""
        images = torch.from_numpy(_scaled(pixels, self._wanted).transpose(0, 3, 1, 2).copy())
        with self._unoptimised():  # else the third run is another program than the first
            output = self._module(images.to(self.device))
        while isinstance(output, (tuple, list)):
            output = output[0]
        return [pooled(output).float().cpu().numpy()]

    def to_cpu(self) -> None:
        """Move to the processor for good: the graphics card's memory does not suffice."""
        self._module.to("cpu")
        self.device, self.batch = "cpu", self._fixed or CPU_BATCH


def _program(found: Found) -> tuple[nn.Module, int | None]:
    """The module, and its batch size where the export fixed one."""
    content = io.BytesIO(found.content)
    try:
        if found.path.suffix == ".pt2":
            program = torch.export.load(content)
            name = program.graph_signature.user_inputs[0]
            (node,) = (node for node in program.graph.nodes if node.name == name)
            first = node.meta["val"].shape[0]
            return program.module(), first if isinstance(first, int) else None
        return torch.jit.load(content, map_location="cpu").eval(), None  # type: ignore[no-untyped-call]
    except Exception as error:  # many kinds, none of them ours
        raise InternalError(f"cannot load {found.path}: {error}", "export the model to .onnx") from error

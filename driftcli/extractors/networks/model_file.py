"""The user's own model as one file: ONNX, run without torch, or (only when trusted) a program of torch's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.core.errors import UsageError
from driftcli.extractors.base import resolve_device
from driftcli.extractors.networks import completion, model_facts, onnx_file, session
from driftcli.extractors.networks.network import CPU_BATCH, GPU_BATCH, Network
from driftcli.extractors.networks.wanted import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.choice import NetworkChoice

SCRIPTS = (".pt", ".pt2", ".ts")
MAPS, TOKENS = 4, 3
"""Dimensions of [n, d, height, width] and of [n, tokens, d]."""


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
        from driftcli.extractors.networks.script_file import ScriptNetwork

        return ScriptNetwork(found, whole, runtime)
    raise UsageError(
        f"{found.path}: a {suffix or 'file without suffix'} holds parameters, not a model",
        "export the model to .onnx, or name the network the parameters belong to (network: resnet18)",
    )


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
        images = model_facts.scaled(pixels, self._wanted)
        if self._layout == "NCHW":
            images = images.transpose(0, 3, 1, 2)
        (output,) = self._session.run([self._output], {self._input: np.ascontiguousarray(images)})
        return [_pooled(np.asarray(output, np.float32), channels_last=self._layout == "NHWC")]

    def to_cpu(self) -> None:
        """Move to the processor for good: the graphics card's memory does not suffice."""
        self._place("cpu")
        self.batch = self._fixed or CPU_BATCH

    def _place(self, device: str) -> None:
        self._session, self.device = provided(self._content, device)


def provided(content: bytes, device: str, *, bounded: bool = False) -> tuple[Any, str]:
    """A session of onnxruntime, and the device that it runs on: the processor where no provider serves another.

    `bounded`: within the memory that the graphs of artifacts share on a processor. Raises UsageError where it is no graph to run.
    """
    runtime = session.library()
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
    elif bounded:
        session.bound_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        opened = runtime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise UsageError(
            f"onnxruntime cannot load the model: {session.shown(error)}", "export it again as one .onnx file"
        ) from error
    return opened, device if cuda else "cpu"


def _pooled(output: NDArray[np.float32], *, channels_last: bool) -> NDArray[np.float32]:
    """[n, d] from maps (mean over space), tokens (mean over tokens), [n, d] or [n]; see `layers.pooled`."""
    if output.ndim == MAPS:
        planes = np.moveaxis(output, 3, 1) if channels_last else output
        output = np.ascontiguousarray(planes).reshape(*planes.shape[:2], -1)
        return np.asarray(output.mean(axis=2), np.float32)
    if output.ndim == TOKENS:
        return np.asarray(np.ascontiguousarray(output.transpose(0, 2, 1)).mean(axis=2), np.float32)
    return output.reshape(len(output), -1)


def _input(opened: Any, side: int) -> tuple[str, str, int | None]:
    """Name and layout of the model's only input, and its batch size where that is fixed."""
    inputs = opened.get_inputs()
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

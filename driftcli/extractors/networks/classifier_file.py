"""A classifier's file, read and opened: ONNX by onnxruntime, a program of torch's only where it is trusted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name
from driftcli.extractors.base import resolve_device
from driftcli.extractors.networks import model_facts, onnx_file, session
from driftcli.extractors.networks.model_file import MAPS, SCRIPTS, provided

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftcli.extractors.base import Runtime

LARGEST = 2 << 30
"""Bytes: no ONNX file with its tensors inside is larger."""
TYPES: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
CHANNELS = (1, 3)
Layout = Literal["NCHW", "NHWC"]


@dataclass(frozen=True)
class Asked:
    """The file, read once: what was hashed is what runs."""

    path: str
    """Absolute."""
    sha256: str

    @property
    def name(self) -> str:
        """For people."""
        return safe_name(Path(self.path).name)


class Model(Protocol):
    """A model that takes a batch of images and gives named outputs."""

    sha256: str
    device: str
    batch: int | None
    """Images that a call must have; None: any number."""
    side: int | None
    """Of the square that it takes; None: any."""
    channels: Literal[1, 3]
    layout: Literal["NCHW", "NHWC"]
    whole: bool
    """It takes whole numbers, 0..255."""
    outputs: Sequence[str]
    engine: str
    """The package that runs it."""
    metadata: Mapping[str, str]

    def facts(self) -> Mapping[str, Any]:
        """Preprocessing that the file says itself, by the names of settings."""

    def made_by(self, output: str) -> str:
        """The operation, as ONNX calls it, that makes this output; "" where nobody knows."""

    def run(self, images: Any, output: str) -> Any:
        """The named output for images in the model's layout, float32. Raises UsageError where the model fails."""

    def to_cpu(self) -> None:
        """Move to the processor for good."""


def read(file: str, runtime: Runtime) -> tuple[Asked, bytes]:
    """The file's place and hash, and its bytes. Raises UsageError where there is none, or a kind that is not run."""
    path = str(Path(file).absolute())
    shown, suffix = safe_name(file), Path(path).suffix.lower()
    if suffix != ".onnx" and suffix not in SCRIPTS:
        raise UsageError(
            f"--model {shown}: a {safe_name(suffix) or 'file without suffix'} is no model that can be run",
            "export the classifier to .onnx (torch.onnx.export, tf2onnx, skl2onnx)",
        )
    if suffix in SCRIPTS and not runtime.trust_weights:
        raise UsageError(
            f"--model {shown} is a program: TorchScript and .pt2 files hold pickles, which can run any code when loaded",
            "export the classifier to .onnx; or, if you trust where the file comes from, add --trust-weights",
        )
    if not Path(path).is_file():
        raise UsageError(f"--model: there is no file {shown}", "give the path of the classifier's .onnx file")
    try:
        if Path(path).stat().st_size > LARGEST:
            raise UsageError(
                f"--model {shown} is larger than 2 GB", "export a smaller classifier, in half precision"
            )
        content = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(
            f"--model {shown} cannot be read: {error.strerror}", "check the file's permissions"
        ) from error
    return Asked(path, hashlib.sha256(content).hexdigest()), content


def open_model(asked: Asked, content: bytes, runtime: Runtime, layout: Layout | None = None) -> Model:
    """The model, ready to run; `layout`: where its channels are, where somebody says so. Raises UsageError for a file that is no model of images."""
    if Path(asked.path).suffix.lower() == ".onnx":
        return OnnxModel(asked, content, runtime, layout)
    from driftcli.extractors.networks.script_file import ScriptModel

    return ScriptModel(asked.sha256, asked.path, content, runtime)


class OnnxModel:
    """By onnxruntime, one thread to a call, within the memory that all graphs of this process share."""

    engine = "onnxruntime"

    def __init__(self, asked: Asked, content: bytes, runtime: Runtime, layout: Layout | None) -> None:
        self.sha256, self._content, self._name = asked.sha256, content, asked.name
        self.metadata: Mapping[str, str] = onnx_file.metadata(content, f"--model {asked.name}")
        self._session, self.device = provided(content, resolve_device(runtime.device), bounded=True)
        inputs = self._session.get_inputs()
        self.outputs: Sequence[str] = tuple(one.name for one in self._session.get_outputs())
        self.side, self.channels, self.layout, self.batch = self._shape(inputs, layout)
        self._input, self._type = inputs[0].name, TYPES[inputs[0].type]
        self.whole = self._type is np.uint8

    def _shape(self, inputs: Sequence[Any], layout: Layout | None) -> tuple[int | None, Any, Any, int | None]:
        shape = list(inputs[0].shape) if inputs else []
        if len(inputs) != 1 or len(shape) != MAPS or inputs[0].type not in TYPES:
            told = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs) or "none"
            raise UsageError(
                f"the classifier {self._name} does not take one batch of images: its inputs are {safe_name(told)[:300]}",
                "export it with a single input [n, 3, height, width] or [n, height, width, 3]",
            )
        axes = [axis for axis in (1, 3) if shape[axis] in CHANNELS]
        others = {1: shape[2:], 3: shape[1:3]}
        fits = [axis for axis in axes if shape[4 - axis] not in CHANNELS] or axes
        if layout is not None:
            fits = [1 if layout == "NCHW" else 3]
            shape[fits[0]] = shape[fits[0]] if isinstance(shape[fits[0]], int) else max(CHANNELS)
        if len(fits) != 1 or shape[fits[0]] not in CHANNELS:
            raise UsageError(
                f"the classifier {self._name} takes {safe_name(str(shape))}: which of these are three channels, or one, cannot be told",
                "--set model.layout=NCHW or NHWC, where its sizes are open; else export it with [n, 3, height, width] or "
                "[n, height, width, 3]",
            )
        sides = {length for length in others[fits[0]] if isinstance(length, int) and length > 0}
        if len(sides) > 1:
            raise UsageError(
                f"the classifier {self._name} takes {safe_name(str(shape))}, no squares",
                "give its answers as a table, with --predictions FILE",
            )
        batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
        return next(iter(sides), None), shape[fits[0]], "NCHW" if fits == [1] else "NHWC", batch

    def facts(self) -> Mapping[str, Any]:
        """Of the metadata, as for the model of an extractor."""
        return model_facts.said(self.metadata, self._name)

    def made_by(self, output: str) -> str:
        """As `Model`."""
        return onnx_file.made_by(self._content, output)

    def run(self, images: Any, output: str) -> Any:
        """As `Model`."""
        try:
            (found,) = self._session.run([output], {self._input: images.astype(self._type, copy=False)})
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise UsageError(
                f"the classifier {self._name} fails on images of {images.shape}: {session.shown(error)}",
                "try it with onnxruntime alone, on one image of this shape; --set model.side says another size",
            ) from error
        return found

    def to_cpu(self) -> None:
        """As `Model`."""
        self._session, self.device = provided(self._content, "cpu", bounded=True)

"""[torch] The user's own model as TorchScript or torch.export: a program, run only when trusted."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from driftcli.core.errors import InternalError, UsageError
from driftcli.extractors.base import resolve_device
from driftcli.extractors.networks.layers import pooled
from driftcli.extractors.networks.model_facts import scaled
from driftcli.extractors.networks.network import CPU_BATCH, GPU_BATCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.choice import NetworkChoice
    from driftcli.extractors.networks.wanted import Found


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
        module, fixed = _program(found.content, str(found.path))
        self.batch = fixed or (CPU_BATCH if self.device == "cpu" else GPU_BATCH)
        self._fixed = fixed
        self._module = module.to(resolve_device(runtime.device))
        self._unoptimised = partial(torch.jit.optimized_execution, False)  # type: ignore[attr-defined]

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """float32 [batch, d] for each layer that is read, from uint8 [batch, side, side, 3]."""
        images = torch.from_numpy(scaled(pixels, self._wanted).transpose(0, 3, 1, 2).copy())
        with self._unoptimised():  # else the third run is another program than the first
            output = self._module(images.to(self.device))
        while isinstance(output, (tuple, list)):
            output = output[0]
        return [pooled(output).float().cpu().numpy()]

    def to_cpu(self) -> None:
        """Move to the processor for good: the graphics card's memory does not suffice."""
        self._module.to("cpu")
        self.device, self.batch = "cpu", self._fixed or CPU_BATCH


class ScriptModel:
    """The user's classifier as such a program; nobody comes here whose file is not trusted."""

    layout: Literal["NCHW", "NHWC"] = "NCHW"
    channels: Literal[1, 3] = 3
    side: int | None = None
    """Programs do not say it."""
    whole = False
    engine = "torch"
    outputs: Sequence[str] = ("0",)
    metadata: Mapping[str, str] = {}

    def __init__(self, sha256: str, path: str, content: bytes, runtime: Runtime) -> None:
        self.sha256, self.device = sha256, resolve_device(runtime.device)
        module, self.batch = _program(content, path)
        self._module, self._path = module.to(self.device), path

    def facts(self) -> Mapping[str, Any]:
        """None: a program says nothing of its input."""
        return {}

    def made_by(self, output: str) -> str:
        """Nobody knows of a program."""
        return ""

    @torch.inference_mode()
    def run(self, images: NDArray[np.float32], output: str) -> NDArray[np.float32]:
        """The output with that number, or that name, for images [n, 3, side, side]. Raises UsageError where the program fails."""
        try:
            with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]  # else the third run is another program than the first
                found = self._module(torch.from_numpy(images).to(self.device))
            while isinstance(found, (tuple, list, dict)):
                found = found[output] if isinstance(found, dict) else found[int(output)]
            numbers: NDArray[np.float32] = found.float().cpu().numpy()
        except Exception as error:  # many kinds, none of them ours
            raise UsageError(
                f"the classifier {self._path} fails on images of {images.shape}: {' '.join(str(error).split())[-300:]}",
                "export it to .onnx; --set model.side says another size, model.output a key or number of its outputs",
            ) from error
        return numbers

    def to_cpu(self) -> None:
        """Move to the processor for good."""
        self._module.to("cpu")
        self.device = "cpu"


def _program(source: bytes, path: str) -> tuple[nn.Module, int | None]:
    """The module, and its batch size where the export fixed one."""
    content = io.BytesIO(source)
    try:
        if path.endswith(".pt2"):
            program = torch.export.load(content)
            name = program.graph_signature.user_inputs[0]
            (node,) = (node for node in program.graph.nodes if node.name == name)
            first = node.meta["val"].shape[0]
            return program.module(), first if isinstance(first, int) else None
        return torch.jit.load(content, map_location="cpu").eval(), None  # type: ignore[no-untyped-call]
    except Exception as error:  # many kinds, none of them ours
        raise InternalError(f"cannot load {path}: {error}", "export the model to .onnx") from error

"""[torch] The user's own model as TorchScript or torch.export: a program, run only when trusted."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from driftcli.core.errors import InternalError, UsageError
from driftcli.extractors.base import resolve_device
from driftcli.extractors.networks.layers import pooled
from driftcli.extractors.networks.model_facts import scaled
from driftcli.extractors.networks.network import CPU_BATCH, GPU_BATCH

if TYPE_CHECKING:
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
        module, fixed = _program(found)
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
